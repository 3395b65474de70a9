"""Pretrain a small BERT on the texts at hand, without labels, by saying hidden word pieces.

Reference: Devlin, Chang, Lee, Toutanova, "BERT", NAACL 2019, section 3.1: of every text 15 % of the pieces are asked
for, 80 % of them behind [MASK], 10 % behind another piece, 10 % as they are; drawn anew in every epoch, as Liu et al.,
"RoBERTa", 2019, section 4.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from shop_recommenders.sequences.histories import batches_of_like_length

if TYPE_CHECKING:
    import logging

    from numpy.typing import NDArray

    from shop_models.text.token_rows import TokenRows

SHARE = 0.15


def pretrain(
    model: Any,
    tokens: TokenRows,
    special: int,
    mask: int,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    rng: np.random.Generator,
    log: logging.Logger,
) -> tuple[float, ...]:
    """Train a Transformers model with a masked language model's head in place; return the loss of each epoch.

    Pieces below `special` are never hidden; `mask` is the piece that hides. Logits are made for hidden places alone.
    """
    import torch
    from torch.nn.functional import cross_entropy
    from torch.nn.utils import clip_grad_norm_

    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=0.01)
    steps = epochs * len(batches_of_like_length(tokens.lengths, batch_size, np.random.default_rng(0)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda at: min((at + 1) / max(1, steps // 10), max(0.0, 1 - at / steps))
    )
    losses = []
    model.train()
    for epoch in range(1, epochs + 1):
        summed, asked = 0.0, 0
        for rows in batches_of_like_length(tokens.lengths, batch_size, rng):
            ids, seen = tokens.padded(rows)
            shown, hidden = hide(ids, special, mask, int(model.config.vocab_size), rng)
            if not hidden.any():
                continue
            optimizer.zero_grad()
            states = model.base_model(input_ids=torch.from_numpy(shown), attention_mask=torch.from_numpy(seen))
            logits = model.cls(states.last_hidden_state[torch.from_numpy(hidden)])
            loss = cross_entropy(logits, torch.from_numpy(ids[hidden]))
            loss.backward()  # type: ignore[no-untyped-call]
            clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            summed, asked = summed + float(loss.detach()) * int(hidden.sum()), asked + int(hidden.sum())
        losses.append(summed / max(asked, 1))
        log.info("pretraining, epoch %d of %d: loss %.4f", epoch, epochs, losses[-1])
    return tuple(losses)


def hide(
    ids: NDArray[np.int64], special: int, mask: int, pieces: int, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the ids (B, L) as they are shown, and which of them are asked for."""
    hidden = (rng.random(ids.shape) < SHARE) & (ids >= special)
    fate = rng.random(ids.shape)
    shown = np.where(hidden & (fate < 0.8), mask, ids)
    other = rng.integers(special, pieces, ids.shape) if pieces > special else ids
    return np.where(hidden & (fate >= 0.9), other, shown), hidden
