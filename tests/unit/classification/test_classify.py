import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from framework.classification.calibration import best_threshold, calibrate
from framework.classification.cross_validation import class_weights
from framework.classification.folds import forward_splits, random_splits
from framework.classification.reading import read_examples
from framework.classification.settings import ClassifySettings
from framework.cli import main
from framework.errors import DataError

FAST = ("classifiers=[logistic,naive_bayes]", "folds=3")


def rows(n=300, seed=0):
    """Two numbers and a word that tell `bought`, a number that does not, users of three rows each, and days."""
    rng = np.random.default_rng(seed)
    bought = rng.random(n) < 0.35
    return pa.table(
        {
            "bought": bought,
            "pages": rng.normal(size=n) + 1.5 * bought,
            "noise": rng.normal(size=n),
            "device": np.where(rng.random(n) < 0.7, np.where(bought, "phone", "desk"), "tablet"),
            "user": [f"u{place // 3}" for place in range(n)],
            "id": [f"row {place}" for place in range(n)],
            "day": np.arange(n) // 5,
        }
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(rows(), path)
    return path


def result(*arguments, folder):
    assert main(["classify", *map(str, arguments), f"out={folder}"]) == 0
    return json.loads((folder / "result.json").read_text())


def value(found, name, measure):
    own = next(one for one in found["classifiers"] if one["name"] == name)
    return next(one for one in own["values"] if one["measure"] == measure)


def refused(*arguments, capsys):
    assert main(["classify", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_a_table_is_told_and_written(file, tmp_path, capsys):
    found = result(file, "label=bought", "features=[pages,noise,device]", *FAST, folder=tmp_path / "a")
    area = value(found, "logistic", "auc")
    assert 0.85 < area["ci_low"] < area["estimate"] < area["ci_high"] < 1
    assert found["rows"] == 300
    first, second = found["classifiers"]
    assert not first["compared"]
    assert {own["measure"] for own in second["compared"]} == {"auc", "f1", "accuracy"}
    assert [fold["answered"] for fold in first["folds"]] == [100] * 3
    assert len(first["folds"][0]["tried"]) == 3
    shown = capsys.readouterr().out
    assert "logistic" in shown
    assert f"{area['estimate']:.3f} [{area['ci_low']:.3f}, {area['ci_high']:.3f}]" in shown
    assert "Compared with logistic" in (tmp_path / "a" / "report.html").read_text()
    again = result(file, "label=bought", "features=[pages,noise,device]", *FAST, folder=tmp_path / "b")
    for one in (found, again):
        del one["times"]
    assert found == again


def test_measures_are_of_the_answers(file, tmp_path):
    """F1 of the file's result is that of precision and recall, and accuracy the mean of the folds'."""
    found = result(file, "label=bought", "features=[pages,device]", *FAST, folder=tmp_path / "a")
    for name in ("logistic", "naive_bayes"):
        p, r, f = (value(found, name, measure)["estimate"] for measure in ("precision", "recall", "f1"))
        assert f == pytest.approx(2 * p * r / (p + r))
        folds = next(own for own in found["classifiers"] if own["name"] == name)["folds"]
        assert value(found, name, "accuracy")["estimate"] == pytest.approx(np.mean([one["accuracy"] for one in folds]))


def test_shuffled_labels_are_chance(file, tmp_path):
    found = result(file, "label=bought", "features=[pages,device]", "shuffled=true", *FAST, folder=tmp_path / "a")
    for name in ("logistic", "naive_bayes"):
        area = value(found, name, "auc")
        assert area["ci_low"] < 0.5 < area["ci_high"] + 0.05
        assert abs(area["estimate"] - 0.5) < 0.13  # 3.5 standard errors of an AUC of 105 against 195


def test_csv_and_parquet_give_the_same(file, tmp_path):
    csv.write_csv(rows(), tmp_path / "rows.csv")
    asked = ("label=bought", "features=[pages,noise,device]", "classifiers=[naive_bayes]", "folds=2", "inner=2")
    one = result(file, *asked, folder=tmp_path / "a")
    other = result(tmp_path / "rows.csv", *asked, folder=tmp_path / "b")
    assert one["classifiers"] == other["classifiers"]


def test_users_stay_in_one_fold(file, tmp_path):
    settings = ClassifySettings(label="bought", features=("pages",), unit="user")
    examples = read_examples(file, settings)
    splits = random_splits(examples.label, examples.group, 4, np.random.default_rng(0), grouped=True)
    answered = np.concatenate([answer for _, answer in splits])
    assert sorted(answered) == list(range(300))
    for learn, answer in splits:
        assert not set(examples.group[learn]) & set(examples.group[answer])
    found = result(file, "label=bought", "features=[pages]", "unit=user", *FAST, folder=tmp_path / "a")
    assert value(found, "logistic", "auc")["estimate"] > 0.75


def test_equal_texts_and_users_are_joined(tmp_path):
    texts = ["a b", "c d", "a b", "e f", "g h", *[f"word{n} more" for n in range(35)]]
    users = ["1", "1", "2", "2", "3", *[str(n) for n in range(10, 45)]]
    table = pa.table({"y": [n % 2 for n in range(40)], "text": texts, "user": users})
    parquet.write_table(table, tmp_path / "t.parquet")
    read = read_examples(tmp_path / "t.parquet", ClassifySettings(label="y", text="text", unit="user"))
    assert len(set(read.group[:4])) == 1  # 0 and 2 share a text, 1 shares a user with 0, 3 with 2
    assert len(set(read.group)) == 37
    alone = read_examples(tmp_path / "t.parquet", ClassifySettings(label="y", text="text"))
    assert len(set(alone.group)) == 39


def test_time_goes_forwards(file, tmp_path):
    label = np.tile([True, False, False], 40)
    time = np.repeat(np.arange(60), 2)
    splits = forward_splits(label, time, 3)
    for learn, answer in splits:
        assert time[learn].max() < time[answer].min()
    assert [len(answer) for _, answer in splits] == [30, 30, 30]
    with pytest.raises(DataError, match="2 moments cannot be cut into 4"):
        forward_splits(label, time // 30, 3)
    found = result(file, "label=bought", "features=[pages]", "time=day", *FAST, folder=tmp_path / "a")
    folds = found["classifiers"][0]["folds"]
    assert [fold["learned"] for fold in folds] == [75, 150, 225]


def test_class_weights():
    label = np.array([True, False, False, False])
    np.testing.assert_allclose(class_weights(label, "balanced"), [2, 2 / 3, 2 / 3, 2 / 3])
    np.testing.assert_array_equal(class_weights(label, "none"), np.ones(4))


def test_threshold_is_the_best_of_all():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    for _ in range(20):
        label = rng.random(60) < 0.3
        probability = np.round(np.clip(0.3 * label + rng.random(60) * 0.7, 0, 1), 1)
        tried = [f1_score(label, probability >= cut) for cut in np.unique(probability)]
        found = best_threshold(probability, label)
        assert f1_score(label, probability >= found) == pytest.approx(max(tried))


def test_sigmoid_is_a_logistic_regression_on_smoothed_targets():
    import statsmodels.api as sm

    rng = np.random.default_rng(1)
    odds = rng.normal(size=500) * 2
    label = rng.random(500) < 1 / (1 + np.exp(-(0.5 * odds - 1)))
    m, n = label.sum(), (~label).sum()
    target = np.where(label, (m + 1) / (m + 2), 1 / (n + 2))
    fitted = sm.GLM(target, sm.add_constant(odds), family=sm.families.Binomial()).fit()
    asked = rng.normal(size=50)
    expected = fitted.predict(sm.add_constant(asked))
    found = calibrate("sigmoid", 1 / (1 + np.exp(-odds)), label)(1 / (1 + np.exp(-asked)))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_mends_probabilities_that_are_too_sure(method):
    rng = np.random.default_rng(2)
    truth = 1 / (1 + np.exp(-rng.normal(size=4000)))
    label = rng.random(4000) < truth
    sure = truth**3 / (truth**3 + (1 - truth) ** 3)
    half = slice(0, 2000), slice(2000, 4000)
    mended = calibrate(method, sure[half[0]], label[half[0]])(sure[half[1]])
    assert np.mean(np.abs(mended - truth[half[1]])) < 0.05
    assert np.mean(np.abs(sure[half[1]] - truth[half[1]])) > 0.1
    assert calibrate("none", sure, label)(sure) is sure


def test_texts_are_told_in_two_languages(tmp_path):
    rng = np.random.default_rng(0)
    label = np.arange(200) % 2
    words = {0: ["awful", "退货", "cheap"], 1: ["lovely", "喜欢", "soft"]}
    texts = [f"{' '.join(rng.choice(words[yes], 2))} shop number {rng.integers(1000)}" for yes in label]
    parquet.write_table(pa.table({"label": label, "review": texts}), tmp_path / "r.parquet")
    asked = ("label=label", "text=review", "classifiers=[tfidf_logistic]", "folds=3")
    found = result(tmp_path / "r.parquet", *asked, "max_rows=150", folder=tmp_path / "a")
    assert found["rows"] == 150
    assert value(found, "tfidf_logistic", "auc")["estimate"] > 0.99


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("label=bougt",), "no column 'bougt'.*Did you mean 'bought'"),
        (("label=pages",), "column 'pages': its values are"),
        (("label=device",), "Set positive=VALUE"),
        (("label=bought", "features=[id]"), "300 different words.*up to 200"),
        (("label=bought", "text=device", "features=[pages]"), "do not go together"),
        (("label=bought", "classifiers=[logistc]"), "logistc.*Did you mean 'logistic'"),
        (("label=bought", "text=device", "classifiers=[logistic]"), "'logistic' reads a table.*tfidf_logistic"),
        (("label=bought", "features=[pages]", "classifiers=[tfidf_logistic]"), "reads a text.*Set text=COLUMN"),
        (("label=bought", "folds=1"), "folds is 1"),
        (("label=bought", "calibration=platt"), "calibration is 'platt'"),
        (("label=bought", "threshold=2"), "threshold is '2'"),
        (("label=bought", "classifiers=[mlp]", "classifier.logistic.strength=1"), "not among classifiers"),
        (("label=bought", "classifiers=[logistic]", "classifier.logistic.strength=0"), "strength is 0"),
        (("lable=bought",), "no 'lable'.*Did you mean 'label'"),
        (("label=bought", "features=[pages]", "folds=200"), "folds"),
    ],
)
def test_mistakes_are_told(file, arguments, message, capsys):
    import re

    assert re.search(message, refused(file, *arguments, capsys=capsys), re.DOTALL)


def test_help_and_missing_file(capsys, tmp_path):
    assert main(["classify"]) == 0
    assert "`threshold`" in capsys.readouterr().out
    assert "there is no file" in refused(tmp_path / "none.parquet", "label=y", capsys=capsys)
    assert "takes one file" in refused("label=y", capsys=capsys)
