"""Networks of the sequence recommenders against their formulas written with other parts of torch, and batches."""

import numpy as np
import pytest
import torch
from torch import nn

from shop_recommenders.sequences.bert4rec_module import BertEncoder
from shop_recommenders.sequences.caser import CaserConfig, WindowBatches
from shop_recommenders.sequences.caser_module import CaserModule
from shop_recommenders.sequences.esasrec_module import EsasRecEncoder
from shop_recommenders.sequences.gru4rec_module import GruEncoder
from shop_recommenders.sequences.histories import Histories
from shop_recommenders.sequences.item2vec import CompanyBatches, Item2VecConfig
from shop_recommenders.sequences.losses import bce
from shop_recommenders.sequences.negatives import Negatives
from shop_recommenders.sequences.next_item_module import drawn_afresh
from shop_recommenders.sequences.sasrec_module import SasRecEncoder
from shop_recommenders.sequences.sequence_batches import MaskedBatches, NextItemBatches, within_vocabulary

SIZE, WIDTH = 8, 6


def _encoders():
    return {
        "sasrec": SasRecEncoder(size=SIZE, blocks=2, heads=2, dropout=0.5, max_length=WIDTH),
        "esasrec": EsasRecEncoder(size=SIZE, blocks=2, heads=2, dropout=0.5, widening=2, max_length=WIDTH),
        "gru4rec": GruEncoder(size=SIZE, hidden_size=5, layers=2, dropout=0.5),
        "bert4rec": BertEncoder(size=SIZE, blocks=2, heads=2, dropout=0.5, max_length=WIDTH),
    }


@pytest.mark.parametrize("name", ["sasrec", "esasrec", "gru4rec", "bert4rec"])
def test_padding_is_never_seen(name):
    encoder = _encoders()[name].double().eval()
    drawn_afresh(encoder, 1)
    vectors, lengths = torch.randn(4, WIDTH, SIZE, dtype=torch.float64), torch.tensor([1, 3, 5, 6])
    whole = encoder(vectors, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = encoder(vectors[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(whole[row, :length], alone[0])


@pytest.mark.parametrize("name", ["sasrec", "esasrec", "gru4rec"])
def test_no_state_sees_what_comes_later(name):
    encoder = _encoders()[name].double().eval()
    drawn_afresh(encoder, 1)
    vectors, lengths = torch.randn(1, WIDTH, SIZE, dtype=torch.float64), torch.tensor([WIDTH])
    other = vectors.clone()
    other[:, 4:] = torch.randn(1, 2, SIZE, dtype=torch.float64)
    before, after = encoder(vectors, lengths), encoder(other, lengths)
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4:], after[:, 4:])


def test_sasrec_is_the_authors_network_on_sequences_padded_in_front():
    """Written with torch's own attention, all sequences padded in front to the same length, as the authors do."""
    encoder = SasRecEncoder(size=SIZE, blocks=2, heads=2, dropout=0.0, max_length=WIDTH).double().eval()
    drawn_afresh(encoder, 2)
    vectors, lengths = torch.randn(3, WIDTH, SIZE, dtype=torch.float64), torch.tensor([2, 4, 6])
    found = encoder(vectors, lengths)
    for row, length in enumerate(lengths.tolist()):
        states = torch.zeros(1, WIDTH, SIZE, dtype=torch.float64)
        states[0, WIDTH - length :] = vectors[row, :length]
        # The last place is the newest item's; ours are counted back from it.
        states = states + encoder.places.table.weight.flip(0)
        later = torch.ones(WIDTH, WIDTH, dtype=torch.bool).triu(1)
        padding = torch.arange(WIDTH)[None] < WIDTH - length
        # A padding place must see something, or its state is no number: itself.
        barred = (later | padding) & ~torch.eye(WIDTH, dtype=torch.bool)
        for block in encoder.blocks:
            attention = nn.MultiheadAttention(SIZE, 2, batch_first=True, dtype=torch.float64)
            with torch.no_grad():
                attention.in_proj_weight.copy_(
                    torch.cat([block.attention.query.weight, block.attention.key_value.weight])
                )
                attention.in_proj_bias.copy_(torch.cat([block.attention.query.bias, block.attention.key_value.bias]))
            attention.out_proj = block.attention.out
            asking = block.before_attention(states)
            states = block.before_feed_forward(asking + attention(asking, states, states, attn_mask=barred)[0])
            states = states + block.feed_forward[3](torch.relu(block.feed_forward[0](states)))
        torch.testing.assert_close(found[row, :length], encoder.last(states)[0, WIDTH - length :])


def test_caser_is_convolutions_over_the_image_of_a_window():
    module = CaserModule(
        3, 9, bce, size=4, window=5, horizontal=2, vertical=3, dropout=0.0, learning_rate=0.1, weight_decay=0.0
    ).double().eval()  # fmt: skip
    items, users = torch.tensor([[9, 9, 1, 4, 0], [3, 2, 1, 0, 8]]), torch.tensor([2, -1])
    image = module.items(items)[:, None]
    parts = []
    for height, along in enumerate(module.along_time, 1):
        found = nn.functional.conv2d(image, along.weight.view(2, 1, height, 4), along.bias)
        parts.append(torch.relu(found).squeeze(3).max(dim=2).values)
    vertical = module.along_dimensions
    found = nn.functional.conv2d(image, vertical.weight.view(3, 1, 5, 1), vertical.bias)
    parts.append(found.squeeze(2).transpose(1, 2).flatten(1))
    sequence = torch.relu(module.joined(torch.cat(parts, dim=1)))
    own = torch.stack([module.users.weight[2], module.users.weight.mean(dim=0)])
    torch.testing.assert_close(module(items, users), torch.cat([sequence, own, torch.ones(2, 1)], dim=1).double())


HISTORIES = Histories.by_length(np.array([3, 1, 4, 1, 5, 9, 2], dtype=np.int32), np.array([4, 1, 2]))


def _spoken(batch, name):
    return batch["vocabulary"][batch[name]] if "vocabulary" in batch else batch[name]


def test_next_items_are_asked_for_after_every_item_but_the_newest():
    batches = NextItemBatches(HISTORIES, 10, max_length=2, batch_size=8, negatives=None, seed=0)
    assert len(batches) == 1
    batch = batches[0]
    order = np.argsort(batch["lengths"])
    assert batch["items"][order].tolist() == [[9, 10], [1, 4]]
    expected = {9: [2], 1: [4, 1]}
    assert batch["target"].tolist() == [item for row in batch["items"].tolist() for item in expected[row[0]]]
    np.testing.assert_array_equal(batch["items"].ravel()[batch["places"]] != 10, True)


def test_a_batch_speaks_of_its_own_vocabulary():
    negatives = Negatives.by("uniform", 4, np.ones(10, dtype=int), power=1.0, shared=False)
    plain = NextItemBatches(HISTORIES, 10, max_length=5, batch_size=8, negatives=None, seed=0)[0]
    batch = NextItemBatches(HISTORIES, 10, max_length=5, batch_size=8, negatives=negatives, seed=0)[0]
    for name in ("items", "target"):
        np.testing.assert_array_equal(_spoken(batch, name), plain[name])
    assert batch["negatives"].shape == (len(batch["target"]), 4)
    assert len(set(batch["vocabulary"].tolist())) == len(batch["vocabulary"])
    parts = within_vocabulary({"one": np.array([[7, 3]]), "other": np.array([3])})
    assert {name: part.tolist() for name, part in parts.items()} == {
        "vocabulary": [3, 7], "one": [[1, 0]], "other": [0]
    }  # fmt: skip


@pytest.mark.parametrize("last", [0.0, 1.0])
def test_hidden_items_are_the_targets(last):
    batches = MaskedBatches(
        HISTORIES, 10, max_length=3, share=0.3, last=last, batch_size=8, negatives=None, seed=0
    )  # fmt: skip
    for epoch in range(5):
        batches.set_epoch(epoch)
        batch = batches[0]
        whole = batch["items"].copy()
        hidden = np.flatnonzero(whole.ravel() == 11)
        np.testing.assert_array_equal(hidden, batch["places"])
        whole.ravel()[hidden] = batch["target"]
        assert (
            sorted(whole.tolist()) == [[1, 4, 1], [9, 2, 10]] or sorted(whole.tolist()) == [[1, 4, 1], [9, 2, 10]][::-1]
        )
        per_row = (batch["items"] == 11).sum(axis=1)
        assert per_row.min() >= 1
        if last == 1.0:
            np.testing.assert_array_equal(batch["items"][np.arange(2), batch["lengths"] - 1], 11)
            assert per_row.max() == 1


def test_windows_stay_within_a_user():
    negatives = Negatives.by("uniform", 2, np.ones(10, dtype=int), power=1.0, shared=False)
    batches = WindowBatches(HISTORIES, 10, CaserConfig(window=2, targets=2, batch_size=100), negatives, 0)
    assert len(batches) == 1
    batch = batches[0]
    told = {}
    for place, item in zip(batch["places"], _spoken(batch, "target"), strict=True):
        told.setdefault((int(batch["users"][place]), *batch["items"][place].tolist()), []).append(int(item))
    assert told == {(0, 10, 3): [1, 4], (0, 3, 1): [4, 1], (0, 1, 4): [1], (2, 10, 9): [2]}


def test_company_is_others_of_the_same_user_within_the_window():
    rng = np.random.default_rng(0)
    histories = Histories.by_length(np.arange(40, dtype=np.int32), np.array([1, 9, 30]))
    config = Item2VecConfig(window=3, company=5, negatives=2, subsampling=0.0, batch_size=50)
    batches = CompanyBatches(histories, rng.integers(1, 9, size=40), config, 0)
    seen = set()
    for epoch in range(20):
        batches.set_epoch(epoch)
        for number in range(len(batches)):
            batch = batches[number]
            seen |= set(zip(_spoken(batch, "items").tolist(), _spoken(batch, "target").tolist(), strict=True))
    user = np.repeat([0, 1, 2], [1, 9, 30])
    near = {(i, j) for i in range(40) for j in range(40) if i != j and abs(i - j) <= 3 and user[i] == user[j]}
    assert seen == near
