"""What is known of an item besides who bought it, as numbers that a network can take: category, price, text, image."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.data.tables import ItemTable
from framework.errors import DataError
from shop_recommenders.content.image_vectors import image_vectors
from shop_recommenders.content.text_vectors import TextEncoder, item_texts
from shop_recommenders.content.tfidf import TfIdf


@dataclass(frozen=True)
class SideSettings:
    """What is taken of items. Without an `encoder` a text is the `text_size` strongest directions of its words."""

    category: bool
    price: bool
    text: bool
    encoder: TextEncoder | None
    words: int
    text_size: int
    images: Path | None


@dataclass(frozen=True)
class ItemSide:
    """How items become numbers, as learned from the items of a training.

    `categories` are their names; `price` (2,) the mean and spread of the logarithms of prices; `words` and `directions`
    (V, t) those of texts, after Deerwester, Dumais, Furnas, Landauer, Harshman, "Indexing by latent semantic analysis",
    JASIS 1990; `image_size` the length of an image's vector. What is not taken is None, or 0.
    """

    settings: SideSettings
    categories: tuple[str, ...]
    price: NDArray[np.float64] | None
    words: TfIdf | None
    directions: NDArray[np.float32] | None
    image_size: int

    @staticmethod
    def of(items: NDArray[np.str_], table: ItemTable, settings: SideSettings) -> ItemSide:
        """Return what is learned of the items (I,).

        A log without prices or texts is taken as it is. Raises DataError where an encoder is to read texts and there
        are none, or where no item has an image.
        """
        texts = item_texts(table, category=False)
        if settings.encoder is not None and not any(texts):
            raise DataError(
                f"two_tower is to read texts by the encoder '{settings.encoder.name}', and the log has none",
                hint="Map a column to text (source.params.columns.text), or set encoder to null.",
            )
        priced = np.log(table.price[table.price > 0])
        price = None
        if settings.price and len(priced):
            price = np.array([priced.mean(), priced.std() or 1.0])
        words = directions = None
        if settings.text and settings.encoder is None and any(texts):
            words = TfIdf.of(texts, settings.words, sublinear=True)
            directions = _strongest(words, texts, settings.text_size)
        size = 0 if settings.images is None else image_vectors(settings.images, items).shape[1]
        return ItemSide(settings, table.categories if settings.category else (), price, words, directions, size)

    def category(self, table: ItemTable) -> NDArray[np.int64]:
        """Return each item's category (n,) among the trained ones, by name; the number of them where it is another."""
        place = {name: index for index, name in enumerate(self.categories)}
        own = [place.get(name, len(self.categories)) for name in table.categories]
        return np.array([*own, len(self.categories)], dtype=np.int64)[table.category]  # the last for -1

    def dense(self, items: NDArray[np.str_], table: ItemTable, device: str, log: logging.Logger) -> NDArray[np.float32]:
        """Return what else is known (n, F): price and whether there is one, text, image and whether there is one."""
        parts = [np.zeros((len(items), 0), dtype=np.float32)]
        if self.price is not None:
            priced = table.price > 0
            value = (np.log(np.maximum(table.price, 1)) - self.price[0]) / self.price[1]
            parts.append(np.column_stack([np.where(priced, value, 0.0), priced]).astype(np.float32))
        texts = item_texts(table, category=False)
        if self.settings.text and self.settings.encoder is not None:
            parts.append(_unit(self.settings.encoder.on(device).vectors(texts, log)))
        elif self.words is not None and self.directions is not None:
            parts.append(_unit(np.asarray(self.words.vectors(texts) @ self.directions)))
        if self.settings.images is not None:
            vectors = image_vectors(self.settings.images, items, self.image_size)
            parts += [vectors, np.any(vectors, axis=1)[:, None].astype(np.float32)]
        return np.hstack(parts)

    def state(self) -> Mapping[str, NDArray[Any]]:
        """Return what was learned; names in UTF-8 with a 0 between."""
        found: dict[str, NDArray[Any]] = {
            "categories": np.frombuffer("\0".join(self.categories).encode(), dtype=np.uint8),
            "image_size": np.array(self.image_size, dtype=np.int64),
        }
        if self.price is not None:
            found["price"] = self.price
        if self.words is not None and self.directions is not None:
            found |= {**self.words.state(), "directions": self.directions}
        return found

    @staticmethod
    def of_state(state: Mapping[str, NDArray[Any]], settings: SideSettings) -> ItemSide:
        """Return the side whose `state` this is."""
        names = np.asarray(state["categories"]).tobytes().decode()
        return ItemSide(
            settings,
            tuple(names.split("\0")) if names else (),
            np.asarray(state["price"]) if "price" in state else None,
            TfIdf.of_state(state, sublinear=True) if "words" in state else None,
            np.asarray(state["directions"]) if "directions" in state else None,
            int(state["image_size"]),
        )


def _strongest(words: TfIdf, texts: list[str], size: int) -> NDArray[np.float32]:
    """Return the directions (V, t) along which texts differ most, at most `size` of them."""
    from sklearn.decomposition import TruncatedSVD
    from threadpoolctl import threadpool_limits

    vectors = words.vectors(texts).astype(np.float64)
    count = min(size, *vectors.shape)
    if not count:
        return np.zeros((len(words.words), 0), dtype=np.float32)
    with threadpool_limits(1, "blas"):
        found = TruncatedSVD(count, n_iter=7, random_state=0).fit(vectors)
    directions: NDArray[np.float32] = found.components_.T.astype(np.float32)
    return directions


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return unit
