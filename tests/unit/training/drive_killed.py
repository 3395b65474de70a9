"""Starts fits in processes of their own that kill themselves on the way: each job is a folder, a place and a config.

Arguments: folder epoch place plateau, any number of times; place is "validation" or the number of a batch.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

from framework.config import TrainerConfig
from framework.testing import tiny_dataset
from framework.training.fit import fit
from tests.unit.training.factors import Factors, FactorsConfig, context_in, score_of


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def run(folder: str, epoch: str, place: str, plateau: str) -> None:
    from pytorch_lightning import Callback

    class Killer(Callback):
        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            if trainer.current_epoch + 1 == int(epoch) and str(batch_idx) == place:
                die()

    looks = 0

    def validation() -> float:
        nonlocal looks
        looks += 1
        if looks == int(epoch) and place == "validation":
            die()
        return score_of(component, data)

    data = tiny_dataset()
    component = Factors(FactorsConfig(plateau=plateau == "True"))
    settings = TrainerConfig(accelerator="cpu")
    fit(component, data, context_in(Path(folder)), settings, validation=validation, callbacks=[Killer()])


if __name__ == "__main__":
    import pytorch_lightning  # noqa: F401 (once, for all that follow)
    import torch

    torch.set_num_threads(1)
    jobs = [sys.argv[place : place + 4] for place in range(1, len(sys.argv), 4)]
    for job in jobs:
        child = os.fork()
        if not child:
            run(*job)
            os._exit(0)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ended != -signal.SIGKILL:
            sys.exit(f"{job} ended with {ended}")
