"""The drift monitor's scores stand beside the server's own metrics, if the server is told where."""

import pandas as pd

from ordinis_mlflow.serving.process import create
from ordinis_mlflow.serving.settings import ServingSettings
from ordinis_mlflow.telemetry import ColumnDrift, DriftScores


def exposed(file):
    return create(ServingSettings(drift_scores=file)).metrics.render()[0].decode()


def test_scores_of_the_file_are_shown(tmp_path):
    file = tmp_path / "scores.json"
    column = ColumnDrift("return_1", 0.25, 0.1)
    DriftScores("sp500", "3", pd.Timestamp("2026-01-01", tz="UTC"), (column,), True).write(file)
    shown = exposed(file)
    assert 'ordinis_drift_alarm{model="sp500",version="3"} 1.0' in shown
    assert 'ordinis_drift_distance{column="return_1",model="sp500",version="3"} 0.25' in shown


def test_without_a_file_there_are_no_such_series():
    assert "ordinis_drift" not in exposed(None)
