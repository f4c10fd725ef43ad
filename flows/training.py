"""Training: settings and data of a training run, and how a finished one finds them again."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import mlflow

from flows.command_line import agree, given
from flows.data import Data, load_data
from flows.options import VOLATILITY, TrainOptions
from ordinis_mlflow.bars import Bars
from ordinis_mlflow.errors import CheckpointError, InvalidConfig
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.lineage.snapshot import SnapshotDataset
from ordinis_mlflow.lineage.trace import TRAINING
from ordinis_mlflow.network import Checkpoint, LSTMConfig, TrainingState
from ordinis_mlflow.prepare import Prepared, prepare
from ordinis_mlflow.store import open_store
from ordinis_mlflow.tracking.checkpoints import latest_checkpoint

OPTIONS = "options.json"


@dataclass(frozen=True, eq=False)
class Training:
    """What a training is made from."""

    options: TrainOptions
    config: LSTMConfig
    data: Data
    forecast: Forecast
    prepared: Prepared

    @property
    def bars(self) -> Bars:
        """What the features were computed from, as of the same moment."""
        return self.data.bars

    def checkpoint(self, state: TrainingState) -> Checkpoint:
        """The state with what it belongs to."""
        features = len(self.prepared.scaler.names)
        return Checkpoint(state, self.config, features, self.bars.digest())


def parameters(options: TrainOptions, config: LSTMConfig) -> Mapping[str, object]:
    """Every setting, by name."""
    return {**asdict(options), **asdict(config)}


def load(options: TrainOptions, config: LSTMConfig) -> Training:
    """Everything that can be refused, before a run is started."""
    forecast = Forecast(options.horizon, config.degrees_of_freedom, options.no_trade_band)
    data = load_data(open_store(mlflow.get_tracking_uri()), options)
    # What was read, not where from: continued or exported again, it is the same whatever the file
    # says by then.
    options = replace(options, snapshot=data.features.name)
    prepared = prepare(
        data.bars,
        data.table,
        options.feature_set(),
        forecast,
        VOLATILITY,
        config.sequence_length,
        options.holdout(),
        options.scaler,
        data.features.name,
    )
    return Training(options, config, data, forecast, prepared)


def record(training: Training) -> None:
    """Log settings and data to the active run, so that it can be continued and exported again."""
    data = training.data
    mlflow.log_input(SnapshotDataset(data.store, data.features, data.as_of), context=TRAINING)
    mlflow.set_tag("ordinis.snapshot", data.features.name)
    settings = {"options": asdict(training.options), "config": asdict(training.config)}
    mlflow.log_dict(settings, OPTIONS)


def recorded_settings(run_id: str) -> tuple[TrainOptions, LSTMConfig]:
    """The settings of a run.

    Raises:
        InvalidConfig: the run is not known or is no training run.
    """
    try:
        recorded = json.loads(mlflow.artifacts.load_text(f"runs:/{run_id}/{OPTIONS}"))
    except (mlflow.MlflowException, OSError) as error:
        raise InvalidConfig(
            f"run {run_id!r} is no training run of this tracking server: it has no {OPTIONS}"
        ) from error
    return TrainOptions(**recorded["options"]), LSTMConfig(**recorded["config"])


def settings_of(
    run_id: str, options: TrainOptions, config: LSTMConfig
) -> tuple[TrainOptions, LSTMConfig]:
    """The settings of the run that is continued; a parameter that contradicts them is refused."""
    recorded_options, recorded_config = recorded_settings(run_id)
    # Where the model is registered is no matter of the training: it may be asked for anew.
    register, alias = (
        asked if given(asked) else had
        for asked, had in (
            (options.register, recorded_options.register),
            (options.alias, recorded_options.alias),
        )
    )
    recorded_options = replace(recorded_options, resume=run_id, register=register, alias=alias)
    agree(options, recorded_options, run_id)
    agree(config, recorded_config, run_id)
    return recorded_options, recorded_config


def resumable(run_id: str, training: Training) -> Checkpoint | None:
    """The last checkpoint of the run, if it was trained on the same bars.

    Raises:
        CheckpointError: the bars have changed since.
    """
    checkpoint = latest_checkpoint(run_id)
    digest = training.bars.digest()
    if checkpoint and checkpoint.data_digest != digest:
        raise CheckpointError(
            f"run {run_id} was trained on other bars: digest {checkpoint.data_digest[:12]}…, now "
            f"{digest[:12]}…; start a new run"
        )
    return checkpoint
