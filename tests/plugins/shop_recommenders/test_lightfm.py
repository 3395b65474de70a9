"""LightFM against its equations written out feature by feature, and on a shop where only features tell."""

import dataclasses

import numpy as np
import pytest
import torch

from framework.config import TrainerConfig
from framework.data.tables import Dataset, FeatureTable, ItemTable
from framework.errors import ConfigError, DataError
from framework.kinds import TakesItems
from framework.testing import fingerprint, tiny_dataset, tiny_queries
from framework.training.fit import fit
from shop_recommenders.factors.lightfm import LightFm, LightFmConfig
from shop_recommenders.factors.lightfm_features import ItemFeatures, user_features

CPU = TrainerConfig(accelerator="cpu")


def _table(rows) -> ItemTable:
    """Items of (category or None, price, text)."""
    names = tuple(sorted({category for category, *_ in rows if category}))
    places = [names.index(category) if category else -1 for category, *_ in rows]
    prices = np.array([price for _, price, _ in rows], dtype=np.int64)
    return ItemTable(np.array(places, dtype=np.int32), names, prices, tuple(text for *_, text in rows))


def _named_features(data, user, item, *, ids=True):
    """The features of one user and one item by name, from the data set alone: segment, category, tenth of the price."""
    table = data.item_table
    known = np.sort(table.price[table.price > 0])
    edges = np.unique(np.quantile(known, np.linspace(0, 1, 11)[1:-1]))
    words = [set(text.split()) for text in table.text]
    shared = {word for word in set().union(*words) if len(word) > 1 and sum(word in other for other in words) > 1}
    of_user = {("segment", int(data.segments[user]))} | ({("user", user)} if ids else set())
    of_item = {("category", int(table.category[item])), ("band", int((edges <= table.price[item]).sum()))}
    of_item |= {("word", word) for word in words[item] & shared} | ({("item", item)} if ids else set())
    return of_user, of_item


def test_items_have_the_features_that_are_told_of_them():
    table = _table([("b", 100, "Red shoe"), ("a", 0, "red shoe, new!"), (None, 300, "a Hat"), ("b", 200, "hat new")])
    features = ItemFeatures.of(table, ["category", "price", "words"], bands=2, most_words=3)
    assert features.categories == ("a", "b")
    assert features.prices.tolist() == [-np.inf, 200.0]
    assert features.words == ("hat", "new", "red")  # as many texts hold "shoe"; the alphabet decides
    assert features.rows(table).toarray().tolist() == [
        [0, 1, 1, 0, 0, 0, 1],
        [1, 0, 0, 0, 0, 1, 1],
        [0, 0, 0, 1, 1, 0, 0],
        [0, 1, 0, 1, 1, 1, 0],
    ]
    of_price = ItemFeatures.of(table, ["price"], bands=3, most_words=9).rows(table).toarray()
    assert of_price.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 1], [0, 1, 0]]
    later = _table([("c", 1, "unheard of"), ("a", 999, "New RED")])
    assert features.rows(later).toarray().tolist() == [[0, 0, 1, 0, 0, 0, 0], [1, 0, 0, 1, 0, 1, 1]]


def test_users_have_segments_and_bands(log_of):
    data = log_of([(0, 0)], users=4, items=1, segments=[1, 0, -1, 1], names=("s", "t"))
    values = np.array([[1.0], [2.0], [np.nan], [4.0]])
    data = dataclasses.replace(data, features=FeatureTable(("tenure_days",), values))
    rows = user_features(data, ["segment", "tenure_days"], bands=3).toarray()
    of_users = [[1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0], [0, 0, 0, 1, 0, 0], [0, 0, 1, 0, 0, 1]]
    assert rows.tolist() == [*of_users, [0, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1]]
    assert user_features(data, [], bands=3).shape == (6, 2)
    assert not user_features(dataclasses.replace(data, segments=None), ["segment"], bands=3).nnz
    with pytest.raises(ConfigError, match=r"'tenure', which is known of no user\. Allowed: segment, tenure_days"):
        user_features(data, ["tenure"], bands=3)


def _weston(n):
    return sum(1.0 / k for k in range(1, n + 1))


def _losses(kind, score, batch, items):
    """The losses of a batch, purchase by purchase, sampled item by sampled item."""
    found = []
    for place, (u, i) in enumerate(zip(batch[0].tolist(), batch[1].tolist(), strict=True)):
        if kind == "warp":
            loss = 0.0
            for tries, j in enumerate(batch[2][place].tolist(), start=1):
                hinge = 1.0 - score[u, i] + score[u, j]
                if hinge > 0:
                    loss = _weston((items - 1) // tries) * hinge
                    break
        else:
            free = [j for n, j in enumerate(batch[2].tolist()) if not batch[3][place, n]]
            if kind == "bpr":
                loss = np.mean([np.log1p(np.exp(score[u, j] - score[u, i])) for j in free])
            else:
                loss = np.log1p(np.exp(-score[u, i])) + np.mean([np.log1p(np.exp(score[u, j])) for j in free])
        found.append(loss)
    return float(np.mean(found))


@pytest.mark.reference
@pytest.mark.parametrize("ids", [True, False])
@pytest.mark.parametrize("kind", ["warp", "bpr", "logistic"])
def test_score_loss_and_gradient_are_the_papers(context, kind, ids):
    """Scores from sums over named features; the loss purchase by purchase; its gradient by central differences."""
    data = tiny_dataset(1)
    config = LightFmConfig(
        loss=kind, ids=ids, embedding_size=3, initial_scale=0.5, regularization=0.3, batch_size=30, negatives=7, tries=4
    )
    model = LightFm(config)
    training = model.training(data, context)
    module, batch = training.module, next(iter(training.loader))
    rng = np.random.default_rng(3)
    with torch.no_grad():
        for part in (module.users, module.items):
            part[:, -1] = torch.from_numpy(rng.standard_normal(len(part)).astype(np.float32))
    bought = data.matrix(binary=True)
    users, items = np.flatnonzero(np.diff(bought.indptr)), np.flatnonzero(bought.getnnz(axis=0))
    # Columns get names by which rows hold them; a set of rows that no other feature has is its name here.
    rows = model._user_rows.toarray()[users], model._item_rows.toarray()[items]
    named = [
        [_named_features(data, user, 0, ids=ids)[0] for user in users],
        [_named_features(data, 0, item, ids=ids)[1] for item in items],
    ]
    for side, sets in zip(rows, named, strict=True):
        expected = sorted("".join("01"[feature in own] for own in sets) for feature in set().union(*sets))
        assert sorted("".join("01"[int(value)] for value in column) for column in side.T) == expected

    def objective(of_users, of_items):
        q, p = rows[0] @ of_users, rows[1] @ of_items
        score = q[:, :-1] @ p[:, :-1].T + q[:, -1:] + p[:, -1]
        squares = [
            side @ (vectors[:, :-1] ** 2).sum(axis=1) for side, vectors in zip(rows, (of_users, of_items), strict=True)
        ]
        parts = (squares[0][batch[0]], squares[1][batch[1]], squares[1][batch[2]])
        return _losses(kind, score, batch, len(items)) + 0.15 * sum(part.mean() for part in parts)

    vectors = [part.astype(np.float64) for part in module.weights()]
    loss = module.training_step(batch, 0)
    assert float(loss.detach()) == pytest.approx(objective(*vectors), rel=1e-5)
    loss.backward()
    for side, part in enumerate((module.users, module.items)):
        for place in rng.integers(0, vectors[side].size, 12):
            step = np.zeros(vectors[side].size)
            step[place] = 1e-6
            moved = [vectors[side] + sign * step.reshape(vectors[side].shape) for sign in (1, -1)]
            both = [objective(*vectors[:side], one, *vectors[side + 1 :]) for one in moved]
            assert float(part.grad.reshape(-1)[place]) == pytest.approx((both[0] - both[1]) / 2e-6, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("kind", ["warp", "bpr", "logistic"])
def test_ranks_by_the_sums(context, kind):
    data = tiny_dataset(2)
    model = LightFm(LightFmConfig(loss=kind, embedding_size=4, batch_size=50, learning_rate=0.03))
    fit(model, data, context, dataclasses.replace(CPU, epochs=2))
    queries = tiny_queries(data)
    slates = model.recommend(queries, 20)
    users, items = (part.astype(np.float64) for part in model._module.weights())
    q, p = (side @ vectors for side, vectors in ((model._user_rows, users), (model._item_rows, items)))
    score = (q[:, :-1] @ p[:, :-1].T + q[:, -1:] + p[:, -1])[: len(data.users)]
    np.testing.assert_allclose(slates.scores[:-2], -np.sort(-score, axis=1), rtol=1e-4, atol=1e-5)
    assert slates.fallback.tolist() == [False] * len(data.users) + [True, True]


def _planted(log_of, rng):
    """Users of two segments, items of two categories with 20 each; of each category 5 items were never bought."""
    events = [(user, int(item) + 20 * (user // 40)) for user in range(80) for item in rng.choice(15, 6, replace=False)]
    data = log_of(events, users=84, items=40, segments=[0] * 40 + [1] * 40 + [0, 0, 1, 1], names=("left", "right"))
    table = _table([("ab"[item // 20], 100, f"thing of {'ab'[item // 20]}") for item in range(40)])
    return dataclasses.replace(data, item_table=table)


COLD = np.array([*range(15, 20), *range(35, 40)])


@pytest.mark.parametrize("kind", ["warp", "bpr", "logistic"])
def test_features_rank_items_that_nobody_bought(log_of, ask, context, kind):
    """Of ten new items, five are of the category of everything that a user bought: they must come before the others.

    Without features these come last, by item index, so that half the users have them wrong.
    """
    data = _planted(log_of, np.random.default_rng(0))
    queries = ask(list(range(80)))
    found = {}
    for features in (["category"], []):
        model = LightFm(
            LightFmConfig(loss=kind, item_features=features, embedding_size=4, batch_size=50, learning_rate=0.03)
        )
        fit(model, data, context, dataclasses.replace(CPU, epochs=6))
        items = model.recommend(queries, 40).items
        cold = np.array([row[np.isin(row, COLD)] for row in items])
        found[len(features)] = (cold[:, :5] // 20 == np.arange(80)[:, None] // 40).mean()
        if not features:
            assert items[:, 30:].tolist() == [COLD.tolist()] * 80
        else:
            # They stand among the items that somebody bought, before those of the other category.
            assert (np.argmax(np.isin(items, COLD), axis=1) < 20).mean() > 0.95
    assert found[0] == 0.5
    assert found[1] > 0.95


def test_users_without_purchases_and_strangers_are_answered_by_their_segment(log_of, ask, context):
    data = _planted(log_of, np.random.default_rng(1))
    model = LightFm(LightFmConfig(embedding_size=4, batch_size=50, learning_rate=0.03))
    fit(model, data, context, dataclasses.replace(CPU, epochs=6))
    names = ("right", "unheard", "left")
    queries = ask([80, 83, -1, -1, -1, -1], segments=[-1, -1, 0, 2, 1, -1], names=names)
    slates = model.recommend(queries, 15)
    assert slates.fallback.tolist() == [False] * 4 + [True] * 2
    assert (slates.items[:4] // 20 == [[0], [1], [1], [0]]).mean() > 0.9
    assert slates.items[4].tolist() == slates.items[5].tolist()
    told = dataclasses.replace(queries, history=np.array([[1, 2]] * 6, dtype=np.int32))
    assert fingerprint(model.recommend(told, 15)) == fingerprint(slates)
    plain = LightFm(LightFmConfig(embedding_size=4, batch_size=50, learning_rate=0.03, user_features=()))
    fit(plain, data, context, dataclasses.replace(CPU, epochs=1))
    assert plain.recommend(queries, 15).fallback.all()


def test_items_that_come_later_are_ranked_by_their_features(log_of, ask, context):
    data = _planted(log_of, np.random.default_rng(2))
    fitted = LightFm(LightFmConfig(embedding_size=4, batch_size=50, learning_rate=0.03))
    fit(fitted, data, context, dataclasses.replace(CPU, epochs=6))
    model = LightFm(fitted.config)
    model.restore(dict(fitted.state()))
    assert isinstance(model, TakesItems)
    queries = ask(list(range(80)))
    before = model.recommend(queries, 40)
    later = _table([("b", 100, "thing of b"), ("z", 0, "unheard"), ("a", 100, "thing of a")])
    model.take_items(np.array(["x", "y", "z"]), later)
    slates = model.recommend(queries, 43)
    assert (slates.items[:, -1] == 41).all()  # of which nothing is known
    place = np.argsort(slates.items, axis=1)
    first = np.where(place[:, 40] < place[:, 42], 1, 0)
    assert (first == np.arange(80) // 40).mean() > 0.95
    known = np.array([row[row < 40] for row in slates.items])
    np.testing.assert_array_equal(known, before.items)


def test_without_features_it_is_as_good_as_bpr(context):
    """Nothing but ids and biases is left: as many test purchases are found as by BPR, give or take a fifth."""
    from shop_recommenders.factors.bpr import Bpr, BprConfig

    whole = tiny_dataset(3, users=300, items=60)
    bought = np.flatnonzero(whole.events.kind == whole.events.kinds.index("purchase"))
    held = np.random.default_rng(0).choice(bought, len(bought) // 5, replace=False)
    kept = np.ones(len(whole.events), dtype=bool)
    kept[held] = False
    data = dataclasses.replace(whole, events=whole.events.where(kept), segments=None, segment_names=())
    hits = []
    for model in (
        LightFm(LightFmConfig(loss="bpr", item_features=(), embedding_size=8, batch_size=200)),
        Bpr(BprConfig(embedding_size=8, batch_size=200, decay=False)),
    ):
        fit(model, data, context, dataclasses.replace(CPU, epochs=10))
        slates = model.recommend(tiny_queries(data), 10)
        users, items = whole.events.user[held], whole.events.item[held]
        hits.append(int((slates.items[users] == items[:, None]).any(axis=1).sum()))
    assert hits[0] > 0.8 * hits[1]
    assert hits[1] > 0.8 * hits[0]


def test_what_cannot_be_learned_from_is_refused(log_of, context):
    data: Dataset = log_of([(0, 1)], users=2, items=3)
    with pytest.raises(DataError, match="lightfm learns from events of the kind view"):
        LightFm(LightFmConfig(kinds=["view"])).training(data, context)
    with pytest.raises(DataError, match="lightfm has no feature of any item to learn from"):
        LightFm(LightFmConfig(ids=False, item_features=["words"])).training(data, context)
    for wrong in ({"tries": 0}, {"learning_rate": 0.0}, {"regularization": -1.0}, {"loss": "hinge"}, {"bands": 0}):
        with pytest.raises(ConfigError, match=f"lightfm's {next(iter(wrong))}"):
            LightFmConfig(**wrong)
    with pytest.raises(ConfigError, match=r"item_features names 'colour'\. Allowed: category, price, words"):
        LightFmConfig(item_features=["colour"])
