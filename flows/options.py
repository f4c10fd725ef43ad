"""TrainOptions: the parameters of a training run besides the network's own."""

import os
from dataclasses import dataclass

from mlflow.exceptions import MlflowException
from mlflow.utils.validation import (
    _validate_model_alias_name,
    _validate_model_alias_name_reserved,
    _validate_model_name,
)

from flows.command_line import NONE, given
from ordinis_mlflow.bars import Bars, load_bars
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import FeatureSet, feature_set
from ordinis_mlflow.features.feature_set import VOLATILITY_WINDOW
from ordinis_mlflow.features.volatility import realised_volatility
from ordinis_mlflow.splits import Holdout

SQL = "sql"
URL_VARIABLE = "ORDINIS_BARS_URL"
VOLATILITY = realised_volatility(VOLATILITY_WINDOW).name


@dataclass(frozen=True)
class TrainOptions:
    """Where bars come from, what is forecast, how it is judged and what is kept.

    Attributes:
        bars: a data set (sp500, nasdaq), a .csv or .parquet file, or ``sql`` for a query.
        query: SQL that gives bars; its URL is read from ORDINIS_BARS_URL, as parameters are logged.
        symbol: names the bars of a source without a symbol column.
        timezone: of timestamps that state none.
        features: name and version of the feature set.
        scaler: standard or robust.
        horizon: bars ahead.
        validation: share of dates.
        test: share of dates, the newest.
        no_trade_band: strength below which direction is 0.
        cost_bps: cost of one unit of turnover, basis points.
        int8: keep an INT8 graph if it agrees with float32.
        fp16: keep an FP16 graph if it agrees with float32.
        register: name in the model registry.
        alias: given to the registered version.
        resume: a run to continue from its last checkpoint.
    """

    bars: str = "sp500"
    query: str = NONE
    symbol: str = NONE
    timezone: str = NONE
    features: str = "technical@1"
    scaler: str = "standard"
    horizon: int = 1
    validation: float = 0.15
    test: float = 0.15
    no_trade_band: float = 0.02
    cost_bps: float = 1.0
    int8: bool = True
    fp16: bool = False
    register: str = NONE
    alias: str = NONE
    resume: str = NONE

    def __post_init__(self) -> None:
        if "://" in self.bars:
            raise InvalidConfig(
                f"bars must not be a URL, for parameters are logged: pass bars={SQL} and a query, "
                f"and put the URL into the environment variable {URL_VARIABLE}"
            )
        if (self.bars == SQL) != (self.query != NONE):
            raise InvalidConfig(f"bars={SQL} needs a query, and a query needs bars={SQL}")
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
        """The features."""
        return feature_set(self.features)

    def load_bars(self) -> Bars:
        """The bars, checked."""
        symbol, timezone = given(self.symbol), given(self.timezone)
        if self.bars != SQL:
            return load_bars(self.bars, symbol=symbol, timezone=timezone)
        if URL_VARIABLE not in os.environ:
            raise InvalidConfig(f"bars={SQL} reads its URL from {URL_VARIABLE}, which is not set")
        url = os.environ[URL_VARIABLE]
        return load_bars(url, symbol=symbol, timezone=timezone, query=self.query)


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
