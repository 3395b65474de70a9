"""`uplift` on small files: what it finds of a planted effect, what it writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from framework.cli import main

ASKED = ("arm=arm", "control=none", "outcome=bought", "covariates=[visits]", "categories=[device]")
FAST = ("learners=[t_learner,effect_tree]", "folds=3")


def shop(n: int = 3000, effect: float = 0.3, seed: int = 0) -> dict[str, np.ndarray]:
    """Return a test: mail helps those on the app by `effect`, and harms others as much."""
    rng = np.random.default_rng(seed)
    device = rng.choice(["app", "web"], n)
    arm = rng.choice(["mail", "none"], n, p=[0.6, 0.4])
    gain = effect * (arm == "mail") * np.where(device == "app", 1, -1)
    return {
        "id": np.array([f"u{place}" for place in range(n)]),
        "arm": arm,
        "device": device,
        "visits": rng.poisson(3, n),
        "bought": (rng.random(n) < 0.4 + gain).astype(np.int64),
        "spend": np.round(rng.exponential(10, n) + 20 * gain, 4),
    }


@pytest.fixture
def asked(tmp_path, capsys):
    """Return a runner: a test's columns and arguments to the result as read back."""

    def run(columns, *arguments, csv=True):
        file = tmp_path / ("test.csv" if csv else "test.parquet")
        (pc.write_csv if csv else pq.write_table)(pa.table(columns), file)
        assert main(["uplift", str(file), *ASKED, *FAST, *arguments, f"out={tmp_path / 'out'}"]) == 0
        return json.loads((tmp_path / "out" / "result.json").read_text())

    return run


def test_planted_effect_is_found_valued_and_said(asked, tmp_path, capsys):
    found = asked(shop(), "unit=id", "cost=0.05", "worth=2")
    assert found["units"] == {
        "none": int((shop()["arm"] == "none").sum()),
        "mail": int((shop()["arm"] == "mail").sum()),
    }
    assert abs(found["tested"] - 2000) <= 1
    assert found["balance"]["mail"] > 0.001
    ranking = found["rankings"][0]
    assert ranking["learner"] == "t_learner"
    assert ranking["qini_coefficient"]["ci_low"] > 0
    # Everybody on the app treated: 0.3 - 0 over half of the units; areas: half of that, less the random line's 0.
    assert ranking["qini_area"]["ci_low"] < 0.075 < ranking["qini_area"]["ci_high"]
    for own in found["segmentations"]:
        assert own["wins"], own["name"]
        assert own["p_adjusted"] < 0.001
    tree = next(own for own in found["segmentations"] if own["name"] == "effect_tree")
    assert tree["segments"][0]["description"].startswith("device is app")
    assert tree["segments"][0]["action"] == "mail"
    assert tree["segments"][-1]["action"] == "none"
    assert tree["segments"][0]["effects"]["mail"]["ci_low"] > 0
    # Worth 2 x 0.3, less 0.05, for the half on the app, over treating nobody.
    over_none = tree["worth"]["over_always"][0]
    assert over_none["ci_low"] < 0.275 < over_none["ci_high"]
    half = next(row for row in ranking["budgets"] if row["share"] == 0.5)
    assert half["profit"]["ci_low"] < 0.275 < half["profit"]["ci_high"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Qini curves of mail" in page
    assert page.count('<svg class="chart"') == 2
    segments = pq.read_table(tmp_path / "out" / "segments.parquet").to_pydict()
    assert segments["user"] == shop()["id"].tolist()
    assert set(segments) == {"user", "t_learner", "effect_tree"}
    assert "worth" in capsys.readouterr().out


def test_same_file_same_result_and_a_learners_company_changes_nothing(asked):
    first, second = asked(shop(1500)), asked(shop(1500), csv=False)
    drop = ("times", "paths", "data_digest", "study")
    same = [{key: value for key, value in found.items() if key not in drop} for found in (first, second)]
    assert same[0] == same[1]
    alone = asked(shop(1500), "learners=[t_learner]")
    assert alone["rankings"][0] == first["rankings"][0]


def test_outcomes_in_money_have_areas_and_no_coefficient(asked):
    found = asked(shop(1500), "outcome=spend", "learners=[t_learner]")
    assert found["rankings"][0]["qini_coefficient"] is None
    assert found["rankings"][0]["qini_area"]["ci_low"] > 0


def test_given_segments_are_valued_beside(asked):
    found = asked(shop(), "segment=device", "learners=[]")
    (own,) = found["segmentations"]
    assert (own["name"], own["wins"], own["p_adjusted"] < 0.001) == ("given: device", True, True)
    assert {segment["name"]: segment["action"] for segment in own["segments"]} == {"app": "mail", "web": "none"}
    assert own["worth"]["over_random"]["ci_low"] > 0
    assert found["rankings"] == []


def test_three_arms(asked):
    columns = shop(4000)
    third = np.random.default_rng(1).random(4000) < 0.3
    columns["arm"] = np.where(third, "push", columns["arm"])
    columns["bought"] = np.where(third, np.random.default_rng(2).random(4000) < 0.5, columns["bought"]).astype(np.int64)
    found = asked(columns, "learners=[t_learner]", "segment=device")
    assert [own["name"] for own in found["segmentations"]] == ["t_learner, mail", "t_learner, push", "given: device"]
    # Push gives everybody 0.5: better than none (0.4) everywhere, worse than mail on the app (0.7).
    given = found["segmentations"][-1]
    assert {segment["name"]: segment["action"] for segment in given["segments"]} == {"app": "mail", "web": "push"}
    assert found["effects"]["push"]["ci_low"] < 0.1 < found["effects"]["push"]["ci_high"]


def test_known_propensities_mend_an_unequal_deal(asked):
    rng = np.random.default_rng(3)
    columns = shop(6000, effect=0.0)
    visits = columns["visits"]
    chance = np.where(visits > 2, 0.8, 0.3)
    treated = rng.random(6000) < chance
    # Who visits buys, whatever comes by mail.
    columns |= {
        "arm": np.where(treated, "mail", "none"),
        "bought": (rng.random(6000) < np.where(visits > 2, 0.6, 0.2)).astype(np.int64),
        "p": np.where(treated, chance, 1 - chance),
    }
    unaware = asked(columns, "learners=[t_learner]")
    assert unaware["balance"]["mail"] < 1e-6
    found = asked(columns, "learners=[t_learner]", "propensity=p")
    assert found["effects"]["mail"]["ci_low"] < 0 < found["effects"]["mail"]["ci_high"]
    assert found["balance"] is None


def test_parameters_of_learners_are_taken(asked):
    found = asked(shop(1500), "learners=[effect_tree]", "learner.effect_tree.depth=1")
    assert len(found["segmentations"][0]["segments"]) == 2
    assert found["config"]["learner"] == {"effect_tree": {"depth": 1}}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("outcome=bougt",), "has no column 'bougt' (outcome=)"),
        (("control=nobody",), "has no arm 'nobody'"),
        (("learners=[u_learner]",), "Did you mean"),
        (("learner.t_learner.tree=3",), "has no 'tree'"),
        (("learners=[t_learner]", "learner.x_learner.trees=3"), "learner.x_learner is not among learners="),
        (("budget=[0.1]",), "Did you mean 'budgets'"),
        (("budgets=[1.5]",), "shares from 0 to 1"),
        (("covariates=[]", "categories=[]"), "uplift needs covariates="),
        (("covariates=[bought]",), "stands twice"),
        (("categories=[id]",), "has 400 values"),
        (("folds=5",), "too few for 5 folds"),
        (("covariates=[device]", "categories=[]"), "no number"),
        (("propensity=visits",), "outside (0, 1)"),
        (("missing=guess",), "missing is 'guess'"),
    ],
)
def test_refusals(arguments, words, tmp_path, capsys):
    file = tmp_path / "test.csv"
    pc.write_csv(pa.table(shop(400)), file)
    code = main(["uplift", str(file), *ASKED, "folds=2", *arguments, f"out={tmp_path / 'out'}"])
    said = capsys.readouterr().err
    assert code == 2, said
    assert "Traceback" not in said
    assert words in said
    assert not (tmp_path / "out" / "result.json").exists()


def test_file_is_needed(capsys):
    assert main(["uplift", "arm=a"]) == 2
    assert "takes one file, not 0" in capsys.readouterr().err
    assert main(["uplift"]) == 0
    assert "covariates" in capsys.readouterr().out


def test_order_of_arms_in_the_file_moves_nothing(tmp_path, capsys):
    # A file sorted by arm and outcome, and a learner that calls everybody alike: its groups are dealt by chance, so no
    # group may look better than another.
    columns = shop(2000, effect=0.0)
    order = np.lexsort((columns["bought"], columns["arm"]))
    file = tmp_path / "sorted.parquet"
    pq.write_table(pa.table({name: own[order] for name, own in columns.items()} | {"same": np.ones(2000)}), file)
    out = tmp_path / "out"
    asked = [own for own in ASKED if "visits" not in own and "device" not in own]
    refused = main(["uplift", str(file), *asked, "covariates=[same]", "learners=[dr_learner]", "folds=3", f"out={out}"])
    assert refused == 0, capsys.readouterr().err
    found = json.loads(Path(out / "result.json").read_text())
    for segment in found["segmentations"][0]["segments"]:
        own = segment["effects"]["mail"]
        assert abs(own["value"]) < 4 * own["standard_error"]
    assert found["rankings"][0]["qini_area"]["value"] == pytest.approx(0, abs=1e-9)
