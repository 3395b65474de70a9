"""The simulator that knows: exact where nothing is planted, gains where something is, frequencies as expected."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from framework.data.tables import Dataset, FeatureTable, Interactions, ItemTable, Window
from framework.errors import ConfigError, DataError
from framework.kinds import Simulator
from framework.records import Actions, Context, Queries, Responses
from framework.testing.simulator import SimulatorTests
from shop_simulators.synthetic_shop import SyntheticShop, SyntheticShopConfig
from shop_sources.synthetic_shop import SyntheticShop as Shop
from shop_sources.synthetic_shop import SyntheticShopConfig as ShopConfig

SHOP = ShopConfig(users=800, items=120, events=20_000, days=60, seed=7)
POSITIONS = 10


class TestConformance(SimulatorTests):
    """The suite that every simulator passes, on its data under the shop's ids."""

    component: ClassVar[type[Any] | str] = SyntheticShop
    name: ClassVar[str] = "synthetic_shop"

    @pytest.fixture(autouse=True)
    def _shop(self, tmp_path: Path) -> None:
        Shop(replace(SHOP, users=300, items=20)).read(context(tmp_path / "shop"))
        self.truth = str(tmp_path / "shop")

    def make(self) -> SyntheticShop:
        return SyntheticShop(SyntheticShopConfig(truth=self.truth))

    def data(self) -> Dataset:
        tiny = super().data()
        users = np.array([f"U{n:07d}" for n in range(len(tiny.users))])
        return replace(tiny, users=users, items=np.array([f"I{n:06d}" for n in range(len(tiny.items))]))


def context(folder: Path, seed: int = 0) -> Context:
    return Context(np.random.default_rng(seed), "cpu", folder, logging.getLogger("test"))


def events(
    user: NDArray[np.int32] | None = None,
) -> Interactions:
    n = 0 if user is None else len(user)
    return Interactions(
        user=np.zeros(0, dtype=np.int32) if user is None else user,
        item=np.zeros(n, dtype=np.int32),
        kind=np.zeros(n, dtype=np.int8),
        time=np.zeros(n, dtype=np.int64),
        quantity=np.ones(n),
        amount=np.zeros(n, dtype=np.int64),
        order=np.arange(n, dtype=np.int64),
        kinds=("view",),
    )


def dataset(users: list[str], items: list[str]) -> Dataset:
    table = ItemTable(np.zeros(len(items), np.int32), ("all",), np.ones(len(items), np.int64), ("",) * len(items))
    features = FeatureTable((), np.zeros((len(users), 0)))
    return Dataset(np.array(users), np.array(items), events(), features, table, as_of=0)


EMPTY = Window(0, 1, np.array([], dtype=np.str_), np.array([], dtype=np.int32), events())


@dataclass(frozen=True)
class Fitted:
    simulator: SyntheticShop
    queries: Queries
    data: Dataset


def fitted(folder: Path, shop: ShopConfig) -> Fitted:
    Shop(shop).read(context(folder / "source"))
    # Items of the data set are a part of the truth's: their indices differ.
    data = dataset([f"U{n:07d}" for n in range(shop.users)], [f"I{n:06d}" for n in range(0, shop.items, 2)])
    simulator = SyntheticShop(SyntheticShopConfig())
    simulator.fit(data, EMPTY, context(folder / "simulator"))
    n = len(data.users)
    return Fitted(
        simulator,
        Queries(np.arange(n, dtype=np.int32), data.users, np.full(n, -1, dtype=np.int32), (), POSITIONS),
        data,
    )


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fitted(tmp_path_factory.mktemp("one"), SHOP)


@pytest.fixture(scope="module")
def null(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    return fitted(tmp_path_factory.mktemp("zero"), replace(SHOP, planted_effect=0.0))


def actions(items: NDArray[np.int32]) -> Actions:
    return Actions(items.astype(np.int32), np.ones(items.shape))


def pages(world: Fitted, seed: int) -> NDArray[np.int32]:
    """Random pages of distinct items."""
    rng = np.random.default_rng(seed)
    scores = rng.random((len(world.queries), len(world.data.items)))
    return np.argsort(scores, axis=1)[:, :POSITIONS].astype(np.int32)


def best_pages(world: Fitted) -> NDArray[np.int32]:
    appeal = world.simulator.appeal(world.queries, np.arange(len(world.data.items), dtype=np.int32))
    return np.argsort(-appeal, axis=1, kind="stable")[:, :POSITIONS].astype(np.int32)


def test_is_a_simulator(planted: Fitted) -> None:
    assert isinstance(planted.simulator, Simulator)


def test_affinity_is_centred_and_scaled_over_the_whole_catalogue(tmp_path: Path) -> None:
    world = fitted(tmp_path, replace(SHOP, items=60))
    everything = dataset(list(world.data.users), [f"I{n:06d}" for n in range(60)])
    world.simulator.prepare(everything)
    appeal = world.simulator.appeal(world.queries, np.arange(60, dtype=np.int32))
    np.testing.assert_allclose(appeal.mean(axis=1), 0.0, atol=1e-6)
    # Categories and tiers are drawn apart, so their covariance over few items leaves a little room.
    assert appeal.std() == pytest.approx(1.0, abs=0.1)


def test_without_planted_effect_every_page_is_worth_exactly_the_same(null: Fitted) -> None:
    first = null.simulator.expected(null.queries, actions(pages(null, 1)))
    for other in (pages(null, 2), best_pages(null), np.tile(np.arange(POSITIONS), (len(null.queries), 1))):
        second = null.simulator.expected(null.queries, actions(other))
        np.testing.assert_array_equal(first[0], second[0])
        np.testing.assert_array_equal(first[1], second[1])


def test_with_planted_effect_liked_pages_win_for_every_segment(planted: Fitted) -> None:
    random, best = (
        planted.simulator.expected(planted.queries, actions(p)) for p in (pages(planted, 1), best_pages(planted))
    )
    assert (best[0] > random[0]).mean() > 0.99
    assert best[0].mean() > random[0].mean() + 0.05
    assert best[1].mean() > 1.3 * random[1].mean()


def test_effect_grows_with_the_parameter(tmp_path: Path, planted: Fitted, null: Fitted) -> None:
    half = fitted(tmp_path, replace(SHOP, planted_effect=0.5))
    gains = []
    for world in (null, half, planted):
        best, random = (
            world.simulator.expected(world.queries, actions(p))[0].mean() for p in (best_pages(world), pages(world, 1))
        )
        gains.append(best - random)
    assert gains[0] == 0.0
    assert gains[0] < gains[1] < gains[2]


@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_frequencies_match_the_exact_expectation(effect: float, planted: Fitted, null: Fitted) -> None:
    world = planted if effect else null
    page = actions(best_pages(world))
    conversion, revenue = world.simulator.expected(world.queries, page)
    draws = 200
    converted, money = [], []
    for seed in range(draws):
        responses = world.simulator.respond(world.queries, page, np.random.default_rng(seed))
        converted.append(responses.bought.any(axis=1))
        money.append(responses.amount.sum(axis=1))
    # Per user: 4.5 standard errors hold for 800 users at once with 99.5 % chance (Bonferroni); means: 4.
    share = np.mean(converted, axis=0)
    error = np.sqrt(conversion * (1 - conversion) / draws)
    assert (np.abs(share - conversion) < 4.5 * error + 1.0 / draws).all()
    assert abs(share.mean() - conversion.mean()) < 4 * np.sqrt((error**2).sum()) / len(error)
    spent = np.array(money)
    assert abs(spent.mean() - revenue.mean()) < 4 * spent.sum(axis=1).std() / len(error) / np.sqrt(draws)


def test_conversion_is_of_a_shop_s_order_of_magnitude(planted: Fitted) -> None:
    for page in (pages(planted, 1), best_pages(planted)):
        assert 0.08 < planted.simulator.expected(planted.queries, actions(page))[0].mean() < 0.35


def test_visits_are_poisson(planted: Fitted) -> None:
    # Rates differ between users: the sum over users has mean and variance equal to the sum of the rates.
    rate = planted.simulator._truth.visit_rate
    page = actions(pages(planted, 1))
    totals = [
        int(planted.simulator.respond(planted.queries, page, np.random.default_rng(seed)).visits.sum())
        for seed in range(300)
    ]
    assert np.mean(totals) == pytest.approx(rate.sum(), abs=4 * np.sqrt(rate.sum() / 300))
    assert np.var(totals) == pytest.approx(rate.sum(), rel=4 * np.sqrt(2 / 300))


def test_responses_hang_together(planted: Fitted) -> None:
    page = pages(planted, 3)
    page[:, -2:] = -1
    page[0] = -1
    responses = planted.simulator.respond(planted.queries, actions(page), np.random.default_rng(1))
    assert not (responses.bought & ~responses.clicked).any()
    assert responses.clicked.sum() > 1.5 * responses.bought.sum()
    assert ((responses.amount > 0) == responses.bought).all()
    assert not responses.clicked[page == -1].any()
    assert not responses.clicked[responses.visits == 0].any()
    assert (responses.orders <= np.minimum(responses.bought.sum(axis=1), responses.visits)).all()
    assert ((responses.orders > 0) == responses.bought.any(axis=1)).all()
    conversion, revenue = planted.simulator.expected(planted.queries, actions(page))
    assert conversion[0] == revenue[0] == 0.0
    assert responses.bought.dtype == bool
    assert (responses.amount.dtype, responses.orders.dtype, responses.visits.dtype) == (np.int64, np.int32, np.int32)


def _same(first: Responses, second: Responses, at: tuple[NDArray[np.intp] | slice, slice]) -> None:
    for name in ("clicked", "bought", "amount"):
        np.testing.assert_array_equal(getattr(first, name)[at], getattr(second, name)[at])


def test_common_random_numbers(planted: Fitted) -> None:
    simulator, queries = planted.simulator, planted.queries
    page, other = pages(planted, 4), pages(planted, 5)
    first = simulator.respond(queries, actions(page), np.random.default_rng(9))
    _same(first, simulator.respond(queries, actions(page), np.random.default_rng(9)), (slice(None), slice(None)))
    # The first five positions alike, other company below; the reversed half of the users.
    mixed = page.copy()
    for row, strange in enumerate(other):
        mixed[row, 5:] = [item for item in strange if item not in set(page[row, :5])][:5]
    _same(first, simulator.respond(queries, actions(mixed), np.random.default_rng(9)), (slice(None), slice(0, 5)))
    rows = np.arange(len(queries) // 2)[::-1]
    part = simulator.respond(queries.take(rows), actions(page[rows]), np.random.default_rng(9))
    for name in ("clicked", "bought", "amount", "visits", "orders"):
        np.testing.assert_array_equal(getattr(part, name), getattr(first, name)[rows])
    # A better position never loses a purchase.
    moved = np.roll(page, -1, axis=1)
    better = simulator.respond(queries, actions(moved), np.random.default_rng(9))
    assert not (first.bought[:, 1:] & ~better.bought[:, :-1]).any()
    fresh = simulator.respond(queries, actions(page), np.random.default_rng(10))
    assert (fresh.bought != first.bought).any()


def test_check_says_that_it_is_the_truth_and_compares_activity(planted: Fitted) -> None:
    days = 14
    rng = np.random.default_rng(2)
    truth = planted.simulator._truth
    # Activity as planted: Poisson sessions for 14 days.
    came = np.flatnonzero(rng.poisson(truth.sessions_per_day * days) > 0).astype(np.int32)
    window = Window(
        0, days * 86_400_000_000, planted.data.users[came], came, events(np.arange(len(came), dtype=np.int32))
    )
    check = planted.simulator.check(planted.data, window, context(Path("unused")))
    assert check.trusted
    assert "by construction" in check.sentence
    assert [row["segment"] for row in check.rows] == [None, *truth.segment_names]
    assert check.rows[0]["ci_low"] < check.rows[0]["predicted"] < check.rows[0]["ci_high"]
    assert check.scores["log_loss"] < check.scores["log_loss_baseline"]
    # Users told apart by the study's own segments, where there are any.
    labels = (np.arange(len(planted.data.users)) % 2).astype(np.int32)
    own = replace(planted.data, segments=labels, segment_names=("even", "odd"))
    check = planted.simulator.check(own, window, context(Path("unused")))
    assert [(row["segment"], row["users"]) for row in check.rows[1:]] == [("even", 400), ("odd", 400)]


def test_truth_is_found_or_the_error_says_what_to_do(tmp_path: Path) -> None:
    data = dataset(["U0000000"], ["I000000"])
    lost = SyntheticShop(SyntheticShopConfig())
    with pytest.raises(ConfigError, match=r"no truth\.json.*simulator\.params\.truth"):
        lost.fit(data, EMPTY, context(tmp_path / "work" / "simulator"))
    small = replace(SHOP, users=20, items=10, events=300, days=10, folder=str(tmp_path / "elsewhere"))
    raw = Shop(small).read(context(tmp_path / "work" / "source"))
    lost.fit(data, EMPTY, context(tmp_path / "work" / "simulator"))
    for name in (raw.paths[0].parent, raw.paths[0].parent / "truth", raw.paths[0].parent / "truth" / "truth.json"):
        named = SyntheticShop(SyntheticShopConfig(truth=str(name)))
        named.fit(data, EMPTY, context(tmp_path / "another" / "simulator"))
    Shop(replace(small, seed=8)).read(context(tmp_path / "work2" / "source"))
    with pytest.raises(ConfigError, match="more than one"):
        SyntheticShop(SyntheticShopConfig(truth=str(tmp_path / "elsewhere"))).fit(data, EMPTY, context(tmp_path / "x"))
    (raw.paths[0].parent / "truth" / "truth.json").write_text("{}")
    with pytest.raises(DataError, match="cannot be read"):
        lost.fit(data, EMPTY, context(tmp_path / "work" / "simulator"))


def test_another_shop_is_refused_by_name(planted: Fitted) -> None:
    with pytest.raises(DataError, match="item 'Z9'"):
        planted.simulator.prepare(dataset(["U0000000"], ["I000000", "Z9"]))
    with pytest.raises(DataError, match="user 'nobody'"):
        planted.simulator.prepare(dataset(["U0000000", "nobody"], ["I000000"]))
    planted.simulator.prepare(planted.data)


def test_users_that_the_shop_does_not_know_never_come(planted: Fitted) -> None:
    strange = replace(planted.queries.take(np.array([0, 1])), user_ids=np.array(["nobody", "U0000001"]))
    page = actions(pages(planted, 1)[:2])
    conversion, revenue = planted.simulator.expected(strange, page)
    assert conversion[0] == revenue[0] == 0.0 < conversion[1]
    visits = [planted.simulator.respond(strange, page, np.random.default_rng(seed)).visits for seed in range(50)]
    assert sum(visit[0] for visit in visits) == 0 < sum(visit[1] for visit in visits)
