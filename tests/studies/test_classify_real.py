"""`classify` from end to end on public data: six classifiers of shop sessions, and reviews against chance."""

import json
import os
from pathlib import Path

import pytest

from framework.cli import main

DATA = Path(os.environ.get("PRELAUNCH_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
SESSIONS = DATA / "online_shoppers" / "sessions.parquet"
REVIEWS = {
    "womens_clothing_reviews": ("label=Recommended IND", "text=Review Text"),
    "chinese_shopping_reviews": ("label=label", "text=review"),
}


def result(file, *arguments, folder):
    if not file.exists():
        pytest.skip(f"needs {file}; set PRELAUNCH_DATA to the folder of data sets")
    assert main(["classify", str(file), *arguments, f"out={folder}"]) == 0
    found = json.loads((folder / "result.json").read_text())
    return {own["name"]: own for own in found["classifiers"]}


def value(own, measure):
    return next(one for one in own["values"] if one["measure"] == measure)


@pytest.mark.slow
def test_sessions_that_buy_are_told(tmp_path):
    found = result(
        SESSIONS,
        "label=Revenue",
        "categories=[OperatingSystems,Browser,Region,TrafficType]",
        "classifiers=[naive_bayes,logistic,gradient_boosting]",
        "max_rows=3000",
        "folds=3",
        "inner=2",
        folder=tmp_path,
    )
    for own in found.values():
        assert value(own, "auc")["estimate"] > 0.8
        assert value(own, "f1")["estimate"] > 0.5
    best = {one["measure"]: one for one in found["gradient_boosting"]["compared"]}
    assert best["auc"]["ci_low"] > 0
    assert value(found["gradient_boosting"], "brier")["estimate"] < value(found["naive_bayes"], "brier")["estimate"]


@pytest.mark.slow
@pytest.mark.parametrize("name", REVIEWS)
def test_reviews_are_told_and_shuffled_ones_are_not(name, tmp_path):
    asked = (*REVIEWS[name], "classifiers=[tfidf_logistic]", "max_rows=2000", "folds=3", "calibration=none")
    told = result(DATA / name / "reviews.parquet", *asked, folder=tmp_path / "told")
    dealt = result(DATA / name / "reviews.parquet", *asked, "shuffled=true", folder=tmp_path / "dealt")
    assert value(told["tfidf_logistic"], "auc")["estimate"] > 0.85
    area = value(dealt["tfidf_logistic"], "auc")
    # About 400 of the smaller class at least: four standard errors of 0.016.
    assert abs(area["estimate"] - 0.5) < 0.065
