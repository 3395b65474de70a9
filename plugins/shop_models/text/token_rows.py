"""Texts as ids of word pieces, ragged, and padded by the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class TokenRows:
    """n texts: the ids of each, and the id that pads."""

    ids: tuple[NDArray[np.int64], ...]
    pad: int

    @staticmethod
    def of(tokenizer: Any, texts: Sequence[str], max_length: int) -> TokenRows:
        """Return the texts' first `max_length` pieces, those that begin and end a text among them."""
        found = tokenizer(list(texts), truncation=True, max_length=max_length)["input_ids"] if texts else []
        return TokenRows(tuple(np.array(one, dtype=np.int64) for one in found), int(tokenizer.pad_token_id))

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Pieces of each text (n,)."""
        return np.array([len(one) for one in self.ids], dtype=np.int64)

    def padded(self, rows: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ids (m, L) of `rows`, padded behind, and 1 where there is a piece."""
        chosen = [self.ids[place] for place in rows.tolist()]
        width = max((len(one) for one in chosen), default=0)
        ids = np.full((len(chosen), width), self.pad, dtype=np.int64)
        seen = np.zeros((len(chosen), width), dtype=np.int64)
        for row, one in enumerate(chosen):
            ids[row, : len(one)], seen[row, : len(one)] = one, 1
        return ids, seen
