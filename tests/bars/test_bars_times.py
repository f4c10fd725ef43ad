import datetime as dt
import zoneinfo

import numpy as np
import pandas as pd
import pytest
from bar_tables import table

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import InvalidBars

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")


def instants(timestamps, timezone: str | None = None) -> list[str]:
    """What the timestamps become."""
    frame = table(len(timestamps)).assign(timestamp=timestamps)
    times = Bars.from_frame(frame, timezone=timezone).frame["timestamp"]
    assert times.dtype == "datetime64[ns, UTC]"
    return [time.isoformat() for time in times]


SPRING = ["2020-03-28 10:00", "2020-03-29 10:00"]
SPRING_UTC = ["2020-03-28T09:00:00+00:00", "2020-03-29T08:00:00+00:00"]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_local_times_are_converted_over_a_clock_change(unit):
    naive = pd.DatetimeIndex(SPRING).as_unit(unit)
    assert instants(naive, "Europe/Berlin") == SPRING_UTC
    assert instants(naive.tz_localize("Europe/Berlin")) == SPRING_UTC
    assert instants(naive.tz_localize("UTC"))[0] == "2020-03-28T10:00:00+00:00"


@pytest.mark.parametrize("dtype", [object, str])
def test_text_in_a_named_zone(dtype):
    assert instants(pd.Series(SPRING, dtype=dtype), "Europe/Berlin") == SPRING_UTC


def test_objects_of_one_named_zone():
    local = [dt.datetime(2020, 3, day, 10, tzinfo=BERLIN) for day in (28, 29)]
    assert instants(pd.Series(local, dtype=object)) == SPRING_UTC
    stamps = [pd.Timestamp(time) for time in local]
    assert instants(pd.Series(stamps, dtype=object)) == SPRING_UTC


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-01-02T10:00:00Z", "2020-01-02T10:00:00+00:00"),
        ("2020-01-02 10:00 UTC", "2020-01-02T10:00:00+00:00"),
        ("2020-01-02 10:00:00-0000", "2020-01-02T10:00:00+00:00"),
        ("2020-01-02T10:00:00.123456789+05:30", "2020-01-02T04:30:00.123456789+00:00"),
        ("2020-01-02 10:00-05", "2020-01-02T15:00:00+00:00"),
    ],
)
def test_text_with_an_offset(text, expected):
    assert instants(pd.Series([text], dtype=object)) == [expected]


@pytest.mark.parametrize(
    "cell",
    [
        "2020-01-02",
        "20200102",
        "2020-01-02 00:00:00.000000",
        dt.date(2020, 1, 2),
        dt.datetime(2020, 1, 2),
        pd.Timestamp("2020-01-02"),
        np.datetime64("2020-01-02"),
    ],
)
def test_naive_cells_need_a_named_zone(cell):
    column = pd.Series([cell], dtype=object)
    assert instants(column, "UTC") == ["2020-01-02T00:00:00+00:00"]
    with pytest.raises(InvalidBars, match=r"^symbol 'SPY', .*: timestamp has no time zone; pass"):
        instants(column)


def test_a_naive_index_is_refused_with_symbol_and_time():
    with pytest.raises(
        InvalidBars, match="symbol 'SPY', 2020-03-28 10:00:00: timestamp has no time zone"
    ):
        instants(pd.DatetimeIndex(SPRING))


@pytest.mark.parametrize(
    ("cells", "zones"),
    [
        (["2020-03-28 10:00+01:00", "2020-03-29 10:00+02:00"], r"UTC\+01:00, UTC\+02:00"),
        (["2020-03-28 10:00Z", "2020-03-29 10:00"], "UTC, none"),
        (["2020-03-28", dt.datetime(2020, 3, 29, tzinfo=BERLIN)], "none, Europe/Berlin"),
        (
            [
                dt.datetime(2020, 3, 28, tzinfo=dt.timezone(dt.timedelta(hours=1))),
                dt.datetime(2020, 3, 29, tzinfo=dt.UTC),
            ],
            r"UTC\+01:00, UTC",
        ),
    ],
)
@pytest.mark.parametrize("timezone", [None, "UTC"])
def test_mixed_zones_are_refused(cells, zones, timezone):
    message = rf"^symbol 'SPY', 2020-03-29.*: time zones are mixed \({zones}\); write .* in UTC$"
    with pytest.raises(InvalidBars, match=message):
        instants(pd.Series(cells, dtype=object), timezone)


def test_one_offset_written_in_several_ways_is_not_mixed():
    tz = dt.timezone(dt.timedelta(hours=1))
    cells = ["2020-01-01 10:00+01:00", "2020-01-02 10:00+0100", dt.datetime(2020, 1, 3, tzinfo=tz)]
    assert instants(pd.Series(cells, dtype=object))[1] == "2020-01-02T09:00:00+00:00"
    cells = ["2020-01-01 10:00Z", "2020-01-02 10:00+00:00", dt.datetime(2020, 1, 3, tzinfo=dt.UTC)]
    assert instants(pd.Series(cells, dtype=object))[2] == "2020-01-03T00:00:00+00:00"


@pytest.mark.parametrize("missing", [None, np.nan, pd.NaT, "", " "])
def test_a_missing_timestamp_is_refused(missing):
    column = pd.Series(["2020-01-01T00:00Z", missing], dtype=object)
    with pytest.raises(InvalidBars, match="symbol 'SPY', row 1: timestamp is missing"):
        instants(column)


def test_nat_in_a_column_of_datetimes_is_refused():
    for zone in (None, "UTC"):
        column = pd.DatetimeIndex(["2020-01-01", None]).tz_localize(zone)
        with pytest.raises(InvalidBars, match="symbol 'SPY', row 1: timestamp is missing"):
            instants(column, "UTC" if zone is None else None)


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ("03/04/2020", "is not a date in ISO 8601"),
        ("2020-01-02Z", "is not a date in ISO 8601"),
        ("yesterday", "is not a date in ISO 8601"),
        (1577836800, "is not a date in ISO 8601"),
        (1.5, "is not a date in ISO 8601"),
        ("2020-02-30", "is not a date that exists"),
        ("2020-01-01 25:00", "is not a date that exists"),
    ],
)
def test_what_is_no_timestamp_is_refused(cell, rule):
    with pytest.raises(InvalidBars, match=f"^symbol 'SPY', {cell}: timestamp {rule}"):
        instants(pd.Series([cell], dtype=object), "UTC")


def test_numbers_are_no_timestamps():
    with pytest.raises(InvalidBars, match="symbol 'SPY', 1: timestamp is not a date in ISO 8601"):
        instants(pd.Series([1, 2]), "UTC")


@pytest.mark.parametrize("text", ["1500-01-01", "2500-01-01"])
def test_times_beyond_nanoseconds_are_refused(text):
    far = pd.DatetimeIndex(np.array([text], "datetime64[s]"))
    for column in (far, far.tz_localize("UTC")):
        zone = "Europe/Berlin" if column.tz is None else None
        with pytest.raises(
            InvalidBars, match=rf"symbol 'SPY', {text}.*: timestamp is outside 1678"
        ):
            instants(column, zone)
    with pytest.raises(InvalidBars, match=f"symbol 'SPY', {text}: timestamp is "):
        instants(pd.Series([text], dtype=object), "UTC")


def test_hours_that_a_clock_change_skips_or_doubles_are_refused():
    with pytest.raises(
        InvalidBars, match=r"2020-03-29 02:30.*: timestamp does not exist in Europe/Berlin"
    ):
        instants(["2020-03-29 01:30", "2020-03-29 02:30"], "Europe/Berlin")
    with pytest.raises(
        InvalidBars, match=r"2020-10-25 02:30.*: timestamp is ambiguous in Europe/Berlin"
    ):
        instants(pd.DatetimeIndex(["2020-10-25 01:30", "2020-10-25 02:30"]), "Europe/Berlin")


@pytest.mark.parametrize("timezone", ["Europe/Bielefeld", "", "Europe", "../etc"])
def test_an_unknown_zone_is_refused(timezone):
    with pytest.raises(InvalidBars, match=r"timezone='.*' is not a time zone; pass an IANA name"):
        instants(SPRING, timezone)


def test_a_zone_for_times_that_have_one_is_refused():
    with pytest.raises(InvalidBars, match="has the zone UTC already; leave out timezone='UTC'"):
        Bars.from_frame(table(), timezone="UTC")
