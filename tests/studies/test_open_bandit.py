"""A policy evaluated on another one's log, as a user runs it: on the Open Bandit logs, and on one made here."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from framework.errors import ConfigError, DataError
from framework.plugins import load_plugins
from framework.run import run
from tests.studies.composing import ROOT, composed

DATA = Path(os.environ.get("PRELAUNCH_DATA", ROOT.parent / "shared" / "data")) / "open_bandit"
REFERENCE = Path(os.environ.get("PRELAUNCH_REFERENCE", ROOT.parent / "shared" / "reference")) / "ope"
MODEL_FREE = tuple(
    f"~evaluation.estimators.{name}" for name in ("dm", "dr", "sndr", "switch_dr", "dr_os", "sg_dr", "sg_ips")
)
ITEMS = 4
needs_logs = pytest.mark.skipif(not DATA.exists(), reason=f"the data set open_bandit is not there: {DATA}")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("PRELAUNCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PRELAUNCH_EXPERIMENTS", str(ROOT / "experiments"))


def evaluated(folder, *words, logs=DATA):
    out = folder / "run"
    out.mkdir(exist_ok=True)
    result = run(composed("open_bandit", f"source.params.folder={logs}", *words), out, load_plugins())
    return result, json.loads((out / "result.json").read_text())


@needs_logs
@pytest.mark.reference
@pytest.mark.parametrize(
    ("campaign", "difference", "rows", "clicks"),
    [("all", 0.0015, 166_575, 4.7), ("women", 0.0016, 108_336, 13.0)],
)
def test_random_says_too_little_of_bts_and_how_much_it_would_take(tmp_path, campaign, difference, rows, clicks):
    file = REFERENCE / f"obd_small_{campaign}_random_to_bts.json"
    result, _ = evaluated(
        tmp_path,
        f"source.params.campaign={campaign}",
        f"evaluation.policy={file}",
        f"decision.difference={difference}",
        *MODEL_FREE,
    )
    assert result.verdict.decision == "undecided"
    assert result.verdict.more_units == rows
    assert f"{rows:,} rows" in result.verdict.headline
    assert any(f"{clicks:.1f} effective rewarded rows" in warning for warning in result.warnings)
    reference = json.loads(file.read_text())
    assert result.metrics["snips"] == pytest.approx(reference["estimates"]["snipw"]["value"], abs=1e-12)
    assert result.health["logged"]["truth"]["value"] == reference["on_policy_value_of_evaluation_policy"]


@needs_logs
def test_a_log_with_one_weight_of_everything_is_refused(tmp_path, capsys):
    result, _ = evaluated(
        tmp_path, "source.params.campaign=women", "source.params.behaviour=bts", "evaluation.refits=20"
    )
    assert result.verdict.headline.startswith("Refused")
    said = " ".join(result.verdict.reasons)
    assert "2.1 effective" in said
    assert "21,739" in said
    shown = {row["key"]: row for row in result.health["logged"]["estimates"]}
    assert [key for key, row in shown.items() if not row["withheld"]] == ["dm"]
    assert result.effects == ()
    assert result.verdict.more_units is not None
    assert "withheld" in capsys.readouterr().out
    assert "Refused" in (tmp_path / "run" / "report.html").read_text()


@needs_logs
def test_without_a_file_the_other_logs_mean_propensities_are_evaluated_and_stamped(tmp_path):
    result, written = evaluated(tmp_path, *MODEL_FREE)
    assert result.health["logged"]["estimated"]
    assert any("are estimated" in warning for warning in result.warnings)
    assert written["data_digest"]


def write_log(folder, rows=4_000, seed=0):
    """A uniform logger over four items at three places; the first item is clicked by 30 %, the others by 10 %."""
    rng = np.random.default_rng(seed)
    for policy in ("random", "bts"):
        own = folder / policy / "all"
        own.mkdir(parents=True)
        item = rng.integers(ITEMS, size=rows) if policy == "random" else np.zeros(rows, dtype=int)
        click = rng.random(rows) < np.where(item == 0, 0.3, 0.1)
        lines = ["timestamp,item_id,position,click,propensity_score,user_feature_0"]
        lines += [
            f"2020-01-01 00:{n // 60 % 60:02d}:{n % 60:02d}+00:00,{i},{1 + n % 3},{int(c)},"
            f"{1 / ITEMS if policy == 'random' else 1},{'ab'[n % 2]}"
            for n, (i, c) in enumerate(zip(item, click, strict=True))
        ]
        (own / "all.csv").write_text("\n".join(lines) + "\n")
        (own / "item_context.csv").write_text(
            "item_id,item_feature_0,item_feature_1\n" + "".join(f"{i},{i / 2},c{i % 2}\n" for i in range(ITEMS))
        )
    return folder


def test_a_better_policy_is_shipped(tmp_path):
    result, _ = evaluated(tmp_path, "decision.difference=0.05", "evaluation.refits=20", logs=write_log(tmp_path))
    assert result.verdict.decision == "ship"
    for key in ("ips", "snips", "dr", "sndr"):
        assert result.metrics[key] == pytest.approx(0.3, abs=0.03), key
    again, _ = evaluated(tmp_path, "decision.difference=0.05", "evaluation.refits=20", logs=tmp_path)
    assert (again.effects, again.arms, again.health) == (result.effects, result.arms, result.health)


def test_few_rewarded_rows_decide_nothing(tmp_path):
    words = ("decision.difference=0", "evaluation.support.trusted_rewarded=5000", *MODEL_FREE)
    result, _ = evaluated(tmp_path, *words, logs=write_log(tmp_path))
    assert result.verdict.decision == "undecided"
    assert "would say ship" in result.verdict.headline


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([[1.0, 0.0, 0.0]] * ITEMS, "adds up to 4"),
        ([[0.25] * 2] * ITEMS, "shape"),
        ([[1.5] * 3] + [[0.0] * 3] * (ITEMS - 1), r"\[0\]\[0\] is 1.5"),
    ],
)
def test_a_policy_that_is_none_is_named(tmp_path, table, said):
    file = tmp_path / "policy.json"
    file.write_text(json.dumps({"action_dist": table}))
    with pytest.raises(ConfigError, match=said):
        evaluated(tmp_path, f"evaluation.policy={file}", *MODEL_FREE, logs=write_log(tmp_path))


def test_what_is_wrong_with_the_study_is_said_before_the_log_is_read(tmp_path):
    with pytest.raises(ConfigError, match="snips"):
        evaluated(tmp_path, "evaluation.decides=snip", logs=tmp_path / "nowhere")
    with pytest.raises(DataError, match="there is no"):
        evaluated(tmp_path, logs=tmp_path / "nowhere")


def test_a_damaged_row_is_named_by_its_line(tmp_path):
    logs = write_log(tmp_path, rows=50)
    file = logs / "random" / "all" / "all.csv"
    lines = file.read_text().splitlines()
    lines[7] = lines[7].replace(",0.25,", ",0,")
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(DataError, match="line 8: propensity_score is 0"):
        evaluated(tmp_path, logs=logs)
