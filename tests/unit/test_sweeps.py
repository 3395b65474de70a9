"""A sweep's jobs stand side by side: corrected together, with what each was given to search."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from statsmodels.stats.multitest import multipletests

from framework.sweeps import Job, corrected_over_jobs, finished, print_summary


def job(number: int, p: float | None = None, *, status: str = "finished", budget: str | None = None) -> Job:
    effect = {"metric": "recall", "treatment": "t", "evidence": None, "estimate": 0.1, "ci_low": 0.0, "ci_high": 0.2}
    told = None if p is None else {**effect, "p_value": p}
    return Job(number, (f"recommender=r{number}",), f"/s/{number}", status, "ship", "", told, budget, error="it broke")


def test_p_values_are_corrected_over_the_jobs_that_have_one() -> None:
    given = {0: 0.01, 2: 0.03, 3: 0.04, 5: 0.2}
    jobs = [*(job(number, p) for number, p in given.items()), job(1, status="failed"), job(4)]
    expected = multipletests(list(given.values()), method="holm")[1]
    assert corrected_over_jobs(jobs) == pytest.approx(dict(zip(given, expected, strict=True)))


def test_table_names_the_failing_job_the_family_and_the_budget(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(
        [job(0, 0.01, budget="8 trials"), job(1, 0.04, budget="8 trials"), job(2, status="failed")], Path("/s")
    )
    shown = capsys.readouterr().out
    assert "it broke" in shown
    assert "1 of 3 jobs did not finish: 2" in shown
    assert "p 0.02" in shown
    assert "over the 2 jobs by Holm's method" in shown
    assert "Search budget of every strategy in every job: 8 trials." in shown


def test_unequal_budgets_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    print_summary([job(0, 0.01, budget="8 trials"), job(1, 0.04)], Path("/s"))
    assert (
        "Search budgets differ, so the jobs do not compare as equals: 0: 8 trials; 1: none." in capsys.readouterr().out
    )


def test_job_keeps_the_corrected_p_value_and_the_budget() -> None:
    effect: dict[str, Any] = {"metric": "recall", "evidence": "holdout", "segment": None, "role": "primary"}
    effect |= {"estimate": 0.1, "ci_low": 0.0, "ci_high": 0.2, "p_value": 0.01, "p_adjusted": 0.02}
    result: Any = SimpleNamespace(
        verdict=SimpleNamespace(treatment="t", decision="ship", headline="Ship t."),
        effects=(SimpleNamespace(**effect, treatment="t"),),
        health={"search": [{"budget": {"trials": 8, "seconds": 60.0}}]},
    )
    told = finished(3, ["a=1"], Path("/s/3"), result)
    assert told.effect is not None
    assert told.effect["p_value"] == 0.02
    assert told.budget == "8 trials or 60 seconds"
