"""A result as a real run would give it: two treatments, six segments, twelve metrics, two kinds of evidence."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from framework.records import (
    ArmValue,
    Cleaning,
    CleaningRow,
    Evidence,
    Result,
    SegmentCard,
    SimulatorCheck,
    SplitSummary,
    StrategySummary,
    Verdict,
)
from framework.stats.effects import Effect, Interval

CONTROL = "recent_popular"
TREATMENTS = ("als", "segment_popular_with_a_fresh_look_at_every_season")
SEGMENTS = (
    ("Champions", "Bought last month, often, and for much money.", 0.081, 0.412),
    ("Loyal", "Buy every other month and have done so for more than a year.", 0.187, 0.288),
    ("Promising newcomers with one large first basket", "Came in the last weeks and spent a lot at once.", 0.12, 0.09),
    ("At risk", "Used to buy often, and have not for four months.", 0.214, 0.131),
    ("Bargain hunters", "Buy well below the usual price.", 0.158, 0.049),
    ("Asleep", "One small order, long ago.", 0.24, 0.03),
)
METRICS = (
    ("revenue_per_user", "money", "primary", 1843.0, 61.0, True, ("simulated",)),
    ("ndcg@10", "score", "primary", 0.0712, 0.0061, True, ("holdout",)),
    ("conversion", "share", "guardrail", 0.1834, 0.0021, True, ("holdout", "simulated")),
    ("orders_per_user", "count", "secondary", 0.412, 0.013, True, ("holdout", "simulated")),
    ("average_order_value", "money", "secondary", 4471.0, -22.0, True, ("holdout", "simulated")),
    ("recall@10", "share", "secondary", 0.0934, 0.0085, True, ("holdout",)),
    ("precision@10", "share", "secondary", 0.0341, 0.0029, True, ("holdout",)),
    ("mrr@10", "score", "secondary", 0.1161, 0.0114, True, ("holdout",)),
    ("hit_rate@10", "share", "secondary", 0.2411, 0.0171, True, ("holdout",)),
    ("novelty@10", "score", "secondary", 7.313, 0.911, True, ("holdout", "simulated")),
    ("share_of_recommended_items_that_were_returned@10", "share", "secondary", 0.031, 0.004, False, ("holdout",)),
)
SUMMARY = ("catalogue_coverage@10", "share")


def effect(
    metric: str, evidence: str, treatment: str = "als", segment: str | None = None, control: str = CONTROL, **changes
) -> Effect:
    """Return an effect whose numbers follow from its names alone."""
    _, unit, role, level, gain, _, _ = next(row for row in METRICS if row[0] == metric)
    seed = sum(map(ord, f"{metric}{evidence}{treatment}{segment}"))
    rng = np.random.default_rng(seed)
    scale = 0.35 if treatment == "als" else 0.5
    own = float(gain * (1.0 if treatment == "als" else 0.2) * (1 + 0.5 * rng.standard_normal()))
    error = float(abs(gain) * scale * (1.0 if segment is None else 1.9))
    n = 4312 if segment is None else int(rng.integers(90, 900))
    p = float(math.erfc(abs(own) / error / math.sqrt(2)))
    tested = role == "primary" or segment is not None
    low, high = own - 1.96 * error, own + 1.96 * error
    relative = Interval(own / level, low / level, high / level)
    if metric == "average_order_value" and evidence == "holdout":
        relative = Interval(
            None, None, None, "the control's mean is too near to zero for a ratio (Fieller's set is unbounded)"
        )
    made = Effect(
        metric=metric,
        control=control,
        treatment=treatment,
        segment=segment,
        n_control=n,
        n_treatment=n,
        control_value=level,
        treatment_value=level + own,
        estimate=own,
        standard_error=error,
        ci_low=low,
        ci_high=high,
        p_value=p,
        p_adjusted=min(1.0, 2 * p) if tested else None,
        relative=relative,
        method="paired t" if unit != "money" else "paired delta method",
        design="paired",
        correction=(
            "Holm over primary metrics x treatments, 2 tests at 0.05"
            if segment is None
            else "Benjamini-Hochberg over segments x metrics x treatments, 12 tests at 0.05"
        )
        if tested
        else "none (secondary metric: read as exploratory)",
        evidence=evidence,
        role=role,
        estimand="purchases of shown items",
        warnings=("Half of the revenue comes from 12 users: the interval may be too short.",)
        if metric == "average_order_value"
        else (),
        df=float(n - 1),
        family=2 if tested else None,
    )
    return replace(made, **changes)


def build_result() -> Result:
    """Return the whole result, with a verdict to ship."""
    effects = tuple(
        effect(metric, evidence, treatment, segment)
        for evidence in ("holdout", "simulated")
        for segment in (None, *(name for name, *_ in SEGMENTS))
        for metric, *_, where in METRICS
        if evidence in where and (segment is None or metric in ("revenue_per_user", "ndcg@10", "conversion"))
        for treatment in TREATMENTS
    )
    effects += (effect("ndcg@10", "holdout", TREATMENTS[1], None, control="als"),)
    arms = tuple(
        ArmValue(
            name,
            metric,
            evidence,
            None,
            4312,
            level * (1 + 0.05 * i),
            level * (0.97 + 0.05 * i),
            level * (1.03 + 0.05 * i),
        )
        for metric, _, _, level, _, _, where in METRICS
        for evidence in where
        for i, name in enumerate((CONTROL, *TREATMENTS))
    ) + tuple(
        ArmValue(
            name,
            SUMMARY[0],
            "holdout",
            None,
            4312,
            value,
            None,
            None,
            "a figure of the whole arm: no interval, not tested",
        )
        for name, value in zip((CONTROL, *TREATMENTS), (0.0121, 0.6113, 0.0704), strict=True)
    )
    quantities = (("orders", 2412.0), ("different items bought by them", 18_311.0))
    rows = tuple(
        {
            "segment": segment,
            "quantity": quantity,
            "predicted": total * share * (1.02 if i % 3 else 1.21),
            "actual": total * share,
            "ci_low": total * share * 0.93,
            "ci_high": total * share * 1.07,
        }
        for quantity, total in quantities
        for i, (segment, share) in enumerate(((None, 1.0), *((name, users) for name, _, users, _ in SEGMENTS)))
    )
    verdict = Verdict(
        "als",
        "ship",
        "Ship als: revenue per user +3.3% (+1.1% to +5.6%) in simulated, ndcg@10 +8.6% (+2.7% to +14.4%) in holdout.",
        (
            "holdout: ndcg@10 is better, +8.6% (+2.7% to +14.4%), p 0.009 corrected.",
            "simulated: revenue_per_user is better, +3.3% (+1.1% to +5.6%), p 0.006 corrected.",
            "No guardrail is harmed: conversion's interval rules out a loss of more than 0.5 percentage points.",
        ),
        {"Champions": "ship", "Bargain hunters": "stop"},
    )
    other = Verdict(
        TREATMENTS[1],
        "undecided",
        "Undecided on segment_popular: the evidence does not tell it from the control. "
        "About 48,213 units in all would decide it.",
        ("holdout: ndcg@10 is unclear.",),
        {},
        48_213,
    )
    return Result(
        study="online_retail",
        question="Should the front page show each customer their own ranking, or what sold best last month?",
        seed=7,
        control=CONTROL,
        verdict=verdict,
        verdicts=(verdict, other),
        rule="Ship where each of holdout and simulated that measures it shows revenue_per_user (higher is better) or "
        "ndcg@10 (higher is better) better, none worse, and no guardrail is harmed. Stop where one is worse and none "
        "better. Hold where better and worse are both shown. Otherwise undecided.",
        rule_digest="9f2c4b0d6c3e7a55f1d0b8a94c2e13f7a6d5c4b3928170f6e5d4c3b2a1908f7e",
        effects=effects,
        arms=arms,
        evidence=(
            Evidence(
                "holdout",
                "paired",
                "purchases that the shop's later log already holds, among the items shown",
                "Showing an item neither causes nor prevents a purchase.",
                4312,
                ("53% of the holdout's users are new: they all get the fallback.",),
            ),
            Evidence(
                "simulated",
                "paired",
                "purchases that the fitted response model draws for the items shown",
                "Users respond as the model learned from the early log.",
                4312,
            ),
        ),
        strategies=(
            StrategySummary(
                CONTROL,
                "What sold best in the last 28 days.",
                "rfm",
                "recent_popular",
                "greedy",
                {"recommender": {"days": 28}},
                0.0,
            ),
            StrategySummary(
                "als",
                "Each customer's own ranking.",
                "rfm",
                "als",
                "greedy",
                {"recommender": {"factors": 64, "regularization": 0.05}, "policy": {}},
                0.531,
                3.21,
            ),
            StrategySummary(
                TREATMENTS[1], "", "rfm", "segment_popular", "epsilon_greedy", {"policy": {"epsilon": 0.1}}, 0.12
            ),
        ),
        cleaning=Cleaning(
            541_909,
            396_337,
            (
                CleaningRow("exact_repeats", "the same line twice in a file", 5268, 5268, 1_941_123),
                CleaningRow("missing_user", "no customer id: nobody to learn about", 135_037, 135_037, 144_612_345),
                CleaningRow("no_product", "postage, fees, adjustments", 1904, 1904, 9_612_001),
                CleaningRow("zero_price", "a price of zero or less", 40, 40, 0),
                CleaningRow("cancellation_unmatched", "a cancellation of nothing in the log", 1331, 1331, -2_271_190),
                CleaningRow(
                    "cancellation_netted", "quantity taken off the purchase it cancels", 7541, 1992, -33_811_020
                ),
                CleaningRow(
                    "implausible_quantity", "more than 5,000 pieces at once: kept and flagged", 12, 0, 16_847_172
                ),
            ),
            "GBP",
        ),
        split=SplitSummary(
            "time",
            (
                {
                    "name": "fit",
                    "first": "2010-12-01T08:26:00+00:00",
                    "last": "2011-09-08T17:12:00+00:00",
                    "events": 251_001,
                    "users": 3411,
                    "purchases": 251_001,
                },
                {
                    "name": "validation",
                    "first": "2011-09-09T08:02:00+00:00",
                    "last": "2011-10-24T17:30:00+00:00",
                    "events": 66_120,
                    "users": 2010,
                    "purchases": 66_120,
                },
                {
                    "name": "test",
                    "first": "2011-10-25T08:00:00+00:00",
                    "last": "2011-12-09T12:50:00+00:00",
                    "events": 79_216,
                    "users": 2312,
                    "purchases": 79_216,
                },
            ),
            14_312,
            ("14312 events share their time stamp with another event of the same user; they are ordered by content.",),
            "trial",
        ),
        segments=tuple(
            SegmentCard(
                name,
                text,
                int(4312 * users),
                users,
                money,
                {
                    "recency_days": 12.5,
                    "frequency": 9.0,
                    "monetary": 184_312.0,
                    "basket_value": 30_512.5,
                    "returns_rate": 0.021,
                    "price_level": 0.97,
                },
            )
            for name, text, users, money in SEGMENTS
        ),
        segment_notes=("Cut points at the quintiles of 4,312 customers.",),
        simulator=SimulatorCheck(
            "Good enough to compare strategies. On the later part it foretold 1.04 times the actual orders, "
            "and told bought from left items with AUC 0.812 (popularity alone: 0.731).",
            True,
            rows,
            {
                "log_loss": 0.2131,
                "log_loss_of_popularity": 0.2402,
                "auc": 0.812,
                "auc_of_popularity": 0.731,
                "calibration_slope": 0.97,
            },
        ),
        health={
            "metric_units": {**{metric: unit for metric, unit, *_ in METRICS}, SUMMARY[0]: SUMMARY[1]},
            "higher_is_better": {metric: higher for metric, *_, higher, _ in METRICS},
        },
        warnings=(
            "Segment 'Asleep' has 31 users in the test part: named, not tested.",
            "Strategy 'als' gave 53 % of the users its fallback.",
        ),
        config={
            "study": "online_retail",
            "seed": 7,
            "source": {"name": "online_retail", "params": {"path": "online_retail.parquet"}},
            "strategies": {
                CONTROL: {"recommender": {"name": "recent_popular", "params": {"days": 28}}},
                "als": {"recommender": {"name": "als", "params": {"factors": 64}}, "segments": {}},
            },
            "trial": {"evidence": ["holdout", "simulated"], "repeats": True, "holdout": None},
            "decision": {"alpha": 0.05, "power": 0.8},
        },
        versions={"python": "3.11.2", "prelaunch": "0.1.0", "numpy": "2.4.6", "duckdb": "2.0.0"},
        data_digest="sha256:1d4f6d6f2f0b4a0f9b9d8f1d2e3c4b5a69788796a5b4c3d2e1f0a9b8c7d6e5f4",
        times={
            "started": "2026-11-23T21:00:00+00:00",
            "finished": "2026-11-23T21:01:12+00:00",
            "test_opened": "2026-11-23T21:00:48+00:00",
            "seconds": {"data": 21.312, "model": 3.2, "strategies": 12.81, "trial": 20.02},
            "command": "python -m framework +experiment=online_retail",
        },
        paths={"folder": "runs/online_retail/7", "result": "runs/online_retail/7/result.json"},
    )


def build_undecided() -> Result:
    """Return the same run with one treatment, an undecided verdict, and no simulator."""
    whole = build_result()
    verdict = Verdict(
        "als",
        "undecided",
        "Undecided on als: holdout does not tell it from the control. About 48,213 units in all would decide it.",
        ("holdout: ndcg@10 is unclear, +1.2% (-3.4% to +5.9%), p 0.61 corrected.",),
        {},
        48_213,
    )
    return replace(
        whole,
        verdict=verdict,
        verdicts=(verdict,),
        simulator=None,
        warnings=(),
        effects=tuple(
            replace(
                e,
                estimate=0.1 * e.estimate,
                ci_low=e.ci_low - 0.9 * e.estimate,
                ci_high=e.ci_high - 0.9 * e.estimate,
                p_value=0.61,
                p_adjusted=None if e.p_adjusted is None else 0.91,
                relative=Interval(None, None, None, "the control never sold anything"),
            )
            for e in whole.effects
            if e.treatment == "als"
        ),
    )


@pytest.fixture(scope="session")
def result() -> Result:
    return build_result()


@pytest.fixture(scope="session")
def undecided() -> Result:
    return build_undecided()
