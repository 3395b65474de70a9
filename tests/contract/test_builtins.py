"""Runs the shipped conformance suites over every component that the built-in packages offer.

Nothing is skipped: a package that does not import, and a target that does not, fail here by name.
"""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from framework.components import Component
from framework.kinds import KINDS
from framework.testing import (
    ClassifierTests,
    ComponentTests,
    EstimatorTests,
    MetricTests,
    ModelTests,
    PolicyTests,
    RecommenderTests,
    RerankerTests,
    SimulatorTests,
    SourceTests,
    UpliftLearnerTests,
)

ROOT = Path(__file__).parents[2]
PLUGINS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["prelaunch.plugins"]

SUITES: dict[str, type[ComponentTests]] = {
    "source": SourceTests,
    "model": ModelTests,
    "recommender": RecommenderTests,
    "reranker": RerankerTests,
    "policy": PolicyTests,
    "estimator": EstimatorTests,
    "simulator": SimulatorTests,
    "metric": MetricTests,
    "uplift": UpliftLearnerTests,
    "classifier": ClassifierTests,
}

# Components that the generic suite cannot feed: only their Config, docs and config file are checked here, their
# behaviour is tested in tests/plugins/<package>.
OWN_TESTS = {
    ("source", "log"): "reads a file that the user names",
    ("source", "online_retail"): "reads a file that the user names",
    ("source", "open_bandit"): "reads logged decisions that the user names, no event log",
    ("source", "pairs"): "reads files that the user names",
    ("source", "sequences"): "reads files that the user names",
    ("simulator", "synthetic_shop"): "answers from the planted truth, which only a generated log has",
    ("tracker", "mlflow"): "tells a server",
    ("tracker", "wandb"): "tells a server",
    ("recommender", "item2vec"): "trained once for the suite in test_sequence_recommenders.py",
    ("recommender", "gru4rec"): "trained once for the suite in test_sequence_recommenders.py",
    ("recommender", "caser"): "trained once for the suite in test_sequence_recommenders.py",
    ("recommender", "sasrec"): "trained once for the suite in test_sequence_recommenders.py",
    ("recommender", "bert4rec"): "trained once for the suite in test_sequence_recommenders.py",
    ("recommender", "esasrec"): "trained once for the suite in test_sequence_recommenders.py",
    ("recommender", "bpr"): "trained once for the suite in test_vector_recommenders.py",
    ("recommender", "lightgcn"): "trained once for the suite in test_vector_recommenders.py",
    ("recommender", "ultragcn"): "trained once for the suite in test_vector_recommenders.py",
    ("recommender", "mult_vae"): "trained once for the suite in test_vector_recommenders.py",
    ("recommender", "lightfm"): "trained once for the suite in test_features_and_ratings.py",
    ("recommender", "cfgan"): "trained once for the suite in test_features_and_ratings.py",
    ("recommender", "two_tower"): "trained for the suite in test_two_tower.py",
    ("recommender", "blend"): "made of recommenders that the suite in test_blend.py names",
}

# Parameters that make a component fit a shop of 60 users.
SMALL: dict[tuple[str, str], dict[str, Any]] = {
    ("model", "kmeans"): {"floor": 5, "splits": 2, "k_max": 4, "restarts": 2},
    ("model", "gmm"): {"floor": 5, "splits": 2, "k_max": 3, "restarts": 1},
    ("model", "hdbscan"): {"floor": 5, "neighbours": 3, "splits": 2, "stability": 0.0},
    ("model", "k_prototypes"): {"floor": 5, "splits": 2, "k_max": 3, "restarts": 1},
    ("model", "autoencoder_kmeans"): {"k_max": 3, "floor": 5, "splits": 2, "hidden_sizes": [16], "latent_size": 4},
    ("model", "dec"): {"k": 3, "hidden_sizes": [16], "latent_size": 4},
    ("model", "vade"): {"k": 3, "hidden_sizes": [16], "latent_size": 4},
    ("model", "coles"): {"floor": 5, "splits": 2, "k_max": 3, "restarts": 1, "epochs": 1, "size": 8, "min_events": 3},
    ("classifier", "gradient_boosting"): {"trees": 30},
    ("classifier", "random_forest"): {"trees": 20},
    ("classifier", "mlp"): {"width": 16, "epochs": 8},
    ("classifier", "ft_transformer"): {"size": 8, "layers": 1, "epochs": 5, "batch_size": 32},
    ("classifier", "bert"): {"size": 16, "pieces": 60, "pretrain_epochs": 1, "epochs": 3, "learning_rate": 0.005},
    ("recommender", "als"): {"factors": 4},
    ("policy", "dqn"): {"updates": 10, "items": 20},
    ("policy", "discrete_cql"): {"updates": 10, "items": 20},
    ("policy", "bcq"): {"updates": 10, "items": 20},
    ("policy", "behaviour_cloning"): {"updates": 10, "items": 20},
    ("source", "synthetic_shop"): {"users": 300, "items": 40, "events": 5000},
}


def offered() -> tuple[list[tuple[str, Component]], dict[str, Exception]]:
    components, broken = [], {}
    for package, module in PLUGINS.items():
        try:
            plugin = importlib.import_module(module)
            components += [(package, component) for component in plugin.prelaunch_components()]
        except Exception as error:  # noqa: BLE001 - whatever a package raises is that package's failing test
            broken[package] = error
    return components, broken


COMPONENTS, BROKEN = offered()
EACH = [pytest.param(package, c, id=f"{c.kind}-{c.name}") for package, c in COMPONENTS]


def suite_of(component: Component) -> type[ComponentTests]:
    key = (component.kind, component.name)
    parent = ComponentTests if key in OWN_TESTS else SUITES.get(component.kind, ComponentTests)
    attributes = {
        "kind": component.kind,
        "component": component.target,
        "name": component.name,
        "params": SMALL.get(key, {}),
        "__module__": __name__,
    }
    return type(f"Test_{component.kind}_{component.name}", (parent,), attributes)


for _, _component in COMPONENTS:
    _suite = suite_of(_component)
    globals()[_suite.__name__] = _suite


@pytest.mark.parametrize("package", PLUGINS)
def test_every_package_imports_and_offers_something(package):
    if package in BROKEN:
        raise BROKEN[package]
    assert any(owner == package for owner, _ in COMPONENTS)


def test_no_two_components_share_kind_and_name():
    keys = [(c.kind, c.name) for _, c in COMPONENTS]
    assert len(set(keys)) == len(keys)


def test_exceptions_name_components_that_exist():
    keys = {(c.kind, c.name) for _, c in COMPONENTS}
    assert set(OWN_TESTS) <= keys
    assert set(SMALL) <= keys


@pytest.mark.parametrize(("package", "component"), EACH)
def test_component_is_described(package, component):
    assert component.kind in KINDS
    assert re.fullmatch(r"[a-z][a-z0-9_]*", component.name)
    assert component.summary.strip()
    assert component.target.startswith(f"{package}.")


@pytest.mark.parametrize(("package", "component"), EACH)
def test_component_has_a_row_in_its_readme(package, component):
    readme = (ROOT / "plugins" / package / "README.md").read_text()
    rows = [line for line in readme.splitlines() if line.startswith(f"| `{component.name}` |")]
    # One name may be offered for two kinds (a source and its simulator), each with its own row.
    assert rows, f"plugins/{package}/README.md has no row '| `{component.name}` | ...'"
    assert all(len([cell for cell in row.strip("|").split("|") if cell.strip()]) >= 4 for row in rows)


@pytest.mark.parametrize("package", PLUGINS)
def test_every_config_file_belongs_to_a_component(package):
    keys = {(c.kind, c.name) for owner, c in COMPONENTS if owner == package}
    files = (ROOT / "plugins" / package / "conf").glob("*/*.yaml")
    assert {(file.parent.name, file.stem) for file in files} == keys
