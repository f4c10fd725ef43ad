"""Gate: what the model promises is complete, and what it was trained on is still there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.contract import ModelContract
from ordinis_mlflow.errors import InvalidContract
from ordinis_mlflow.features import VOLATILITY_FLOOR, Fingerprint, feature_set
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.promotion import Candidate
from ordinis_mlflow.recalibration import Method, Recalibration
from ordinis_mlflow.revisions import LAST
from ordinis_mlflow.verdict import Verdict

TEXTS = ("feature_set", "label", "volatility", "frequency", "data_source", "data_digest",
         "data_first", "data_last", "train_last", "fitted_last", "data_snapshot")  # fmt: skip

MOST_DEGREES = 1000
"""A Student-t distribution of more is a normal one, and its closed form takes for ever."""
ROUNDING = 1e-4
"""What float32 may lose of a probability."""


@dataclass(frozen=True)
class ContractGate:
    """The contract is complete; its features compute here what they did; its bars are in the store.

    The span that later gates judge on is only as good as these claims.
    """

    name: ClassVar[str] = "contract"

    def check(self, candidate: Candidate) -> Verdict:
        """The figure is the number of claims that do not hold."""
        contract = candidate.contract
        _check_texts(contract)
        wrong = [
            *_features(contract),
            *_data(contract, candidate.bars),
            *_snapshot(candidate),
        ]
        wrong = wrong or list(_graph(candidate))  # which windows it is asked of, the claims say
        reason = "; ".join(wrong) or (
            f"complete; {contract.feature_set} computes here what it did; snapshot "
            f"{contract.data_snapshot} holds the {contract.data_rows} bars that it was trained on"
        )
        return Verdict(self.name, not wrong, float(len(wrong)), 0.0, reason)


def _check_texts(contract: ModelContract) -> None:
    for name in TEXTS:
        value = getattr(contract, name)
        if not isinstance(value, str) or not value:
            raise InvalidContract(f"{name} must be stated in the contract, got {value!r}")
    moment = contract.data_as_of
    if moment is not None and not (type(moment) is int and 0 <= moment <= LAST):
        raise InvalidContract(f"data_as_of must be UTC nanoseconds, got {moment!r}")
    degrees = contract.degrees_of_freedom
    if type(degrees) is not int or degrees > MOST_DEGREES:
        raise InvalidContract(f"degrees_of_freedom must be at most {MOST_DEGREES}, got {degrees!r}")


def _features(contract: ModelContract) -> Iterator[str]:
    installed = feature_set(contract.feature_set)
    if installed.names != contract.features or installed.lookback != contract.feature_lookback:
        yield f"{contract.feature_set} has other features or another look-back on this server"
    stated = Fingerprint(_numbers(contract))
    if not installed.fingerprint().matches(stated):
        differ = installed.fingerprint().differences(stated)
        yield f"{contract.feature_set} computes something else on this server: {sorted(differ)}"


def _numbers(contract: ModelContract) -> dict[str, tuple[float, ...]]:
    try:
        return {name: tuple(map(float, row)) for name, row in contract.fingerprint.items()}
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidContract(f"fingerprint must hold numbers: {error}") from error


def _data(contract: ModelContract, bars: Bars) -> Iterator[str]:
    times = np.concatenate([each.nanoseconds() for each in bars.series()]).view("datetime64[ns]")
    held = {
        "data_digest": bars.digest(),
        "data_rows": len(bars),
        "frequency": bars.frequency.isoformat(),
        "data_first": str(times.min()),
        "data_last": str(times.max()),
    }
    for name, value in held.items():
        if getattr(contract, name) != value:
            yield f"{name} is {getattr(contract, name)}, and {value} in the store"
    if contract.volatility_floor != VOLATILITY_FLOOR:
        yield f"volatility_floor is {contract.volatility_floor}, and {VOLATILITY_FLOOR} here"
    if contract.horizon >= len(bars):
        yield f"horizon is {contract.horizon}, more than all its bars"
    first, train, fitted, last = (
        _time(getattr(contract, each))
        for each in ("data_first", "train_last", "fitted_last", "data_last")
    )
    if not first < train <= fitted < last:
        yield (
            f"its times must follow each other: data_first {first}, train_last {train}, "
            f"fitted_last {fitted}, data_last {last}"
        )


def _time(text: str) -> np.datetime64:
    try:
        time = np.datetime64(text, "ns")
    except ValueError as error:
        raise InvalidContract(f"the contract states {text!r}, which is no time") from error
    # Beyond the years that nanoseconds can count, NumPy silently gives another time.
    if np.isnat(time) or np.datetime64(text, "s") != time.astype("datetime64[s]"):
        raise InvalidContract(
            f"the contract states {text!r}, which is no time between 1678 and 2262"
        )
    return time


def _graph(candidate: Candidate) -> Iterator[str]:
    """Probability and direction follow from mean and scale as the contract states."""
    contract = candidate.contract
    method = Recalibration(cast(Method, contract.recalibration), contract.recalibration_parameters)
    forecast = Forecast(
        contract.horizon, contract.degrees_of_freedom, contract.no_trade_band, method
    )
    said = candidate.model.predict(candidate.windows)
    location, scale = said.mean.astype(np.float64), said.scale.astype(np.float64)
    _, _, up, direction, strength = forecast.signal(location, scale, np.ones(len(said)))
    if not np.abs(up - said.probability_up).max() <= ROUNDING:
        yield "degrees_of_freedom and recalibration are not those of the graph"
    clear = np.abs(strength - contract.no_trade_band) > ROUNDING
    if (direction != said.direction)[clear].any():
        yield "no_trade_band is not that of the graph"


def _snapshot(candidate: Candidate) -> Iterator[str]:
    held, contract = candidate.snapshot, candidate.contract
    scaler = candidate.package.scaler
    if held.features != contract.feature_set:
        yield f"snapshot {held.name} holds {held.features}, and not {contract.feature_set}"
    if scaler.snapshot != contract.data_snapshot:
        yield f"the scaler was fitted on another snapshot, {scaler.snapshot or 'none'}"
    if _time(scaler.last) > _time(contract.train_last):
        yield f"the scaler was fitted until {scaler.last}, after train_last {contract.train_last}"
