"""One-bar log returns of each symbol, and which of them training and test may read."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ordinis_mlflow.baselines.baseline import Index, Vector
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.prepare import Rows


@dataclass(frozen=True, eq=False)
class SymbolReturns:
    """The bars of one symbol, from its first to the last that training or test reads.

    Attributes:
        symbol: whose bars they are.
        returns: (bars - 1,), returns[i] = ln(close[i + 1] / close[i]), known at bar i + 1.
        train: (n_train,) bars that are training rows; at least one.
        test: (n_test,) bars that are test rows.
        answer: (n_test,) where those stand among the test rows of all symbols.
        realised: (n_train,) labels of the training rows as log returns over the horizon.
    """

    symbol: str
    returns: Vector
    train: Index
    test: Index
    answer: Index
    realised: Vector

    def of_training(self, horizon: int) -> Vector:
        """The returns that the training labels are made of, each once and in time order.

        Those of a gap, such as the test part of a k-fold, are left out; the returns on its two
        sides then follow each other.
        """
        covered: Index = np.unique(self.train[:, None] + np.arange(horizon))
        return self.returns[covered]


def returns_by_symbol(
    rows: Rows, train: Index, test: Index, horizon: int
) -> Iterator[SymbolReturns]:
    """Each symbol of the test rows; no bar after the last one needed is looked at.

    Raises:
        InvalidConfig: a test symbol has no training row, or one of its prices is not a positive
            number.
    """
    changes = np.flatnonzero(rows.symbols[1:] != rows.symbols[:-1]) + 1
    starts = np.concatenate([[0], changes]).astype(np.int64)
    fit_rows, test_rows = rows.ready[train], rows.ready[test]
    fit_owner, test_owner = (np.searchsorted(starts, x, "right") - 1 for x in (fit_rows, test_rows))
    for owner in np.unique(test_owner):
        start, answer = starts[owner], np.flatnonzero(test_owner == owner)
        fit, tested = fit_rows[fit_owner == owner], test_rows[answer]
        symbol = str(rows.symbols[start])
        if not len(fit):
            raise InvalidConfig(
                f"every test symbol needs training rows, but {symbol!r} has none; "
                "start the test part later or leave the symbol out"
            )
        stop = max(fit.max() + horizon, tested.max()) + 1
        returns = _log_returns(rows.close[start:stop], symbol)
        realised = rows.labels[fit] * rows.units[fit]
        yield SymbolReturns(symbol, returns, fit - start, tested - start, answer, realised)


def _log_returns(close: Vector, symbol: str) -> Vector:
    """(bars - 1,), of prices that are checked."""
    bad = np.flatnonzero(~(np.isfinite(close) & (close > 0)))
    if bad.size:
        raise InvalidConfig(
            f"close must be positive and finite, but symbol {symbol!r} has {close[bad[0]]} at its "
            f"bar {int(bad[0])} ({bad.size} such bars); correct or remove them"
        )
    returns: Vector = np.log(close[1:] / close[:-1])
    return returns
