"""The command line: admin commands by name, everything else is a run that Hydra composes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from framework import admin, doctor
from framework.errors import ConfigError, PrelaunchError, did_you_mean
from framework.plugins import load_plugins


def _analyse(arguments: Sequence[str]) -> int:
    from framework.analysis.command import analyse  # an engine takes a moment, and other commands do without

    return analyse(arguments)


def _uplift(arguments: Sequence[str]) -> int:
    from framework.uplift.command import uplift

    return uplift(arguments)


def _classify(arguments: Sequence[str]) -> int:
    from framework.classification.command import classify

    return classify(arguments)


def _export(arguments: Sequence[str]) -> int:
    from framework.export.command import export

    return export(arguments)


def _recommend(arguments: Sequence[str]) -> int:
    from framework.artefacts.command import command

    return command(arguments)


def _plan(arguments: Sequence[str]) -> int:
    from framework.launch import launch_before
    from framework.rehearsal.plan import plan

    return launch_before("plan", arguments, plan)


def _calibrate(arguments: Sequence[str]) -> int:
    from framework.launch import launch_before
    from framework.rehearsal.calibrate import calibrate

    return launch_before("calibrate", arguments, calibrate)


def _search(arguments: Sequence[str]) -> int:
    from framework.launch import launch_before
    from framework.rehearsal.search import search

    return launch_before("search", arguments, search)


def _regret(arguments: Sequence[str]) -> int:
    from framework.launch import launch_before
    from framework.regret.command import regret

    return launch_before("regret", arguments, regret)


COMMANDS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "plugins": (admin.plugins, "what is installed and why something is not; NAME: one plugin or component"),
    "studies": (admin.studies, "the studies that +experiment=NAME can run"),
    "analyse": (_analyse, "FILE arm=COLUMN control=LABEL metrics.NAME.kind=mean ...: a test that was run"),
    "uplift": (_uplift, "FILE arm=COLUMN control=LABEL outcome=COLUMN covariates=[...]: whom a test says to treat"),
    "classify": (_classify, "FILE label=COLUMN features=[...] or text=COLUMN: which classifier tells it, how sure"),
    "export": (_export, "RUN out=FOLDER key_file=FILE: users' segments, pseudonymised, none small enough to find one"),
    "recommend": (_recommend, "RUN/artefacts/STRATEGY users=ID,ID k=10: what a kept recommender answers"),
    "plan": (_plan, "+experiment=NAME: what its test can show, how many users and days it takes; the seal stays"),
    "calibrate": (_calibrate, "+experiment=NAME: false positives, power and coverage of its plan; the seal stays"),
    "search": (_search, "+experiment=NAME search.trials=50: the best parameters of its strategies; the seal stays"),
    "regret": (_regret, "+experiment=NAME: what its policies lose while they learn, in worlds whose truth is known"),
    "doctor": (doctor.doctor, "what this machine has, and what a run would miss"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line (default: the process's own) and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words:
        sys.stdout.write(usage())
        return 0
    first = words[0]
    if first == "--version":
        from importlib.metadata import version

        sys.stdout.write(f"prelaunch {version('prelaunch')}\n")
        return 0
    try:
        if "=" in first or first.startswith(("-", "+", "~")):
            from framework.launch import launch  # Hydra takes a moment, and admin commands do without

            return launch(words)
        if first not in COMMANDS:
            raise _unknown_command(first)
        return COMMANDS[first][0](words[1:])
    except PrelaunchError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130


def usage() -> str:
    """Return the short help."""
    lines = [
        "prelaunch: which strategy to launch, for which users, and how sure.",
        "",
        "  python -m framework +experiment=quickstart      run a study",
        "  python -m framework -m +experiment=NAME key=1,2   run it for each value, with one table at the end",
        "  python -m framework --help                      every group and value of a run's config",
        "",
        *(f"  python -m framework {name:<10} {words}" for name, (_, words) in COMMANDS.items()),
    ]
    return "\n".join(lines) + "\n"


def _unknown_command(word: str) -> ConfigError:
    from framework.searchpath import studies

    known = studies(load_plugins())
    if word in known:
        return ConfigError(f"'{word}' is a study, not a command", hint=f"Run it with +experiment={word}.")
    near = did_you_mean(word, COMMANDS) or did_you_mean(word, [f"+experiment={name}" for name in known])
    return ConfigError(f"There is no command '{word}'", allowed=f"{', '.join(COMMANDS)}, or key=value", hint=near)
