"""A run keeps its recommenders, and `recommend`, in a process of its own, answers as they did."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

import framework.run as engine
from framework.artefacts import read
from framework.artefacts.digests import events_digest
from framework.cli import main
from framework.data.tables import Dataset
from framework.fitting import Fitted, fit_strategies
from framework.plugins import load_plugins
from framework.records import Queries, Slates
from framework.trial.population import Population
from shop_recommenders.popularity import popular
from shop_recommenders.popularity.popular import Popular
from tests.studies.composing import composed, prelaunch

STUDY = """
source: {name: synthetic_shop, params: {users: 300, events: 6000, items: 50}}
model: {name: rfm}
trial: {segment_floor: 5, evidence: [holdout], positions: 5, repeats: false}
report: {html: false}
metrics: {conversion: {name: conversion, role: primary}}
strategies:
  control: {recommender: {name: als, params: {factors: 8, num_threads: 1}}}
  ruled/one:
    recommender: {name: item_knn}
    segments:
      champions: {recommender: {name: user_knn}, policy: {name: epsilon_greedy}}
      loyal: {policy: {name: epsilon_greedy}}
      new users: {recommender: {name: popular}}
"""


class Run:
    """A run in this process: its folder, and what it fitted, on which data."""

    data: Dataset
    fitted: Fitted

    def __init__(self, folder: Path, patched: pytest.MonkeyPatch, *overrides: str) -> None:
        def seen(bench: Any, segmented: Any, advance: Any) -> Fitted:
            self.data, self.fitted = segmented.data, fit_strategies(bench, segmented, advance)
            return self.fitted

        folder.mkdir(exist_ok=True)
        patched.setattr(engine, "fit_strategies", seen)
        self.folder, self.artefacts = folder, folder / "artefacts"
        self.result = engine.run(composed("own", *overrides), folder, load_plugins())

    def asked(self, arm: str, k: int, *, repeats: bool) -> Slates:
        """Return what the arm's own recommender says of every user that it knew."""
        queries = Population.of(self.data, positions=k, repeats=repeats).known_queries(None)
        return self.fitted.strategies[arm].default.recommender.recommend(queries, k)


@pytest.fixture(scope="module")
def patched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    folder = tmp_path_factory.mktemp("artefacts")
    (folder / "own").mkdir()
    (folder / "own" / "config.yaml").write_text(STUDY)
    with pytest.MonkeyPatch.context() as found:
        found.setenv("PRELAUNCH_EXPERIMENTS", str(folder))
        found.setenv("PRELAUNCH_CACHE", str(folder / "cache"))
        # One that cannot be stored: a protocol remembers the classes that it has met, so that taking methods away from
        # one of them would come too late.
        unstored = {
            name: value for name, value in vars(Popular).items() if name not in ("state", "restore", "__dict__")
        }
        found.setattr(popular, "Popular", type("Popular", (), unstored))
        yield found


@pytest.fixture(scope="module")
def kept(patched: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("kept")
    handler = logging.FileHandler(folder / "said.txt", encoding="utf-8")
    logging.getLogger("prelaunch").addHandler(handler)
    try:
        return Run(folder / "run", patched, "report.artefacts=true")
    finally:
        logging.getLogger("prelaunch").removeHandler(handler)
        handler.close()


def test_recommend_answers_as_the_run_s_recommender_did(kept: Run, tmp_path: Path) -> None:
    expected = kept.asked("control", 7, repeats=False)
    output = tmp_path / "o.parquet"
    words = (str(kept.artefacts / "control"), "users=all", "k=7", f"output={output}")
    process = prelaunch("recommend", *words, folder=tmp_path)
    assert (process.returncode, process.stdout, process.stderr) == (0, f"{output}\n", "")
    found = parquet.read_table(output)
    shown = expected.items >= 0
    query, place = np.nonzero(shown)
    assert found.column("user").to_pylist() == kept.data.users[query].tolist()
    assert found.column("rank").to_pylist() == (place + 1).tolist()
    assert found.column("item").to_pylist() == kept.data.items[expected.items[shown]].tolist()
    assert found.column("score").to_numpy().tobytes() == expected.scores[shown].tobytes()
    assert found.column("fallback").to_pylist() == expected.fallback[query].tolist()
    texts = np.array(kept.data.item_table.text)[expected.items[shown]].tolist()
    assert found.column("text").to_pylist() == texts


def test_a_strategy_s_folder_answers_as_the_strategy(
    kept: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "o.parquet"
    words = [str(kept.artefacts / "ruled%2Fone"), "users=all", "k=4", "exclude_history=false", f"output={output}"]
    assert main(["recommend", *words]) == 0
    strategy = kept.fitted.strategies["ruled/one"]
    queries = Population.of(kept.data, positions=4, repeats=True).known_queries(None)
    own = [strategy.rules.get(int(label), strategy.default).recommender for label in strategy.labels]
    assert len({id(recommender) for recommender in own}) == 2
    expected: list[str] = []
    for row, recommender in enumerate(own):
        slate = recommender.recommend(queries.take(np.array([row], dtype=np.intp)), 4)
        expected += kept.data.items[slate.items[0]].tolist()
    assert parquet.read_table(output).column("item").to_pylist() == expected
    assert capsys.readouterr().err == ""


def test_a_history_serves_a_new_user(kept: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = kept.data.items
    own = kept.data.events.of_kind("purchase")
    took = own.item[own.user == own.user[0]]
    queries = Population.of(kept.data, positions=5, repeats=True).known_queries(1)
    told = Queries(
        np.array([-1], np.int32), np.array(["?"]), queries.segment, queries.segment_names, 5, history=took[None]
    )
    expected = kept.fitted.strategies["control"].default.recommender.recommend(told, 5)
    assert not expected.fallback[0]
    history = f"history={','.join(['I00001x', *items[took]])}"
    words = [str(kept.artefacts / "control"), history, "k=5", "exclude_history=false", f"output={tmp_path}/h.csv"]
    assert main(["recommend", *words]) == 0
    said = capsys.readouterr().err
    assert said.startswith("note: I00001x (nearest: ")
    assert said.endswith("not in the catalogue, left out of the history\n")
    texts = csv.ConvertOptions(column_types={"item": pa.string(), "score": pa.float32()})
    found = csv.read_csv(tmp_path / "h.csv", convert_options=texts)
    assert found.column("item").to_pylist() == items[expected.items[0]].tolist()
    assert found.column("score").to_numpy().tolist() == expected.scores[0].tolist()
    assert found.column("user").to_pylist() == ["new"] * 5
    # trial.repeats is false in the study, so what stands in the history stays out unless asked for
    assert main(["recommend", *words[:3], f"output={tmp_path}/h.csv"]) == 0
    found = csv.read_csv(tmp_path / "h.csv", convert_options=texts)
    assert not set(found.column("item").to_pylist()) & set(items[took].tolist())
    # a known user's place is taken by the history too
    assert main(["recommend", words[0], history, f"users={kept.data.users[3]}", *words[2:]]) == 0
    found = csv.read_csv(tmp_path / "h.csv", convert_options=texts)
    assert found.column("item").to_pylist() == items[expected.items[0]].tolist()
    assert found.column("user").to_pylist() == [kept.data.users[3]] * 5
    assert main(["recommend", words[0], history, "users=a,b"]) == 2


def test_a_stranger_gets_the_fallback_and_is_marked(kept: Run, capsys: pytest.CaptureFixture[str]) -> None:
    known = str(kept.data.users[kept.data.events.of_kind("purchase").user[0]])
    assert main(["recommend", str(kept.artefacts / "control"), f"users={known},nobody", "k=2"]) == 0
    out, said = capsys.readouterr()
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["user", "rank", "item", "fallback", "category", "text"]
    assert [(line[0], line[1], "fallback" in line) for line in lines[1:]] == [
        (known, "1", False),
        (known, "2", False),
        ("nobody", "1", True),
        ("nobody", "2", True),
    ]
    assert said.startswith("note: nobody")
    # where strangers have a recommender of their own that could not be kept, nobody else answers for it
    assert main(["recommend", str(kept.artefacts / "ruled%2Fone"), "users=nobody", "k=2"]) == 0
    out, said = capsys.readouterr()
    assert "'nobody' is in a segment with a recommender of its own, which the run did not keep" in said
    assert "nobody" not in out


def test_items_from_a_file_need_a_recommender_that_takes_them(
    kept: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new.csv").write_text("item,text\nnew1,something\n")
    assert main(["recommend", str(kept.artefacts / "control"), "users=all", f"items={tmp_path}/new.csv"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: The recommender 'als' cannot take items that its training did not see")
    assert said.count("\n") == 1


def test_the_record_says_where_it_comes_from_and_rules_have_folders_of_their_own(kept: Run) -> None:
    found = sorted(str(path.parent.relative_to(kept.artefacts)) for path in kept.artefacts.rglob("artefact.json"))
    assert found == ["control", "ruled%2Fone", "ruled%2Fone/champions"]
    record = read(kept.artefacts / "control").record
    assert (record.component, record.distribution, record.study, record.seed) == ("als", "prelaunch", "own", 0)
    assert (record.parameters["factors"], record.parameters["scaling"]) == (8, "plain")  # what was set, and a default
    assert (record.repeats, record.currency, record.rules) == (False, kept.data.currency, ())
    assert record.log_digest == kept.result.data_digest
    record = read(kept.artefacts / "ruled%2Fone").record
    assert (record.strategy, record.segment, record.policy["name"]) == ("ruled/one", None, "greedy")
    assert record.rules == ("champions", "new users")
    record = read(kept.artefacts / "ruled%2Fone" / "champions").record
    assert (record.component, record.segment, record.policy["name"]) == ("user_knn", "champions", "epsilon_greedy")


def test_what_cannot_be_stored_is_named(kept: Run) -> None:
    said = (kept.folder.parent / "said.txt").read_text()
    assert "new users is not kept: the recommender 'popular' has no state() and restore()" in said


def test_a_run_that_keeps_none_removes_those_of_before_and_finds_the_same(
    kept: Run, patched: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(kept.artefacts, tmp_path / "run" / "artefacts")
    without = Run(tmp_path / "run", patched)
    assert not without.artefacts.exists()
    assert events_digest(without.data) == read(kept.artefacts / "control").record.data_digest
    told, plain = (json.loads((run.folder / "result.json").read_text()) for run in (kept, without))
    assert told["paths"]["artefacts"] == str(kept.artefacts)
    assert "artefacts" not in plain["paths"]
    for result in (told, plain):
        assert result["config"]["report"].pop("artefacts") is (result is told)
        result["times"] = result["paths"] = None
    assert plain == told
