"""The baselines with one or two constants, against formulas of other libraries."""

import numpy as np
import pandas as pd
import pytest
from contracts.price_rows import price_rows, walk, wild_closes
from scipy import stats

from ordinis_mlflow.baselines import BuyAndHold, EwmaVolatility, ZeroMeanVolatility
from ordinis_mlflow.baselines.ewma import ewma_volatility
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import VOLATILITY_FLOOR
from ordinis_mlflow.forecast import Forecast


@pytest.fixture(scope="module", params=[1, 5])
def forecast(request):
    return Forecast(request.param, 6, 0.02)


@pytest.fixture(scope="module")
def case(forecast):
    rows = price_rows(wild_closes(500, seed=21), forecast.horizon)
    return rows, *walk(rows, 350), forecast


def realised(rows, part):
    return (rows.labels * rows.units)[rows.ready[part]]


def test_zero_mean_volatility_is_a_fitted_multiple_of_the_unit(case):
    rows, train, test, _ = case
    said = ZeroMeanVolatility().predict(*case)
    _, _, multiple = stats.t.fit(rows.labels[rows.ready[train]], fdf=6, floc=0.0)
    np.testing.assert_allclose(said.scale / rows.units[rows.ready[test]], multiple, rtol=1e-3)
    assert (said.mean == 0).all()
    assert (said.degrees_of_freedom == 6).all()
    assert (said.probability_up == 0.5).all()
    assert (said.position == 0).all()


def test_buy_and_hold_is_one_distribution_and_always_long(case):
    rows, train, _, _ = case
    said = BuyAndHold().predict(*case)
    values = realised(rows, train)
    _, _, scale = stats.t.fit(values, fdf=6, floc=values.mean())
    np.testing.assert_allclose(said.mean, values.mean(), rtol=1e-12)
    np.testing.assert_allclose(said.scale, scale, rtol=1e-3)
    assert (said.position == 1).all()
    assert len(set(said.probability_up)) == 1


def test_ewma_is_that_of_pandas(forecast):
    returns = np.diff(np.log(wild_closes(300, seed=2)["AAA"]))
    for decay in (0.94, 0.5, 0.99):
        expected = np.sqrt(pd.Series(returns**2).ewm(alpha=1 - decay, adjust=True).mean())
        np.testing.assert_allclose(ewma_volatility(returns, decay), expected, rtol=1e-10)


def test_ewma_forecast_is_a_multiple_fitted_for_each_symbol(case):
    rows, train, test, forecast = case
    said = EwmaVolatility().predict(*case)
    for symbol in ("AAA", "BBB"):
        close = rows.close[rows.symbols == symbol]
        start = np.flatnonzero(rows.symbols == symbol)[0]
        squares = pd.Series(np.diff(np.log(close)) ** 2)
        unit = np.sqrt(squares.ewm(alpha=0.06).mean().to_numpy() * forecast.horizon)
        fit, tested = (part[rows.symbols[rows.ready[part]] == symbol] for part in (train, test))
        labels = realised(rows, fit) / unit[rows.ready[fit] - start - 1]
        _, _, multiple = stats.t.fit(labels, fdf=6, floc=0.0)
        scale = said.scale[np.isin(test, tested)]
        np.testing.assert_allclose(
            scale / unit[rows.ready[tested] - start - 1], multiple, rtol=1e-3
        )
    assert (said.mean == 0).all()
    assert (said.position == 0).all()
    assert (said.degrees_of_freedom == 6).all()


def test_a_shock_decays_by_the_decay():
    returns = np.zeros(400)
    returns[300] = 0.1
    variance = ewma_volatility(returns, 0.94) ** 2
    assert variance[299] == 0.0
    assert variance[300] == pytest.approx(0.06 * 0.1**2, rel=1e-6)
    np.testing.assert_allclose(variance[301:] / variance[300:-1], 0.94, rtol=1e-6)


def test_ewma_of_a_price_that_came_to_rest_keeps_the_floor():
    close = wild_closes(2500, seed=2, symbols=("AAA",))["AAA"]
    close[200:] = close[199]
    rows = price_rows({"AAA": close}, 1)
    train = np.arange(150)
    said = EwmaVolatility().predict(rows, train, np.array([2400]), Forecast(1, 6, 0.0))
    first = EwmaVolatility().predict(rows, train, np.array([2000]), Forecast(1, 6, 0.0))
    assert said.scale[0] == first.scale[0] > 0.3 * VOLATILITY_FLOOR


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5, float("nan")])
def test_decay_outside_its_range_is_refused(decay):
    with pytest.raises(InvalidConfig, match=r"decay must be in \(0, 1\), got"):
        EwmaVolatility(decay)


def test_ewma_needs_a_return_before_the_row():
    rows = price_rows(wild_closes(200, seed=2, symbols=("AAA",)), 1, first_ready=0)
    train, test = walk(rows, 150)
    with pytest.raises(InvalidConfig, match="first bar of symbol 'AAA' has no return yet"):
        EwmaVolatility().predict(rows, train, test, Forecast(1, 6, 0.0))


def test_a_test_row_without_a_unit_is_refused(case):
    rows, train, _, forecast = case
    rows.ready[-1], kept = 3, rows.ready[-1]  # in the warm-up
    try:
        with pytest.raises(InvalidConfig, match="units must be positive and finite"):
            ZeroMeanVolatility().predict(rows, train, np.array([len(rows.ready) - 1]), forecast)
    finally:
        rows.ready[-1] = kept
