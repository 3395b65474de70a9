"""`regret +experiment=x`: what the policies of a study lose while they learn, in worlds whose truth is known."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from framework.config import RegretConfig, RunConfig
from framework.errors import ConfigError, did_you_mean
from framework.fitting import Bench
from framework.kinds import Policy, World
from framework.plugins import Plugins
from framework.records import Run
from framework.regret.comparison import Compared, compared
from framework.regret.pages import regret_sheet
from framework.regret.play import played
from framework.report.atomic import write_whole
from framework.report.progress import stages
from framework.report.sheet import show_sheet, write_sheet
from framework.report.terminal import print_path
from framework.runfolder import REGRET, REGRET_PAGE, RunFolder, now, versions
from framework.stages import Stages, watched
from framework.trial.replicate import replicate

if TYPE_CHECKING:
    from omegaconf import DictConfig

AT_ONCE = 5
"""Plays in one task: enough to be worth sending to a process, few enough to show progress."""
POINTS = 60
"""Points of a curve at most that are kept."""


@dataclass(frozen=True)
class Games:
    """Every play of a study, by number: all seeds of the first policy in the first world, then of the second policy."""

    worlds: tuple[World, ...]
    policies: tuple[Policy, ...]
    settings: RegretConfig
    positions: int
    seed: int

    def __len__(self) -> int:
        return len(self.worlds) * len(self.policies) * self.settings.seeds

    def play(self, number: int) -> NDArray[np.float64]:
        """Return the regret of one play after each batch; equal seeds meet equal worlds, whatever the policy."""
        from threadpoolctl import threadpool_limits

        pair, seed = divmod(number, self.settings.seeds)
        world, policy = divmod(pair, len(self.policies))
        with threadpool_limits(1):  # processes share the cores
            return played(
                self.worlds[world],
                self.policies[policy],
                rounds=self.settings.rounds,
                batch=self.settings.batch,
                positions=self.positions,
                seed=(self.seed, seed),
            )


def regret(config: DictConfig, folder: Path, plugins: Plugins) -> None:
    """Play all policies in all worlds, write `regret.json` and its page, and show them."""
    from framework.run import read_study

    study, plain, text = read_study(config)
    this = Run(study.study, folder, study.seed, plain)
    bench = Bench(study, this, plugins)
    with RunFolder(folder, study.study, study.seed, text) as record, watched(plugins, this), stages() as progress:
        warnings = plugins.check(config=plain)
        games = games_of(bench)
        opened = Stages(this, record, progress, plugins)
        tasks = -(-len(games) // AT_ONCE)
        with opened.stage("plays", "Playing", total=tasks) as step:
            jobs = -1 if study.regret.jobs is None else study.regret.jobs
            plays = replicate(games.play, range(len(games)), jobs=jobs, chunk=AT_ONCE, advance=step)
        with opened.stage("report", "Writing the report"):
            found, after = results(study, np.stack(plays))
            sheet = regret_sheet(study, found, after, warnings)
            write_whole(folder / REGRET, _as_json(study, found, after, warnings) + "\n")
            page = write_sheet(sheet, folder / REGRET_PAGE)
    show_sheet(sheet, Console(width=study.report.width, highlight=False))
    print_path(page)


def games_of(bench: Bench) -> Games:
    """Return the plays that a study asks for, their components built. Raises ConfigError where it asks for none."""
    study: RunConfig = bench.config
    settings = study.regret
    for key, value, least in (
        ("rounds", settings.rounds, 1),
        ("batch", settings.batch, 1),
        ("seeds", settings.seeds, 2),
        ("jobs", settings.jobs, 1),
    ):
        if value is not None and value < least:
            raise ConfigError(f"regret.{key} is {value}", allowed=f"{least} or more")
    if study.trial.positions < 1:
        raise ConfigError(f"trial.positions is {study.trial.positions}", allowed="1 or more")
    if not settings.worlds:
        raise ConfigError(
            f"study '{study.study}' names no world to play in",
            hint="Name one: regret: {worlds: {stationary: {name: planted_arms}}}.",
        )
    names = tuple(study.strategies)
    if len(names) < 2:
        raise ConfigError(f"study '{study.study}' names {len(names)} strategies", allowed="two or more, with a policy")
    if study.control not in names:
        hint = did_you_mean(study.control, names)
        raise ConfigError(f"control is '{study.control}', which is no strategy", allowed=names, hint=hint)
    return Games(
        worlds=tuple(_world(bench, name) for name in settings.worlds),
        policies=tuple(
            bench.build("policy", study.strategies[name].policy, f"strategies.{name}.policy") for name in names
        ),
        settings=settings,
        positions=study.trial.positions,
        seed=study.seed,
    )


def results(study: RunConfig, plays: NDArray[np.float64]) -> tuple[tuple[Compared, ...], tuple[int, ...]]:
    """Return each world's comparison of `plays` (all plays, batches), and after how many visitors the curves' points.

    Curves keep the last batch, and of those before it evenly as many as make `POINTS` at most.
    """
    settings, names = study.regret, tuple(study.strategies)
    batches = plays.shape[1]
    kept = np.unique(np.linspace(0, batches - 1, min(POINTS, batches)).round().astype(int))
    after = tuple(min((int(batch) + 1) * settings.batch, settings.rounds) for batch in kept)
    by = plays[:, kept].reshape(len(settings.worlds), len(names), settings.seeds, len(kept))
    found = tuple(
        compared(world, {name: by[place, row] for row, name in enumerate(names)}, study.control)
        for place, world in enumerate(settings.worlds)
    )
    return found, after


def _world(bench: Bench, name: str) -> World:
    where = f"regret.worlds.{name}"
    choice = bench.config.regret.worlds[name]
    made: Any = bench.build("simulator", choice, where)
    if not isinstance(made, World):
        raise ConfigError(
            f"{where} is '{choice.name}', which needs a log and does not know its truth",
            hint="Name a simulator that plants arms of its own, such as planted_arms.",
        )
    return made


def _as_json(study: RunConfig, found: Sequence[Compared], after: tuple[int, ...], warnings: Sequence[str]) -> str:
    plain: Mapping[str, Any] = {
        "study": study.study,
        "seed": study.seed,
        "rounds": study.regret.rounds,
        "batch": study.regret.batch,
        "seeds": study.regret.seeds,
        "positions": study.trial.positions,
        "control": study.control,
        "after": list(after),
        "worlds": {own.world: _world_as_json(own) for own in found},
        "warnings": list(warnings),
        "finished": now(),
        "command": " ".join(sys.argv),
        "versions": versions(),
    }
    return json.dumps(plain, indent=2, allow_nan=False)


def _world_as_json(own: Compared) -> dict[str, Any]:
    return {
        "regret": {
            curve.policy: {
                "mean": curve.mean.tolist(),
                "ci_low": curve.low.tolist(),
                "ci_high": curve.high.tolist(),
                "final": curve.final.tolist(),
            }
            for curve in own.curves
        },
        "differences": [
            {
                "treatment": effect.treatment,
                "control": effect.control,
                "estimate": effect.estimate,
                "ci_low": effect.ci_low,
                "ci_high": effect.ci_high,
                "p_value": effect.p_value,
                "p_adjusted": adjusted,
                "correction": "holm",
            }
            for effect, adjusted in zip(own.effects, own.adjusted, strict=True)
        ],
    }
