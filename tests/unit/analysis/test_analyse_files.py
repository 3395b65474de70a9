"""Files as they come: separators, marks, types, missing labels, broken bytes."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from framework.cli import main

ASKED = ("unit=id", "arm=arm", "control=a", "metrics.x.kind=mean")
N = 12
PLAIN = "id,arm,x\n" + "".join(f"{i},{'ab'[i % 2]},{i * 7 % 5}\n" for i in range(N))
TABLE = {
    "id": np.arange(N),
    "arm": np.array(["a", "b"] * (N // 2)),
    "x": np.array([i * 7 % 5 for i in range(N)], dtype=np.float64),
}


def estimate(file: Path, *arguments: str) -> float:
    folder = file.parent / "out"
    assert main(["analyse", str(file), *(arguments or ASKED), f"out={folder}"]) == 0
    return float(json.loads((folder / "result.json").read_text())["effects"][0]["estimate"])


def error(file: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["analyse", str(file), *(arguments or ASKED)]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    return line


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table({**TABLE, **columns}), path)
    return path


DIFFERENCE = float(TABLE["x"][1::2].mean() - TABLE["x"][::2].mean())


@pytest.mark.parametrize(
    ("name", "content", "asked"),
    [
        ("bom.csv", b"\xef\xbb\xbf" + PLAIN.encode(), ()),
        ("crlf.csv", PLAIN.replace("\n", "\r\n").encode(), ()),
        ("blank.csv", (PLAIN + "\n\n").encode(), ()),
        ("quoted.csv", PLAIN.replace("0,a,0", '"0","a","0"').encode(), ()),
        ("tabs.tsv", PLAIN.replace(",", "\t").encode(), ()),
        ("tabs.csv", PLAIN.replace(",", "\t").encode(), ("separator=\\t",)),
        ("semicolons.csv", PLAIN.replace(",", ";").encode(), ("separator=;",)),
        ("zipped.csv.gz", gzip.compress(PLAIN.encode(), mtime=0), ()),
        ("comments.csv", re.sub(r"(\d)\n", r'\1,"a ""b"",\nc"\n', PLAIN.replace("x\n", "x,said\n")).encode(), ()),
    ],
)
def test_a_csv_file_as_programs_write_it(tmp_path: Path, name: str, content: bytes, asked: tuple[str, ...]) -> None:
    (tmp_path / name).write_bytes(content)
    assert estimate(tmp_path / name, *ASKED, *asked) == pytest.approx(DIFFERENCE, rel=1e-12)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty"]),
        (b"\n\n", ["holds no column names"]),
        (b"id,arm,x\n", ["holds no rows"]),
        (PLAIN.replace(",", ";").encode(), ["no column 'id'", 'set "separator=;"']),
        (PLAIN.replace(",", "\t").encode(), ['set "separator=\\t"']),
        ((PLAIN + "99,a\n").encode(), ["1 line(s)", "line 14", "Mend"]),
        ((PLAIN + '99,"a,1\n').encode(), ["line 14"]),
        (PLAIN.encode() + b"99,\xe9,1\n", ["line 14", "iconv"]),
        (PLAIN.encode("utf-16"), ["not in UTF-8", "iconv"]),
        (b"id,arm,x,X\n1,a,1,2\n", ["more than once"]),
        ((PLAIN + "99,a,NA\n").encode(), ["'NA' in row 13"]),
        ((PLAIN + "99,a," + "z" * 900 + "\n").encode(), ["zzz...' in row 13"]),
        ((PLAIN + '99,a,"1\n2"\n').encode(), ["'1 2' in row 13"]),
        ((PLAIN + "99,a,1e150\n").encode(), ["infinite or beyond 1e+100"]),
    ],
)
def test_a_csv_file_that_does_not_serve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: list[str]
) -> None:
    (tmp_path / "users.csv").write_bytes(content)
    said = error(tmp_path / "users.csv", capsys)
    assert [word for word in words if word not in said] == [], said


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        ({}, ASKED),
        ({"arm": np.arange(N) % 2 * 1.0}, ("arm=arm", "control=0", "metrics.x.kind=mean")),
        ({"arm": np.arange(N) % 2 == 1}, ("arm=arm", "control=false", "metrics.x.kind=mean")),
        ({"arm": pa.array(TABLE["arm"]).dictionary_encode()}, ASKED),
        ({"x": pa.array(TABLE["x"]).cast(pa.int16())}, ASKED),
        ({"x": pa.array(TABLE["x"]).cast(pa.decimal128(8, 3))}, ASKED),
        ({"x": TABLE["x"].astype(np.float32)}, ASKED),
    ],
)
def test_parquet_types(tmp_path: Path, columns: dict[str, Any], asked: tuple[str, ...]) -> None:
    assert estimate(parquet(tmp_path / "users.parquet", **columns), *asked) == pytest.approx(DIFFERENCE, rel=1e-12)


def test_parquet_is_known_by_its_first_bytes_and_by_its_folder(tmp_path: Path) -> None:
    whole = parquet(tmp_path / "users")
    assert estimate(whole) == pytest.approx(DIFFERENCE, rel=1e-12)
    parts = tmp_path / "parts"
    parts.mkdir()
    for place in range(2):
        pq.write_table(pa.table(TABLE)[place * 5 : 5 + place * 7], parts / f"{place}.parquet")
    assert estimate(parts) == pytest.approx(DIFFERENCE, rel=1e-12)


@pytest.mark.parametrize("hole", [None, float("nan")])
def test_a_missing_number_is_missing_whatever_parquets_statistics_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hole: float | None
) -> None:
    """DuckDB 2.0 takes isnan for false in a Parquet column whose statistics name a least value."""
    holed = [hole if place == 3 else float(value) for place, value in enumerate(TABLE["x"])]
    file = parquet(tmp_path / "users.parquet", x=pa.array(holed, pa.float64()))
    assert "0 in arm 'a', 1 in arm 'b'" in error(file, capsys)
    kept = np.delete(TABLE["x"][1::2], 1).mean() - TABLE["x"][::2].mean()
    assert estimate(file, *ASKED, "missing=drop") == pytest.approx(kept, rel=1e-12)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"arm": np.array([np.nan, *[0.0, 1.0] * 5, 0.0])}, ["column 'arm' (arm): 1 value(s) are missing"]),
        ({"x": np.where(np.arange(N) == 2, np.inf, 1.0)}, ["arm 'a': 1 value(s) are infinite"]),
        ({"x": TABLE["x"].astype(str)}, ["column 'x' holds string", "numbers"]),
        ({"x": pa.array(TABLE["arm"]).dictionary_encode()}, ["column 'x' holds dictionary"]),
        ({"x": pa.array([[1]] * N)}, ["column 'x' holds list"]),
        ({"X": TABLE["x"] * 2}, ["a column 'x'", "a column 'X'", "Rename"]),
    ],
)
def test_a_parquet_file_that_does_not_serve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], columns: dict[str, Any], words: list[str]
) -> None:
    said = error(parquet(tmp_path / "users.parquet", **columns), capsys)
    assert [word for word in words if word not in said] == [], said


def test_broken_bytes_and_parts_that_differ(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    assert "is no Parquet file" in error(tmp_path / "a.parquet", capsys)
    (tmp_path / "b.csv.gz").write_bytes(PLAIN.encode())
    assert "cannot be read: Not a gzipped file" in error(tmp_path / "b.csv.gz", capsys)
    parts = tmp_path / "parts"
    parts.mkdir()
    parquet(parts / "1.parquet")
    parquet(parts / "2.parquet", x=np.arange(N))
    assert "columns of another type" in error(parts, capsys)


def test_other_alphabets(tmp_path: Path) -> None:
    text = PLAIN.replace("arm", "рука").replace("a,", "контроль,").replace("b,", "新的,").replace("x", "Umsatz (€)")
    (tmp_path / "данные.csv").write_text(text)
    asked = ("arm=рука", "control=контроль", "metrics.Umsatz (€).kind=mean", "shares={контроль:1,新的:1}")
    assert estimate(tmp_path / "данные.csv", *asked) == pytest.approx(DIFFERENCE, rel=1e-12)


def test_a_label_is_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "users.csv").write_text(PLAIN.replace("a,", "1.0,").replace("b,", "0.0,"))
    said = error(tmp_path / "users.csv", capsys, "arm=arm", "control=1", "metrics.x.kind=mean")
    assert "no arm '1'" in said
    assert "Did you mean '1.0'" in said
    asked = ("arm=arm", "control=1.0", "metrics.x.kind=mean")
    assert estimate(tmp_path / "users.csv", *asked) == pytest.approx(DIFFERENCE, rel=1e-12)


def test_an_id_taken_for_a_segment_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = "".join(f"{i},{'ab'[i % 2]},{i % 5}\n" for i in range(1_200))
    (tmp_path / "users.csv").write_text("id,arm,x\n" + lines)
    assert "column 'id' (segment) has 1,200 values" in error(tmp_path / "users.csv", capsys, *ASKED, "segment=id")


def test_a_long_file_gives_the_same_digits_again(tmp_path: Path) -> None:
    """Engines split long tables between threads: no digit may depend on which is first."""
    rng = np.random.default_rng(1)
    table = pa.table({"arm": np.array(["a", "b"] * 150_000), "x": rng.exponential(10, 300_000)})
    pq.write_table(table, tmp_path / "users.parquet")
    found = {estimate(tmp_path / "users.parquet", "arm=arm", "control=a", "metrics.x.kind=mean") for _ in range(2)}
    assert len(found) == 1
