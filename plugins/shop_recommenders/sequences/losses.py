"""Losses of a hidden state that is to point to the item taken next: functions of it and the items' vectors.

In all, `hidden` (N, d) are states, `target` (N,) items, `negatives` (K,) shared by all states or (N, K) of each its
own, and `items` (I, d) the items' vectors. A score is a product of state and vector, s+ of the target and s- of a
negative; a negative that is the target does not count. The value is the mean over states.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Loss = Literal["bce", "gbce", "sampled_softmax", "full_softmax", "bpr_max"]


def scores(hidden: Tensor, target: Tensor, negatives: Tensor, items: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return scores of targets (N,) and of negatives (N, K), and which of the latter are the target (N, K)."""
    from torch.nn.functional import embedding

    positive = (hidden * embedding(target, items)).sum(dim=-1)
    drawn = embedding(negatives, items)
    negative = hidden @ drawn.T if negatives.ndim == 1 else (drawn @ hidden.unsqueeze(-1)).squeeze(-1)
    return positive, negative, negatives == target.unsqueeze(-1)


def bce(hidden: Tensor, target: Tensor, negatives: Tensor, items: Tensor, *, beta: float = 1.0) -> Tensor:
    """Return the binary cross-entropy -(beta log sigmoid(s+) + sum log(1 - sigmoid(s-))) / (K + 1).

    Kang and McAuley, ICDM 2018, equation 6, for K negatives as in Petrov and Macdonald, RecSys 2023.
    """
    from torch.nn.functional import softplus

    positive, negative, same = scores(hidden, target, negatives, items)
    rest = softplus(negative).masked_fill(same, 0.0).sum(dim=-1)
    return (beta * softplus(-positive) + rest).mean() / (negative.shape[-1] + 1)


def gbce(
    hidden: Tensor, target: Tensor, negatives: Tensor, items: Tensor, *, calibration: float, catalogue: int
) -> Tensor:
    """Return the generalised binary cross-entropy: `bce` with beta = alpha (t (1 - 1 / alpha) + 1 / alpha).

    alpha = K / (catalogue - 1) is the share of the items that is drawn and t the `calibration`: 0 is `bce`, with 1
    scores are those that all items as negatives would give. Petrov and Macdonald, "gSASRec: reducing overconfidence in
    sequential recommendation trained with negative sampling", RecSys 2023, section 5.
    """
    alpha = min(negatives.shape[-1] / max(catalogue - 1, 1), 1.0)
    beta = alpha * (calibration * (1.0 - 1.0 / alpha) + 1.0 / alpha)
    return bce(hidden, target, negatives, items, beta=beta)


def sampled_softmax(
    hidden: Tensor, target: Tensor, negatives: Tensor, items: Tensor, *, log_share: Tensor | None = None
) -> Tensor:
    """Return the cross-entropy of the target among itself and its negatives.

    `log_share` (I,), log-probabilities with which negatives are drawn, where given, corrects for them: each negative
    stands for 1 / (K q) items, with q its probability among the items that are not the target, so that the sum over
    negatives estimates the sum over the catalogue without bias. After Bengio and Senecal, IEEE TNN 2008.
    """
    import torch
    from torch.nn.functional import cross_entropy

    positive, negative, same = scores(hidden, target, negatives, items)
    if log_share is not None:
        others = torch.log1p(-log_share[target].exp())
        kept = (negative.shape[-1] - same.sum(dim=-1)).clamp(min=1).log()
        negative = negative - log_share[negatives] + (others - kept).unsqueeze(-1)
    logits = torch.cat([positive.unsqueeze(-1), negative.masked_fill(same, float("-inf"))], dim=-1)
    return cross_entropy(logits, torch.zeros_like(target))


def full_softmax(hidden: Tensor, target: Tensor, negatives: Tensor | None, items: Tensor) -> Tensor:  # noqa: ARG001
    """Return the cross-entropy of the target among all items; there are no negatives to draw."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(hidden @ items.T, target)


def bpr_max(hidden: Tensor, target: Tensor, negatives: Tensor, items: Tensor, *, regularization: float = 1.0) -> Tensor:
    """Return -log sum w sigmoid(s+ - s-) + regularization sum w s-^2, with w the softmax of s- among the negatives.

    Hidasi and Karatzoglou, "Recurrent neural networks with top-k gains", CIKM 2018, section 3.3.
    """
    import torch

    positive, negative, same = scores(hidden, target, negatives, items)
    # A finite floor: where every negative is the target, there is nothing to weigh, and infinities would give NaN.
    weight = torch.softmax(negative.masked_fill(same, -1e9), dim=-1).masked_fill(same, 0.0)
    above = (weight * torch.sigmoid(positive.unsqueeze(-1) - negative)).sum(dim=-1)
    return (-torch.log(above + 1e-24) + regularization * (weight * negative**2).sum(dim=-1)).mean()


def loss_of(
    name: Loss, *, catalogue: int, calibration: float = 0.75, regularization: float = 1.0
) -> Callable[..., Tensor]:
    """Return the loss of that name, as a function of (hidden, target, negatives, items)."""
    losses: dict[Loss, Callable[..., Tensor]] = {
        "bce": bce,
        "gbce": partial(gbce, calibration=calibration, catalogue=catalogue),
        "sampled_softmax": sampled_softmax,
        "full_softmax": full_softmax,
        "bpr_max": partial(bpr_max, regularization=regularization),
    }
    return losses[name]
