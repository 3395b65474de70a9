"""A learning rate that falls along a line to 0 at the training's last step.

Sampled losses keep the vectors moving as long as the rate does: the last tenth of a training at a small one gains more
than many epochs more (Goyal et al., "Accurate, large minibatch SGD", 2017, section 5; Defazio et al., "When, why and
how much? Adaptive learning rate scheduling by refinement", 2023: linear decay).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.optim.lr_scheduler import LambdaLR

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule
    from torch.optim import Optimizer


def falling(optimizer: Optimizer, module: LightningModule) -> dict[str, Any]:
    """Return the optimiser with its schedule as Lightning takes them; the steps are those of the module's trainer."""
    schedule = falling_over(optimizer, int(module.trainer.estimated_stepping_batches))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def falling_over(optimizer: Optimizer, steps: int) -> LambdaLR:
    """Return the schedule: step t of `steps` (from 0) has the share 1 - t / steps of the rate."""
    return LambdaLR(optimizer, lambda step: max(0.0, 1.0 - step / max(1, steps)))
