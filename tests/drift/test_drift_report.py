"""Evidently's report says what the decision says, on days that were calm and days that were not."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from ordinis_mlflow.bars import read_dataset
from ordinis_mlflow.drift import DriftTable, fit_reference
from ordinis_mlflow.drift.report import calibrated_report, raw_report
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import TECHNICAL_1

CALM, NEARLY, CRISIS = "2007-05-31", "2008-09-30", "2008-10-31"
CONSTANT = "always_seven"


@pytest.fixture(scope="module")
def market():
    """Technical features of the S&P 500, and a column that never moves."""
    (series,) = read_dataset("sp500").series()
    values = TECHNICAL_1.history(series.values)
    columns = (*TECHNICAL_1.names, CONSTANT)
    values = np.column_stack([values, np.full(len(values), 7.0)])
    times = series.nanoseconds()

    def between(first, last):
        low, high = (pd.Timestamp(each).value for each in (first, last))
        rows = (times >= low) & (times <= high)
        return DriftTable(columns, times[rows], values[rows])

    return between


@pytest.fixture(scope="module")
def reference(market):
    return fit_reference(market("2003-01-01", "2006-12-31"), TECHNICAL_1.lookback)


def told(report):
    """Score and verdict of each column, and of the whole, from strict JSON."""

    def refuse(constant):
        raise AssertionError(constant)

    content = json.loads(report.json(), parse_constant=refuse)
    whole, *scores = (each["value"] for each in content["metrics"])
    tests = content["tests"]
    columns = [each["metric_config"]["params"].get("column") for each in tests]
    failed = {c for c, each in zip(columns, tests, strict=True) if c and each["status"] == "FAIL"}
    alarm = [each["status"] for c, each in zip(columns, tests, strict=True) if not c] == ["FAIL"]
    return whole, scores, failed, alarm, [c for c in columns if c]


@pytest.mark.parametrize("day", [CALM, NEARLY, CRISIS])
def test_report_and_decision_agree(market, reference, day):
    table = market("2003-01-01", day)
    check = reference.check(table.values, table.columns)
    assert check.judged
    whole, scores, failed, alarm, columns = told(calibrated_report(reference, check, table))
    assert columns == list(table.columns)
    np.testing.assert_allclose(scores, [each.observed for each in check.verdicts], atol=1e-12)
    assert failed == set(check.drifted)
    assert alarm == check.alarm == (day == CRISIS)
    assert whole["count"] == len(check.drifted)
    assert whole["share"] == pytest.approx(len(check.drifted) / len(columns))


def test_they_agree_on_what_is_missing_or_constant_too(market, reference):
    """Columns that were not judged are not reported; a constant that moved is."""
    table = market("2003-01-01", CRISIS)
    values = table.values.copy()
    values[-1, 0], values[-7, 1] = np.nan, np.inf
    values[:, 2] = np.nan
    values[-1, -1] = 7.5
    table = DriftTable(table.columns, table.times, values)
    check = reference.check(table.values, table.columns)
    assert check.unjudged == (table.columns[2],)
    assert CONSTANT in check.drifted
    _, scores, failed, _, columns = told(calibrated_report(reference, check, table))
    assert columns == [name for name in table.columns if name not in check.unjudged]
    known = [each.observed for each in check.verdicts if np.isfinite(each.observed)]
    np.testing.assert_allclose(scores, known, atol=1e-12)
    assert failed == set(check.drifted)


def test_raw_columns_are_shown_without_a_verdict(market, reference):
    table = market("2003-01-01", CRISIS)
    report = raw_report(reference, reference.check(table.values, table.columns), table)
    content = json.loads(report.json())
    assert not content["tests"]
    text = json.dumps(content["metrics"])
    assert all(name in text for name in table.columns)


def test_a_page_needs_no_network(market, reference):
    table = market("2003-01-01", CALM)
    page = calibrated_report(reference, reference.check(table.values, table.columns), table).html()
    assert len(page) > 1_000_000
    for outside in ('src="http', "src='http", '<link rel="stylesheet" href="http'):
        assert outside not in page


def test_nothing_judged_is_nothing_to_report(market, reference):
    table = market("2003-01-01", "2003-02-01")
    check = reference.check(table.values, table.columns)
    for make in (calibrated_report, raw_report):
        with pytest.raises(InvalidConfig, match="no column was"):
            make(reference, check, table)


ASKED = """
import sys
from ordinis_mlflow.drift import DriftReference
import ordinis_mlflow.drift.report, flows.monitor
print("evidently" in sys.modules)
"""


def test_it_is_imported_when_a_report_is_made_and_not_before():
    done = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr
