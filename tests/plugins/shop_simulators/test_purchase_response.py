"""The fitted simulator: its sample stands for the whole, its chances are those it draws, its check can fail."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from framework.data.tables import Dataset, Window
from framework.errors import DataError
from framework.records import Actions, Context
from framework.testing.tiny import tiny_context, tiny_dataset, tiny_queries, tiny_window
from shop_simulators.pair_features import NAMES, PairFeatures
from shop_simulators.purchase_response import PurchaseResponse, sample_pairs


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return tiny_context(tmp_path)


@pytest.fixture
def data() -> Dataset:
    return tiny_dataset(users=800, items=30)


@pytest.fixture
def later(data: Dataset) -> Window:
    return tiny_window(data)


@pytest.fixture
def fitted(data: Dataset, later: Window, context: Context) -> PurchaseResponse:
    simulator = PurchaseResponse(PurchaseResponse.Config())
    simulator.fit(data, later, context)
    return simulator


def bought_pairs(data: Dataset, later: Window) -> set[tuple[int, int]]:
    events = later.events.of_kind("purchase")
    owners = later.user_index[events.user]
    return {(int(u), int(i)) for u, i in zip(owners, events.item, strict=True) if u >= 0 and i >= 0}


def test_the_sample_stands_for_all_pairs_of_buyers_and_items(data: Dataset, later: Window) -> None:
    truth = bought_pairs(data, later)
    buyers = {user for user, _ in truth}
    pairs = sample_pairs(data, later, 400, np.random.default_rng(0))
    bought = pairs.bought == 1
    assert {(int(u), int(i)) for u, i in zip(pairs.user[bought], pairs.item[bought], strict=True)} == truth
    assert not truth & {(int(u), int(i)) for u, i in zip(pairs.user[~bought], pairs.item[~bought], strict=True)}
    # The weights of the pairs left add up to the number of such pairs, up to sampling error.
    assert pairs.weight[~bought].sum() == pytest.approx(len(buyers) * len(data.items) - len(truth), rel=0.02)


def test_pair_features_by_hand(data: Dataset) -> None:
    tables = PairFeatures.of(data)
    counts = data.matrix(("purchase",)).toarray()
    binary = counts > 0
    user, item = np.array([3, 40, 41], dtype=np.int32), np.array([0, 5, 7], dtype=np.int32)
    rows = tables.rows(user, item)
    assert rows.shape == (3, len(NAMES))
    floor = 0.5 / len(data.users)
    np.testing.assert_allclose(rows[:, NAMES.index("all-time popularity")], np.log(binary.mean(axis=0)[item] + floor))
    np.testing.assert_allclose(rows[:, NAMES.index("bought before")], binary[user, item])
    norms = np.sqrt(binary.sum(axis=0))
    cosine = (binary.T.astype(float) @ binary) / np.maximum(np.outer(norms, norms), 1)
    np.fill_diagonal(cosine, 0.0)
    alike = (counts[user] * cosine[item]).sum(axis=1) / np.sqrt(np.maximum(binary[user].sum(axis=1), 1))
    np.testing.assert_allclose(rows[:, NAMES.index("likeness to the user's items")], np.log1p(alike), rtol=1e-5)


def test_forecasts_add_up_to_what_they_were_fitted_on(data: Dataset, later: Window, fitted: PurchaseResponse) -> None:
    # Poisson and logistic regressions with an intercept reproduce the totals of their data (score equations); the
    # small L2 penalty leaves the intercept alone.
    events = later.events.of_kind("purchase")
    known = later.user_index[events.user] >= 0
    orders = len(set(zip(events.user[known], events.order[known], strict=True)))
    assert fitted.order_rates(data).sum() == pytest.approx(orders, rel=0.01)
    pairs = sample_pairs(data, later, 200, np.random.default_rng(1))
    chance = fitted.pair_probabilities(PairFeatures.of(data), pairs.user, pairs.item)
    assert (pairs.weight * chance).sum() == pytest.approx(pairs.bought.sum(), rel=0.05)


def test_responses_come_as_often_as_foretold(data: Dataset, fitted: PurchaseResponse) -> None:
    queries = tiny_queries(data)
    queries = queries.take(np.flatnonzero(queries.user >= 0))
    items = np.tile(np.array([0, 4, 9], dtype=np.int32), (len(queries), 1))
    actions = Actions(items, np.ones(items.shape))
    drawn = [fitted.respond(queries, actions, np.random.default_rng(seed)) for seed in range(200)]
    share = np.mean([responses.bought for responses in drawn], axis=(0, 1))
    active = 1 - np.exp(-fitted.order_rates(data))
    tables = PairFeatures.of(data)
    expected = [(active * fitted.pair_probabilities(tables, queries.user, items[:, p])).mean() for p in range(3)]
    assert share == pytest.approx(expected, rel=0.08)
    some = drawn[0]
    assert ((some.amount > 0) == some.bought).all()
    assert (some.orders <= some.visits).all()
    assert ((some.orders > 0) == some.bought.any(axis=1)).all()


def test_the_check_trusts_its_own_window_and_not_a_scrambled_one(
    data: Dataset, later: Window, fitted: PurchaseResponse, context: Context
) -> None:
    honest = fitted.check(data, later, context)
    assert honest.trusted, honest.sentence
    few = later.events.where(np.arange(len(later.events)) % 8 == 0)
    wrong = fitted.check(data, replace(later, events=few), context)
    assert not wrong.trusted
    assert "times the actual" in wrong.sentence


def test_nobody_known_buying_is_an_error(data: Dataset, later: Window, context: Context) -> None:
    strangers = replace(later, user_index=np.full_like(later.user_index, -1))
    with pytest.raises(DataError, match=r"data\.split\.validation"):
        PurchaseResponse(PurchaseResponse.Config()).fit(data, strangers, context)


def test_a_sample_of_buyers_stands_for_all(data: Dataset, later: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sample_pairs(data, later, 200, np.random.default_rng(0))
    monkeypatch.setattr("shop_simulators.purchase_response.MOST_BUYERS", 200)
    part = sample_pairs(data, later, 200, np.random.default_rng(0))
    assert len(np.unique(part.user)) == 200
    assert part.weight.sum() == pytest.approx(whole.weight.sum(), rel=0.02)


def test_a_window_without_known_purchases_is_not_trusted(
    data: Dataset, later: Window, fitted: PurchaseResponse, context: Context
) -> None:
    strangers = replace(later, user_index=np.full_like(later.user_index, -1))
    check = fitted.check(data, strangers, context)
    assert not check.trusted
    assert "no known user" in check.sentence
