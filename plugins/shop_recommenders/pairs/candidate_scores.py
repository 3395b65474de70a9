"""Products of users' vectors with a few items each, by whichever way is faster, and the pairwise loss of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import embedding, softplus

_WHOLE = 40
"""So many items for each candidate are multiplied in one go in the time that gathering one candidate's vector takes."""


def candidate_scores(users: Tensor, user: Tensor, items: Tensor, candidates: Tensor) -> Tensor:
    """Return the products of the vectors of `user` (B,) with those of its `candidates` (B, C).

    `users` (U, d) and `items` (I, d) are all vectors. With many candidates the product of each different user with the
    whole catalogue is cheaper, forward and backward, than B times C vectors.
    """
    if len(items) > _WHOLE * candidates.shape[1]:
        vectors = embedding(candidates, items)
        return torch.bmm(vectors, embedding(user, users)[:, :, None]).squeeze(2)
    different, row = torch.unique(user, return_inverse=True)
    whole = embedding(different, users) @ items.T
    places = row[:, None] * len(items) + candidates
    return whole.reshape(-1).gather(0, places.reshape(-1)).reshape(candidates.shape)


def pairwise_loss(
    users: Tensor, items: Tensor, sampled: Tensor, barred: Tensor | None, penalised: tuple[Tensor, ...], weight: float
) -> Tensor:
    """Return BPR's loss: the mean of -log s(x_u . y_i - x_u . y_j), and weight / 2 times squared lengths.

    `users` and `items` (B, d) are a purchase's vectors, `sampled` (N, d) or (B, N, d) those of items not bought, except
    where `barred` (B, N) is given and holds. `penalised` are vectors (..., d); their mean squared lengths are added up.
    """
    bought = (users * items).sum(dim=1, keepdim=True)
    others = users @ sampled.T if sampled.ndim == 2 else torch.bmm(sampled, users[:, :, None]).squeeze(2)
    losses = softplus(others - bought)
    if barred is None:
        mean = losses.mean()
    else:
        counted = (~barred).sum(dim=1).clamp(min=1)
        mean = (losses.masked_fill(barred, 0.0).sum(dim=1) / counted).mean()
    penalty = torch.stack([part.square().sum(dim=-1).mean() for part in penalised]).sum()
    return mean + 0.5 * weight * penalty
