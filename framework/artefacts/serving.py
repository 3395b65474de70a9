"""Recommendations from artefacts alone: for known users, for a history given now, and with items added since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from framework.artefacts.id_maps import Items, Users, place_by_id
from framework.artefacts.loading import Loaded
from framework.data.tables import UNKNOWN, ItemTable
from framework.errors import ConfigError
from framework.kinds import TakesItems
from framework.records import Queries, Slates

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Recommended:
    """Slates for n users in the order in which they were asked for; `left_out` names those that nobody answers for."""

    users: tuple[str, ...]
    slates: Slates
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """The items that can be recommended: those of the training, then those added since."""

    items: Items

    def place(self, ids: Sequence[str]) -> NDArray[np.int32]:
        """Return each id's index, -1 where it is unknown."""
        return place_by_id(self.items.ids, ids)


def with_items(loaded: Loaded, added: Items) -> Catalogue:
    """Give the recommender items that it does not know, and return the longer catalogue.

    Raises:
        ConfigError: the recommender cannot recommend what its training did not see.
    """
    known = loaded.artefact.items
    fresh = np.flatnonzero(place_by_id(known.ids, added.ids.tolist()) == UNKNOWN)
    if not len(fresh):
        return Catalogue(known)
    if not isinstance(loaded.recommender, TakesItems):
        raise ConfigError(
            f"The recommender '{loaded.artefact.record.component}' cannot take items that its training did not see",
            hint="Leave items= out, run the study on a log that has them, or keep a strategy that goes by items' texts "
            "(one with take_items).",
        )
    table = added.table
    own = ItemTable(
        table.category[fresh], table.categories, table.price[fresh], tuple(table.text[place] for place in fresh)
    )
    loaded.recommender.take_items(added.ids[fresh], own)
    return Catalogue(_joined(known, Items(added.ids[fresh], own)))


def recommend(
    loaded: Loaded,
    catalogue: Catalogue,
    users: Sequence[str],
    k: int,
    *,
    exclude_bought: bool,
    history: NDArray[np.int32] | None = None,
    rule_of: Callable[[str], Loaded | None] = lambda _: None,
) -> Recommended:
    """Return the best k items of each user.

    Args:
        loaded: what answers.
        catalogue: the recommender's items.
        users: ids; unknown ones get the fallback, unless there is a history.
        k: how many items a slate has at most.
        exclude_bought: whether what a user bought before the end of the training, or has in `history`, stays out.
        history: items (L,) that each of the users took, oldest first, in place of what is known of them.
        rule_of: returns what answers for a segment with a recommender of its own, None where that was not kept.
    """
    artefact = loaded.artefact
    queries = _queries(loaded, catalogue, users, k, exclude_bought, history)
    rules = artefact.record.rules
    segment = np.array([*artefact.record.segment_names, ""], dtype=np.str_)[queries.segment]
    groups: list[tuple[Loaded | None, NDArray[np.intp]]] = [(loaded, np.flatnonzero(~np.isin(segment, rules)))]
    groups += [(rule_of(name), np.flatnonzero(segment == name)) for name in rules if (segment == name).any()]
    shape = (len(users), min(k, len(catalogue.items.ids)))
    found = Slates(np.full(shape, UNKNOWN, np.int32), np.full(shape, -np.inf, np.float32), np.ones(len(users), bool))
    left_out: list[str] = []
    for answering, rows in groups:
        if not len(rows):
            continue
        if answering is None:
            left_out += [users[row] for row in rows]
            continue
        slates = answering.recommender.recommend(queries.take(rows), k)
        found.items[rows], found.scores[rows], found.fallback[rows] = slates.items, slates.scores, slates.fallback
    return Recommended(tuple(users), found, tuple(left_out))


def _queries(
    loaded: Loaded, catalogue: Catalogue, users: Sequence[str], k: int, exclude: bool, history: NDArray[np.int32] | None
) -> Queries:
    known, record = loaded.artefact.users, loaded.artefact.record
    place = place_by_id(known.ids, users)
    strangers = len(record.segment_names) - 1  # the last is theirs; without names it is -1, none
    segment = np.full(len(users), strangers, dtype=np.int32)
    segment[place >= 0] = place_by_id(np.array(record.segment_names), known.segment[place[place >= 0]].tolist())
    return Queries(
        user=place,
        user_ids=np.array(users, dtype=np.str_),
        segment=segment,
        segment_names=record.segment_names,
        positions=k,
        exclude=_bought(known, place, history, len(catalogue.items.ids)) if exclude else None,
        history=None if history is None else np.tile(history, (len(users), 1)),
    )


def _bought(known: Users, place: NDArray[np.int32], history: NDArray[np.int32] | None, items: int) -> csr_matrix:
    """Return what each user has already (n, items)."""
    from scipy.sparse import csr_matrix, vstack

    everybody = vstack([known.purchases(items), csr_matrix((1, items), dtype=np.float32)]).tocsr()
    own = everybody[np.where(place >= 0, place, len(known.ids))]
    if history is None or not len(history):
        return own
    taken = np.unique(history[history >= 0])
    row = csr_matrix((np.ones(len(taken), np.float32), taken, [0, len(taken)]), shape=(1, items))
    return (own + vstack([row] * len(place))).tocsr()


def _joined(known: Items, added: Items) -> Items:
    first, second = known.table, added.table
    categories = (*first.categories, *second.categories)
    moved = np.where(second.category >= 0, second.category + len(first.categories), UNKNOWN)
    return Items(
        np.concatenate([known.ids, added.ids]),
        replace(
            first,
            category=np.concatenate([first.category, moved]).astype(np.int32),
            categories=categories,
            price=np.concatenate([first.price, second.price]),
            text=(*first.text, *second.text),
        ),
    )
