import sqlite3
import subprocess
import sys
import traceback
from contextlib import closing

import numpy as np
import pandas as pd
import pytest
from bar_tables import table

from ordinis_mlflow.bars import Bars, load_bars, read_csv, read_dataset, read_parquet, read_sql
from ordinis_mlflow.errors import InvalidBars, TooFewBars

HEADER = "date,open,high,low,close,volume\n"
BAR = "2020-01-02,2,3,1,2,10\n"


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.concat([table(300), table(200, "QQQ", seed=1)]).sort_values(
        "timestamp", kind="stable"
    )


@pytest.fixture
def database(tmp_path, frame) -> str:
    path = tmp_path / "bars.db"
    with closing(sqlite3.connect(path)) as connection:
        frame.assign(timestamp=frame["timestamp"].dt.tz_localize(None)).to_sql(
            "bars", connection, index=False
        )
    return f"sqlite:///{path}"


def test_every_source_gives_the_same_digest(tmp_path, frame, database):
    expected = Bars.from_frame(frame).digest()
    frame.to_csv(tmp_path / "bars.csv", index=False)
    frame.to_parquet(tmp_path / "bars.parquet")
    frame.set_index(["timestamp", "symbol"]).to_parquet(tmp_path / "bars.PQ")
    for name in ("bars.csv", "bars.parquet", "bars.PQ"):
        assert load_bars(str(tmp_path / name)).digest() == expected
    assert load_bars(database, query="SELECT * FROM bars", timezone="UTC").digest() == expected


def test_arrow_columns_are_read(tmp_path, frame):
    frame.to_parquet(tmp_path / "bars.parquet")
    arrow = pd.read_parquet(tmp_path / "bars.parquet", dtype_backend="pyarrow")
    assert Bars.from_frame(arrow) == Bars.from_frame(frame)


@pytest.mark.parametrize("name", ["sp500", "nasdaq"])
def test_data_sets(name):
    bars = read_dataset(name)
    assert load_bars(name) == bars
    assert (len(bars), bars.symbols) == (5031, (name,))
    assert bars.frequency == pd.Timedelta(days=1)
    first, last = bars.frame["timestamp"].iloc[[0, -1]]
    assert (str(first), str(last)) == ("1999-01-04 00:00:00+00:00", "2018-12-31 00:00:00+00:00")


def test_the_package_imports_neither_arch_nor_sqlalchemy():
    code = (
        "import sys, ordinis_mlflow.bars; "
        "sys.exit(bool({'arch', 'sqlalchemy', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_file_without_symbols_is_named_by_its_stem_or_the_caller(tmp_path):
    plain = table(symbol=None)
    plain.to_csv(tmp_path / "DAX.csv", index=False)
    plain.to_parquet(tmp_path / "DAX.parquet")
    for read, name in ((read_csv, "DAX.csv"), (read_parquet, "DAX.parquet")):
        assert read(tmp_path / name).symbols == ("DAX",)
        assert read(tmp_path / name, symbol="X").symbols == ("X",)
    table().to_csv(tmp_path / "both.csv", index=False)
    with pytest.raises(InvalidBars, match="leave out symbol='X'"):
        read_csv(tmp_path / "both.csv", symbol="X")


def csv(tmp_path, text: str) -> Bars:
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    return read_csv(tmp_path / "x.csv", timezone="UTC")


def test_csv_keeps_tickers_and_every_digit(tmp_path):
    rows = "".join(f"{ticker},2020-01-02,2,3,1,0.1e1,10\n" for ticker in ("NA", "TRUE", "007"))
    assert csv(tmp_path, "ticker," + HEADER + rows).symbols == ("NA", "TRUE", "007")
    close = float(np.nextafter(1.1, 2))
    bars = csv(tmp_path, "\ufeff" + HEADER + f"2020-01-02,2,3,1,{close!r},10\n")
    assert bars.frame["close"].item() == close


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEADER + BAR + "2020-01-03,2,x3,1,2,10\n", "'x', 2020-01-03 .*: high 'x3' is not a num"),
        (HEADER + BAR + "2020-01-03,2,,1,2,10\n", "'x', 2020-01-03 .*: high nan is not a finite"),
        (HEADER + BAR + "2020-01-03,2,3\n", "'x', 2020-01-03 .*: low nan is not a finite"),
        (HEADER + BAR + ",2,3,1,2,10\n", "'x', row 1: timestamp is missing"),
        (HEADER + "2020-01-02,2,3,1,2,True\n", "volume True is not a number"),
        ("close," + HEADER + "2," + BAR, "columns 'close' and 'close' both mean close"),
        (HEADER + "2020-01-02,2,3,1,2,10,11\n", "x.csv is not a comma-separated table"),
        (HEADER + BAR + "2020-01-03,2,3,1,2,10,11\n", "x.csv is not a comma-separated table"),
        (HEADER + '"2020', "x.csv is not a comma-separated table"),
        (HEADER.replace(",", ";") + BAR.replace(",", ";"), "found: date;open;high"),
        (HEADER, "table of bars is empty"),
        ("", "x.csv is empty"),
    ],
)
def test_a_bad_csv_is_refused(tmp_path, text, message):
    with pytest.raises(InvalidBars, match=message):
        csv(tmp_path, text)


def test_files_of_another_kind_are_refused(tmp_path):
    (tmp_path / "x.csv").write_bytes(HEADER.encode() + b"\xff\xfe")
    (tmp_path / "x.parquet").write_bytes(b"PAR1 not really")
    (tmp_path / "empty.pq").write_bytes(b"")
    with pytest.raises(InvalidBars, match=r"x\.csv is not a comma-separated table in UTF-8"):
        load_bars(str(tmp_path / "x.csv"))
    for name in ("x.parquet", "empty.pq"):
        with pytest.raises(InvalidBars, match=f"{name} is not a Parquet table"):
            load_bars(str(tmp_path / name))


@pytest.mark.parametrize("name", ["none.csv", "none.parquet", "folder.csv"])
def test_a_missing_file_is_named(tmp_path, name):
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(FileNotFoundError, match=f"there is no file .*{name}; check the path"):
        load_bars(str(tmp_path / name))


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("dax", {}, r"source 'dax' is none of those accepted; pass a data set \(sp500, nasdaq\)"),
        ("bars.xlsx", {}, r"a file \(\*\.csv, \*\.parquet, \*\.pq\) or a database URL"),
        ("user:secret@host/db", {}, "^the source is none of those accepted"),
        ("sqlite://", {}, "needs query="),
        ("sp500", {"query": "SELECT 1"}, "query= is for a database URL"),
        ("sp500", {"timezone": "UTC"}, "leave them out"),
        ("sp500", {"symbol": "X"}, "leave them out"),
    ],
)
def test_load_bars_refuses(source, options, message):
    with pytest.raises(InvalidBars, match=message):
        load_bars(source, **options)


def test_an_unknown_data_set_is_refused():
    with pytest.raises(InvalidBars, match="there is no data set 'dax'; pass one of sp500, nasdaq"):
        read_dataset("dax")


def test_sql_errors_say_what_the_database_said(database):
    with pytest.raises(InvalidBars, match=r"from sqlite failed: .*no such table: nope"):
        read_sql("SELECT * FROM nope", database)
    with pytest.raises(InvalidBars, match="failed: OperationalError: unable to open database file"):
        read_sql("SELECT 1", "sqlite:////nowhere/at/all.db")
    with pytest.raises(InvalidBars, match="no symbol column"):
        read_sql("SELECT timestamp, open, high, low, close, volume FROM bars", database)
    with pytest.raises(TooFewBars, match="is empty"):
        read_sql("SELECT * FROM bars WHERE 0", database)
    with pytest.raises(InvalidBars, match="reading bars from a URL without ://"):
        read_sql("SELECT 1", "user:secret@host/db")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cretword@127.0.0.1:1/x",
        "postgresql+nodriver://user:s3cretword@127.0.0.1:1/x",
        "unknown://user:s3cretword@127.0.0.1/x",
        "postgresql://user:a/s3cretword@host:port/x",
        "postgresql://user:a@s3cretword:b@host:1/x",
        "postgresql://user:1@[s3cretword/x",
        "sqlite:///nowhere/s3.db?password=s3cretword",
        "sqlite://user:s3cretword@/x",
        "s3cretword",
        "://user:s3cretword@h",
    ],
)
def test_a_password_stays_in_the_url(url, caplog):
    with caplog.at_level("DEBUG"), pytest.raises((InvalidBars, ImportError)) as caught:
        load_bars(url, query="SELECT 's3cretword'") if "://" in url else read_sql("x", url)
    # The traceback's own lines quote this test's source, not the URL; the errors are what matters.
    chain = traceback.TracebackException.from_exception(caught.value, lookup_lines=False)
    errors = [chain, *(c for c in (chain.__cause__, chain.__context__) if c is not None)]
    shown = "".join("".join(error.format_exception_only()) for error in errors)
    assert "s3cretword" not in shown + caplog.text


def test_a_driver_that_quotes_the_password_is_silenced(monkeypatch):
    def fail(query: str, url: str) -> pd.DataFrame:
        raise RuntimeError("could not log in with 'p@ss w0rd' as user")

    monkeypatch.setattr(pd, "read_sql_query", fail)
    with pytest.raises(InvalidBars, match="RuntimeError: details withheld") as caught:
        read_sql("SELECT 1", "postgresql://user:p%40ss+w0rd@host/x")
    assert caught.value.__context__ is None
    with pytest.raises(InvalidBars, match="could not log in"):
        read_sql("SELECT 1", "postgresql://user:unrelated@host/x")
