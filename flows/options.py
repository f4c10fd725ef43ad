"""TrainOptions: the parameters of a training run besides the network's own."""

from dataclasses import dataclass

from mlflow.exceptions import MlflowException
from mlflow.utils.validation import (
    _validate_model_alias_name,
    _validate_model_alias_name_reserved,
    _validate_model_name,
)

from flows.command_line import NONE, given
from flows.source import BarsOptions
from ordinis_mlflow.bars import instant
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import UNIT, FeatureSet, feature_set
from ordinis_mlflow.splits import Holdout

VOLATILITY = UNIT.name


@dataclass(frozen=True)
class TrainOptions(BarsOptions):
    """Where bars come from, what is forecast, how it is judged and what is kept.

    Attributes:
        snapshot: of features, in the store, to train on; ``bars`` is then not read.
        as_of: train on what was known at this moment.
        features: name and version of the feature set.
        scaler: standard or robust.
        horizon: bars ahead.
        validation: share of dates.
        test: share of dates, the newest.
        no_trade_band: strength below which direction is 0.
        cost_bps: cost of one unit of turnover, basis points.
        int8: keep an INT8 graph if it agrees with float32.
        fp16: keep an FP16 graph if it agrees with float32.
        recalibrate: correct probability_up, if that helps on validation rows.
        register: name in the model registry.
        alias: given to the registered version.
        resume: a run to continue from its last checkpoint.
    """

    snapshot: str = NONE
    as_of: str = NONE
    features: str = "technical@1"
    scaler: str = "standard"
    horizon: int = 1
    validation: float = 0.15
    test: float = 0.15
    no_trade_band: float = 0.02
    cost_bps: float = 1.0
    int8: bool = True
    fp16: bool = False
    recalibrate: bool = True
    register: str = NONE
    alias: str = NONE
    resume: str = NONE

    def __post_init__(self) -> None:
        super().__post_init__()
        self.moment()
        if given(self.alias) and not given(self.register):
            raise InvalidConfig(f"alias {self.alias!r} needs a registered model: pass register")
        check_registry_names(given(self.register), given(self.alias))
        if self.scaler not in ("standard", "robust"):
            raise InvalidConfig(f"scaler must be 'standard' or 'robust', got {self.scaler!r}")
        if not 0.0 <= self.cost_bps < float("inf"):
            raise InvalidConfig(f"cost_bps must be 0 or more, got {self.cost_bps}")
        self.holdout()
        self.feature_set()

    def holdout(self) -> Holdout:
        """The split in time."""
        return Holdout(validation=self.validation, test=self.test)

    def feature_set(self) -> FeatureSet:
        """The features, among them the one in which forecasts are measured."""
        features = feature_set(self.features)
        if VOLATILITY not in features.names:
            raise InvalidConfig(
                f"feature set {self.features!r} lacks {VOLATILITY}, in which forecasts are "
                "measured: add it to the set"
            )
        return features

    def moment(self) -> int | None:
        """``as_of`` in UTC nanoseconds; None for everything."""
        as_of = given(self.as_of)
        return int(instant(as_of, "as_of").value) if as_of else None


def check_registry_names(register: str | None, alias: str | None) -> None:
    """Refuse names now that the registry would refuse after the training.

    Raises:
        InvalidConfig: with the registry's own reason.
    """
    try:
        if register:
            _validate_model_name(register)
        if alias:
            _validate_model_alias_name(alias)
            _validate_model_alias_name_reserved(alias)
    except MlflowException as error:
        raise InvalidConfig(f"register {register!r}, alias {alias!r}: {error.message}") from error
