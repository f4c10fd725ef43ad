"""What answers hold, as types: they are what is sent, and what the OpenAPI document shows."""

import msgspec


class WindowSignal(msgspec.Struct, frozen=True):
    """The signal of one window; the fields are those of ``signal.Signal``."""

    mean: float
    scale: float
    probability_up: float
    direction: int
    strength: float


class Predictions(msgspec.Struct, frozen=True):
    """One signal a window, in the order in which they were asked."""

    predictions: list[WindowSignal]


class SymbolSignal(msgspec.Struct, frozen=True):
    """The latest signal of one symbol: after its last bar, at this time (ISO 8601, UTC)."""

    symbol: str
    timestamp: str
    mean: float
    scale: float
    probability_up: float
    direction: int
    strength: float
    model_version: str


class SymbolPredictions(msgspec.Struct, frozen=True):
    """One signal a symbol, in the order in which the symbols first appeared."""

    predictions: list[SymbolSignal]


class Refusal(msgspec.Struct, frozen=True):
    """Why a request was not answered."""

    error_code: str
    message: str


class RefusalV2(msgspec.Struct, frozen=True):
    """The same in the Open Inference Protocol's form."""

    error: str
