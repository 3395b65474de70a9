"""A run shows what `calibrate` measured of this very study, and nothing that was measured of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.plugins import load_plugins
from framework.rehearsal.calibrate import calibrate
from framework.run import run
from tests.studies.composing import composed

SMALL = (
    "source.params.users=400",
    "source.params.events=12000",
    "source.params.items=60",
    "trial.segment_floor=100",
    "report.html=false",
)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrated")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRELAUNCH_CACHE", str(folder / "cache"))
        asked = ("calibrate.replications=100", "calibrate.jobs=1")
        calibrate(composed("quickstart", *SMALL, *asked), folder / "run", load_plugins())
    return folder / "cache"


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ("report.width=120", True),
        ("strategies.treatment.recommender.params.factors=8", False),
        ("data.split.validation=0.2", False),
    ],
)
def test_a_run_is_shown_the_calibration_of_its_own_config_only(
    change: str, shown: bool, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRELAUNCH_CACHE", str(cache))
    result = run(composed("quickstart", *SMALL, change), tmp_path / "run", load_plugins())
    known = {effect.calibration is not None for effect in result.effects if effect.segment is None}
    assert known == {shown}
