"""Bars as a dataset input: the digest is of every row."""

import mlflow
import mlflow.data.pandas_dataset
import pandas as pd
import pytest
from mlflow.data.digest_utils import compute_pandas_digest

from ordinis_mlflow.bars import COLUMNS, Bars
from ordinis_mlflow.features import probe_bars
from ordinis_mlflow.tracking import log_bars
from ordinis_mlflow.tracking.dataset import DIGEST_LENGTH

pytestmark = pytest.mark.usefixtures("tracking_store")


@pytest.fixture
def other(small_frame):
    """The same bars but for the volume of one bar in the middle."""
    frame = small_frame.copy()
    frame.loc[200, "volume"] += 1.0
    return Bars.from_frame(frame)


def logged(bars):
    with mlflow.start_run() as run:
        log_bars(bars, "daily", "daily.csv")
    (used,) = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    return used


def test_what_is_logged(small_bars):
    used = logged(small_bars)
    assert used.dataset.name == "daily"
    assert "daily.csv" in used.dataset.source
    assert [(tag.key, tag.value) for tag in used.tags] == [("mlflow.data.context", "training")]


def test_digest_is_the_bars_own(small_bars):
    assert DIGEST_LENGTH == 32
    assert logged(small_bars).dataset.digest == small_bars.digest()[:32]


def test_a_row_in_the_middle_counts(small_bars, other):
    assert logged(other).dataset.digest != logged(small_bars).dataset.digest


# Of MLflow's own digest: pandas 4 will take its arguments by name only.
@pytest.mark.filterwarnings("ignore:Starting with pandas version 4")
@pytest.mark.filterwarnings("ignore:.*Hint. Inferred schema:UserWarning")  # of no matter here
def test_mlflows_own_digest_leaves_out_times(small_frame, small_bars):
    """Why ours is given: should this fail, MLflow's own has become good enough."""
    day = small_frame["timestamp"].diff().median()
    later = Bars.from_frame(small_frame.assign(timestamp=small_frame["timestamp"] + day))
    one, two = (mlflow.data.pandas_dataset.from_pandas(b.frame) for b in (small_bars, later))
    assert one.digest == two.digest
    assert logged(later).dataset.digest != logged(small_bars).dataset.digest


@pytest.mark.filterwarnings("ignore:Starting with pandas version 4")  # as above
def test_mlflows_own_digest_leaves_out_late_rows():
    """It reads the first ten thousand."""
    values = probe_bars(10_100)
    times = pd.date_range("2020-01-01", periods=len(values), freq="h", tz="UTC")
    frame = pd.DataFrame(values, columns=list(COLUMNS)).assign(timestamp=times, symbol="AAA")
    changed = frame.copy()
    changed.loc[10_050, "volume"] += 1.0
    assert compute_pandas_digest(frame) == compute_pandas_digest(changed)
    assert Bars.from_frame(frame).digest() != Bars.from_frame(changed).digest()
