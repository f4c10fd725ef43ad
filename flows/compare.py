"""Compare: what the arms of a model server have said, beside each other and what happened.

A run, and in it one an arm and version, for MLflow's view that compares runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mlflow
import pandas as pd

from flows.command_line import NONE, given, parse, run
from flows.logged import (
    CHAMPION,
    LoggedArm,
    agreement,
    arms_of,
    matured,
    one_horizon,
    outcomes,
    same_rows,
)
from flows.source import BarsOptions
from ordinis_mlflow.bars import instant
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.evaluation import dated_differences
from ordinis_mlflow.prediction_log.read import read
from ordinis_mlflow.prepare import Rows
from ordinis_mlflow.tracking import tracked_run
from ordinis_mlflow.tracking.report import above

SHADOW = "shadow"
SHOWN = (
    "predictions_count", "long_share", "short_share", "probability_up_average",
    "direction_disagreement_share", "mean_difference_scales", "outcomes_count", "log_score_nats",
    "qlike", "ic", "hit_rate_share", "log_score_above_champion_nats",
    "log_score_above_champion_nats_low", "log_score_above_champion_nats_high",
)  # fmt: skip


@dataclass(frozen=True)
class CompareOptions(BarsOptions):
    """Parameters of the entry point ``compare``, besides where the bars come from.

    Attributes:
        bars: that happened: as for the other entry points; ``none`` compares signals alone.
        log_folder: of the prediction log.
        model: registered name.
        since: answered then or later.
        until: answered before.
        cost_bps: cost of one unit of turnover, basis points.
        samples: of the bootstrap.
    """

    bars: str = NONE
    log_folder: str = ".ordinis/predictions"
    model: str = "sp500"
    since: str = NONE
    until: str = NONE
    cost_bps: float = 1.0
    samples: int = 1000

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("since", "until"):
            self._moment(name)
        if self.samples < 1:
            raise InvalidConfig(f"samples must be at least 1, got {self.samples}")
        if not 0.0 <= self.cost_bps < float("inf"):
            raise InvalidConfig(f"cost_bps must be 0 or more, got {self.cost_bps}")

    def predictions(self) -> pd.DataFrame:
        """The log's rows of the model.

        Raises:
            InvalidConfig: there are none.
            PredictionLogError: there is no log, or it cannot be read.
        """
        since, until = self._moment("since"), self._moment("until")
        frame = read(self.log_folder, self.model, since=since, until=until).frame
        if frame.empty:
            raise InvalidConfig(
                f"the prediction log in {self.log_folder} has no answer of {self.model!r} "
                f"(since: {self.since}, until: {self.until}): check the name and the times, and "
                "whether the server writes into that folder (log_folder)"
            )
        return frame

    def happened(self, frame: pd.DataFrame) -> Rows | None:
        """The outcomes of predictions; None if no bars are given.

        Raises:
            InvalidBars: of the bars.
            InvalidConfig: the predictions are of several horizons.
        """
        if given(self.bars) is None:
            return None
        return outcomes(self.load_table().bars(), one_horizon(frame))

    def _moment(self, name: str) -> pd.Timestamp | None:
        text = given(getattr(self, name))
        return instant(text, name) if text else None


def main(arguments: Sequence[str]) -> None:
    """The entry point ``compare``."""
    (options,) = parse(arguments, CompareOptions)
    frame = options.predictions()
    happened, arms = options.happened(frame), arms_of(frame)
    with tracked_run(vars(options), {"ordinis.entry_point": "compare"}):
        mlflow.log_metrics({"arms_count": len(arms), "predictions_count": len(frame)})
        table = pd.DataFrame({each.name: logged(each, frame, happened, options) for each in arms})
        mlflow.log_text(table.T.to_csv(index_label="arm"), "comparison/arms.csv")
    shown = table.reindex([name for name in SHOWN if name in table.index])
    print(shown.to_string(float_format="{:.4f}".format, na_rep="-"))


def logged(
    arm: LoggedArm, frame: pd.DataFrame, happened: Rows | None, options: CompareOptions
) -> dict[str, float]:
    """The numbers of an arm, logged as a run of its own."""
    metrics = arm.distribution()
    if happened is not None:
        metrics |= scores(arm, happened, options.cost_bps)
    if arm.arm != CHAMPION:
        champion = LoggedArm(CHAMPION, "", frame[frame["arm"] == CHAMPION])
        metrics |= beside(arm, champion, happened, options)
    tags = {"ordinis.arm": arm.arm, "ordinis.model_version": arm.version}
    with mlflow.start_run(run_name=f"{options.model} {arm.name}", nested=True, tags=tags):
        mlflow.log_params({"model": options.model, **arm.facts()})
        mlflow.log_metrics(metrics)
    return metrics


def scores(arm: LoggedArm, happened: Rows, cost_bps: float) -> dict[str, float]:
    """How good an arm's predictions were, of which the outcome is known."""
    count, judged = matured(arm, happened, cost_bps)
    return {"outcomes_count": float(count), **(judged.evaluation.metrics if judged else {})}


def beside(
    arm: LoggedArm, champion: LoggedArm, happened: Rows | None, options: CompareOptions
) -> dict[str, float]:
    """An arm less the champion's, whichever version served that.

    A shadow was asked the same as the champion: the same rows are compared. A challenger had
    symbols of its own: dates are.
    """
    metrics: dict[str, float] = {}
    if arm.arm == SHADOW:
        arm, champion = same_rows(arm, champion)
        metrics = agreement(arm, champion) if len(arm.rows) else {"same_rows_count": 0.0}
    if happened is None:
        return metrics
    (_, mine), (_, theirs) = (matured(e, happened, options.cost_bps) for e in (arm, champion))
    if mine is None or theirs is None:
        return metrics
    for name, each in dated_differences(mine, theirs, options.samples).items():
        key = above(name, CHAMPION)
        metrics |= {
            key: each.value,
            f"{key}_low": each.interval.low,
            f"{key}_high": each.interval.high,
            f"{key}_standard_error": each.standard_error,
            "compared_dates_count": float(each.dates),
        }
    return metrics


if __name__ == "__main__":
    run(main)
