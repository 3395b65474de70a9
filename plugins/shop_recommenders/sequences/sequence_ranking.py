"""Rankings by a state that a network makes of a user's sequence, for queries with a history and known users alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.records import Queries, Slates
from shop_recommenders.personal_ranking import rank_personally
from shop_recommenders.popularity.fixed_ranking import FixedRanking
from shop_recommenders.sequences.histories import Histories, asked_about

if TYPE_CHECKING:
    from torch import Tensor, nn

    LastState = Callable[[Tensor, Tensor, Tensor], Tensor]

_ROWS = 64
"""Sequences that the network reads at once: always as many, so that a query's answer hangs on no other query."""
_WIDTHS = 8
"""Sequences are padded to the next multiple of this, for the same reason."""


@dataclasses.dataclass(frozen=True)
class SequenceRanking:
    """What a sequence recommender answers by, beside its network.

    `histories` hold the last items of each known user, `buyers` (I,) counts each item's different buyers; `max_length`
    is the most items that the network reads. `cold_items` says whether it knows items that nobody bought, which are
    else put last.
    """

    histories: Histories
    buyers: NDArray[np.int64]
    max_length: int
    cold_items: bool = False

    def recommend(
        self,
        queries: Queries,
        k: int,
        network: nn.Module,
        last_state: LastState,
        vectors: Callable[[], Tensor],
    ) -> Slates:
        """Return the min(k, I) best items of each query, items that nobody bought last, popular ones for strangers.

        Args:
            queries: who asks; those with a `history` are answered by it.
            k: how many items a slate has at most.
            network: says on which device to work, and is put into evaluation.
            last_state: takes items (B, L), padded behind with I, lengths (B,) and users (B,), -1 for strangers, and
                returns states (B, d).
            vectors: returns the items' vectors (I, d).
        """
        import torch

        asked = asked_about(queries, self.histories).last(self.max_length)
        training = network.training
        network.eval()
        try:
            with torch.inference_mode():
                states = self._states(asked, queries.user, network, last_state)
                items = vectors().T
                by_row = dataclasses.replace(queries, user=np.arange(len(queries), dtype=np.int32))
                return rank_personally(
                    by_row,
                    k,
                    lambda rows: self._scores(states, items, rows),
                    asked.lengths == 0,
                    FixedRanking.by(self.buyers),
                )
        finally:
            network.train(training)

    def _states(self, asked: Histories, users: NDArray[np.int32], network: nn.Module, last_state: LastState) -> Tensor:
        """Return the state (n, d) of each sequence, 0 for those that are empty."""
        import torch

        device = next(network.parameters()).device
        widths = np.minimum(-(-asked.lengths // _WIDTHS) * _WIDTHS, self.max_length)
        states = torch.zeros(0)
        for width in np.unique(widths[widths > 0]).tolist():
            alike = np.flatnonzero(widths == width)
            for start in range(0, len(alike), _ROWS):
                rows = alike[start : start + _ROWS]
                filled = np.resize(rows, _ROWS)
                block = asked.take(filled)
                parts = (block.padded(width, len(self.buyers)), block.lengths, users[filled].astype(np.int64))
                found = last_state(*(torch.from_numpy(part).to(device) for part in parts))
                if not len(states):
                    states = found.new_zeros((len(asked), found.shape[1]))
                states[torch.from_numpy(rows).to(device)] = found[: len(rows)]
        return states

    def _scores(self, states: Tensor, items: Tensor, rows: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the scores (m, I) of the sequences at `rows` (m,), always as many at once."""
        import torch

        found = np.empty((len(rows), items.shape[1]), dtype=np.float32)
        for start in range(0, len(rows), _ROWS):
            own = rows[start : start + _ROWS]
            block = states[torch.from_numpy(np.resize(own, _ROWS)).to(states.device)] @ items
            found[start : start + len(own)] = block[: len(own)].float().cpu().numpy()
        if not self.cold_items:
            found[:, self.buyers == 0] = found.min(axis=1, keepdims=True) - 1.0
        return found

    def state(self, network: nn.Module) -> Mapping[str, NDArray[Any]]:
        """Return histories, buyers and the network's weights as arrays by name."""
        weights = {f"network.{name}": weight.cpu().numpy() for name, weight in network.state_dict().items()}
        return {
            "histories.items": self.histories.items,
            "histories.starts": self.histories.starts,
            "buyers": self.buyers,
            **weights,
        }

    @staticmethod
    def of_state(state: Mapping[str, NDArray[Any]], max_length: int, *, cold_items: bool = False) -> SequenceRanking:
        """Return the ranking whose `state` this is."""
        histories = Histories(np.asarray(state["histories.items"]), np.asarray(state["histories.starts"]))
        return SequenceRanking(histories, np.asarray(state["buyers"]), max_length, cold_items)


def load_weights(network: nn.Module, state: Mapping[str, NDArray[Any]]) -> None:
    """Give the network the weights that `SequenceRanking.state` wrote down."""
    import torch

    own = {name.removeprefix("network."): value for name, value in state.items() if name.startswith("network.")}
    network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in own.items()})
    network.eval()
