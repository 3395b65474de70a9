"""Business rules: hard ones first, the weighted score by hand, and words for every wrong table."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from framework.errors import ConfigError, DataError
from framework.testing.tiny import tiny_context
from shop_rerankers.business_rules import BusinessRules, BusinessRulesConfig
from tests.plugins.shop_rerankers.small_shop import queries, shop, slate

TABLE = "item,stock,margin\ni0,0,2\ni1,5,1\ni2,3,0\ni3,2,4\ni4,1,\ni5,9,-2\ni6,7,3\nnew,1,1\n"
SLATE = slate([0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0])


def shown(folder, table=TABLE, slates=SLATE, k=7, **params):
    if table is not None:
        (folder / "items.csv").write_text(table)
        params["table"] = folder / "items.csv"
    made = BusinessRules(BusinessRulesConfig(**params))
    made.fit(shop(), tiny_context(folder))
    return made.rerank(queries([0]), slates, k)


def test_without_rules_nothing_changes(tmp_path):
    assert shown(tmp_path, None).items.tolist() == SLATE.items.tolist()


def test_what_is_sold_out_is_not_shown(tmp_path):
    assert shown(tmp_path, min_stock=1).items.tolist() == [[1, 2, 3, 4, 5, 6, -1]]
    assert shown(tmp_path, min_stock=3).items.tolist() == [[1, 2, 5, 6, -1, -1, -1]]


def test_what_earns_too_little_is_not_shown(tmp_path):
    assert shown(tmp_path, min_margin=1.0, missing="keep").items.tolist() == [[0, 1, 3, 4, 6, -1, -1]]
    assert shown(tmp_path, min_margin=1.0, missing="remove").items.tolist() == [[0, 1, 3, 6, -1, -1, -1]]


def test_margin_and_boosts_are_added_to_relevance(tmp_path):
    # Relevance 6/6 .. 0/6; plus margin / 4 (i3 earns most); i4's is not known; games lose 0.5.
    found = shown(tmp_path, margin_weight=1.0, boosts={"games": -0.5}, missing="keep")
    value = np.array([6, 5, 4, 3, 2, 1, 0]) / 6 + np.array([2, 1, 0, 4, 0, -2, 3]) / 4 + [0, 0, 0, -0.5, -0.5, 0, 0]
    order = np.argsort(-value, kind="stable")
    assert found.items[0].tolist() == order.tolist()
    np.testing.assert_allclose(found.scores[0], value[order], atol=1e-6)


def test_no_category_goes_over_its_cap(tmp_path):
    assert shown(tmp_path, None, caps={"books": 1}).items.tolist() == [[0, 3, 4, 5, 6, -1, -1]]
    assert shown(tmp_path, None, cap=1, caps={"books": 2}).items.tolist() == [[0, 1, 3, 5, 6, -1, -1]]
    assert shown(tmp_path, None, cap=0).items.tolist() == [[6, -1, -1, -1, -1, -1, -1]]


def test_a_cap_counts_what_other_rules_left(tmp_path):
    # Book 0 is sold out, so book 1 is the one that the cap allows.
    assert shown(tmp_path, min_stock=1, caps={"books": 1}).items[0].tolist()[:2] == [1, 3]


def test_parquet_says_the_same(tmp_path):
    table = {"item": ["i0", "i1", "i2", "i3", "i4", "i5", "i6"], "left": [0, 5, 3, 2, 1, 9, 7]}
    parquet.write_table(pa.table(table), tmp_path / "items.parquet")
    made = BusinessRules(BusinessRulesConfig(table=tmp_path / "items.parquet", stock="left", min_stock=3))
    made.fit(shop(), tiny_context(tmp_path))
    assert made.rerank(queries([0]), SLATE, 4).items.tolist() == [[1, 2, 5, 6]]


def test_ids_stay_texts(tmp_path):
    data = shop()
    object.__setattr__(data, "items", np.array([f"00{place}" for place in range(7)]))
    (tmp_path / "items.csv").write_text("item,stock\n" + "".join(f"00{place},{place}\n" for place in range(7)))
    made = BusinessRules(BusinessRulesConfig(table=tmp_path / "items.csv", min_stock=4))
    made.fit(data, tiny_context(tmp_path))
    assert made.rerank(queries([0]), SLATE, 3).items.tolist() == [[4, 5, 6]]


@pytest.mark.parametrize(
    ("table", "params", "message"),
    [
        (TABLE, {"min_margin": 1.0}, "does not know the margin of 1 of the log's 7 items: i4"),
        (TABLE, {"min_stock": 1, "stock": "stok"}, "has no column 'stok'.*Did you mean 'stock'"),
        (TABLE, {"min_stock": 1, "item": "id"}, "has no column 'id'"),
        ("item,stock\nx,1\ny,2\n", {"min_stock": 1}, r"has none of the log's items .* begins with x, y.*i0, i1, i2"),
        ("item,stock\ni0,1\ni0,2\n", {"min_stock": 1}, "has 2 rows of item 'i0'"),
        ("item,stock\ni0,1\ni1,many\n", {"min_stock": 1}, "row 2: stock is 'many'"),
        ("", {"min_stock": 1}, "cannot be read"),
    ],
)
def test_a_wrong_table_is_said_in_words(tmp_path, table, params, message):
    with pytest.raises(DataError, match=message):
        shown(tmp_path, table, **params)


def test_a_missing_table_names_its_neighbours(tmp_path):
    (tmp_path / "stock.csv").write_text(TABLE)
    made = BusinessRules(BusinessRulesConfig(table=tmp_path / "stok.csv", min_stock=1))
    with pytest.raises(DataError, match=r"stok\.csv is missing.*stock\.csv"):
        made.fit(shop(), tiny_context(tmp_path))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"boosts": {"gams": 0.1}}, "names the category 'gams'.*Did you mean 'games'"),
        ({"caps": {"gams": 1}}, "names the category 'gams'.*Did you mean 'games'"),
        ({"min_stock": 1.0}, "there is no table to read it from"),
        ({"cap": -1}, "cap is -1"),
        ({"caps": {"books": -2}}, r"caps\.books is -2"),
    ],
)
def test_a_wrong_rule_is_said_in_words(tmp_path, params, message):
    with pytest.raises(ConfigError, match=message):
        shown(tmp_path, None, **params)
