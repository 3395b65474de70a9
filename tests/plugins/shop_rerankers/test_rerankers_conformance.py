"""Every reranker of the package passes the shipped suite in its other forms; defaults are in tests/contract."""

from typing import Any, ClassVar

import pytest

from framework.testing import RerankerTests


class TestMmrByText(RerankerTests):
    component = "shop_rerankers.mmr:Mmr"
    params: ClassVar[dict[str, Any]] = {"similarity": "text", "relevance": "rank", "trade_off": 0.4}


class TestMmrByBuyers(RerankerTests):
    component = "shop_rerankers.mmr:Mmr"
    params: ClassVar[dict[str, Any]] = {"similarity": "co_purchase", "trade_off": 0.0}


class TestCalibratedToSegments(RerankerTests):
    component = "shop_rerankers.calibrated:Calibrated"
    params: ClassVar[dict[str, Any]] = {"to": "segment", "weight": 1.0}


class TestBusinessRules(RerankerTests):
    component = "shop_rerankers.business_rules:BusinessRules"

    @pytest.fixture(autouse=True)
    def _stock(self, tmp_path, monkeypatch):
        rows = [f"{item},{place % 4},{place / 10}" for place, item in enumerate(self.data().items[:-2])]
        (tmp_path / "stock.csv").write_text("\n".join(["item,stock,margin", *rows]))
        rules = {
            "table": tmp_path / "stock.csv",
            "min_stock": 1.0,
            "margin_weight": 0.5,
            "boosts": {"books": 0.3},
            "cap": 3,
            "missing": "keep",
        }
        monkeypatch.setattr(type(self), "params", rules)
