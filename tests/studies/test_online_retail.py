"""The main job on real purchases: every row accounted for, three strategies, both kinds of evidence, a page."""

import json
import os
from pathlib import Path

import pytest

from tests.studies.composing import ROOT, prelaunch

DATA = (
    Path(os.environ.get("PRELAUNCH_DATA", ROOT.parent / "shared" / "data")) / "online_retail" / "online_retail.parquet"
)


@pytest.mark.skipif(not DATA.exists(), reason=f"the data set online_retail is not there: {DATA}")
def test_online_retail_ends_with_a_verdict(tmp_path: Path) -> None:
    process = prelaunch(
        "+experiment=online_retail", f"source.params.path={DATA}", f"hydra.run.dir={tmp_path}/run", folder=tmp_path
    )
    assert process.returncode == 0, process.stderr
    found = json.loads((tmp_path / "run" / "result.json").read_text())
    removed = {rule["rule"]: rule["rows_removed"] for rule in found["cleaning"]["rules"]}
    assert found["cleaning"]["rows_in"] == 541_909 == found["cleaning"]["rows_kept"] + sum(removed.values())
    assert removed["cancellation, netted fully"] == 7_482
    assert removed["cancellation, netted partly"] == 59
    assert removed["cancellation without a purchase"] == 1_331
    assert {strategy["name"] for strategy in found["strategies"]} == {"recent_popular", "als", "segment_popular"}
    assert {evidence["name"] for evidence in found["evidence"]} == {"holdout", "simulated"}
    assert found["verdict"]["decision"] in {"ship", "hold", "stop", "undecided"}
    assert len(found["segments"]) > 5
    assert (tmp_path / "run" / "report.html").stat().st_size > 50_000
