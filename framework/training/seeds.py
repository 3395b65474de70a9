"""The seed of an epoch: what a training draws from global generators hangs on (fit, epoch, process) alone."""

from __future__ import annotations

import numpy as np


def seed_for_epoch(seed: int, epoch: int, *place: int) -> int:
    """Seed the global generators of torch, NumPy and Python for an epoch, and return the seed.

    A training that goes on after a kill then draws what an unbroken one draws, without their states being saved.
    `place` tells processes, or parts of an epoch, apart.
    """
    from pytorch_lightning import seed_everything

    drawn = int(np.random.SeedSequence([seed, epoch, *place]).generate_state(1)[0])
    return int(seed_everything(drawn, workers=True, verbose=False))
