"""ModelContract: everything that a packaged model promises about its input and its answer."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from ordinis_mlflow.errors import InvalidContract


@dataclass(frozen=True)
class ModelContract:
    """Written into the package as contract.json; what training decided and serving must keep.

    Attributes:
        format: number of the package format.
        feature_set: name and version, for example ``technical@1``.
        features: names of the features, in the order of their columns.
        fingerprint: what the features compute on the probe bars (see features.Fingerprint).
        feature_lookback: bars that one row of features reads.
        sequence_length: rows of features that the network reads.
        label: what is forecast.
        horizon: bars ahead.
        volatility: the feature that is the unit of the label, per bar.
        volatility_floor: least volatility per bar that counts, log return.
        degrees_of_freedom: of the Student-t forecast.
        no_trade_band: strength below which direction is 0.
        frequency: median spacing of the training bars, ISO 8601 duration.
        data_source: where the bars came from.
        data_digest: SHA-256 over all rows of the bars.
        data_rows: number of bars.
        data_first: time of the first bar, ISO 8601.
        data_last: time of the last bar, ISO 8601.
        train_last: latest time that any training label reaches, ISO 8601.
        fitted_last: latest time that any label reaches by which the model was fitted or chosen,
            those of the validation rows included, ISO 8601; "" in packages from before it was kept.
        data_snapshot: name of the snapshot of features that it was trained on; "" if on none.
        data_as_of: moment as of which that was read, UTC nanoseconds; None for everything.
        recalibration: of probability_up, inside the graph: ``none``, ``platt`` or ``isotonic``.
        recalibration_parameters: of that map; platt: slope and intercept of the log odds;
            isotonic: probabilities, then as many corrected ones (see recalibration.Recalibration).

    Raises:
        InvalidContract: a field is missing, unknown or out of its range.
    """

    format: int
    feature_set: str
    features: tuple[str, ...]
    fingerprint: Mapping[str, tuple[float, ...]]
    feature_lookback: int
    sequence_length: int
    label: str
    horizon: int
    volatility: str
    volatility_floor: float
    degrees_of_freedom: int
    no_trade_band: float
    frequency: str
    data_source: str
    data_digest: str
    data_rows: int
    data_first: str
    data_last: str
    train_last: str
    fitted_last: str = ""
    data_snapshot: str = ""
    data_as_of: int | None = None
    recalibration: str = "none"
    recalibration_parameters: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("format", "feature_lookback", "sequence_length", "horizon", "data_rows"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise InvalidContract(f"{name} must be a whole number of at least 1, got {value!r}")
        if not 0.0 <= self.no_trade_band < 1.0:
            raise InvalidContract(f"no_trade_band must be in [0, 1), got {self.no_trade_band}")
        if not 0.0 < self.volatility_floor < 1.0:
            raise InvalidContract(
                f"volatility_floor must be in (0, 1), got {self.volatility_floor}"
            )
        if self.volatility not in self.features:
            raise InvalidContract(f"volatility {self.volatility!r} is none of {self.features}")
        self._check_recalibration()

    def _check_recalibration(self) -> None:
        method, parameters = self.recalibration, self.recalibration_parameters
        if not all(type(each) in (int, float) and math.isfinite(each) for each in parameters):
            raise InvalidContract(
                f"recalibration_parameters must be finite numbers, got {parameters!r}"
            )
        count = len(parameters)
        counts = {"none": 0, "platt": 2, "isotonic": max(4, count + count % 2)}
        if counts.get(method) != count:
            raise InvalidContract(
                f"recalibration must be 'none', 'platt' with 2 parameters or 'isotonic' with an "
                f"even number from 4 on, got {method!r} with {count}"
            )

    @property
    def lookback(self) -> int:
        """Bars that one window holds: rows for the network, and the look-back of the oldest."""
        return self.sequence_length + self.feature_lookback - 1

    @property
    def unseen_after(self) -> np.datetime64:
        """The model has seen nothing of what was decided later: out of sample begins there."""
        return np.datetime64(self.fitted_last or self.data_last, "ns")

    @property
    def bar_spacing(self) -> pd.Timedelta:
        """The frequency as a duration."""
        return pd.Timedelta(self.frequency)

    def to_json(self) -> str:
        """JSON text; numbers keep every bit."""
        return json.dumps(asdict(self), indent=2, allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ModelContract":
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidContract: not a contract.
        """
        try:
            values = json.loads(text)
            unknown = set(values) - {field.name for field in fields(cls)}
            if unknown:
                raise InvalidContract(f"contract.json has unknown fields {sorted(unknown)}")
            values["features"] = tuple(values["features"])
            parameters = "recalibration_parameters"  # packages from before it was stated lack it
            values[parameters] = tuple(values.get(parameters, ()))
            values["fingerprint"] = {k: tuple(v) for k, v in values["fingerprint"].items()}
            return cls(**values)
        except InvalidContract:
            raise
        except (TypeError, KeyError, AttributeError, ValueError, RecursionError) as error:
            raise InvalidContract(f"contract.json is not a contract: {error}") from error
