"""Logged: what each arm of a model server has said, beside the others and what happened."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.evaluation import Judged, judge, span_of
from ordinis_mlflow.evaluation.span import LEAST_DATES
from ordinis_mlflow.features import UNIT, FeatureSet
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prediction import Prediction
from ordinis_mlflow.prepare import Rows, features_of, labelled
from ordinis_mlflow.scoring.skill import rank_correlation
from ordinis_mlflow.signal import Signal

CHAMPION = "champion"
ROW = ["request_id", "row"]
BAR = ["symbol", "bar_time"]
UNITS = FeatureSet("units", 1, (UNIT,))
DIRECTIONS = {"short": -1, "flat": 0, "long": 1}


@dataclass(frozen=True, eq=False)
class LoggedArm:
    """Predictions of one version in one arm.

    Attributes:
        arm: ``champion``, ``challenger`` or ``shadow``.
        version: of the model; "" for all that have served the arm.
        rows: of the prediction log, oldest first.
    """

    arm: str
    version: str
    rows: pd.DataFrame

    @property
    def name(self) -> str:
        """Arm and version."""
        return f"{self.arm} {self.version}".strip()

    def facts(self) -> dict[str, str]:
        """What describes it without numbers that are compared."""
        rows, times = self.rows, self.rows["bar_time"].dropna()
        return {
            "arm": self.arm,
            "version": self.version,
            "feature_set": ", ".join(sorted(rows["feature_set"].astype(str).unique())),
            "horizon": ", ".join(map(str, sorted(rows["horizon"].unique()))),
            "first_answer": rows["answered_at"].iloc[0].isoformat(),
            "last_answer": rows["answered_at"].iloc[-1].isoformat(),
            "last_bar": times.max().isoformat() if len(times) else "unknown",
        }

    def distribution(self) -> dict[str, float]:
        """How many signals, and which."""
        rows = self.rows
        found = {
            "predictions_count": float(len(rows)),
            "requests_count": float(rows["request_id"].nunique()),
            "symbols_count": float(rows["symbol"].nunique()),
        }
        for name in ("mean", "scale", "probability_up", "strength"):
            values = rows[name].astype(np.float64)
            found |= {f"{name}_average": values.mean(), f"{name}_deviation": values.std(ddof=0)}
        for name, direction in DIRECTIONS.items():
            found[f"{name}_share"] = float((rows["direction"] == direction).mean())
        return found


def arms_of(frame: pd.DataFrame) -> tuple[LoggedArm, ...]:
    """Every arm and version of a log: the champion's first, each in the order of its answers."""
    groups = frame.groupby(["arm", "version"], observed=True, sort=False)
    arms = [LoggedArm(str(arm), str(version), rows) for (arm, version), rows in groups]
    return tuple(sorted(arms, key=lambda each: each.arm))


def same_rows(one: LoggedArm, other: LoggedArm) -> tuple[LoggedArm, LoggedArm]:
    """The predictions of both that are of the same rows of the same requests, in one order."""
    left, right = (
        each.rows.drop_duplicates(ROW, keep="last").set_index(ROW) for each in (one, other)
    )
    rows = left.index.intersection(right.index, sort=False)
    parts = ((one, left), (other, right))
    mine, theirs = (
        LoggedArm(each.arm, each.version, part.loc[rows].reset_index()) for each, part in parts
    )
    return mine, theirs


def agreement(one: LoggedArm, champion: LoggedArm) -> dict[str, float]:
    """How far two arms agree on the same rows, of which there is one at least."""
    mine, theirs = one.rows, champion.rows
    gap = (mine["mean"] - theirs["mean"]).abs() / theirs["scale"]
    return {
        "same_rows_count": float(len(mine)),
        "direction_disagreement_share": float((mine["direction"] != theirs["direction"]).mean()),
        "mean_difference_scales": float(gap.mean()),
        "mean_rank_correlation": rank_correlation(mine["mean"], theirs["mean"]),
    }


def outcomes(bars: Bars, horizon: int) -> Rows:
    """What happened after each bar, in units of volatility.

    Raises:
        TooFewBars: a symbol has fewer bars than the volatility and the horizon take.
    """
    # Of the forecast the horizon alone matters here; the rest is what any would do with.
    forecast = Forecast(horizon, degrees_of_freedom=4, no_trade_band=0.0)
    return labelled(bars, features_of(bars, UNITS), UNITS, forecast, UNIT.name, steps=1)


def matured(arm: LoggedArm, happened: Rows, cost_bps: float) -> tuple[int, Judged | None]:
    """How many of an arm's predictions have an outcome, and their scores.

    A bar that was asked about several times counts once, as it was answered last.

    Args:
        arm: symbol and time of its predictions may be unknown.
        happened: of :func:`outcomes`.
        cost_bps: cost of one unit of turnover, basis points.

    Returns:
        The number, and scores if they are of 20 dates or more.
    """
    known = arm.rows.dropna(subset=BAR).drop_duplicates(BAR, keep="last")
    at = pd.DataFrame(
        {
            "symbol": happened.symbols[happened.ready].astype(object),
            "bar_time": pd.to_datetime(happened.times[happened.ready], utc=True),
            "position": np.arange(len(happened.ready)),
        }
    )
    found = known.astype({"symbol": object}).merge(at, on=BAR).sort_values("position")
    if found["bar_time"].nunique() < LEAST_DATES:
        return len(found), None
    index = found["position"].to_numpy()
    span = span_of(happened, index, int(found["horizon"].iloc[0]), cost_bps)
    return len(found), Judged(span, judge(span, _prediction(arm.name, found)))


def _prediction(name: str, rows: pd.DataFrame) -> Prediction:
    signal = Signal(*(rows[each].to_numpy() for each in Signal.names()))
    said = Prediction.of_signal(name, signal, 0.0)
    freedom = rows["degrees_of_freedom"].to_numpy(np.float64)
    return Prediction(name, said.mean, said.scale, freedom, said.probability_up, said.position)


def one_horizon(frame: pd.DataFrame) -> int:
    """Bars ahead that all predictions speak of.

    Raises:
        InvalidConfig: they speak of several.
    """
    horizons = sorted(frame["horizon"].unique().tolist())
    if len(horizons) > 1:
        raise InvalidConfig(
            f"predictions are compared on one outcome, but these are of {horizons} bars ahead: "
            "choose times (since, until) between which one horizon was served"
        )
    return horizons[0]
