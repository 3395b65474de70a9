"""Corrections over replications are `correct`'s own, one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from framework.stats.effects import Effect
from framework.stats.multiplicity import CORRECTIONS, Corrections, correct
from framework.stats.multiplicity.batched import correct_batch


def family(make_effect: Any) -> list[Effect]:
    """Two kinds of evidence with other metrics, pairs of treatments, segments, a secondary metric and a guardrail."""
    effects = []
    for evidence, metrics in (("holdout", ("revenue", "orders", "views")), ("simulated", ("revenue", "returns"))):
        roles = {"revenue": "primary", "orders": "primary", "views": "secondary", "returns": "guardrail"}
        for metric in metrics:
            own = {"evidence": evidence, "metric": metric, "role": roles[metric]}
            effects += [make_effect(1.0, treatment=treatment, **own) for treatment in ("new", "newer")]
            effects += [make_effect(1.0, treatment="new", segment=name, **own) for name in ("young", "old")]
        effects.append(make_effect(1.0, control="new", treatment="newer", evidence=evidence))
    return effects


def held(effects: list[Effect], p: np.ndarray, alpha: float, chosen: Corrections | None) -> None:
    p_adjusted, sizes = correct_batch(effects, p, alpha, chosen)
    for place in range(p.shape[1]):
        rows = [row for row in range(len(effects)) if np.isfinite(p[row, place])]
        expected = correct([replace(effects[row], p_value=float(p[row, place])) for row in rows], alpha, chosen)
        for row, own in zip(rows, expected, strict=True):
            given = np.nan if own.p_adjusted is None else own.p_adjusted
            np.testing.assert_allclose(p_adjusted[row, place], given, rtol=1e-14)
            assert sizes[row, place] == (own.family or 0)
        gone = [row for row in range(len(effects)) if row not in rows]
        assert np.isnan(p_adjusted[gone, place]).all()


def p_values(effects: list[Effect], replications: int = 12) -> np.ndarray:
    rng = np.random.default_rng(2)
    p = rng.random((len(effects), replications)) ** 3
    p[:, 1] = 1.0
    p[2, 2:5] = p[3, 2:5]
    p[0, 6] = 2.2e-308
    return p


@pytest.mark.parametrize("method", CORRECTIONS)
def test_each_method_for_all_units_and_for_segments(make_effect: Any, method: str) -> None:
    effects = family(make_effect)
    p = p_values(effects)
    held(effects, p, 0.05, Corrections(overall=method))
    held(effects, p, 0.05, Corrections(segments=method))


@pytest.mark.parametrize(
    "chosen",
    [
        None,
        Corrections(overall="max_t"),
        Corrections(gatekeeping=True),
        Corrections(shares={"revenue": 0.8, "orders": 0.2}),
        Corrections(shares={"revenue": 0.8, "orders": 0.2}, gatekeeping=True),
    ],
)
def test_whatever_the_study_chose(make_effect: Any, chosen: Corrections | None) -> None:
    effects = family(make_effect)
    held(effects, p_values(effects), 0.01, chosen)


def test_effects_that_a_replication_lacks_are_in_no_family_there(make_effect: Any) -> None:
    effects = family(make_effect)
    p = p_values(effects)
    rng = np.random.default_rng(3)
    segments = [row for row, effect in enumerate(effects) if effect.segment is not None]
    p[np.ix_(segments, range(12))] = np.where(rng.random((len(segments), 12)) < 0.4, np.nan, p[segments])
    held(effects, p, 0.05, None)


def test_no_replications_are_no_error(make_effect: Any) -> None:
    effects = family(make_effect)
    p_adjusted, sizes = correct_batch(effects, np.empty((len(effects), 0)))
    assert p_adjusted.shape == sizes.shape == (len(effects), 0)
