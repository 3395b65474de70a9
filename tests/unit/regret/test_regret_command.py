"""`regret`: its settings, its statistics against scipy, its files, the same numbers from any number of processes."""

import json
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf
from scipy import stats

from framework.config import ComponentConfig
from framework.errors import ConfigError
from framework.fitting import Bench
from framework.plugins import load_plugins
from framework.records import Run
from framework.regret.command import games_of, regret, results
from framework.regret.comparison import compared
from framework.run import read_study
from tests.studies.composing import composed

SMALL = ("regret.rounds=130", "regret.batch=20", "regret.seeds=3", "regret.jobs=1", "~strategies.neural_linear")


@pytest.fixture(scope="module")
def config():
    """Return the study at a small size, composed once."""
    return composed("bandit_regret", *SMALL)


@pytest.fixture
def bench(config):
    """Return a bench of the study; its config may be changed."""
    study, plain, _ = read_study(config)
    return Bench(study, Run(study.study, Path("unused"), study.seed, plain), load_plugins())


def test_intervals_and_paired_differences_are_those_of_scipy():
    rng = np.random.default_rng(0)
    plays = {name: rng.gamma(4.0, 10.0 + place, (12, 3)).cumsum(axis=1) for place, name in enumerate("abc")}
    found = compared("world", plays, "b")
    assert [curve.policy for curve in found.curves] == ["a", "b", "c"]
    for curve, own in zip(found.curves, plays.values(), strict=True):
        for point in range(3):
            interval = stats.ttest_1samp(own[:, point], 0.0).confidence_interval(0.95)
            np.testing.assert_allclose((curve.low[point], curve.high[point]), interval, rtol=1e-12)
        np.testing.assert_array_equal(curve.final, own[:, -1])
    tests = {name: stats.ttest_rel(plays[name][:, -1], plays["b"][:, -1]) for name in "ac"}
    for effect in found.effects:
        expected = tests[effect.treatment]
        np.testing.assert_allclose((effect.ci_low, effect.ci_high), expected.confidence_interval(0.95), rtol=1e-9)
        np.testing.assert_allclose(effect.p_value, expected.pvalue, rtol=1e-9)
    p = sorted(own.pvalue for own in tests.values())
    np.testing.assert_allclose(sorted(found.adjusted), [min(1, 2 * p[0]), max(min(1, 2 * p[0]), p[1])])


def test_points_are_visitors_and_worlds_and_policies_stand_in_order(bench):
    """Every play's regret is its own number: each must come back under its own world, policy and seed."""
    names, worlds = tuple(bench.config.strategies), tuple(bench.config.regret.worlds)
    count = len(names) * len(worlds) * 3
    found, after = results(bench.config, np.arange(count)[:, None] + np.zeros((count, 7)))
    assert after == (20, 40, 60, 80, 100, 120, 130)
    assert tuple(own.world for own in found) == worlds
    numbers = [curve.final.tolist() for own in found for curve in own.curves]
    assert np.concatenate(numbers).tolist() == list(range(count))
    assert tuple(curve.policy for curve in found[0].curves) == names


def test_plays_of_a_seed_are_one_world_for_all_policies(bench):
    """Policies of no effect lose alike where the seed is the same, in each world, and not where it differs."""
    for name in ("epsilon_greedy", "softmax"):
        bench.config.strategies[name].policy = ComponentConfig("greedy")
    games = games_of(bench)
    policies, seeds = len(games.policies), 3
    assert len(games) == 4 * policies * seeds
    first, second = ([games.play(row * seeds + seed)[-1] for seed in range(seeds)] for row in (0, 1))
    assert first == second
    assert len(set(first)) == 3
    assert games.play(policies * seeds)[-1] != first[0]


def _set(path, value):
    """Return a change of the study: the value at this path of attributes and keys."""

    def change(study):
        *way, last = path
        for step in way:
            study = study[step] if isinstance(study, dict) else getattr(study, step)
        if isinstance(study, dict):
            study[last] = value
        else:
            setattr(study, last, value)

    return change


@pytest.mark.parametrize(
    ("path", "value", "match"),
    [
        (("regret", "seeds"), 1, "regret.seeds is 1"),
        (("regret", "batch"), 0, "regret.batch is 0"),
        (("regret", "rounds"), 0, "regret.rounds is 0"),
        (("regret", "jobs"), 0, "regret.jobs is 0"),
        (("control",), "epsilon_gready", "no strategy"),
        (("trial", "positions"), 0, "trial.positions is 0"),
        (("regret", "worlds"), {}, "names no world"),
        (("strategies",), {}, "0 strategies"),
        (("regret", "worlds", "late"), ComponentConfig("planted_arms", {"delay": -1}), "worlds.late: .* delay is -1"),
        (("regret", "worlds", "shop"), ComponentConfig("synthetic_shop"), "does not know its truth"),
    ],
)
def test_wrong_settings_are_named(bench, path, value, match):
    _set(path, value)(bench.config)
    with pytest.raises(ConfigError, match=match):
        games_of(bench)


def test_the_command_writes_its_page_and_numbers(config, tmp_path, capsys):
    small = OmegaConf.merge(config, {"regret": {"seeds": 2, "rounds": 60}})
    regret(small, tmp_path / "one", load_plugins())
    regret(OmegaConf.merge(small, {"regret": {"jobs": 2}}), tmp_path / "two", load_plugins())
    found, other = (json.loads((tmp_path / name / "regret.json").read_text()) for name in ("one", "two"))
    assert found["worlds"] == other["worlds"]
    assert list(found["worlds"]) == ["stationary", "contextual", "drifting", "delayed"]
    assert found["after"] == [20, 40, 60]
    own = found["worlds"]["contextual"]["regret"]["linucb"]
    assert len(own["final"]) == 2
    np.testing.assert_allclose(np.mean(own["final"]), own["mean"][-1])
    page = (tmp_path / "one" / "regret.html").read_text()
    assert page.count("<svg") >= 8
    assert "lin_thompson" in capsys.readouterr().out
    assert json.loads((tmp_path / "one" / "record.json").read_text())["status"] == "finished"
