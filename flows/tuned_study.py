"""The study of a tuning: opened alike by every process, never mixed with another measurement."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from flows.options import TrainOptions
from flows.tuned_objective import objectives_named
from flows.tuned_trial import Sheet
from ordinis_mlflow.errors import InvalidConfig, StudyDiffers
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.params import Space
from ordinis_mlflow.store.store import CATALOGUE_VARIABLE
from ordinis_mlflow.tuning import METHODS, Objective, Pulse, Study, open_study

MEASURED = "ordinis.measured"
"""Attribute of a study: what its values depend on besides the configurations."""
PRUNERS = ("none", "median", "hyperband")
"""Not wilcoxon: it compares folds pair by pair, and ours are few."""
OF_THE_DATA = (
    "snapshot", "as_of", "features", "scaler", "horizon", "validation", "test", "no_trade_band",
    "cost_bps", "recalibrate",
)  # fmt: skip


@dataclass(frozen=True)
class Measurement:
    """How trials are measured, and how they are chosen.

    Attributes:
        objectives: log_score, sharpe and ic, with commas between them. The first of several decides
            which configuration of the Pareto front is judged in the end.
        method: tpe, gp, cmaes, nsgaii, random or grid.
        pruner: none, median or hyperband.
        folds: of the rows before the test span.
        embargo: after each fold, before training samples follow it, such as 5D.
        trial_epochs: at most, of each fold, and of the best configuration in the end.
    """

    objectives: str = "log_score"
    method: str = "tpe"
    pruner: str = "median"
    folds: int = 3
    embargo: str = "5D"
    trial_epochs: int = 10

    def __post_init__(self) -> None:
        objectives_named(self.objectives)
        if self.method not in METHODS or self.pruner not in PRUNERS:
            raise InvalidConfig(
                f"method must be one of {list(METHODS)} and pruner one of {list(PRUNERS)}, got "
                f"{self.method!r} and {self.pruner!r}"
            )
        if self.folds < 2 or self.trial_epochs < 1:
            raise InvalidConfig(
                "folds must be 2 or more and trial_epochs 1 or more, got "
                f"{self.folds}, {self.trial_epochs}"
            )
        self.embargo_time()

    def named(self) -> tuple[Objective, ...]:
        """The objectives."""
        return objectives_named(self.objectives)

    def embargo_time(self) -> pd.Timedelta:
        """As a length of time.

        Raises:
            InvalidConfig: it is none, or below zero.
        """
        refusal = InvalidConfig(f"embargo must be a duration such as 5D or 12h, got {self.embargo}")
        try:
            length = pd.Timedelta(self.embargo)
        except ValueError as error:
            raise refusal from error
        # A bare number would be nanoseconds.
        if pd.isna(length) or length < pd.Timedelta(0) or self.embargo.strip().isdecimal():
            raise refusal
        return length


@dataclass(frozen=True)
class Job:
    """What a worker is told.

    Attributes:
        options: of the training, with the snapshot that is read.
        config: of the network, where a configuration says nothing.
        measurement: how trials are measured.
        space: of the configurations.
        border: nothing from this time on is looked at.
        sheet: where trials are written down.
        tracking_uri: of MLflow.
        trials: configurations in the whole study.
        ends_at: no trial begins later, seconds since 1970; None for no end.
        pulse: when a worker counts as dead.
    """

    options: TrainOptions
    config: LSTMConfig
    measurement: Measurement
    space: Space
    border: np.datetime64
    sheet: Sheet
    tracking_uri: str
    trials: int
    ends_at: float | None
    pulse: Pulse

    def open(self, worker: str | None = None) -> Study:
        """The study, made if there is none.

        Args:
            worker: name of the one that opens it, if it is to be buried by it.

        Raises:
            StudyDiffers: it has another space or other objectives, or its values were measured
                otherwise; nothing of it is changed.
            InvalidConfig: no database can be told from the tracking URI.
        """
        study = open_study(
            self.sheet.study,
            self.space,
            self.measurement.named(),
            url=os.environ.get(CATALOGUE_VARIABLE, self.tracking_uri),
            method=self.measurement.method,
            pruner=self.measurement.pruner,
            seed=self.config.seed,
            worker=worker,
            pulse=self.pulse,
        )
        try:
            _agree(study, self.measured())
        except BaseException:
            study.close()
            raise
        return study

    def measured(self) -> Mapping[str, object]:
        """What a value depends on besides its configuration."""
        tuned = {param.name for param in self.space.params}
        without = {"threads", "epochs", *tuned}
        data = {name: getattr(self.options, name) for name in OF_THE_DATA}
        network = {k: v for k, v in asdict(self.config).items() if k not in without}
        how = {name: getattr(self.measurement, name) for name in ("folds", "embargo")}
        return {**data, **network, **how, "trial_epochs": self.measurement.trial_epochs}


def _agree(study: Study, measured: Mapping[str, object]) -> None:
    """Refuse to go on with a study whose values mean something else."""
    kept = study.optuna.user_attrs.get(MEASURED)
    if kept is None:
        study.optuna.set_user_attr(MEASURED, dict(measured))
        return
    names = sorted({*kept, *measured})
    others = [name for name in names if kept.get(name) != measured.get(name)]
    if others:
        there = {name: kept.get(name) for name in others}
        here = {name: measured.get(name) for name in others}
        raise StudyDiffers(
            f"study {study.name!r} was measured with {there}, asked for was {here}: its values "
            "and new ones could not be compared; give it another name, or the settings that it has"
        )
