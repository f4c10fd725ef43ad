"""A table is checked as a whole: what comes out is what checking each symbol by itself gives."""

import numpy as np
import pandas as pd
import pytest
from bar_tables import table, valid_values
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.bars import Bars, SymbolBars
from ordinis_mlflow.errors import InvalidBars

KINDS = ("object", "str", "category")
symbols = st.lists(st.sampled_from(["AAA", "NA", "B 1", "ß"]), min_size=1, max_size=30)


def interleaved(names, kind):
    """Rows in the order of the names, each symbol's a day apart."""
    days = pd.Series(names).groupby(names).cumcount().to_numpy()
    times = pd.Timestamp("2020-01-01", tz="UTC") + pd.to_timedelta(days, unit="D")
    frame = table(len(names), None, timestamp=times.as_unit("ns"))
    return frame.assign(symbol=pd.Series(names, dtype=kind))


@given(symbols, st.sampled_from(KINDS))
def test_however_symbols_are_written(names, kind):
    frame = interleaved(names, kind)
    expected = Bars(
        tuple(
            SymbolBars(
                name,
                pd.DatetimeIndex(frame["timestamp"][frame["symbol"] == name]),
                frame.loc[frame["symbol"] == name, ["open", "high", "low", "close", "volume"]],
            )
            for name in dict.fromkeys(names)
        )
    )
    bars = Bars.from_frame(frame)
    assert bars == expected
    assert not any(part.values.flags.writeable for part in bars.parts)
    assert bars.latest(2) == Bars(
        tuple(SymbolBars(p.symbol, p.timestamps[-2:], p.values[-2:]) for p in expected.parts)
    )


@given(symbols.filter(lambda names: len(names) > len(set(names))), st.data())
def test_one_symbol_out_of_order_among_many_is_named(names, data):
    again = [row for row, name in enumerate(names) if name in names[:row]]
    row = data.draw(st.sampled_from(again))
    frame = interleaved(names, data.draw(st.sampled_from(KINDS)))
    frame.loc[row, "timestamp"] = pd.Timestamp("2019-01-01", tz="UTC")
    with pytest.raises(InvalidBars, match=f"^symbol '{names[row]}', 2019-01-01.*is earlier than"):
        Bars.from_frame(frame)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "rule"), [(None, "row 3, .*symbol is missing"), (" ", "row 3, .*symbol is empty")]
)
def test_a_row_without_symbol_is_refused(kind, name, rule):
    frame = interleaved(["AAA"] * 5, kind)
    frame["symbol"] = pd.Series(["AAA", "AAA", "AAA", name, "AAA"], dtype=kind)
    with pytest.raises(InvalidBars, match=rule):
        Bars.from_frame(frame)


def test_a_part_backwards_is_refused():
    (part,) = Bars.from_frame(table()).parts
    assert np.array_equal(part.part(slice(None, None, 2)).values, part.values[::2])
    with pytest.raises(InvalidBars, match="is earlier than"):
        part.part(slice(None, None, -1))


def test_what_adjustment_makes_too_large_is_refused():
    """Volume over a tiny factor overflows, though each number of the table is fine by itself."""
    values = valid_values(5)
    values[:, 4] = 1e308
    frame = table(volume=values[:, 4]).assign(**{"adj close": 1e-3})
    with pytest.raises(InvalidBars, match=r"symbol 'SPY', 2020-01-01.*volume inf is not a finite"):
        Bars.from_frame(frame)


def test_times_as_categories_of_text():
    texts = ["2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"]
    frame = table(4, timestamp=pd.Categorical(texts * 2), symbol=["A", "A", "B", "B"])
    assert Bars.from_frame(frame) == Bars.from_frame(
        frame.assign(timestamp=pd.to_datetime(texts * 2))
    )


@pytest.mark.parametrize("unit", ["s", "ms"])
@pytest.mark.parametrize("far", [2**62, -(2**62), 2**50])
def test_a_time_that_no_calendar_reaches_is_refused(unit, far):
    times = np.array([0, far, 0], dtype=f"datetime64[{unit}]")
    frame = table(3, timestamp=pd.Series(times).dt.tz_localize("UTC"))
    with pytest.raises(InvalidBars, match="timestamp is outside 1678-2261"):
        Bars.from_frame(frame)
