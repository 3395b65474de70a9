"""What LightFM knows of users and items besides who bought what: rows of features, each there or not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import Dataset, ItemTable
from framework.errors import ConfigError

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

ITEM_FEATURES = ("category", "price", "words")
SEGMENT = "segment"


@dataclass(frozen=True)
class ItemFeatures:
    """Which features items can have, in the order of their columns: `categories`, bands of the price, `words`.

    A band begins at each of `prices`, the first at -inf; where there are none, prices are no feature.
    """

    categories: tuple[str, ...]
    prices: NDArray[np.float64]
    words: tuple[str, ...]

    @staticmethod
    def of(table: ItemTable, names: Sequence[str], bands: int, most_words: int) -> ItemFeatures:
        """Return the features that items have: of "category", "price" and "words" those in `names`.

        Bands hold as many items with a price each. Words are two letters or digits or more, in small letters; those
        that most texts hold are taken, of those in two or more, equals by alphabet.
        """
        counts = Counter(word for text in table.text for word in _words(text))
        common = sorted((word for word, count in counts.items() if count > 1), key=lambda word: (-counts[word], word))
        return ItemFeatures(
            table.categories if "category" in names else (),
            _bands(table.price[table.price > 0], bands) if "price" in names else np.zeros(0),
            tuple(common[:most_words]) if "words" in names else (),
        )

    def rows(self, table: ItemTable) -> csr_matrix:
        """Return the features of items (n, F), 1 each; what is not known of an item is none."""
        from scipy.sparse import csr_matrix

        place = {name: column for column, name in enumerate(self.categories)}
        of_number = np.array([*(place.get(name, -1) for name in table.categories), -1])
        category = of_number[table.category]
        band = np.where(table.price > 0, np.searchsorted(self.prices, table.price, side="right") - 1, -1)
        column = {word: number for number, word in enumerate(self.words)}
        held = [sorted(column[word] for word in _words(text) if word in column) for text in table.text]
        flat = np.array([number for row in held for number in row], dtype=np.int32)
        stored = np.cumsum([0, *(len(row) for row in held)])
        words = csr_matrix((np.ones(len(flat), dtype=np.float32), flat, stored), shape=(len(held), len(self.words)))
        return beside([one_each(category, len(self.categories)), one_each(band, len(self.prices)), words])

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return names in UTF-8 with a 0 between, and the bands."""
        return {"categories": packed_names(self.categories), "prices": self.prices, "words": packed_names(self.words)}

    @staticmethod
    def of_state(state: Mapping[str, NDArray[Any]]) -> ItemFeatures:
        """Return what `state` was of."""
        categories, words = unpacked_names(state["categories"]), unpacked_names(state["words"])
        return ItemFeatures(categories, np.asarray(state["prices"]), words)


def user_features(data: Dataset, names: Sequence[str], bands: int) -> csr_matrix:
    """Return the features of all users, and below them those of a stranger of each segment (U + S, F), 1 each.

    "segment": one a segment, where a model has made them. Other names are columns of `data.features`: one of `bands`
    bands with as many users each, and one more for the users of whom it is undefined.

    Raises:
        ConfigError: a name is neither.
    """
    from scipy.sparse import vstack

    unknown = [name for name in names if name != SEGMENT and name not in data.features]
    if unknown:
        raise ConfigError(
            f"lightfm's user_features names '{unknown[0]}', which is known of no user",
            allowed=[SEGMENT, *data.features.names],
        )
    made = []
    for name in names:
        if name != SEGMENT:
            values = data.features.column(name)
            first = _bands(values[~np.isnan(values)], bands)
            band = np.where(np.isnan(values), len(first), np.searchsorted(first, values, side="right") - 1)
            made.append(one_each(band, len(first) + 1))
    segments = len(data.segment_names)
    by_segment = data.segments if SEGMENT in names else None
    made.append(one_each(np.full(len(data.users), -1) if by_segment is None else by_segment, segments))
    known = beside(made)
    last = np.arange(known.shape[1] - segments, known.shape[1])
    return vstack([known, one_each(np.full(segments, -1) if by_segment is None else last, known.shape[1])]).tocsr()


def one_each(column: NDArray[Any], columns: int) -> csr_matrix:
    """Return rows with a 1 in the column given (n,), none for -1."""
    from scipy.sparse import csr_matrix

    row = np.flatnonzero(column >= 0)
    return csr_matrix((np.ones(len(row), dtype=np.float32), (row, column[row])), shape=(len(column), columns))


def beside(parts: Sequence[csr_matrix]) -> csr_matrix:
    """Return matrices side by side, columns sorted."""
    from scipy.sparse import hstack

    found = hstack(parts, format="csr", dtype=np.float32)
    found.sort_indices()
    return found


def packed_names(names: Sequence[str]) -> NDArray[np.uint8]:
    """Return names as bytes: in UTF-8, each with a 0 behind it."""
    return np.frombuffer("".join(f"{name}\0" for name in names).encode(), dtype=np.uint8)


def unpacked_names(packed: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return the names that `packed_names` wrote."""
    return tuple(np.asarray(packed).tobytes().decode().split("\0")[:-1])


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w\w+", text.lower()))


def _bands(values: NDArray[Any], bands: int) -> NDArray[np.float64]:
    """Return where bands with as many values each begin, the first at -inf, equal ones once; none without values."""
    if not len(values):
        return np.zeros(0)
    inner = np.quantile(values, np.linspace(0.0, 1.0, bands + 1)[1:-1])
    return np.unique(np.append(-np.inf, inner))
