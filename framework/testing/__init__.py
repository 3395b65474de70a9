"""What plugin authors use: a tiny seeded data set and conformance suites, one a kind.

Subclass the suite of your component's kind in a test module, and say which class it is:

    from framework.testing import RecommenderTests

    class TestAls(RecommenderTests):
        component = "acme_recs.als:ALS"
        params = {"factors": 4}
        name = "als"

`pytest_plugins = ["framework.testing.pytest_plugin"]` gives the fixtures.
"""

from __future__ import annotations

import pytest

# Before the suites are imported, so that their failures show both sides of the assertion.
pytest.register_assert_rewrite(
    *(
        f"framework.testing.{module}"
        for module in (
            "classifier",
            "component",
            "estimator",
            "metric",
            "model",
            "policy",
            "recommender",
            "reranker",
            "simulator",
            "source",
            "uplift",
        )
    )
)

from framework.testing.classifier import ClassifierTests, tiny_rows  # noqa: E402
from framework.testing.component import ComponentTests  # noqa: E402
from framework.testing.estimator import EstimatorTests, tiny_logged  # noqa: E402
from framework.testing.fingerprint import fingerprint, shuffled  # noqa: E402
from framework.testing.metric import MetricTests  # noqa: E402
from framework.testing.model import ModelTests  # noqa: E402
from framework.testing.policy import PolicyTests  # noqa: E402
from framework.testing.recommender import RecommenderTests  # noqa: E402
from framework.testing.reranker import RerankerTests  # noqa: E402
from framework.testing.simulator import SimulatorTests  # noqa: E402
from framework.testing.source import SourceTests  # noqa: E402
from framework.testing.tiny import (  # noqa: E402
    tiny_context,
    tiny_dataset,
    tiny_outcomes,
    tiny_queries,
    tiny_slates,
    tiny_window,
)
from framework.testing.uplift import UpliftLearnerTests  # noqa: E402

__all__ = [
    "ClassifierTests",
    "ComponentTests",
    "EstimatorTests",
    "MetricTests",
    "ModelTests",
    "PolicyTests",
    "RecommenderTests",
    "RerankerTests",
    "SimulatorTests",
    "SourceTests",
    "UpliftLearnerTests",
    "fingerprint",
    "shuffled",
    "tiny_context",
    "tiny_dataset",
    "tiny_logged",
    "tiny_outcomes",
    "tiny_queries",
    "tiny_rows",
    "tiny_slates",
    "tiny_window",
]
