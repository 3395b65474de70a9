"""Two towers and their loss: items and users as vectors of length 1 in one space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn.functional import embedding, normalize

from shop_recommenders.sequences.losses import sampled_softmax

_ROWS = 8192
"""Items whose vectors are made in one go."""


@dataclass(frozen=True)
class TowerShape:
    """How large the parts are. `ids` and `users` count vectors of ids, without the unknown one; 0 takes no ids."""

    size: int
    hidden: Sequence[int]
    ids: int
    users: int
    categories: int
    id_dropout: float
    temperature: float
    learning_rate: float


class TwoTowerModule(LightningModule):
    """An item tower over the sum of what is known of an item; a user tower over the mean of recent items' sums.

    The user's own id and features go in beside that mean. Products of the two over the temperature are the logits.
    Items are I and the padding behind them: `id_place` (I + 1,) says which vector of an id each has (`shape.ids`: the
    one of unknown ids), `category` (I + 1,) and `dense` (I + 1, F) what is known of it. `features` (U + 1, G) are the
    users', strangers last. `log_share` (I,) are log-probabilities of targets, where the softmax is to be corrected.
    """

    id_place: Tensor
    category: Tensor
    dense: Tensor
    features: Tensor
    log_share: Tensor | None

    def __init__(
        self,
        shape: TowerShape,
        id_place: NDArray[np.int64],
        category: NDArray[np.int64],
        dense: NDArray[np.float32],
        features: NDArray[np.float32],
        log_share: NDArray[np.float32] | None = None,
    ) -> None:
        super().__init__()
        self.shape = shape
        for name, array in (("id_place", id_place), ("category", category), ("dense", dense), ("features", features)):
            self.register_buffer(name, torch.from_numpy(array))
        self.register_buffer("log_share", None if log_share is None else torch.from_numpy(log_share), persistent=False)
        self.ids = nn.Embedding(shape.ids + 1, shape.size) if shape.ids else None
        self.categories = nn.Embedding(shape.categories + 1, shape.size) if shape.categories else None
        self.projection = nn.Linear(dense.shape[1], shape.size) if dense.shape[1] else None
        self.users = nn.Embedding(shape.users + 1, shape.size) if shape.users else None
        told = shape.size * (2 if shape.users else 1) + features.shape[1]
        self.item_tower = _tower(shape.size, shape.hidden, shape.size)
        self.user_tower = _tower(told, shape.hidden, shape.size)

    def sums(self, items: Tensor) -> Tensor:
        """Return what is known of each item (...,) as one vector (..., d), 0 for the padding."""
        found = self.dense.new_zeros((*items.shape, self.shape.size))
        if self.ids is not None:
            place = self.id_place[items]
            if self.training and self.shape.id_dropout:
                # So that the unknown id's vector is learned, and features are not left to the ids (DropoutNet).
                lost = torch.rand(place.shape, device=place.device) < self.shape.id_dropout
                place = place.masked_fill(lost, self.shape.ids)
            found = found + self.ids(place)
        if self.categories is not None:
            found = found + self.categories(self.category[items])
        if self.projection is not None:
            found = found + self.projection(self.dense[items])
        return found.masked_fill((items == len(self.dense) - 1).unsqueeze(-1), 0.0)

    def item_states(self, sums: Tensor) -> Tensor:
        """Return the item tower's vectors (..., d), of length 1."""
        return normalize(self.item_tower(sums), dim=-1)

    def user_states(self, recent: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """Return the user tower's vectors (B, d), of length 1.

        `recent` (B, L, d) are the recent items' sums, 0 behind the first `lengths` (B,); `users` (B,): -1 a stranger.
        """
        parts = [recent.sum(dim=1) / lengths.clamp(min=1).unsqueeze(-1)]
        place = torch.where(users < 0, len(self.features) - 1, users)
        if self.users is not None:
            own = place
            if self.training and self.shape.id_dropout:
                lost = torch.rand(own.shape, device=own.device) < self.shape.id_dropout
                own = own.masked_fill(lost, self.shape.users)
            parts.append(self.users(own))
        parts.append(self.features[place])
        return normalize(self.user_tower(torch.cat(parts, dim=-1)), dim=-1)

    def forward(self, items: Tensor, lengths: Tensor, users: Tensor) -> Tensor:
        """Return the vectors (B, d) of users with the recent `items` (B, L)."""
        return self.user_states(self.sums(items), lengths, users)

    def training_step(self, batch: dict[str, Tensor], _index: int) -> Tensor:
        """Return the softmax loss of the batch's targets among each other."""
        sums = self.sums(batch["vocabulary"])
        users = self.user_states(embedding(batch["items"], sums), batch["lengths"], batch["users"])
        goods = self.item_states(embedding(batch["goods"], sums))
        share = None if self.log_share is None else self.log_share[batch["vocabulary"][batch["goods"]]]
        target = batch["target"]
        return sampled_softmax(users / self.shape.temperature, target, target, goods, log_share=share)

    def vectors(self) -> Tensor:
        """Return all items' vectors (I, d)."""
        items = torch.arange(len(self.dense) - 1, device=self.dense.device)
        blocks = [self.item_states(self.sums(items[start : start + _ROWS])) for start in range(0, len(items), _ROWS)]
        return torch.cat(blocks)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.shape.learning_rate, fused=True)


def drawn(module: TwoTowerModule, seed: int) -> TwoTowerModule:
    """Draw all weights: Glorot's uniform for layers, normal with 0.1 for vectors, 0 for biases."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Embedding):
                nn.init.normal_(part.weight, std=0.1, generator=generator)
            elif isinstance(part, nn.Linear):
                nn.init.xavier_uniform_(part.weight, generator=generator)
                nn.init.zeros_(part.bias)
    return module


def _tower(first: int, hidden: Sequence[int], last: int) -> nn.Sequential:
    """Return layers of these sizes with ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise([first, *hidden, last]):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
