import decimal

import numpy as np
import pandas as pd
import pytest
from bar_tables import table, valid_values

from ordinis_mlflow.bars import COLUMNS, Bars
from ordinis_mlflow.errors import InvalidBars, TooFewBars


def changed(column: str, value: object, row: int = 2) -> pd.DataFrame:
    frame = table()
    if not isinstance(value, float):
        frame[column] = frame[column].astype(object)
    frame.loc[row, column] = value
    return frame


AT = r"^symbol 'SPY', 2020-01-03 00:00:00\+00:00: "


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("close", np.nan, "close nan is not a finite number"),
        ("close", None, "close nan is not a finite number"),
        ("open", np.inf, "open inf is not a finite number"),
        ("open", 0.0, r"open 0\.0 is not above zero"),
        ("low", -1.0, r"low -1\.0 is not above zero"),
        ("volume", -1.0, r"volume -1\.0 is negative"),
        ("high", 1.0, r"high 1\.0 is below low \d"),
        ("open", 1e3, r"open 1000\.0 is above high \d"),
        ("close", 1.0, r"close 1\.0 is below low \d"),
        ("close", "12,5", "close '12,5' is not a number"),
        ("close", "1_0", "close '1_0' is not a number"),
        ("close", "", "close '' is not a number"),
        ("close", True, "close True is not a number"),
        ("close", 1j, "close 1j is not a number"),
        ("close", pd.Timedelta(1), "close Timedelta.* is not a number"),
        ("volume", 10**400, "volume inf is not a finite number"),
        ("volume", decimal.Decimal("sNaN"), "volume Decimal.* is not a number"),
    ],
)
def test_a_bad_cell_is_named(column, value, rule):
    with pytest.raises(InvalidBars, match=AT + rule):
        Bars.from_frame(changed(column, value))


@pytest.mark.parametrize("dtype", [bool, "boolean", complex, "datetime64[ns]"])
def test_columns_of_another_kind_are_refused(dtype):
    frame = table(volume=pd.Series([1] * 5).astype(dtype))
    with pytest.raises(
        InvalidBars, match=r"symbol 'SPY', 2020-01-01 .*: volume .* is not a number"
    ):
        Bars.from_frame(frame)


def test_order_and_repetition_are_judged_within_a_symbol():
    frame = pd.concat([table(), table(3, "QQQ")], ignore_index=True)
    with pytest.raises(
        InvalidBars,
        match=r"^symbol 'SPY', 2020-01-02 .*: timestamp is earlier than 2020-01-03 .*; sort",
    ):
        Bars.from_frame(frame.iloc[[0, 5, 2, 6, 1, 7]])
    with pytest.raises(
        InvalidBars, match=r"^symbol 'QQQ', 2020-01-02 .*: timestamp occurs twice; keep one"
    ):
        Bars.from_frame(frame.iloc[[0, 1, 5, 6, 6, 7]])
    assert len(Bars.from_frame(frame.sort_values("timestamp"))) == 8


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (None, "symbol is missing"),
        (np.nan, "symbol is missing"),
        ("", "symbol is empty"),
        ("  ", "symbol is empty"),
        (1.5, r"symbol 1\.5 is not text"),
        (True, "symbol True is not text"),
    ],
)
def test_a_bad_symbol_is_refused(value, rule):
    frame = table()
    frame["symbol"] = ["SPY", value, "SPY", "SPY", "SPY"]
    frame["symbol"] = frame["symbol"].astype(object)
    with pytest.raises(InvalidBars, match=rf"^row 1, 2020-01-02 00:00:00\+00:00: {rule}"):
        Bars.from_frame(frame)


def test_where_the_symbol_comes_from():
    plain = table(symbol=None)
    assert Bars.from_frame(plain, symbol="X").symbols == ("X",)
    assert Bars.from_frame(table(symbol=None, sid=7)).symbols == ("7",)
    categories = table()
    categories["symbol"] = categories["symbol"].astype("category")
    assert Bars.from_frame(categories).symbols == ("SPY",)
    with pytest.raises(InvalidBars, match="no symbol column; pass symbol="):
        Bars.from_frame(plain)
    with pytest.raises(InvalidBars, match="no symbol column; pass symbol="):
        Bars.from_frame(plain, symbol=" ")
    with pytest.raises(InvalidBars, match="has a symbol column; leave out symbol='X'"):
        Bars.from_frame(table(), symbol="X")


@pytest.mark.parametrize("frame", [pd.DataFrame(), table().iloc[:0]])
def test_an_empty_table_is_too_few(frame):
    with pytest.raises(TooFewBars, match="table of bars is empty"):
        Bars.from_frame(frame)


def test_missing_columns_are_listed_with_what_was_found():
    with pytest.raises(
        InvalidBars, match="columns are missing: low, timestamp; found: symbol, open, high, close"
    ):
        Bars.from_frame(table().drop(columns=["low", "timestamp"]))


@pytest.mark.parametrize(
    "names",
    [
        ["Ticker", "Date", "OPEN", "High", "lOw", "Last", "Vol"],
        ["asset", "Date Time", "o", "h", "l", "c", "v"],
        ["SID", "time", " Open ", "h_igh", "low", "close", "VOLUME"],
    ],
)
def test_usual_names_are_found(names):
    frame = table()
    assert Bars.from_frame(frame.set_axis(names, axis=1)) == Bars.from_frame(frame)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"Last": 1.0}, "columns 'close' and 'Last' both mean close"),
        ({"DATE": 1.0}, "columns 'timestamp' and 'DATE' both mean timestamp"),
        ({"ticker": "A"}, "columns 'symbol' and 'ticker' both mean symbol"),
    ],
)
def test_two_claims_to_one_meaning_are_refused(extra, message):
    with pytest.raises(InvalidBars, match=message):
        Bars.from_frame(table(**extra))


def test_a_repeated_name_and_a_second_header_row_are_refused():
    frame = table()
    with pytest.raises(InvalidBars, match="columns 'close' and 'close' both mean close"):
        Bars.from_frame(pd.concat([frame, frame[["close"]]], axis=1))
    frame.columns = pd.MultiIndex.from_product([frame.columns, ["SPY"]])
    with pytest.raises(InvalidBars, match="several header rows"):
        Bars.from_frame(frame)


def test_the_index_may_hold_timestamp_and_symbol():
    frame = table()
    expected = Bars.from_frame(frame)
    named = frame.set_index("timestamp")
    assert Bars.from_frame(named) == expected
    assert Bars.from_frame(named.rename_axis(None)) == expected
    assert Bars.from_frame(named.rename_axis("session")) == expected
    assert Bars.from_frame(frame.set_index(["symbol", "timestamp"])) == expected
    with pytest.raises(InvalidBars, match="columns the index and 'date' both mean timestamp"):
        Bars.from_frame(named.rename_axis(None).assign(date=frame["timestamp"].to_numpy()))


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint64", "Int64", "Float64", object, str])
def test_numbers_of_any_kind_are_read(dtype):
    whole = table()
    whole[list(COLUMNS)] = [[5.0, 9.0, 2.0, 4.0, 1e6]] * 5
    expected = Bars.from_frame(whole)
    assert (
        Bars.from_frame(
            whole.astype(dict.fromkeys(COLUMNS, "int64")).astype(dict.fromkeys(COLUMNS, dtype))
        )
        == expected
    )
    decimals = whole.assign(close=[decimal.Decimal("4.0")] * 5)
    assert Bars.from_frame(decimals) == expected


def test_large_numbers_survive():
    huge = np.array([[1e15, 2e15, 5e14, 1.5e15, 1e300]] * 3)
    frame = table(3)
    frame[list(COLUMNS)] = huge
    assert np.array_equal(next(Bars.from_frame(frame).series()).values, huge)


def test_a_split_fakes_no_return():
    raw = pd.DataFrame(
        {
            "timestamp": pd.date_range("2020-01-01", periods=4, tz="UTC"),
            "Open": [100.0, 102.0, 51.0, 52.0],
            "High": [104.0, 104.0, 53.0, 54.0],
            "Low": [99.0, 101.0, 50.0, 51.0],
            "Close": [102.0, 103.0, 52.0, 53.0],
            "Adj Close": [51.0, 51.5, 52.0, 53.0],
            "Volume": [1000, 1000, 2000, 2000],
        }
    )
    plain = Bars.from_frame(raw.drop(columns="Adj Close"), symbol="A").frame["close"]
    assert plain.pct_change().min() < -0.49
    bars = Bars.from_frame(raw, symbol="A").frame
    assert bars["close"].tolist() == raw["Adj Close"].tolist()
    assert bars["close"].pct_change().min() > 0
    assert bars["open"].tolist() == [50.0, 51.0, 51.0, 52.0]
    assert bars["volume"].tolist() == [2000.0] * 4
    np.testing.assert_allclose(bars["close"] * bars["volume"], raw["Close"] * raw["Volume"])


@pytest.mark.parametrize("name", ["Adj Close", "adj_close", "AdjClose", "Adjusted Close"])
def test_the_adjusted_close_is_exact_under_any_of_its_names(name):
    adjusted = valid_values(50)[:, 3] * np.linspace(0.1, 1.0, 50)
    bars = Bars.from_frame(table(50).assign(**{name: adjusted}))
    assert np.array_equal(bars.frame["close"], adjusted)


@pytest.mark.parametrize(
    ("adjusted", "rule"),
    [
        (0.0, r"adjusted close 0\.0 over close .* is not finite and above zero"),
        (-1.0, "adjusted close -1.0 over close"),
        (np.nan, "adjusted close nan over close"),
        (np.inf, "adjusted close inf over close"),
        (1e-320, "is not a finite number|is not above zero"),
    ],
)
def test_an_impossible_adjustment_is_refused(adjusted, rule):
    frame = table()
    frame["adj close"] = frame["close"]
    frame.loc[2, "adj close"] = adjusted
    with pytest.raises(InvalidBars, match=AT + f".*(?:{rule})"):
        Bars.from_frame(frame)
    frame.loc[2, "close"] = 0.0
    with pytest.raises(InvalidBars, match=AT + r"close 0\.0 is not above zero"):
        Bars.from_frame(frame)
