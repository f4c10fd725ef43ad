"""The promise: few alarms where nothing drifts, and an alarm where volatility triples."""

import numpy as np
import pytest

from bench.simulated import features, simulated, sp500
from ordinis_mlflow.drift import DriftReference, triggers
from ordinis_mlflow.features import TECHNICAL_1

NAMES = TECHNICAL_1.names
ROWS, MARKETS = 1000, 40


def alarms(table, checks):
    reference = DriftReference.fit(table[:ROWS], NAMES)
    return [reference.check(table[: ROWS + at], NAMES).alarm for at in checks]


@pytest.mark.parametrize("process", ["GARCH-t", "stochastic volatility"])
def test_false_alarms_are_few(process):
    """Of 40 markets at a true rate of 5 %, 6 or more checks alarm once in 70 times."""
    markets = simulated(process, np.random.default_rng(0), MARKETS, ROWS + 60)
    assert sum(alarms(table, [60])[0] for table in markets) <= 5


def test_threefold_volatility_is_seen_within_three_months():
    factor = np.full(63, 3.0)
    markets = simulated("GARCH-t", np.random.default_rng(1), MARKETS, ROWS + 63, factor)
    found = [any(alarms(table, range(43, 64, 10))) for table in markets]
    assert np.mean(found) >= 0.5


def test_the_crisis_of_2008_is_seen_and_the_calm_of_2017_is_none():
    days, bars = sp500()
    table, days = features(bars), days[TECHNICAL_1.lookback - 1 :]

    def seen(begin, end, day):
        first, last, now = np.searchsorted(days, np.array([begin, end, day], "datetime64[D]"))
        return DriftReference.fit(table[first:last], NAMES).check(table[:now], NAMES)

    assert seen("2003-01-01", "2007-01-01", "2008-10-31").alarm
    assert not seen("2010-01-01", "2013-01-01", "2017-06-30").alarm


def test_a_trigger_is_an_alarm_that_confirms_one_of_the_same_quarter():
    assert triggers([]) == ()
    assert triggers([5]) == ()
    assert triggers([0, 5, 10, 20]) == ()
    assert triggers([0, 21]) == (21,)
    assert triggers([0, 63]) == (63,)
    assert triggers([0, 64]) == ()
    assert triggers([0, 64, 70, 90]) == (90,)
    assert triggers([0, 5], gap=5, within=5) == (5,)
