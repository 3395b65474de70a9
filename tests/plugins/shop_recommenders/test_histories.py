"""Sequences of items out of a log and out of queries, and batches of like length."""

import dataclasses

import numpy as np
import pytest

from framework.testing.fingerprint import shuffled
from shop_recommenders.sequences.histories import Histories, asked_about, batches_of_like_length


def _lists(histories):
    return [row.tolist() for row in np.split(histories.items, histories.starts[1:-1])]


def test_items_come_oldest_first_and_by_item_at_one_moment(log_of):
    data = log_of([(1, 3, 1), (0, 2, 5), (0, 1, 9), (0, 4, 5), (0, 0, 2, "view")], users=3, items=5)
    assert _lists(Histories.of(data, ("purchase",))) == [[1, 2, 4], [3], []]
    assert _lists(Histories.of(shuffled(data), ("purchase",))) == [[1, 2, 4], [3], []]
    assert _lists(Histories.of(data, ("purchase", "view"))) == [[1, 2, 4, 0], [3], []]


def test_the_last_ones_rows_of_choice_and_padding():
    histories = Histories.by_length(np.array([5, 6, 7, 8, 9], dtype=np.int32), np.array([3, 0, 2]))
    assert _lists(histories.last(2)) == [[6, 7], [], [8, 9]]
    assert _lists(histories.take(np.array([2, -1, 0]))) == [[8, 9], [], [5, 6, 7]]
    assert histories.take(np.array([2, 1, 0])).padded(3, 99).tolist() == [[8, 9, 99], [99, 99, 99], [5, 6, 7]]
    nobody = Histories.by_length(np.array([], dtype=np.int32), np.array([], dtype=np.int64))
    assert _lists(nobody.take(np.array([-1, -1]))) == [[], []]


def test_a_query_is_answered_by_its_own_history_and_else_by_its_users(ask):
    known = Histories.by_length(np.array([5, 6, 7], dtype=np.int32), np.array([1, 2]))
    history = np.array([[-1, 3, 4], [-1, -1, -1], [0, 1, 2], [-1, -1, -1]], dtype=np.int32)
    queries = dataclasses.replace(ask([0, 1, -1, -1]), history=history)
    assert _lists(asked_about(queries, known)) == [[3, 4], [6, 7], [0, 1, 2], []]
    assert _lists(asked_about(ask([1, -1, 0]), known)) == [[6, 7], [], [5]]


@pytest.mark.parametrize("batch_size", [1, 7, 64, 5000])
def test_batches_hold_every_row_once_and_are_as_many_in_every_epoch(batch_size):
    lengths = np.random.default_rng(0).geometric(0.2, size=1000)
    epochs = [batches_of_like_length(lengths, batch_size, np.random.default_rng([3, epoch])) for epoch in (0, 1)]
    for batches in epochs:
        np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(1000))
    assert len(epochs[0]) == len(epochs[1])
    again = batches_of_like_length(lengths, batch_size, np.random.default_rng([3, 0]))
    for one, other in zip(epochs[0], again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_batches_hold_about_as_many_items_and_hardly_any_padding():
    lengths = np.minimum(np.random.default_rng(0).geometric(0.15, size=5000), 50)
    batches = batches_of_like_length(lengths, 100, np.random.default_rng(1))
    held = np.array([lengths[rows].sum() for rows in batches])
    assert abs(held / (100 * lengths.mean()) - 1.0).max() < 0.15
    padded = sum(len(rows) * lengths[rows].max() for rows in batches)
    assert lengths.sum() / padded > 0.95
