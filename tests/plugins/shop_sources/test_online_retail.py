"""The stock codes of Online Retail: which are goods, which are not."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from shop_sources.online_retail import NO_PRODUCTS

DATA = Path(os.environ.get("PRELAUNCH_DATA", Path(__file__).parents[4] / "shared" / "data"))
FILE = DATA / "online_retail" / "online_retail.parquet"


@pytest.mark.skipif(not FILE.exists(), reason=f"needs the data set online_retail ({FILE})")
def test_every_code_is_a_product_or_named() -> None:
    codes = pc.unique(pq.read_table(FILE, columns=["StockCode"])["StockCode"]).to_pylist()
    pattern = re.compile("|".join(f"(?:{code})" for code in NO_PRODUCTS))
    goods = re.compile(r"[0-9]{5}[A-Za-z]{0,2}|DCGS[A-Z0-9]+")
    assert len(codes) == 4070
    assert all(bool(pattern.fullmatch(code)) != bool(goods.fullmatch(code)) for code in codes)
    # Each pattern is there for a code that is in the data.
    assert all(any(re.fullmatch(one, code) for code in codes) for one in NO_PRODUCTS)
