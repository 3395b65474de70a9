"""The table of coverage and size: every estimator in every world, counted, judged and drawn."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.report.charts import WIDE
from framework.report.coverage_chart import CoverageCell, coverage_table
from framework.report.standalone import standalone
from framework.stats.replication.tally import share_of
from framework.testing.coverage.cases import CASES
from framework.testing.coverage.slack import FALLS_SHORT, SLACK
from framework.testing.coverage.trials import ALPHA, CONFIDENCE, drawn
from framework.testing.coverage.worlds import SCENARIOS, Scenario
from framework.trial.replicate import replicate

SEED = 60_413
"""Not looked at before the slacks were written down."""
UNITS_AT_ONCE = 400_000
"""Units that a block of trials holds: some 50 MB."""
MOSTLY = 0.5
"""Share of trials with a warning from which on the figure marks a cell."""


@dataclass(frozen=True)
class Cell:
    """One estimator in one world, shares with their Clopper-Pearson intervals at 95 %.

    `replications` gave `known` intervals, which `coverage` is of; `below` and `above` are those that lay wholly on one
    side of the truth. `size` is the share of p-values at most 0.05, None where there is an effect or no test. `warned`
    is the share of all replications with a warning or a refusal, `coverage_unwarned` that of the others (None: none).
    """

    estimator: str
    scenario: str
    replications: int
    known: int
    coverage: float
    coverage_interval: tuple[float, float]
    below: float
    above: float
    size: float | None
    size_interval: tuple[float, float] | None
    warned: float
    coverage_unwarned: float | None

    @property
    def margin(self) -> float:
        """How far from nominal the coverage may lie: 4 binomial standard errors, and the estimator's slack.

        No slack where it cannot hold: the terms of a slack are no use there.
        """
        short = (self.estimator, self.scenario) in FALLS_SHORT
        slack = 0.0 if short else SLACK[self.estimator].of(world(self.scenario))
        return four_errors(self.known, CONFIDENCE) + slack

    @property
    def outcome(self) -> str:
        """Return "holds", "short" or "wide"."""
        if self.coverage < CONFIDENCE - self.margin:
            return "short"
        return "wide" if self.coverage > CONFIDENCE + self.margin and not SLACK[self.estimator].at_least else "holds"


def world(name: str) -> Scenario:
    """Return the world of a name."""
    return next(one for one in SCENARIOS if one.name == name)


def four_errors(replications: int, share: float) -> float:
    """Return four binomial standard errors of a share."""
    return 4 * math.sqrt(share * (1 - share) / max(1, replications))


def cells(
    *, only: Sequence[str] = (), replications: int | None = None, jobs: int | None = None, seed: int = SEED
) -> list[Cell]:
    """Return the table's cells, the same for any number of `jobs`.

    `only` names scenarios and estimators, all where it names none; `replications` replaces those that they ask for.
    """
    found = []
    worlds = set(only) & {one.name for one in SCENARIOS}
    names = [name for name in CASES if name in only or not set(only) & set(CASES)]
    for number, scenario in enumerate(SCENARIOS):
        if worlds and scenario.name not in worlds:
            continue
        wanted = replications or scenario.replications
        at_once = max(10, min(500, UNITS_AT_ONCE // (scenario.n_control + scenario.n_treatment), wanted))
        starts = list(range(0, wanted, at_once))
        trial = partial(_block, number, wanted, at_once, tuple(names), seed)
        parts = replicate(trial, starts, jobs=jobs, chunk=1)
        for name in names:
            own = [part[name] for part in parts if name in part]
            if own:
                found.append(_cell(name, scenario, np.concatenate(own, axis=1)))
    return found


def _block(
    scenario: int, wanted: int, at_once: int, names: Sequence[str], seed: int, start: int
) -> dict[str, np.ndarray]:
    """Return what each case says, as rows low, high, p and warned."""
    from threadpoolctl import threadpool_limits

    own = SCENARIOS[scenario]
    with threadpool_limits(1):
        trials = drawn(own, min(at_once, wanted - start), np.random.default_rng((seed, scenario, start)))
        found = {}
        for place, (name, case) in enumerate(CASES.items()):
            if name in names:
                said = case.run(trials, np.random.default_rng((seed, scenario, start, place)))
                if said is not None:
                    found[name] = np.stack([said.low, said.high, said.p_value, said.warned.astype(np.float64)])
    return found


def _cell(name: str, scenario: Scenario, said: NDArray[np.float64]) -> Cell:
    low, high, p_value, warned = said
    known, at = np.isfinite(low), CASES[name].truth(scenario)
    covered = (low <= at) & (at <= high)
    held = share_of(int(covered[known].sum()), int(known.sum()))
    tested = np.isfinite(p_value) & (scenario.gain == 0)
    size = share_of(int((p_value[tested] <= ALPHA).sum()), int(tested.sum())) if tested.any() else None
    calm = known & (warned == 0)
    return Cell(
        estimator=name,
        scenario=scenario.name,
        replications=low.size,
        known=held.n,
        coverage=held.share,
        coverage_interval=(held.low, held.high),
        below=float((high[known] < at).mean()) if held.n else 0.0,
        above=float((low[known] > at).mean()) if held.n else 0.0,
        size=None if size is None else size.share,
        size_interval=None if size is None else (size.low, size.high),
        warned=float(warned.mean()),
        coverage_unwarned=float(covered[calm].mean()) if calm.any() else None,
    )


def figure(table: Sequence[Cell]) -> str:
    """Return the table as the text of an SVG file; cells where most trials warn say so."""
    drawn_cells = {
        (cell.estimator, cell.scenario): CoverageCell(cell.coverage, *cell.coverage_interval, cell.warned > MOSTLY)
        for cell in table
    }
    estimators = list(dict.fromkeys(cell.estimator for cell in table))
    scenarios = list(dict.fromkeys(cell.scenario for cell in table))
    title = "How often nominal 95 % intervals hold the truth"
    return standalone(coverage_table(estimators, scenarios, drawn_cells, WIDE, title, nominal=CONFIDENCE))


def main(arguments: Sequence[str]) -> int:
    """Write `coverage.json` and `coverage.svg` into the folder that is the first argument, over all cores.

    Names of scenarios or estimators after it run those alone; the other cells that are there stay.
    """
    unknown = set(arguments[1:]) - set(CASES) - {scenario.name for scenario in SCENARIOS}
    if not arguments or arguments[0].startswith("-") or unknown:
        sys.stderr.write("usage: python -m framework.testing.coverage FOLDER [NAME ...]\n")
        names = ", ".join([*(scenario.name for scenario in SCENARIOS), *CASES])
        sys.stderr.write(
            f"names no scenario or estimator: {', '.join(sorted(unknown))}. Known: {names}\n" if unknown else ""
        )
        return 2
    folder, only = Path(arguments[0]), arguments[1:]
    folder.mkdir(parents=True, exist_ok=True)
    kept: dict[tuple[str, str], Cell] = {}
    if only and (folder / "coverage.json").exists():
        for one in json.loads((folder / "coverage.json").read_text(encoding="utf-8")):
            kept[one["estimator"], one["scenario"]] = Cell(**one)
    worlds = [scenario.name for scenario in SCENARIOS if scenario.name in only or not set(only) - set(CASES)]
    for world in worlds:
        for cell in cells(only=[world, *(name for name in only if name in CASES)], jobs=-1):
            kept[cell.estimator, cell.scenario] = cell
        order = [(name, scenario.name) for name in CASES for scenario in SCENARIOS]
        table = [kept[key] for key in order if key in kept]
        (folder / "coverage.json").write_text(json.dumps([asdict(cell) for cell in table], indent=1) + "\n", "utf-8")
        (folder / "coverage.svg").write_text(figure(table), "utf-8")
    return 0
