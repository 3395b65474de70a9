"""`synthetic_shop`: a seeded shop with planted segments, preferences, fashion and a planted effect of what is shown.

What users view and buy by themselves always follows their preferences, so recommenders have something to learn.
`planted_effect` says how strongly a user's response to a *shown* item depends on the user's affinity to it: 0 makes
every strategy equal in truth, in conversion and in revenue. The truth lies in a folder of its own that no stage of a
run reads; the simulator `synthetic_shop` answers by it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.data.rawlog import RawLog
from framework.errors import ConfigError
from shop_sources.synthetic_shop_files import POSTAGE, LogWriter, write_side_tables, write_truth
from shop_sources.synthetic_shop_log import draw_log
from shop_sources.synthetic_shop_world import draw_world

if TYPE_CHECKING:
    from framework.records import Context

FORMAT = 1
"""Number of the files' layout and of the drawing; another number is another shop, never a reused folder."""
POINTER = "shop_folder.txt"
_ROWS_A_PART = 1_000_000


@dataclass
class SyntheticShopConfig:
    """Size and nature of the shop.

    `users` and `items` there are in all, after `days` days; `events` is the expected number of rows before dirt.
    `segments` and `categories` are how many kinds of users and of items there are. `planted_effect` is how strongly
    affinity moves the response to a shown item: 0 not at all, 1 clearly. `new_user_share` and `new_item_share` arrive
    after the first day. `dirt` is the share of rows that a cleaning should find: exact repeats, missing users,
    cancellations, zero prices, postage. `seed` null draws one from the run's generator. `folder` null writes below the
    run's own folder; a finished shop with the same parameters that is found there is used again.
    """

    users: int = 3000
    items: int = 300
    days: int = 120
    events: int = 150_000
    segments: int = 4
    categories: int = 12
    planted_effect: float = 1.0
    new_user_share: float = 0.2
    new_item_share: float = 0.15
    dirt: float = 0.01
    seed: int | None = None
    folder: str | None = None


class SyntheticShop:
    """Source that writes its log before it is read."""

    Config = SyntheticShopConfig

    def __init__(self, config: SyntheticShopConfig) -> None:
        _validate(config)
        self.config = config

    def read(self, context: Context) -> RawLog:
        """Return the description of the shop's log, drawn now or found finished from an earlier run.

        Files: log/ (Parquet parts in the order of time), items.parquet, users.parquet, truth/. Same parameters and
        seed, same bytes.
        """
        drawn = int(context.rng.integers(2**32))
        seed = drawn if self.config.seed is None else self.config.seed
        parameters = {**asdict(self.config), "seed": seed, "format": FORMAT}
        del parameters["folder"]
        digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()[:12]
        parent = context.folder if self.config.folder is None else Path(self.config.folder).expanduser()
        shop = parent.resolve() / f"shop-{digest}"
        if (shop / "truth" / "truth.json").is_file():
            context.log.info("synthetic shop: using the finished one in %s", shop)
        else:
            _build(shop, self.config, parameters)
        context.folder.mkdir(parents=True, exist_ok=True)
        (context.folder / POINTER).write_text(f"{shop}\n", encoding="utf-8")
        names = ("user", "time", "item", "event", "quantity", "price", "order", "rating", "text")
        return RawLog(
            paths=(shop / "log",),
            format="parquet",
            columns={name: name for name in names},
            currency="GBP",
            not_products=(POSTAGE,),
            items=shop / "items.parquet",
            users=shop / "users.parquet",
        )


def _build(shop: Path, config: SyntheticShopConfig, parameters: dict[str, Any]) -> None:
    # Written aside and renamed when whole: a shop that can be seen is a finished one.
    shop.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{shop.name}.partial-", dir=shop.parent))
    try:
        write_shop(partial, config, parameters)
        partial.chmod(0o755)
        if shop.exists():
            shutil.rmtree(shop)
        partial.rename(shop)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def write_shop(folder: Path, config: SyntheticShopConfig, parameters: dict[str, Any]) -> None:
    """Draw the shop that `parameters` name (the config's, with the seed in force) and write its files into `folder`."""
    seed = int(parameters["seed"])
    world = draw_world(
        np.random.default_rng([seed, 0]),
        users=config.users,
        items=config.items,
        days=config.days,
        events=config.events,
        segments=config.segments,
        categories=config.categories,
        new_user_share=config.new_user_share,
        new_item_share=config.new_item_share,
    )
    write_side_tables(folder, world)
    writer = LogWriter(folder / "log", world)
    soiled: dict[str, int] = {}
    stretches = max(1, -(-config.events // _ROWS_A_PART))
    for rows, counts in draw_log(world, seed, days=config.days, stretches=stretches, dirt=config.dirt):
        writer.write(rows)
        soiled = {kind: soiled.get(kind, 0) + count for kind, count in counts.items()}
    facts = {
        "parameters": parameters,
        "planted_effect": config.planted_effect,
        "dirt": soiled,
        "rows": {"all": sum(writer.rows_by_kind.values()), **writer.rows_by_kind},
    }
    write_truth(folder / "truth", world, facts)


def _validate(config: SyntheticShopConfig) -> None:
    least = {"users": 1, "items": 1, "days": 1, "events": 1, "segments": 1, "categories": 1}
    for name, bound in least.items():
        if getattr(config, name) < bound:
            raise ConfigError(f"source.params.{name} is {getattr(config, name)}", allowed=f"{bound} or more")
    for name, top in (("new_user_share", 0.9), ("new_item_share", 0.9), ("dirt", 0.2)):
        if not 0.0 <= getattr(config, name) <= top:
            raise ConfigError(f"source.params.{name} is {getattr(config, name)}", allowed=f"0 to {top}")
    if config.planted_effect < 0.0:
        raise ConfigError(f"source.params.planted_effect is {config.planted_effect}", allowed="0 or more")
    if config.seed is not None and config.seed < 0:
        raise ConfigError(f"source.params.seed is {config.seed}", allowed="0 or more, or null")
