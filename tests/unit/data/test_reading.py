"""Files in, typed rows out, or an error that names the place."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from framework.data.engine import open_engine
from framework.data.rawlog import RawLog
from framework.data.reading import read_log
from framework.data.settings import DataConfig
from framework.errors import ConfigError, DataError

COLUMNS = {"user": "user", "time": "time"}
PRICED = {**COLUMNS, "item": "item", "quantity": "qty", "price": "price"}


def raw_of(path: Path, columns: dict[str, str] | None = None, **settings: Any) -> RawLog:
    file_format = settings.pop("format", "parquet" if path.suffix == ".parquet" else "csv")
    return RawLog(paths=(path,), format=file_format, columns=columns or COLUMNS, **settings)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def rows_of(raw: RawLog, folder: Path) -> list[dict[str, Any]]:
    with open_engine(DataConfig(threads=1), folder) as engine:
        return engine.collect(read_log(raw, engine).frame.sort("row")).to_pylist()


def message_of(raw: RawLog, folder: Path) -> str:
    with open_engine(DataConfig(threads=1), folder) as engine, pytest.raises(DataError) as caught:
        read_log(raw, engine)
    return str(caught.value)


def test_a_csv_becomes_typed_rows(tmp_path: Path) -> None:
    path = write(
        tmp_path / "log.csv",
        'user,time,item,qty,price\n"a, b",2011-01-01 00:00:00,x,2,1.235\nb,2011-01-01T00:00:00.5,,,\n',
    )
    first, second = rows_of(raw_of(path, PRICED), tmp_path)
    assert (first["row"], first["user"], first["item"], first["quantity"]) == (1, "a, b", "x", 2.0)
    assert (first["price"], first["time"], first["event"]) == (124, 1_293_840_000_000_000, "purchase")
    assert (second["item"], second["price"], second["time"]) == (None, None, 1_293_840_000_500_000)
    assert first["order"] is None


@pytest.mark.parametrize(
    ("text", "zone", "seconds"),
    [
        ("2011-01-01 00:00:00", "UTC", 1_293_840_000),
        ("2011-01-01T00:00:00Z", "Europe/London", 1_293_840_000),
        ("2011-07-01 12:00:00", "Europe/London", 1_309_518_000),
        ("2011-07-01 12:00:00+00:00", "Europe/London", 1_309_521_600),
        ("2011-07-01T12:00:00+02:00", "UTC", 1_309_514_400),
        ("2011-10-30 01:30:00", "Europe/London", 1_319_934_600),  # shown twice: the first
        ("2011-03-27 01:30:00", "Europe/London", 1_301_189_400),  # never shown: as if not skipped
        ("1309521600", "Europe/London", 1_309_521_600),
        ("1309521600000", "UTC", 1_309_521_600),
        ("1309521600000000", "UTC", 1_309_521_600),
    ],
)
def test_times_become_utc(tmp_path: Path, text: str, zone: str, seconds: int) -> None:
    path = write(tmp_path / "log.csv", f"user,time\na,{text}\na,2010-12-01 00:00:00\n")
    rows = rows_of(raw_of(path, time_zone=zone), tmp_path)
    assert rows[0]["time"] == seconds * 1_000_000


def test_a_time_format_is_strptime(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user,time\na,12/1/2010 8:26\n")
    rows = rows_of(raw_of(path, time_format="%m/%d/%Y %H:%M"), tmp_path)
    assert rows[0]["time"] == 1_291_191_960_000_000


def test_numeric_ids_lose_their_decimal_point(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user,time\n17850.0,2011-01-01\n,2011-01-02\n")
    assert [row["user"] for row in rows_of(raw_of(path), tmp_path)] == ["17850", None]
    table = pa.table({"user": [17850.0, None, float("nan")], "time": pa.array([1, 2, 3], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "log.parquet")
    assert [row["user"] for row in rows_of(raw_of(tmp_path / "log.parquet"), tmp_path)] == ["17850", None, None]


def test_parts_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, users in (("b", "cd"), ("a", "ab")):
        write(tmp_path / "parts" / f"{name}.csv", "user,time\n" + "".join(f"{u},2011-01-01\n" for u in users))
    with gzip.open(tmp_path / "parts" / "c.csv.gz", "wt") as file:
        file.write("user,time\ne,2011-01-01\n")
    rows = rows_of(raw_of(tmp_path / "parts", format="csv"), tmp_path)
    assert [(row["row"], row["user"]) for row in rows] == list(enumerate("abcde", 1))


def test_rows_keep_their_numbers_with_many_threads(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    duckdb.sql('select i as "user", 1300000000 as time from range(300000) t(i)').write_csv(str(path), header=True)
    with open_engine(DataConfig(threads=4), tmp_path) as engine:
        frame = read_log(raw_of(path), engine).frame
        table = engine.collect(frame)
    assert table.num_rows == 300_000
    assert all(
        int(user) + 1 == row for user, row in zip(*table.select(["user", "row"]).to_pydict().values(), strict=True)
    )


def test_events_are_renamed_and_cancellations_found(tmp_path: Path) -> None:
    lines = ("BUY,1,1", "BUY,C2,1", "BUY,3,-1", "pv,,")
    text = "user,time,kind,order,qty\n" + "".join(f"a,2011-01-01,{line}\n" for line in lines)
    path = write(tmp_path / "log.csv", text)
    columns = {**COLUMNS, "event": "kind", "order": "order", "quantity": "qty"}
    raw = raw_of(path, columns, events={"BUY": "purchase"}, cancellation_prefix="C", negative_is_cancellation=True)
    events = [row["event"] for row in rows_of(raw, tmp_path)]
    assert events == ["purchase", "cancellation", "cancellation", "pv"]


def test_missing_column_names_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user,tme,item\na,2011-01-01,x\n")
    message = message_of(raw_of(path), tmp_path)
    assert "no column 'time'" in message
    assert "user, tme, item" in message
    assert "Did you mean 'tme'?" in message


def test_missing_file_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "sales.csv", "user,time\n")
    assert "Did you mean 'sales.csv'?" in message_of(raw_of(tmp_path / "sale.csv"), tmp_path)


@pytest.mark.parametrize("text", ["", "\n", "user,time\n"])
def test_an_empty_file_is_an_error(tmp_path: Path, text: str) -> None:
    assert "empty" in message_of(raw_of(write(tmp_path / "log.csv", text)), tmp_path)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    assert "holds no csv file" in message_of(raw_of(tmp_path / "parts", format="csv"), tmp_path)


@pytest.mark.parametrize("bad", ["yesterday", "2011-02-30", "20111209", "infinity"])
def test_an_unparsable_time_is_named_with_its_row(tmp_path: Path, bad: str) -> None:
    path = write(tmp_path / "log.csv", f"user,time\na,2011-01-01\nb,{bad}\nc,{bad}\n")
    message = message_of(raw_of(path), tmp_path)
    assert "row 2, column 'time'" in message
    assert f"'{bad}'" in message
    assert "2 such rows" in message


@pytest.mark.parametrize(("column", "bad"), [("price", "nan"), ("price", "1,5 EUR"), ("qty", "inf"), ("qty", "two")])
def test_a_number_that_is_none_is_named_with_its_row(tmp_path: Path, column: str, bad: str) -> None:
    row = {"qty": "1", "price": "1.5", column: f'"{bad}"'}
    text = f"user,time,item,qty,price\na,2011-01-01,x,1,1\na,2011-01-01,x,{row['qty']},{row['price']}\n"
    message = message_of(raw_of(write(tmp_path / "log.csv", text), PRICED), tmp_path)
    assert f"row 2, column '{column}'" in message
    assert f"'{bad}'" in message


def test_a_nan_price_in_parquet_is_an_error(tmp_path: Path) -> None:
    table = pa.table({"user": ["a", "a"], "time": [1_300_000_000] * 2, "price": [1.0, float("nan")]})
    pq.write_table(table, tmp_path / "log.parquet")
    message = message_of(raw_of(tmp_path / "log.parquet", {**COLUMNS, "price": "price"}), tmp_path)
    assert "row 2, column 'price'" in message


def test_user_ids_of_mixed_types_are_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user,time\n17850,2011-01-01\n17850.0,2011-01-01\nbob,2011-01-01\n")
    message = message_of(raw_of(path), tmp_path)
    assert "mixed types" in message
    assert "'17850' in row 1" in message
    assert "'17850.0' in row 2" in message
    assert "'bob' in row 3" in message
    assert [row["user"] for row in rows_of(raw_of(path, mixed_users=True), tmp_path)] == ["17850", "17850.0", "bob"]


def test_user_ids_of_mixed_types_over_parts_are_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, users in (("a", [1, 2]), ("b", ["x", "y"])):
        pq.write_table(pa.table({"user": users, "time": [1_300_000_000] * 2}), folder / f"{name}.parquet")
    message = message_of(raw_of(folder, format="parquet"), tmp_path)
    assert "mixed types" in message
    assert "int64" in message
    assert "string" in message


def test_parts_with_different_columns_are_an_error(tmp_path: Path) -> None:
    write(tmp_path / "parts" / "a.csv", "user,time,item\na,2011-01-01,x\n")
    write(tmp_path / "parts" / "b.csv", "user,time,product\na,2011-01-01,x\n")
    message = message_of(raw_of(tmp_path / "parts", format="csv"), tmp_path)
    assert "b.csv lacks item and has also product" in message


@pytest.mark.parametrize("bad", ["b,2011-01-02,extra", "b", '"b,2011-01-01'])
def test_a_bad_line_is_named(tmp_path: Path, bad: str) -> None:
    good = "".join(f"u{i},2011-01-01\n" for i in range(5000))
    path = write(
        tmp_path / "log.csv", f"user,time\n{good}{bad}\n{good}" if bad[0] != '"' else f"user,time\n{good}{bad}\n"
    )
    message = message_of(raw_of(path), tmp_path)
    assert "line 5002" in message
    assert bad.strip('"') in message
    assert "on_bad_line=skip" in message


def test_bad_lines_can_be_skipped_and_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user,time\na,2011-01-01\nb,2011-01-02,x,y\nc\nd,2011-01-03\n")
    with open_engine(DataConfig(), tmp_path) as engine:
        log = read_log(raw_of(path, on_bad_line="skip"), engine)
        users = engine.collect(log.frame.sort("row")).to_pydict()["user"]
    assert (log.lines, log.unreadable.count, users) == (4, 2, ["a", "d"])
    assert "2 lines" in log.warnings[0]


def test_column_names_are_data(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "Customer \"\"'s ID;row;x', drop\na;2011-01-01;1\n")
    header = path.read_text().splitlines()[0].split(";")
    rows = rows_of(raw_of(path, {"user": header[0], "time": "row", "item": header[2]}, separator=";"), tmp_path)
    assert (rows[0]["user"], rows[0]["item"], rows[0]["row"]) == ("a", "1", 1)


def test_an_unknown_engine_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'duckdb'"):
        open_engine(DataConfig(engine="duckbd"), tmp_path)


def test_an_unknown_time_zone_names_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user,time\na,2011-01-01\n")
    assert "Europe/London" in message_of(raw_of(path, time_zone="Europe/Londn"), tmp_path)


def test_a_missing_extra_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyspark", None)
    with pytest.raises(ConfigError, match=r"pip install 'prelaunch\[spark\]'"):
        open_engine(DataConfig(engine="spark"), tmp_path)


def test_closing_leaves_nothing_behind(tmp_path: Path) -> None:
    path = write(tmp_path / "in" / "log.csv", "user,time\na,2011-01-01\n")
    engine = open_engine(DataConfig(memory_limit="200MB", threads=1), tmp_path / "work")
    read_log(raw_of(path), engine)
    engine.close()
    assert list((tmp_path / "work").iterdir()) == []


def test_another_separator_is_guessed(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("who;when\na;2025-01-01\n", encoding="utf-8")
    raw = RawLog((path,), "csv", {"user": "who", "time": "when"})
    with open_engine(DataConfig(), tmp_path / "work") as engine, pytest.raises(DataError, match="separator=';'"):
        read_log(raw, engine)


def test_a_header_in_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes("wer,wann,größe\na,2025-01-01,1\n".encode("cp1252"))
    raw = RawLog((path,), "csv", {"user": "wer", "time": "wann"})
    with open_engine(DataConfig(), tmp_path / "work") as engine, pytest.raises(DataError, match="UTF-8"):
        read_log(raw, engine)


@pytest.mark.parametrize("engine_name", ["duckdb", "polars"])
def test_rows_in_another_encoding_are_told(tmp_path: Path, engine_name: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes("user,time,item\na,2025-01-01,größe\n".encode("cp1252"))
    raw = raw_of(path, {**COLUMNS, "item": "item"})
    opened = open_engine(DataConfig(engine=engine_name, threads=1), tmp_path / "work")
    with opened as engine, pytest.raises(DataError, match="iconv -f cp1252 -t utf-8") as caught:
        read_log(raw, engine)
    assert "on_bad_line" not in str(caught.value)


@pytest.mark.parametrize("engine_name", ["duckdb", "polars"])
def test_decimal_commas_are_read_where_they_are_named(tmp_path: Path, engine_name: str) -> None:
    path = write(tmp_path / "log.csv", "user;time;item;qty;price\na;2025-01-01;x;2;37,37\na;2025-01-02;x;;-1,5\n")
    raw = raw_of(path, PRICED, separator=";", decimal=",")
    with open_engine(DataConfig(engine=engine_name, threads=1), tmp_path / "work") as engine:
        rows = engine.collect(read_log(raw, engine).frame.sort("row")).to_pylist()
    assert [(row["unit_price"], row["price"]) for row in rows] == [(37.37, 3737), (-1.5, -150)]
    assert rows[0]["quantity"] == 2.0


def test_decimal_commas_say_what_to_set(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user;time;item;qty;price\na;2025-01-01;x;2;37,37\n")
    message = message_of(raw_of(path, PRICED, separator=";"), tmp_path)
    assert "'37,37' is no number" in message
    assert "source.params.decimal=','" in message
    path = write(tmp_path / "log.csv", "user;time;item;qty;price\na;2025-01-01;x;2;1.234\n")
    assert "'1.234' is no number" in message_of(raw_of(path, PRICED, separator=";", decimal=","), tmp_path)
    with open_engine(DataConfig(), tmp_path / "work") as engine, pytest.raises(ConfigError, match="decimal is"):
        read_log(raw_of(path, PRICED, separator=";", decimal=";"), engine)


def test_a_missing_relative_path_names_its_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    message = message_of(raw_of(Path("nowhere.csv")), tmp_path / "work")
    assert "source.params.path" in message
    assert f"Relative paths start at {tmp_path}" in message


def test_a_separator_is_one_character(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user,time\na,2011-01-01\n")
    with open_engine(DataConfig(), tmp_path / "work") as engine, pytest.raises(ConfigError, match="';;'"):
        read_log(raw_of(path, separator=";;"), engine)
