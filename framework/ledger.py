"""What was seen before of a study on a log: rules that it was judged by, and how its plan was calibrated.

Best effort by design, in the user's cache folder: a home that is missing or read-only costs the memory, never the run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from framework.config import RunConfig
from framework.errors import PrelaunchError
from framework.memory import cache_folder, in_turn
from framework.report.atomic import write_whole
from framework.runfolder import versions
from framework.stats.effects import Calibration, Effect

MOST_RULES = 20
"""Rules of one study on one log that are kept, the latest."""
NOTHING_RESTS_ON = (
    *("study", "question", "report"),  # the study is asked for by name; words and the page count nothing
    *("baselines", "costs"),  # arms and figures that no test knows of
    *("plan", "calibrate"),  # a live test's plan is no part of the trial; what was replicated is kept with the shares
    *("data.memory_limit", "data.threads"),
    "decision.prior",  # posteriors stand beside intervals and move none
)
"""Keys of a study's config that no calibration rests on; what is not named here counts, a new key too."""


def earlier_rules(study: str, data_digest: str, rule_digest: str) -> tuple[str, ...]:
    """Return a warning where the study was judged on this log by another rule before: its result was seen."""
    others = [entry for entry in _rules(study, data_digest) if entry["digest"] != rule_digest]
    if not others:
        return ()
    first = others[0]
    text = (
        f"The rule changed after a result of this log was seen: it was {first['digest'][:12]} on {first['time']}, "
        f"and is {rule_digest[:12]} now. A rule chosen after the result proves nothing: judge it on new data."
    )
    return (text,)


def remember_rule(study: str, data_digest: str, rule_digest: str, time: str) -> None:
    """Note that a result judged by this rule was shown."""
    with in_turn():
        rules = _rules(study, data_digest)
        if any(entry["digest"] == rule_digest for entry in rules):
            return
        rules.append({"digest": rule_digest, "time": time})
        _write("rules", study, data_digest, {"rules": rules[-MOST_RULES:]})


def calibrated_digest(config: RunConfig) -> str:
    """Return the SHA-256 of what a calibration of the study rests on: its config, and this version's estimators.

    All of the config counts but `NOTHING_RESTS_ON` and the strategies' descriptions. The seed counts, as another one
    trains other strategies and simulates other users; the order of the strategies counts, as it says which users an
    arm gets. So does all that the source is given, where its files lie too: only a source knows which parameter is a
    place.
    """
    plain = asdict(config)
    for key in NOTHING_RESTS_ON:
        *above, last = key.split(".")
        del reduce(getitem, above, plain)[last]
    for strategy in plain["strategies"].values():
        del strategy["description"]
    # Not JSON: YAML gives parameters keys that do not sort, and values that JSON lacks.
    canonical = repr((versions().get("prelaunch"), list(plain["strategies"]), _sorted(plain)))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _sorted(value: Any) -> Any:
    """Return mappings, however deep, as pairs by key: in which order they were written is no matter."""
    if isinstance(value, Mapping):
        return sorted((repr(key), _sorted(entry)) for key, entry in value.items())
    return [_sorted(entry) for entry in value] if isinstance(value, list | tuple) else value


def remember_calibration(
    study: str, data_digest: str, rule_digest: str, config_digest: str, rows: Sequence[dict[str, Any]]
) -> None:
    """Keep what a calibration found of each effect: its names, and the fields of `effects.Calibration`.

    `config_digest` is `calibrated_digest` of the study.
    """
    _write("calibrations", study, data_digest, {"rule": rule_digest, "config": config_digest, "rows": list(rows)})


def with_calibration(
    effects: Sequence[Effect], study: str, data_digest: str, rule_digest: str, config_digest: str
) -> tuple[Effect, ...]:
    """Return the effects with their measured coverage, where this very study was calibrated on this log by this rule.

    What was measured of other parameters, metrics, splits or trials is stale and not shown.
    """
    found = _read("calibrations", study, data_digest)
    if (found.get("rule"), found.get("config")) != (rule_digest, config_digest):
        return tuple(effects)
    try:
        rows = {tuple(row["effect"]): _calibration(row["calibration"]) for row in found["rows"]}
    except (LookupError, TypeError, ValueError, AttributeError):  # damaged: none of it is believed
        return tuple(effects)
    made = []
    for effect in effects:
        own = rows.get((effect.evidence, effect.metric, effect.control, effect.treatment, effect.segment))
        made.append(effect if own is None else replace(effect, calibration=own))
    return tuple(made)


def _calibration(row: dict[str, Any]) -> Calibration:
    ends = {key: tuple(value) for key, value in row.items() if key.endswith("_interval")}
    made = Calibration(**{**row, **ends})
    shares = (made.coverage, made.false_positive_rate, 0.0 if made.power is None else made.power)
    if made.replications < 1 or not all(0 <= share <= 1 for share in shares):
        raise ValueError("a share outside 0 to 1")
    return made


def _rules(study: str, data_digest: str) -> list[dict[str, str]]:
    """Return the rules noted, the first seen first, without damaged entries."""
    found = _read("rules", study, data_digest).get("rules")
    entries = [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
    return [entry for entry in entries if all(isinstance(entry.get(key), str) for key in ("digest", "time"))]


def _file(kind: str, study: str, data_digest: str) -> Path:
    safe = "".join(sign if sign.isalnum() or sign in "-_" else "_" for sign in study)
    # Names that look alike once made safe ("a b", "a/b") are other studies, with files of their own.
    own = hashlib.sha256(json.dumps([study, data_digest]).encode()).hexdigest()
    return cache_folder() / kind / f"{safe[:60]}-{own[:16]}.json"


def _read(kind: str, study: str, data_digest: str) -> dict[str, Any]:
    try:
        found = json.loads(_file(kind, study, data_digest).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(kind: str, study: str, data_digest: str, content: dict[str, Any]) -> None:
    path = _file(kind, study, data_digest)
    with contextlib.suppress(OSError, PrelaunchError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(content, indent=1) + "\n")
