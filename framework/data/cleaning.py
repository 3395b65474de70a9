"""Cleaning that accounts for every row: rules in order, each row charged to the first that removes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals as nw

from framework.data.account import Cleaning, CleaningRow
from framework.data.cancellations import match_cancellations, net_purchases
from framework.data.engine import Engine
from framework.data.events import FRAME, CleanLog
from framework.data.leftover import check_left, kind_warnings
from framework.data.logfiles import SUFFIXES, find_files, open_text
from framework.data.rawlog import EVENTS, RawLog
from framework.data.reading import TypedLog, read_log
from framework.data.schema import check_events
from framework.data.settings import CleaningConfig
from framework.data.times import parse_date
from framework.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    Frame = nw.LazyFrame[Any]

RULES = {
    "unreadable line": "lines of the file that hold no row",
    "exact repeat": "rows equal to an earlier one in every mapped column",
    "missing user": "rows without a user",
    "missing time": "rows without a time",
    "time outside the range": "rows before data.cleaning.earliest or after data.cleaning.latest",
    "time out of order": "rows earlier than the row before them in the file; kept",
    "cancellation, netted fully": "cancellations whose whole quantity finds earlier purchases of the user and item",
    "cancellation, netted partly": "cancellations of which a part finds earlier purchases",
    "cancellation without a purchase": "cancellations that find no earlier purchase",
    "no product": "postage, fees, adjustments: item codes that match a pattern of the source",
    "missing item": "rows without an item, in a log that has items",
    "zero or missing price": "purchases for nothing, or for an unknown price",
    "negative price": "purchases at a price below zero",
    "quantity not positive": "quantities of zero, below zero or missing, and no cancellation",
    "implausible quantity": "purchases of very many pieces in one line",
    "purchase reduced by a cancellation": "purchase lines that a cancellation takes back in part or in full; kept",
}
"""Every rule, in the order in which they apply, with what it applies to."""
NUMBER = {name: index for index, name in enumerate(RULES)}
ACTIONS = ("keep", "remove")
UNKNOWN_USER = "unknown"


def clean(raw: RawLog, engine: Engine, config: CleaningConfig) -> CleanLog:
    """Read a log, apply every rule, and account for each input row.

    Rules that the config switches off are not in the account. Deterministic: the same files give the same rows.

    Raises:
        DataError: the log cannot be read (see `read_log`), or nothing is left of it.
        ConfigError: a setting of the cleaning is no such setting.
    """
    if config.implausible_action not in ACTIONS:
        raise ConfigError(
            f"data.cleaning.implausible_action is '{config.implausible_action}'",
            allowed=ACTIONS,
            hint=did_you_mean(config.implausible_action, ACTIONS),
        )
    log = read_log(raw, engine)
    frame = engine.materialise(_first_rules(log, raw, config), "charged_first")
    frame = _cancellation_rules(frame) if config.cancellations else frame.with_columns(matched=nw.lit(0.0))
    frame = engine.materialise(_product_rules(frame, log, raw, config), "charged")
    threshold = _threshold(frame, config, engine)
    frame = engine.materialise(_quantity_rule(frame, threshold, config), "cleaned")

    events = frame.filter(nw.col("rule").is_null()).with_columns(quantity=nw.col("size")).select(FRAME)
    taken = (nw.col("rule") == NUMBER["cancellation, netted fully"]) | (
        nw.col("rule") == NUMBER["cancellation, netted partly"]
    )
    part = (nw.col("price").fill_null(0) * nw.col("matched")).round(0).cast(nw.Int64)
    cancelled = frame.filter(taken & ~_no_product(raw)).with_columns(quantity=nw.col("matched"), amount=part)
    cancelled = cancelled.select(FRAME)
    account, kinds = _account(frame, events, cancelled, log, raw, config, engine)
    check_left(account, kinds, raw, config)
    check_events(events)
    return CleanLog(
        frame=events,
        cancellations=cancelled,
        kinds=kinds,
        has=log.has,
        account=account,
        currency=raw.currency,
        time_zone=raw.time_zone,
        digest=log.digest,
        engine=engine,
        items=_side_table(raw, "items", engine),
        users=_side_table(raw, "users", engine),
        warnings=(*log.warnings, *kind_warnings(raw, kinds)),
        clock=raw.clock,
    )


def _charge(frame: Frame, rule: str, hit: nw.Expr) -> Frame:
    """Charge rows to a rule where no earlier one has removed them."""
    first = nw.col("rule").is_null() & hit.fill_null(value=False)
    return frame.with_columns(rule=nw.when(first).then(nw.lit(NUMBER[rule])).otherwise(nw.col("rule")).cast(nw.Int64))


def _first_rules(log: TypedLog, raw: RawLog, config: CleaningConfig) -> Frame:
    # Joins on the row number of narrow frames: a window would sort every column of the log.
    before = log.frame.select((nw.col("row") + 1).alias("row"), nw.col("time").alias("time_before"))
    frame = log.frame.join(before, on="row", how="left").with_columns(
        disordered=(nw.col("time") < nw.col("time_before")).fill_null(value=False),
        rule=nw.lit(None).cast(nw.Int64),
        size=nw.col("quantity").abs(),
        amount=(nw.col("price") * nw.col("quantity")).round(0).cast(nw.Int64).fill_null(0),
    )
    if config.repeats:
        mapped = [_TYPED.get(name, name) for name in sorted(raw.columns)]
        firsts = log.frame.group_by(*dict.fromkeys([*mapped, "event"])).agg(nw.col("row").min())
        firsts = firsts.select("row", is_first=nw.lit(1))
        frame = frame.join(firsts, on="row", how="left")
        frame = _charge(frame, "exact repeat", nw.col("is_first").is_null())
    if config.missing_users:
        frame = _charge(frame, "missing user", nw.col("user").is_null())
    else:
        frame = frame.with_columns(user=nw.col("user").fill_null(UNKNOWN_USER))
    frame = _charge(frame, "missing time", nw.col("time").is_null())
    outside: nw.Expr | None = None
    if config.earliest is not None:
        outside = nw.col("time") < parse_date(config.earliest, "data.cleaning.earliest")
    if config.latest is not None:
        late = nw.col("time") > parse_date(config.latest, "data.cleaning.latest")
        outside = late if outside is None else outside | late
    return frame if outside is None else _charge(frame, "time outside the range", outside)


_TYPED = {"price": "unit_price"}


def _cancellation_rules(frame: Frame) -> Frame:
    """Match cancellations with the purchases that no rule has removed yet; those of no quantity match nothing."""
    signed = nw.col("quantity")
    buys = (nw.col("event") == "purchase") & (signed > 0)
    cancels = (nw.col("event") == "cancellation") & (nw.col("size") > 0)
    in_pool = (nw.col("rule").is_null() & (buys | cancels)).fill_null(value=False)
    pool = frame.filter(in_pool).select("row", "user", "item", "time", "event", nw.col("size").alias("quantity"))
    found = match_cancellations(pool).filter(nw.col("matched") > 0).select("row", "matched")
    frame = frame.join(found, on="row", how="left").with_columns(matched=nw.col("matched").fill_null(0.0))
    cancellation = nw.col("event") == "cancellation"
    fully = cancellation & (nw.col("matched") >= nw.col("size")) & (nw.col("size") > 0)
    frame = _charge(frame, "cancellation, netted fully", fully)
    frame = _charge(frame, "cancellation, netted partly", cancellation & (nw.col("matched") > 0))
    return _charge(frame, "cancellation without a purchase", cancellation)


def _no_product(raw: RawLog) -> nw.Expr:
    if not raw.not_products:
        return nw.lit(False) & nw.col("item").is_null()
    pattern = "^(?:" + "|".join(f"(?:{code})" for code in raw.not_products) + ")$"
    return nw.col("item").str.contains(pattern).fill_null(value=False)


def _product_rules(frame: Frame, log: TypedLog, raw: RawLog, config: CleaningConfig) -> Frame:
    if config.not_products and raw.not_products:
        frame = _charge(frame, "no product", _no_product(raw))
    traded = nw.col("event") == "purchase"
    if "item" in log.has:
        frame = _charge(frame, "missing item", traded & nw.col("item").is_null())
    if config.zero_prices and "price" in log.has:
        price = nw.col("price")
        frame = _charge(frame, "zero or missing price", traded & (price.is_null() | (price == 0)))
        frame = _charge(frame, "negative price", traded & (price < 0))
    cancellation = nw.col("event") == "cancellation"
    positive = nw.when(cancellation).then(nw.col("size") > 0).otherwise(nw.col("quantity") > 0)
    return _charge(frame, "quantity not positive", ~positive.fill_null(value=False))


def _threshold(frame: Frame, config: CleaningConfig, engine: Engine) -> float:
    if config.implausible_quantity is not None:
        return float(config.implausible_quantity)
    bought = frame.filter(nw.col("rule").is_null() & (nw.col("event") == "purchase"))
    high = engine.collect(bought.select(nw.col("size").quantile(0.999, "linear").alias("high"))).to_pylist()[0]["high"]
    return float("inf") if high is None else float(high) * config.implausible_factor


def _quantity_rule(frame: Frame, threshold: float, config: CleaningConfig) -> Frame:
    hit = nw.col("rule").is_null() & (nw.col("event") == "purchase") & (nw.col("size") > threshold)
    frame = frame.with_columns(flagged=hit.fill_null(value=False))
    if config.implausible_action == "remove":
        frame = _charge(frame, "implausible quantity", nw.col("flagged"))
    return frame


def _account(
    frame: Frame,
    events: Frame,
    cancelled: Frame,
    log: TypedLog,
    raw: RawLog,
    config: CleaningConfig,
    engine: Engine,
) -> tuple[Cleaning, tuple[str, ...]]:
    grouped = (
        frame.with_columns(money=nw.col("amount").abs())
        .group_by("rule", "event")
        .agg(
            nw.len().alias("rows"),
            nw.col("money").sum().alias("money"),
        )
    )
    totals = engine.collect(grouped).to_pylist()
    marks = frame.with_columns(money=nw.col("amount").abs()).select(
        **{
            f"{kind}_{name}": nw.when(nw.col(column)).then(value).otherwise(nw.lit(0)).sum()
            for name, column in (("late", "disordered"), ("many", "flagged"))
            for kind, value in (("rows", nw.lit(1)), ("money", nw.col("money")))
        }
    )
    seen = engine.collect(marks).to_pylist()[0]
    reduced = _reduced(events, cancelled, engine) if config.cancellations else (0, 0)
    hits = {
        "unreadable line": (log.unreadable.count, 0),
        "time out of order": (seen["rows_late"], seen["money_late"]),
        "implausible quantity": (seen["rows_many"], seen["money_many"]),
        "purchase reduced by a cancellation": reduced,
    }
    removed = dict.fromkeys(RULES, 0) | {"unreadable line": log.unreadable.count}
    money = dict.fromkeys(RULES, 0)
    for rule, index in NUMBER.items():
        for row in totals:
            if row["rule"] == index:
                removed[rule] += row["rows"]
                money[rule] += row["money"]
    rows = []
    for rule, description in RULES.items():
        if not _applies(rule, raw, config):
            continue
        rows_hit, touched = hits.get(rule, (removed[rule], money[rule]))
        rows.append(CleaningRow(rule, description, int(rows_hit or 0), int(removed[rule]), int(touched or 0)))
    kept = [row for row in totals if row["rule"] is None]
    names = {row["event"] for row in kept}
    kinds = (*(name for name in EVENTS if name in names), *sorted(names - set(EVENTS)))
    return Cleaning(log.lines, sum(int(row["rows"]) for row in kept), tuple(rows), raw.currency), kinds


def _reduced(events: Frame, cancelled: Frame, engine: Engine) -> tuple[int, int]:
    """Count the purchase lines that all cancellations of the log take back, and the money that goes."""
    bought = events.filter(nw.col("event") == "purchase")
    left = net_purchases(bought, cancelled).select(
        nw.col("row").alias("left_row"), nw.col("quantity").alias("left"), nw.col("amount").alias("left_amount")
    )
    joined = bought.join(left, left_on="row", right_on="left_row", how="left").filter(
        nw.col("left").is_null() | (nw.col("left") < nw.col("quantity"))
    )
    gone = (nw.col("amount") - nw.col("left_amount").fill_null(0)).sum()
    found = engine.collect(joined.select(nw.len().alias("rows"), gone.alias("money"))).to_pylist()[0]
    return int(found["rows"]), int(found["money"] or 0)


def _applies(rule: str, raw: RawLog, config: CleaningConfig) -> bool:
    switches = {
        "unreadable line": raw.format == "csv",
        "exact repeat": config.repeats,
        "missing user": config.missing_users,
        "time outside the range": config.earliest is not None or config.latest is not None,
        "no product": config.not_products and bool(raw.not_products),
        "missing item": "item" in raw.columns,
        "zero or missing price": config.zero_prices and "price" in raw.columns,
        "negative price": config.zero_prices and "price" in raw.columns,
    }
    return switches.get(rule, config.cancellations or "cancellation" not in rule)


def _side_table(raw: RawLog, name: str, engine: Engine) -> Frame | None:
    path = raw.items if name == "items" else raw.users
    if path is None:
        return None
    parquet = path.suffix in SUFFIXES["parquet"] or (path.is_dir() and any(path.rglob("*.parquet")))
    files = find_files((path,), "parquet" if parquet else "csv")
    if parquet:
        return engine.materialise(engine.read_parquet(files), f"side_{name}")
    with open_text(files[0]) as file:
        header = file.readline().rstrip("\r\n").split(raw.separator)
    table = engine.read_csv(files, {column: column for column in header}, header, raw.separator)
    return engine.materialise(table.drop("row"), f"side_{name}")
