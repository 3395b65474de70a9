"""What the comparison of segmentations found, as the same record that every run writes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from framework.data.events import CleanLog
from framework.data.parts import Parts
from framework.data.tables import Dataset
from framework.fitting import Bench
from framework.records import Result, Verdict
from framework.runfolder import CONFIG, PAGE, RESULT, RunFolder, now, versions
from framework.segmentation.explained_cards import explained_cards
from framework.segmentation.quality import Quality
from framework.segmentation.ranking import Ranking
from framework.stats.groups.explained_differences import ExplainedDifference


@dataclass(frozen=True)
class Compared:
    """All that was found of several segmentations of one log."""

    log: CleanLog
    parts: Parts
    users: Dataset
    qualities: tuple[Quality, ...]
    differences: tuple[ExplainedDifference, ...]
    ranking: Ranking


def result_of(bench: Bench, record: RunFolder, found: Compared, warnings: Sequence[str]) -> Result:
    """Return the run's result; its cards are those of the winner, or of the first in rank where none wins."""
    study, folder, log = bench.config, bench.run.folder, found.log
    shown = next(own for own in found.qualities if own.candidate.name == found.ranking.order[0])
    verdict = Verdict("", "none", found.ranking.sentence, tuple(_said(found)))
    return Result(
        study=study.study,
        question=study.question,
        seed=study.seed,
        control="",
        verdict=verdict,
        verdicts=(),
        rule="",
        rule_digest="",
        effects=(),
        arms=(),
        evidence=(),
        strategies=(),
        cleaning=log.account,
        split=found.parts.summary,
        segments=explained_cards(found.users, shown.candidate.segmentation, shown.surrogate),
        segment_notes=(
            f"These are the groups of {shown.candidate.name}.",
            _on_rules(shown, study.segmentation.conditions),
            *shown.candidate.segmentation.notes,
        ),
        simulator=None,
        health={"segmentations": _table(found)},
        warnings=(*warnings, *log.warnings),
        config=bench.run.config,
        versions=versions(),
        data_digest=log.digest,
        times={
            "started": record.started,
            "finished": now(),
            "test_opened": found.parts.opened,
            "seconds": dict(record.seconds),
            "command": " ".join(sys.argv),
        },
        paths={
            "folder": str(folder),
            "result": str(folder / RESULT),
            "config": str(folder / CONFIG),
            **({"page": str(folder / PAGE)} if study.report.html else {}),
        },
        metrics={
            f"{own.candidate.name}.{key}": value
            for own in found.qualities
            for key, value in (
                ("adjusted_rand", own.stability.adjusted_rand),
                ("prediction_strength", own.strength.strength),
                ("revenue_explained", own.explained.adjusted),
                ("fidelity", own.surrogate.fidelity),
                ("smallest", float(own.smallest)),
            )
        },
    )


def _said(found: Compared) -> list[str]:
    by_name = {own.candidate.name: own for own in found.qualities}
    lines = []
    for name in found.ranking.order:
        own = by_name[name]
        explained = f"{own.explained.adjusted:.1%} ({own.explained.low:.1%} to {own.explained.high:.1%})"
        line = f"{name}: {own.groups} groups explain {explained} of the later period; refits agree by "
        line += f"{own.stability.adjusted_rand:.2f}."
        objections = found.ranking.objections[name]
        lines.append(line + (f" It cannot win: {'; '.join(objections)}." if objections else ""))
    return lines


def _on_rules(shown: Quality, conditions: int) -> str:
    return (
        f"The segments' rules, of at most {conditions} conditions each, are right on {shown.surrogate.fidelity:.0%} of "
        "the users: their own segment's rule holds, and no other."
    )


def _table(found: Compared) -> dict[str, Any]:
    by_name = {own.candidate.name: own for own in found.qualities}
    return {
        "winner": found.ranking.winner,
        "users": len(found.users.users),
        "rows": [_row(by_name[name], found) for name in found.ranking.order],
        "pairs": [asdict(pair) for pair in found.differences],
    }


def _row(own: Quality, found: Compared) -> dict[str, Any]:
    explained, stability = own.explained, own.stability
    return {
        "name": own.candidate.name,
        "model": own.candidate.choice.name,
        "groups": own.groups,
        "smallest": own.smallest,
        "adjusted_rand": stability.adjusted_rand,
        "adjusted_rand_low": stability.low,
        "adjusted_rand_high": stability.high,
        "resamples": stability.resamples,
        "prediction_strength": own.strength.strength,
        "prediction_strength_error": own.strength.standard_error,
        "explained": explained.adjusted,
        "explained_low": explained.low,
        "explained_high": explained.high,
        "explained_p": explained.p_value,
        "fidelity": own.surrogate.fidelity,
        "objections": list(found.ranking.objections[own.candidate.name]),
        "notes": list(own.candidate.segmentation.notes),
    }
