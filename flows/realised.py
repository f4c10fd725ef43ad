"""Realised: what has become of a watched version's predictions, and whether it is worse."""

import math
from pathlib import Path

import mlflow
import pandas as pd

from flows.command_line import given
from flows.logged import UNITS, outcomes
from flows.watched import RecentOptions, Watched
from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import TooFewBars
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prediction_log.read import read
from ordinis_mlflow.realised import PerformanceCheck, PerformanceSettings, check, mature, unjudged

SPANS = 3
"""So many times the dates that are tested are asked about: the older ones tell what was usual."""
COLUMNS = ("prediction_id", "symbol", "bar_time", "mean", "scale")


def performance_verdicts(
    of: Watched, source: RecentOptions, asked: PerformanceSettings | None = None
) -> PerformanceCheck:
    """Test the newest predictions whose outcomes are known by now.

    With a prediction log they are what was really answered; without one the model is asked again.
    Outcomes are of the source's bars, for a log too: a data set of the store or a file with the
    prices of the symbols that were asked about.

    Args:
        of: the version.
        source: of the bars, and of the log if there is one.
        asked: what is looked at; by default held against the version's own test span.

    Raises:
        InvalidBars: the bars break a rule, or are of another frequency.
        PredictionLogError: there is no log, or it cannot be read.
    """
    settings = asked or settings_of(of)
    contract, folder = of.model.contract, given(source.log_folder)
    try:
        bars = long_enough(
            source.newest_bars(),
            max(contract.lookback, UNITS.lookback) + contract.horizon,
        )
    except TooFewBars as error:
        return unjudged(f"not judged: {error}")
    said = logged(of, Path(folder)) if folder else recomputed(of, bars, SPANS * settings.most)
    forecast = Forecast(contract.horizon, contract.degrees_of_freedom, contract.no_trade_band)
    happened = outcomes(bars, contract.horizon)
    now = int(happened.times.astype("datetime64[ns]").max().astype("int64"))
    return check(mature(said, happened, forecast, contract.unseen_after, now), settings)


def settings_of(of: Watched) -> PerformanceSettings:
    """Held against the rank IC that the run which logged the version measured on its test span."""
    try:
        metrics = mlflow.get_run(of.trained_by).data.metrics if of.trained_by else {}
    except mlflow.MlflowException:
        metrics = {}  # the run was deleted: the version is held against nothing known
    names = ("test/rank_ic", "test/rank_ic_standard_error")
    ic, error = (metrics.get(name, math.nan) for name in names)
    if not (math.isfinite(ic) and math.isfinite(error)):
        return PerformanceSettings()
    return PerformanceSettings(reference_ic=ic, reference_error=error)


def long_enough(bars: Bars, least: int) -> Bars:
    """The symbols that have so many bars.

    Raises:
        TooFewBars: none has.
    """
    parts = tuple(each for each in bars.parts if len(each) >= least)
    if not parts:
        raise TooFewBars(f"no symbol has {least} bars, those of a window and its outcome")
    return Bars(parts)


def recomputed(of: Watched, bars: Bars, dates: int) -> pd.DataFrame:
    """What the model says of the newest bars that have an outcome, and of those that have none."""
    contract = of.model.contract
    newest = bars.latest(contract.lookback - 1 + dates + contract.horizon)
    return of.model.signals(newest).rename(columns={"timestamp": "bar_time"})


def logged(of: Watched, folder: Path) -> pd.DataFrame:
    """What the version has answered, in whichever arm, oldest first."""
    return read(folder, of.name, of.version, columns=COLUMNS).frame


def figures(found: PerformanceCheck) -> dict[str, float]:
    """Metrics of a check; of what was not judged, none."""
    made = {"performance_worse": float(found.alarm)}
    for verdict in found.verdicts:
        if verdict.name not in found.unjudged:
            made |= {verdict.name: verdict.observed, f"{verdict.name}_limit": verdict.limit}
    return made


def sentences(found: PerformanceCheck) -> dict[str, str]:
    """Tags of a check: what was found, and each verdict with its reason."""
    verdicts = {f"ordinis.verdict.{each.name}": str(each)[:5000] for each in found.verdicts}
    return {**verdicts, "ordinis.performance": told(found)}


def told(found: PerformanceCheck) -> str:
    """What was found, in a line."""
    if found.worse:
        return f"worse: {', '.join(found.worse)}"
    if found.unjudged:
        reasons = {each.reason for each in found.verdicts if each.name in found.unjudged}
        return f"{', '.join(found.unjudged)}: {'; '.join(sorted(reasons))}"
    return "as good as it should be"
