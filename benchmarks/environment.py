"""Pages of a shop's users: all users at once in arrays, beside a Python loop over them.

Both step the same environment round `synthetic_shop`'s kind of answers, each page with one item, without restarts. The
loop takes some of the users only, and both laps are per page; the figure is the mean reward of a page.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.race import Laps, Race

if TYPE_CHECKING:
    from framework.records import Queries, Slates
    from shop_simulators.synthetic_shop import SyntheticShop

USERS = int(os.environ.get("PRELAUNCH_BENCH_SHOP_USERS", "20000"))
ALONE = 500
"""Users of the loop."""
CANDIDATES, VISITS, SEED = 20, 10, 0
PAGE = "a page"


def prepare(folder: Path) -> None:
    """Write the synthetic shop that answers."""
    from framework.testing.tiny import tiny_context
    from shop_sources.synthetic_shop import SyntheticShop, SyntheticShopConfig

    shop = SyntheticShopConfig(users=USERS, items=300, events=USERS * 5, days=60, seed=SEED, new_user_share=0.0)
    SyntheticShop(shop).read(tiny_context(folder / "source"))


def ours(folder: Path) -> Laps:
    """Step everybody at once."""
    from shop_simulators.shop_world import ShopConfig
    from shop_simulators.vector_environment import ShopVectorEnvironment

    simulator, queries, slates = _shop(folder, USERS)
    environment = ShopVectorEnvironment(simulator, queries, slates, ShopConfig(visits=VISITS, again=True))
    environment.reset(seed=SEED)
    actions = np.random.default_rng(SEED).integers(CANDIDATES, size=(VISITS, USERS))
    pages, total = 0, 0.0
    started, cpu = time.perf_counter(), time.process_time()
    for chosen in actions:
        pages += int((~environment.world.over).sum())
        total += float(environment.step(chosen)[1].sum())
    return _laps(started, cpu, pages, total)


def loop(folder: Path) -> Laps:
    """Step one user after the other."""
    from shop_simulators.environment import ShopEnvironment
    from shop_simulators.shop_world import ShopConfig

    simulator, queries, slates = _shop(folder, USERS)
    environment = ShopEnvironment(simulator, queries, slates, ShopConfig(visits=VISITS, again=True))
    rng = np.random.default_rng(SEED)
    pages, total, seconds, processor = 0, 0.0, 0.0, 0.0
    for user in rng.permutation(USERS)[:ALONE].tolist():
        environment.reset(seed=user, options={"user": user})
        chosen = rng.integers(CANDIDATES, size=VISITS).tolist()
        started, cpu = time.perf_counter(), time.process_time()
        for action in chosen:
            _, reward, left, cut_off, _ = environment.step(action)
            pages, total = pages + 1, total + reward
            if left or cut_off:
                break
        seconds, processor = seconds + time.perf_counter() - started, processor + time.process_time() - cpu
    return _laps(time.perf_counter() - seconds, time.process_time() - processor, pages, total)


def _laps(started: float, cpu: float, pages: int, total: float) -> Laps:
    found = Laps(figures={"reward": total / pages})
    found.note(PAGE, (time.perf_counter() - started) / pages, (time.process_time() - cpu) / pages)
    return found


def _shop(folder: Path, users: int) -> tuple[SyntheticShop, Queries, Slates]:
    from framework.data.tables import Dataset, FeatureTable, Interactions, ItemTable, Window
    from framework.records import Queries, Slates
    from framework.testing.tiny import tiny_context
    from shop_simulators.synthetic_shop import SyntheticShop, SyntheticShopConfig

    none = np.zeros(0, dtype=np.int64)
    events = Interactions(
        user=none.astype(np.int32),
        item=none.astype(np.int32),
        kind=none.astype(np.int8),
        time=none,
        quantity=none.astype(np.float64),
        amount=none,
        order=none,
        kinds=("view",),
    )
    ids, items = np.array([f"U{n:07d}" for n in range(users)]), np.array([f"I{n:06d}" for n in range(300)])
    table = ItemTable(np.zeros(300, np.int32), ("all",), np.ones(300, np.int64), ("",) * 300)
    data = Dataset(ids, items, events, FeatureTable((), np.zeros((users, 0))), table, as_of=0)
    simulator = SyntheticShop(SyntheticShopConfig(truth=str(folder)))
    simulator.fit(data, Window(0, 1, ids[:0], none.astype(np.int32), events), tiny_context(folder))
    index = np.arange(users, dtype=np.int32)
    queries = Queries(index, ids, (index % 4).astype(np.int32), ("a", "b", "c", "d"), 1)
    rng = np.random.default_rng(SEED)
    shown = rng.random((users, 300)).argsort(axis=1)[:, :CANDIDATES].astype(np.int32)
    scores = np.tile(-np.arange(CANDIDATES, dtype=np.float32), (users, 1))
    return simulator, queries, Slates(shown, scores, np.zeros(users, dtype=np.bool_))


DUEL = Race(
    f"the shop as an environment, {USERS} users",
    prepare,
    ours,
    {"a loop over users": loop},
    # The loop asks some of the users, and both draw.
    within={"reward": 0.06},
)
