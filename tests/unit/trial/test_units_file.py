"""The file of every unit's values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from framework.errors import RunError
from framework.records import Trial
from framework.testing.tiny import tiny_outcomes
from framework.trial.units_file import write_units
from shop_metrics.average_order_value import AverageOrderValue, AverageOrderValueConfig
from shop_metrics.ndcg import Ndcg, NdcgConfig


def trials() -> list[Trial]:
    return [
        Trial(evidence, "paired", "", "", {"control": tiny_outcomes(evidence)}) for evidence in ("holdout", "simulated")
    ]


def test_it_holds_what_the_metrics_say(tmp_path: Path) -> None:
    ndcg, value = Ndcg(NdcgConfig()), AverageOrderValue(AverageOrderValueConfig())
    table = parquet.read_table(write_units(tmp_path / "units.parquet", trials(), [ndcg, value]))
    outcomes = tiny_outcomes("holdout")
    assert table.num_rows == 2 * len(outcomes)
    held = table.filter([evidence == "holdout" for evidence in table["evidence"].to_pylist()])
    np.testing.assert_array_equal(held["ndcg@10"].to_numpy(), ndcg.measure(outcomes).numerator)
    names = [*outcomes.segment_names, None]
    assert held["segment"].to_pylist() == [names[place] for place in outcomes.segment]
    assert held["unit"].to_pylist() == outcomes.units.tolist()
    simulated = table.filter([evidence == "simulated" for evidence in table["evidence"].to_pylist()])
    assert simulated["ndcg@10"].null_count == len(outcomes)
    assert f"{value.label} denominator" in table.schema.names


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="cannot be written"):
        write_units(tmp_path / "nowhere" / "units.parquet", trials(), [Ndcg(NdcgConfig())])
