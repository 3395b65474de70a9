"""The plugin of plugins/README.md is the one that is installed here, and passes the suites it is shown with."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from framework.testing import MetricTests, RecommenderTests

from .conftest import CHECKOUT, HERE

PROJECT = HERE / "acme_recs"
README = (CHECKOUT / "plugins" / "README.md").read_text()
BLOCKS = re.findall(r"^`([^`\n]+)`\n```\w+\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def test_every_file_is_shown() -> None:
    files = {p.relative_to(PROJECT).as_posix() for p in PROJECT.rglob("*") if p.suffix in {".py", ".yaml", ".toml"}}
    assert {name for name, _ in BLOCKS} == files - {"acme_recs/__init__.py"}


@pytest.mark.parametrize(("name", "text"), BLOCKS, ids=[name for name, _ in BLOCKS])
def test_shown_as_it_is(name: str, text: str) -> None:
    assert text == (PROJECT / name).read_text()


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PROJECT))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "acme_recs"]:
        del sys.modules[name]


class TestNewest(RecommenderTests):
    component = "acme_recs.newest:Newest"
    name = "acme_newest"


class TestFirst(MetricTests):
    component = "acme_recs.first:First"
    name = "acme_first"
