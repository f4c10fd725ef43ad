import dataclasses
import hashlib

import numpy as np
import pandas as pd
import pytest
from bar_tables import table
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.bars import COLUMNS, Bars, SymbolBars
from ordinis_mlflow.errors import InvalidBars, InvalidConfig, TooFewBars


def two_symbols(n: int = 5, m: int = 3) -> pd.DataFrame:
    return pd.concat([table(n), table(m, "QQQ", seed=1)], ignore_index=True)


tables = st.builds(two_symbols, st.integers(1, 6), st.integers(1, 6))


@given(tables)
def test_a_frame_goes_in_and_comes_out(frame):
    bars = Bars.from_frame(frame)
    pd.testing.assert_frame_equal(bars.frame, frame, check_dtype=False)
    assert bars.frame["timestamp"].dtype == "datetime64[ns, UTC]"
    assert (bars.frame[list(COLUMNS)].dtypes == np.float64).all()
    assert Bars.from_frame(bars.frame) == bars
    assert len(bars) == len(frame)


@given(tables, st.randoms(use_true_random=False))
def test_interleaving_symbols_changes_no_series(frame, random):
    queues = {name: list(rows.index) for name, rows in frame.groupby("symbol")}
    turns = frame["symbol"].tolist()
    random.shuffle(turns)
    mixed = frame.loc[[queues[name].pop(0) for name in turns]]
    expected = {part.symbol: part for part in Bars.from_frame(frame).series()}
    bars = Bars.from_frame(mixed)
    assert bars.symbols == tuple(dict.fromkeys(turns))
    for part in bars.series():
        assert part.timestamps.equals(expected[part.symbol].timestamps)
        assert np.array_equal(part.values, expected[part.symbol].values)


@given(
    row=st.integers(0, 7),
    column=st.sampled_from(["symbol", "timestamp", *COLUMNS]),
)
def test_the_digest_changes_with_any_cell(row, column):
    frame = two_symbols()
    before = Bars.from_frame(frame).digest()
    other = frame.copy()
    if column == "symbol":
        other["symbol"] = other["symbol"].replace(frame.at[row, "symbol"], "IWM")
    elif column == "timestamp":
        other["timestamp"] = other["timestamp"].astype("datetime64[ns, UTC]")
        other.loc[row, "timestamp"] += pd.Timedelta(1, "ns")
    else:
        other.loc[row, column] = np.nextafter(frame.at[row, column], 101.0)
    assert Bars.from_frame(other).digest() != before
    assert Bars.from_frame(frame.set_axis(range(50, 58))).digest() == before


def test_the_digest_does_not_confuse_where_one_symbol_ends():
    a, b = table(4, "A"), table(4, "A")
    b.loc[2:, "symbol"] = "B"
    assert Bars.from_frame(a).digest() != Bars.from_frame(b).digest()


def test_the_digest_is_the_documented_bytes():
    frame = table(2, "Ä")
    name = "Ä".encode()
    content = np.array([len(name), 2], "<i8").tobytes() + name
    content += frame["timestamp"].astype("datetime64[ns, UTC]").astype("int64").to_numpy().tobytes()
    content += frame[list(COLUMNS)].to_numpy(np.float64, copy=True).tobytes()
    expected = hashlib.sha256(b"ordinis bars 1\n" + content).hexdigest()
    assert Bars.from_frame(frame).digest() == expected


def test_series_are_read_only_utc_and_in_order():
    bars = Bars.from_frame(two_symbols())
    spy, qqq = bars.series()
    assert (spy.symbol, qqq.symbol) == bars.symbols == ("SPY", "QQQ")
    assert spy.values.shape == (5, 5)
    assert str(spy.timestamps.dtype) == "datetime64[ns, UTC]"
    with pytest.raises(ValueError, match="read-only"):
        spy.values[0, 0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        bars.parts = ()


def test_changing_the_tables_changes_no_bars():
    source = table()
    bars = Bars.from_frame(source)
    before = bars.digest()
    source.loc[0, "volume"] = 7.0
    copy = bars.frame
    copy.loc[0, "volume"] = 8.0
    assert bars.digest() == before


def test_equality_and_hash_follow_the_cells():
    one, same, other = (Bars.from_frame(table(seed=seed)) for seed in (0, 0, 1))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "bars"
    assert repr(one) == "Bars(5 rows, symbols SPY)"


def test_frequency_is_the_median_over_all_symbols():
    hours = pd.date_range("2020-01-01", periods=9, freq="h", tz="UTC")
    frame = pd.concat([table(3), table(9, "QQQ", timestamp=hours), table(1, "IWM")])
    assert Bars.from_frame(frame).frequency == pd.Timedelta(hours=1)
    with pytest.raises(TooFewBars, match="one bar per symbol has no spacing"):
        _ = Bars.from_frame(table(1)).frequency


def test_between_includes_both_ends():
    bars = Bars.from_frame(two_symbols())
    some = bars.between("2020-01-02", pd.Timestamp("2020-01-03T01:00", tz="Europe/Berlin"))
    assert some.frame["timestamp"].dt.day.tolist() == [2, 3, 2, 3]
    assert bars.between() == bars
    assert bars.between(start="2020-01-04").symbols == ("SPY",)
    assert len(bars.between(end="2020-01-01")) == 2


@pytest.mark.parametrize(
    ("start", "end", "error", "message"),
    [
        ("2021-01-01", None, TooFewBars, "no bar lies between 2021-01-01 .* and None"),
        ("2020-01-03", "2020-01-02", InvalidConfig, "start 2020-01-03 .* is after end 2020-01-02"),
        ("02/03/2020", None, InvalidConfig, "start '02/03/2020' is not a time"),
        (None, "2020-02-30", InvalidConfig, "end '2020-02-30' is not a time"),
        (pd.NaT, None, InvalidConfig, "start is missing"),
    ],
)
def test_between_refuses(start, end, error, message):
    with pytest.raises(error, match=message):
        Bars.from_frame(table()).between(start, end)


def test_latest_keeps_the_last_bars_of_each_symbol():
    bars = Bars.from_frame(two_symbols()).latest(4)
    assert [len(part) for part in bars.series()] == [4, 3]
    assert bars.frame["timestamp"].dt.day.tolist() == [2, 3, 4, 5, 1, 2, 3]
    with pytest.raises(InvalidConfig, match="n is 0"):
        bars.latest(0)


def test_require_names_the_short_symbol():
    bars = Bars.from_frame(two_symbols())
    bars.require(3, "the look-back")
    with pytest.raises(
        TooFewBars,
        match=r"symbol 'QQQ' has 3 bars, the last at 2020-01-03 00:00:00\+00:00, "
        "but the look-back needs 4; supply a longer history",
    ):
        bars.require(4, "the look-back")


def test_bars_cannot_be_made_around_the_rules():
    times = pd.date_range("2020-01-01", periods=2, tz="UTC")
    values = np.array([[2.0, 3.0, 1.0, 2.0, 5.0]] * 2)
    good = SymbolBars("A", times, values)
    values[0, 0] = 9.0
    assert good.values[0, 0] == 2.0
    with pytest.raises(InvalidBars, match=r"symbol 'A', .*: open 9\.0 is above high 3\.0"):
        SymbolBars("A", times, values)
    with pytest.raises(InvalidBars, match="timestamp is earlier"):
        SymbolBars("A", times[::-1], good.values)
    with pytest.raises(InvalidBars, match="have no time zone"):
        SymbolBars("A", times.tz_localize(None), good.values)
    with pytest.raises(InvalidBars, match="a timestamp is missing"):
        SymbolBars("A", times.where([True, False]), good.values)
    with pytest.raises(InvalidBars, match=r"do not fit values of shape \(1, 5\)"):
        SymbolBars("A", times, good.values[:1])
    with pytest.raises(TooFewBars, match="has no bars"):
        good.part(slice(0, 0))
    with pytest.raises(TooFewBars, match="there are no bars"):
        Bars(())
    with pytest.raises(InvalidBars, match="a symbol comes twice"):
        Bars((good, good))
