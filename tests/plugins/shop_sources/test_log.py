"""What the source `log` says of files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from framework.errors import ConfigError, DataError
from framework.kinds import Source
from shop_sources.log import Log, LogConfig
from shop_sources.online_retail import NO_PRODUCTS, OnlineRetail, OnlineRetailConfig

CONF = Path(__import__("shop_sources").__file__).parent / "conf" / "source"


def read(**settings: Any) -> Any:
    return Log(LogConfig(**settings)).read(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "config"), [("log", LogConfig), ("online_retail", OnlineRetailConfig)])
def test_the_config_file_holds_every_parameter_with_its_default(name: str, config: Any) -> None:
    written = OmegaConf.load(CONF / f"{name}.yaml")
    assert OmegaConf.is_missing(written.params, "path")
    written.params.path = "here"
    assert written.name == name
    assert OmegaConf.to_container(written.params) == asdict(config(path="here"))


def test_sources_are_sources() -> None:
    assert isinstance(Log(LogConfig("x")), Source)
    assert isinstance(OnlineRetail(OnlineRetailConfig("x")), Source)


@pytest.mark.parametrize(
    ("name", "file_format", "separator"),
    [("a.csv", "csv", ","), ("a.tsv", "csv", "\t"), ("a.csv.gz", "csv", ","), ("a.parquet", "parquet", ",")],
)
def test_the_format_goes_by_the_ending(tmp_path: Path, name: str, file_format: str, separator: str) -> None:
    (tmp_path / name).touch()
    raw = read(path=str(tmp_path / name))
    assert (raw.format, raw.separator) == (file_format, separator)
    (tmp_path / "_SUCCESS").touch()
    assert read(path=str(tmp_path)).format == file_format


def test_a_pattern_gives_its_files_in_order(tmp_path: Path) -> None:
    for name in ("b.csv", "a.csv", "c.parquet"):
        (tmp_path / name).touch()
    assert [path.name for path in read(path=str(tmp_path / "*.csv")).paths] == ["a.csv", "b.csv"]
    with pytest.raises(DataError, match="no file matches"):
        read(path=str(tmp_path / "*.tsv"))


def test_what_cannot_be_told_is_an_error(tmp_path: Path) -> None:
    for name in ("a.csv", "c.parquet", "d.xlsx"):
        (tmp_path / name).touch()
    with pytest.raises(DataError, match="CSV and Parquet"):
        read(path=str(tmp_path))
    with pytest.raises(DataError, match=r"source\.params\.format"):
        read(path=str(tmp_path / "d.xlsx"))
    with pytest.raises(DataError, match="Did you mean 'parquet'"):
        read(path=str(tmp_path / "c.parquet"), format="parket")


def test_null_unmaps_a_column() -> None:
    raw = read(path="x.csv", columns={"user": "u", "time": "t", "item": None})
    assert raw.columns == {"user": "u", "time": "t"}


def test_online_retail_describes_the_published_file() -> None:
    raw = OnlineRetail(OnlineRetailConfig("online_retail.parquet")).read(None)  # type: ignore[arg-type]
    assert (raw.time_zone, raw.currency, raw.cancellation_prefix) == ("Europe/London", "GBP", "C")
    assert raw.columns["user"] == "CustomerID"
    assert raw.not_products == NO_PRODUCTS


def test_signs_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    for config in (LogConfig, OnlineRetailConfig):
        with pytest.raises(ConfigError, match="a single character"):
            config("x.csv", separator="||")
        assert config("x.csv", separator="\\t").separator == "\t"
    with pytest.raises(ConfigError, match="decimal"):
        LogConfig("x.csv", decimal=";")
    (tmp_path / "x.csv").touch()
    assert read(path=str(tmp_path / "x.csv"), decimal=",").decimal == ","
