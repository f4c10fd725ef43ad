"""Matured: predictions beside what happened, for those whose label has ended."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from ordinis_mlflow.baselines import ZeroMeanVolatility
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.prepare import Rows
from ordinis_mlflow.scoring.forecast import log_score_nats, probability_integral_transform

Vector = npt.NDArray[np.float64]
LAST = np.iinfo(np.int64).max
BAR = ["symbol", "bar_time"]
SAID = (*BAR, "mean", "scale")
"""Columns that predictions need; ``prediction_id`` if they have ids."""
LEAST_SEEN = 60
"""Fewer labels from before do not tell how wide the naive forecast is."""


@dataclass(frozen=True, eq=False)
class Matured:
    """Predictions of one version whose outcomes are known, each bar of a symbol once, by time.

    Attributes:
        ids: shape (n,), of the predictions.
        times: shape (n,), of the bars that were decided on, UTC nanoseconds.
        ends: shape (n,), when the outcome was known, UTC nanoseconds.
        mean: shape (n,), forecast location, in units of volatility over the horizon.
        realised: shape (n,), outcome in the same unit.
        pit: shape (n,), probability integral transform of the outcome.
        skill: shape (n,), log score less that of the naive baseline, nats; empty where bars from
            before are too few to fit it.
        horizon: bars ahead.
    """

    ids: npt.NDArray[np.object_]
    times: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    mean: Vector
    realised: Vector
    pit: Vector
    skill: Vector
    horizon: int

    def __len__(self) -> int:
        return len(self.times)

    @property
    def dates(self) -> npt.NDArray[np.int64]:
        """Shape (dates,), the distinct times, ascending."""
        return np.unique(self.times)

    def latest(self, dates: int) -> "Matured":
        """The rows of the newest dates, at most so many."""
        return self._rows(self.times >= self.dates[-dates:].min(initial=LAST))

    def before(self, time: int) -> "Matured":
        """The rows whose outcome was known before."""
        return self._rows(self.ends < time)

    def _rows(self, kept: npt.NDArray[np.bool_]) -> "Matured":
        return Matured(
            ids=self.ids[kept],
            times=self.times[kept],
            ends=self.ends[kept],
            mean=self.mean[kept],
            realised=self.realised[kept],
            pit=self.pit[kept],
            skill=self.skill[kept] if len(self.skill) else self.skill,
            horizon=self.horizon,
        )


def mature(
    said: pd.DataFrame, happened: Rows, forecast: Forecast, unseen_after: np.datetime64, now: int
) -> Matured:
    """Join predictions with their outcomes.

    A prediction counts if its bar is later than what its model was fitted to, and if its label's
    end is known now. Of several about one bar of a symbol the first counts: what was said later may
    have known more.

    Args:
        said: one row a prediction of one version, in the order of the answers, with the columns of
            :data:`SAID`; others without symbol or time of their bar are left out.
        happened: every bar of every symbol that is known, with labels.
        forecast: what the version forecasts.
        unseen_after: it has seen nothing of what was decided later.
        now: UTC nanoseconds.

    Raises:
        InvalidConfig: a column is missing.
    """
    missing = [name for name in SAID if name not in said.columns]
    if missing:
        raise InvalidConfig(f"predictions lack the columns {missing}")
    outcomes = _outcomes(happened, now)
    first = said.dropna(subset=BAR).drop_duplicates(BAR)
    late = first[first["bar_time"] > pd.Timestamp(unseen_after, tz="UTC")]
    found = late.astype({"symbol": object}).merge(outcomes, on=BAR)
    found = found.sort_values(["bar_time", "symbol"], kind="stable")
    at, nu = found["row"].to_numpy(np.int64), forecast.degrees_of_freedom
    realised = happened.labels[at] * happened.units[at]
    mean, scale = (found[name].to_numpy(np.float64) for name in ("mean", "scale"))
    naive = _naive(happened, at, forecast, unseen_after)
    return Matured(
        ids=_ids(found),
        times=happened.times[at].astype("datetime64[ns]").astype(np.int64),
        ends=happened.ends[at].astype("datetime64[ns]").astype(np.int64),
        mean=mean / happened.units[at],
        realised=happened.labels[at],
        pit=probability_integral_transform(realised, mean, scale, nu) if len(at) else mean,
        skill=(
            log_score_nats(realised, mean, scale, nu)
            - log_score_nats(realised, naive.mean, naive.scale, nu)
            if naive is not None
            else np.empty(0)
        ),
        horizon=forecast.horizon,
    )


def _outcomes(happened: Rows, now: int) -> pd.DataFrame:
    """Where each bar's row is, of those whose label has ended."""
    ready = happened.ready
    ends = happened.ends[ready].astype("datetime64[ns]").astype(np.int64)
    known = ready[~np.isnat(happened.ends[ready]) & (ends <= now)]
    return pd.DataFrame(
        {
            "symbol": happened.symbols[known].astype(object),
            "bar_time": pd.to_datetime(happened.times[known], utc=True),
            "row": known,
        }
    )


def _naive(
    happened: Rows, at: npt.NDArray[np.int64], forecast: Forecast, unseen_after: np.datetime64
) -> Prediction | None:
    """What the naive baseline would have said, fitted to what the model could have seen."""
    seen = np.flatnonzero(happened.ends[happened.ready] <= unseen_after)
    if len(seen) < LEAST_SEEN or not len(at):
        return None
    asked = np.searchsorted(happened.ready, at)
    return ZeroMeanVolatility().predict(happened, seen, asked, forecast)


def _ids(found: pd.DataFrame) -> npt.NDArray[np.object_]:
    """The predictions' own; for those that were never logged, symbol and bar."""
    if "prediction_id" in found:
        return found["prediction_id"].to_numpy(object)
    stamps = found["bar_time"].map(pd.Timestamp.isoformat)
    return (found["symbol"].astype(str) + "@" + stamps.astype(str)).to_numpy(object)
