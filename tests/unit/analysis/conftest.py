"""Small files of outcomes, and the command run on them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.cli import main

ARMS = ("arm=arm", "control=a")
Analyse = Callable[..., Any]
Refused = Callable[..., str]


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    """Return 120 units in two arms, 12 clusters, 2 strata; `b` spends more, most of all in stratum "y"."""
    rng = np.random.default_rng(7)
    found = []
    for place in range(120):
        before = float(rng.normal(10, 3))
        treated, high = place % 2, (place // 2) % 2
        spend = round(before + treated + 5 * high + float(rng.normal()), 6)
        found.append(
            {
                "id": f"u{place}",
                "arm": "ab"[treated],
                "group": "xy"[high],
                "shop": f"s{place // 10}",
                "period": place // 5,
                "spend": spend,
                "before": round(before, 6),
                "bought": int(spend > 13),
                "visits": 1 + place % 3,
                "day1": int(rng.random() < 0.6),
                "day7": int(rng.random() < 0.3),
            }
        )
    return found


def save(path: Path, rows: list[dict[str, Any]], separator: str = ",") -> Path:
    lines = [separator.join(rows[0]), *(separator.join(str(value) for value in row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def analyse(tmp_path: Path) -> Analyse:
    """Return a runner: rows and arguments to the result as read back."""

    def run(rows: list[dict[str, Any]], *arguments: str, separator: str = ",") -> Any:
        file = save(tmp_path / "outcomes.csv", rows, separator)
        assert main(["analyse", str(file), *arguments, f"out={tmp_path / 'out'}"]) == 0
        return json.loads((tmp_path / "out" / "result.json").read_text())

    return run


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Return a runner of what must end with code 2, one message and no result: rows and arguments to the message."""

    def run(rows: list[dict[str, Any]], *arguments: str, file: str = "outcomes.csv") -> str:
        save(tmp_path / "outcomes.csv", rows)
        code = main(["analyse", str(tmp_path / file), *arguments, f"out={tmp_path / 'out'}"])
        said = capsys.readouterr().err
        assert code == 2, said
        assert "Traceback" not in said
        assert not (tmp_path / "out" / "result.json").exists()
        assert not (tmp_path / "out" / "report.html").exists()
        record = tmp_path / "out" / "record.json"
        assert not record.exists() or json.loads(record.read_text())["status"] == "failed"
        (line,) = [line for line in said.splitlines() if line.startswith("error: ")]
        return line

    return run
