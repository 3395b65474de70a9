"""A matrix factorisation of thirty lines, as a plugin would bring it, and the settings to train it with."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from framework.data.ranking import top_k
from framework.data.tables import Dataset
from framework.records import Context, Queries, Slates, Training


@dataclass(frozen=True)
class FactorsConfig:
    """`embedding_size`: length of the vectors. `dropout`: share of them that a step leaves out."""

    embedding_size: int = 4
    epochs: int = 4
    batch_size: int = 32
    learning_rate: float = 0.05
    dropout: float = 0.3
    plateau: bool = False


class Factors:
    """Learns vectors of users and items whose products say who bought what."""

    Config = FactorsConfig
    SEARCH: ClassVar[dict[str, Any]] = {
        "learning_rate": {"low": 0.001, "high": 0.1, "log": True},
        "embedding_size": {"choices": [2, 4, 8]},
    }

    def __init__(self, config: FactorsConfig = FactorsConfig()) -> None:
        self.config = config

    def training(self, data: Dataset, context: Context) -> Training:
        import torch
        from torch.utils.data import DataLoader, TensorDataset

        bought = data.matrix(binary=True).tocoo()
        order = np.lexsort((bought.col, bought.row))
        pairs = torch.tensor(np.stack([bought.row[order], bought.col[order]], axis=1), dtype=torch.int64)
        self.popular = np.asarray(data.matrix(binary=True).sum(axis=0)).ravel().astype(np.float32)
        self.module = factors_module(len(data.users), len(data.items), self.config)
        generator = torch.Generator().manual_seed(int(context.rng.integers(2**31)))
        loader = DataLoader(TensorDataset(pairs), self.config.batch_size, shuffle=True, generator=generator)
        return Training(self.module, loader, self.config.epochs)

    def learned(self) -> None:
        assert not self.module.training
        self.users = self.module.users.weight.detach().numpy().copy()
        self.items = self.module.items.weight.detach().numpy().copy()

    def recommend(self, queries: Queries, k: int) -> Slates:
        scores = np.repeat(self.popular[None], len(queries), axis=0)
        known = queries.user >= 0
        for row in np.flatnonzero(known):
            scores[row] = self.items @ self.users[queries.user[row]]
        return Slates(*top_k(scores, k, queries.exclude), fallback=~known)

    def state(self) -> dict[str, Any]:
        return {"users": self.users, "items": self.items, "popular": self.popular}

    def restore(self, state: dict[str, Any]) -> None:
        self.users, self.items, self.popular = state["users"], state["items"], state["popular"]


def factors_module(users: int, items: int, config: FactorsConfig) -> Any:
    import torch
    from pytorch_lightning import LightningModule

    class FactorsModule(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.users = torch.nn.Embedding(users, config.embedding_size)
            self.items = torch.nn.Embedding(items, config.embedding_size)
            self.dropout = torch.nn.Dropout(config.dropout)

        def training_step(self, batch: Any, batch_idx: int) -> Any:
            (pairs,) = batch
            others = torch.randint(self.items.num_embeddings, (len(pairs),), device=self.device)
            user = self.dropout(self.users(pairs[:, 0]))
            margin = (user * (self.items(pairs[:, 1]) - self.items(others))).sum(1)
            loss = torch.nn.functional.softplus(-margin).mean()
            self.log("step_loss", loss)
            return loss

        def configure_optimizers(self) -> Any:
            optimizer = torch.optim.Adam(self.parameters(), config.learning_rate)
            if not config.plateau:
                return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)]
            plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=0, factor=0.5)
            return {"optimizer": optimizer, "lr_scheduler": {"scheduler": plateau, "monitor": "validation"}}

    return FactorsModule()


def context_in(folder: Path, seed: int = 0, device: str = "cpu") -> Context:
    folder.mkdir(parents=True, exist_ok=True)
    return Context(np.random.default_rng(seed), device, folder, logging.getLogger("prelaunch.testing"))


def weights(component: Factors) -> bytes:
    return component.users.tobytes() + component.items.tobytes()


def score_of(component: Factors, data: Dataset) -> float:
    """The mean score that bought pairs get: any number that changes as the module learns."""
    bought = data.matrix(binary=True).tocoo()
    return float((component.users[bought.row] * component.items[bought.col]).sum(axis=1).mean())
