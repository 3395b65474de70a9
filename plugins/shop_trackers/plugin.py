"""What this package offers. Targets are imported only when a study names them."""

from __future__ import annotations

from framework.components import Component
from framework.hookspecs import hookimpl


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer the trackers."""
    return [
        Component(
            "tracker",
            "mlflow",
            "shop_trackers.mlflow:MLflow",
            "runs, curves and reports in an MLflow server or database",
            needs=("mlflow",),
            reference="mlflow.org",
        ),
        Component(
            "tracker",
            "wandb",
            "shop_trackers.wandb:WeightsAndBiases",
            "runs, curves and reports in Weights & Biases",
            needs=("wandb",),
            reference="wandb.ai",
        ),
    ]
