"""Sequence recommenders on logs whose next item is known, and the configs that they refuse."""

import dataclasses

import numpy as np
import pytest

from framework.config import TrainerConfig
from framework.errors import ConfigError, DataError
from framework.testing import tiny_context
from framework.training.fit import fit
from shop_recommenders.sequences.bert4rec import Bert4Rec, Bert4RecConfig
from shop_recommenders.sequences.caser import Caser, CaserConfig
from shop_recommenders.sequences.esasrec import EsasRec, EsasRecConfig
from shop_recommenders.sequences.gru4rec import Gru4Rec, Gru4RecConfig
from shop_recommenders.sequences.item2vec import Item2Vec, Item2VecConfig
from shop_recommenders.sequences.sasrec import SasRec, SasRecConfig

ITEMS = 12
FAST = {
    "embedding_size": 16,
    "learning_rate": 0.005,
    "batch_size": 16,
    "max_length": 6,
    "negatives": 6,
    "dropout": 0.0,
    "item_dropout": 0.0,
}
MADE = {
    "sasrec": lambda **more: SasRec(SasRecConfig(**{**FAST, "epochs": 40, **more})),
    "esasrec": lambda **more: EsasRec(EsasRecConfig(**{**FAST, "epochs": 40, **more})),
    "gru4rec": lambda **more: Gru4Rec(Gru4RecConfig(**{**FAST, "epochs": 40, **more})),
    "bert4rec": lambda **more: Bert4Rec(Bert4RecConfig(**{**FAST, "epochs": 60, "mask_last": 0.5, **more})),
    "caser": lambda **more: Caser(
        CaserConfig(embedding_size=16, learning_rate=0.01, batch_size=64, targets=1, dropout=0.0, epochs=12, **more)
    ),
}


def _cycle(log_of):
    """Users who take each item after the one before it, round and round, starting anywhere; the 13th is never taken.

    Users have more items than are read, so that every place was learned.
    """
    rng = np.random.default_rng(0)
    events = []
    for user in range(80):
        start, length = rng.integers(ITEMS), rng.integers(4, 12)
        events += [(user, int((start + step) % ITEMS), int(50 - step)) for step in range(length)]
    return log_of(events, users=81, items=ITEMS + 1)


def _told(queries, history):
    return dataclasses.replace(queries, history=np.array(history, dtype=np.int32))


@pytest.mark.parametrize("name", MADE)
def test_foretells_what_always_comes_next(name, log_of, ask, tmp_path):
    data = _cycle(log_of)
    recommender = MADE[name]()
    fit(recommender, data, tiny_context(tmp_path), TrainerConfig(accelerator="cpu"))
    history = [[-1, (item - 2) % ITEMS, (item - 1) % ITEMS, item] for item in range(ITEMS)]
    slates = recommender.recommend(_told(ask([-1] * ITEMS), history), ITEMS + 1)
    np.testing.assert_array_equal(slates.items[:, 0], (np.arange(ITEMS) + 1) % ITEMS)
    assert not slates.fallback.any()
    np.testing.assert_array_equal(slates.items[:, -1], ITEMS)
    # Known users without a history in the query are answered by their own, those without any by popularity.
    last = data.events.item[[np.flatnonzero(data.events.user == user)[-1] for user in range(20)]]
    known = recommender.recommend(ask([*range(20), 80, -1]), 1)
    np.testing.assert_array_equal(known.items[:20, 0], (last + 1) % ITEMS)
    np.testing.assert_array_equal(known.fallback, [False] * 20 + [True] * 2)


def test_item2vec_puts_items_of_like_company_together(log_of, ask, tmp_path):
    """Two shops side by side: whoever takes an item of one takes others of it; cosine ranks those before the rest."""
    rng = np.random.default_rng(0)
    events = [
        (user, int(item) + 6 * (user % 2), 1 + place)
        for user in range(60)
        for place, item in enumerate(rng.permutation(6)[:4])
    ]
    recommender = Item2Vec(Item2VecConfig(embedding_size=8, subsampling=0.0, batch_size=128, learning_rate=0.02))
    fit(recommender, log_of(events, users=60, items=12), tiny_context(tmp_path), TrainerConfig(accelerator="cpu"))
    slates = recommender.recommend(_told(ask([-1] * 12), [[item] for item in range(12)]), 6)
    for item, row in enumerate(slates.items):
        assert set(row.tolist()) == set(range(6) if item < 6 else range(6, 12))
    # One item's own direction is its best match, with cosine 1.
    np.testing.assert_array_equal(slates.items[:, 0], np.arange(12))
    np.testing.assert_allclose(slates.scores[:, 0], 1.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("config", "bad"),
    [
        (SasRecConfig, {"embedding_size": 0}),
        (SasRecConfig, {"embedding_size": 10, "heads": 3}),
        (SasRecConfig, {"dropout": 1.0}),
        (Bert4RecConfig, {"item_dropout": -0.1}),
        (CaserConfig, {"dropout": 1.0}),
        (SasRecConfig, {"learning_rate": 0.0}),
        (SasRecConfig, {"calibration": 1.5}),
        (SasRecConfig, {"loss": "bce", "correct_sampling": True}),
        (EsasRecConfig, {"widening": 0}),
        (EsasRecConfig, {"sampling_power": -1.0}),
        (Gru4RecConfig, {"layers": 0}),
        (Gru4RecConfig, {"regularization": float("nan")}),
        (Gru4RecConfig, {"gradient_clip": 0.0}),
        (Bert4RecConfig, {"mask_share": 0.0}),
        (Bert4RecConfig, {"mask_last": 1.5}),
        (Bert4RecConfig, {"max_length": 1}),
        (CaserConfig, {"vertical": -1}),
        (CaserConfig, {"weight_decay": -1.0}),
        (Item2VecConfig, {"window": 0}),
        (Item2VecConfig, {"subsampling": -1.0}),
    ],
)
def test_refuses_what_makes_no_sense(config, bad):
    with pytest.raises(ConfigError, match=next(iter(bad))):
        config(**bad)


@pytest.mark.parametrize("name", MADE)
def test_refuses_a_log_without_sequences(name, log_of, context):
    with pytest.raises(DataError, match=f"{name} learns from users with two events"):
        MADE[name]().training(log_of([(0, 1), (1, 2)], users=2, items=3), context)
