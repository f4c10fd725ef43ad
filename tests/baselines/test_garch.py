"""GARCH against arch itself, on data cut where the forecast is made."""

import warnings
from functools import partialmethod

import numpy as np
import pytest
from arch.univariate import ConstantMean, arch_model
from contracts.price_rows import price_rows, walk, wild_closes

from ordinis_mlflow.baselines import Garch, _garch_fit
from ordinis_mlflow.baselines._garch_fit import GarchParameters, fit_garch
from ordinis_mlflow.baselines.garch import next_variance, variance_over
from ordinis_mlflow.errors import BaselineNotFitted, InvalidConfig
from ordinis_mlflow.forecast import Forecast

BARS, FIRST_TEST_BAR = 1000, 800
SIZE = 0.01  # arch is asked in percent


@pytest.fixture(scope="module", params=[False, True], ids=["garch", "gjr"])
def garch(request):
    return Garch(request.param)


@pytest.fixture(scope="module", params=[1, 5])
def horizon(request):
    return request.param


def arch_of(returns, garch):
    return arch_model(
        returns / SIZE, mean="Constant", vol="GARCH", p=1, o=int(garch.asymmetric), q=1, dist="t",
        rescale=False,
    )  # fmt: skip


def simulated(n, seed, gamma=0.0, size=1.0):
    """Returns of a GARCH-t with μ 0.05, ω 0.02, α 0.06, γ, β 0.9 - γ/2, ν 7, times a size."""
    model = arch_model(None, mean="Constant", vol="GARCH", p=1, o=1, q=1, dist="t")
    model.distribution = type(model.distribution)(seed=np.random.default_rng(seed))
    return model.simulate([0.05, 0.02, 0.06, gamma, 0.9 - gamma / 2, 7.0], n)["data"] * size


def test_forecasts_are_archs_with_the_same_parameters_on_cut_data(garch, horizon):
    closes = wild_closes(BARS, seed=5, symbols=("AAA",))
    rows = price_rows(closes, horizon, first_ready=0)
    train, test = walk(rows, FIRST_TEST_BAR)
    said = garch.predict(rows, train, test, Forecast(horizon, 6, 0.02))
    returns = np.diff(np.log(closes["AAA"]))
    last_known = rows.ready[train].max() + horizon
    fitted = arch_of(returns[:last_known], garch).fit(disp="off", show_warning=False)
    for place in (0, 1, 57, len(test) - 1):
        cut = returns[: rows.ready[test[place]]]  # up to the return of the row's own bar
        told = arch_of(cut, garch).fix(fitted.params).forecast(horizon=horizon, method="analytic")
        nu = fitted.params["nu"]
        variance = told.variance.to_numpy()[-1].sum() * SIZE**2
        assert said.degrees_of_freedom[place] == pytest.approx(nu, rel=2e-2)
        # Two runs of the optimiser, on data of two scales, stop this near each other.
        assert said.mean[place] == pytest.approx(horizon * fitted.params["mu"] * SIZE, rel=1e-2)
        assert said.scale[place] == pytest.approx(np.sqrt(variance * (nu - 2) / nu), rel=2e-3)


def test_the_filter_is_archs_to_rounding(garch):
    returns = np.diff(np.log(wild_closes(BARS, seed=5)["AAA"]))
    fitted = fit_garch(returns[:700], garch.asymmetric, "AAA")
    asymmetry = [fitted.gamma] if garch.asymmetric else []
    values = [
        fitted.mean / SIZE, fitted.omega / SIZE**2, fitted.alpha, *asymmetry, fitted.beta,
        fitted.degrees_of_freedom,
    ]  # fmt: skip
    variance = next_variance(returns, fitted)
    assert variance.shape == (BARS,)
    for t in (700, 701, 850, BARS - 1):
        told = arch_of(returns[:t], garch).fix(values).forecast(horizon=5, method="analytic")
        steps = told.variance.to_numpy()[-1] * SIZE**2
        np.testing.assert_allclose(variance[t], steps[0], rtol=1e-9)
        total = variance_over(variance[t : t + 1], fitted, 5)
        np.testing.assert_allclose(total, [steps.sum()], rtol=1e-9)


def test_the_likelihood_is_no_worse_than_archs_own_fit(garch):
    returns = np.diff(np.log(wild_closes(BARS, seed=5)["AAA"]))
    ours = fit_garch(returns, garch.asymmetric, "AAA")
    own = arch_of(returns, garch).fit(disp="off", show_warning=False)
    asymmetry = [ours.gamma] if garch.asymmetric else []
    values = [
        ours.mean / SIZE, ours.omega / SIZE**2, ours.alpha, *asymmetry, ours.beta,
        ours.degrees_of_freedom,
    ]  # fmt: skip
    assert arch_of(returns, garch).fix(values).loglikelihood > own.loglikelihood - 1e-3


@pytest.mark.parametrize("size", [1.0, 1e-3], ids=["percent", "minutes"])
def test_parameters_of_a_simulation_are_found_again(size):
    symmetric = fit_garch(simulated(20_000, seed=1, size=size), False, "SIM")
    assert symmetric.mean == pytest.approx(0.05 * size, abs=0.015 * size)
    assert symmetric.omega == pytest.approx(0.02 * size**2, rel=0.3)
    assert symmetric.alpha == pytest.approx(0.06, abs=0.015)
    assert symmetric.gamma == 0.0
    assert symmetric.beta == pytest.approx(0.90, abs=0.03)
    assert symmetric.degrees_of_freedom == pytest.approx(7.0, rel=0.15)
    lopsided = fit_garch(simulated(20_000, seed=2, gamma=0.08, size=size), True, "SIM")
    assert lopsided.alpha == pytest.approx(0.06, abs=0.02)
    assert lopsided.gamma == pytest.approx(0.08, abs=0.03)
    assert lopsided.beta == pytest.approx(0.86, abs=0.03)


def test_variance_over_a_horizon_is_that_of_simulated_sums():
    fitted = GarchParameters(0.0, 2e-6, 0.03, 0.1, 0.88, 8.0, 1e-4)
    rng, paths, start = np.random.default_rng(4), 400_000, 2.5e-4
    variance, total = np.full(paths, start), np.zeros(paths)
    for _ in range(5):
        step = np.sqrt(variance * 6 / 8) * rng.standard_t(8, paths)
        total += step
        variance = fitted.omega + (0.03 + 0.1 * (step < 0)) * step**2 + 0.88 * variance
    expected = variance_over(np.array([start]), fitted, 5)[0]
    assert np.var(total) == pytest.approx(expected, rel=0.01)
    assert variance_over(np.array([start]), fitted, 1) == pytest.approx(start)


def test_a_variance_that_never_returns_has_a_horizon_too():
    fitted = GarchParameters(0.0, 1e-6, 0.1, 0.0, 0.9, 8.0, 1e-4)
    assert variance_over(np.array([1e-4]), fitted, 3) == pytest.approx(3e-4 + 3e-6)


def test_each_symbol_is_fitted_by_itself(garch, horizon):
    closes, forecast = wild_closes(500, seed=8), Forecast(horizon, 6, 0.02)
    both = price_rows(closes, horizon)
    train, test = walk(both, 400)
    together = garch.predict(both, train, test, forecast)
    symbols = both.symbols[both.ready[test]]
    for symbol in ("AAA", "BBB"):
        alone = price_rows({symbol: closes[symbol]}, horizon)
        expected = garch.predict(alone, *walk(alone, 400), forecast)
        np.testing.assert_array_equal(together.scale[symbols == symbol], expected.scale)
        np.testing.assert_array_equal(together.mean[symbols == symbol], expected.mean)
        assert len(set(expected.degrees_of_freedom)) == 1
    assert len(set(together.degrees_of_freedom)) == 2


def test_a_gap_in_training_is_not_fitted(garch, horizon):
    """As in a k-fold: bars whose returns no training label is made of may be anything."""
    closes, forecast = wild_closes(700, seed=9, symbols=("AAA",)), Forecast(horizon, 6, 0.02)
    rows = price_rows(closes, horizon)
    bar = rows.ready
    train = np.flatnonzero((bar + horizon < 300) | (bar >= 400))
    early = np.flatnonzero(bar < 300)
    before = garch.predict(rows, train, early, forecast)
    closes["AAA"][300:400] *= np.linspace(0.5, 2.0, 100)
    after = garch.predict(price_rows(closes, horizon), train, early, forecast)
    np.testing.assert_array_equal(after.scale, before.scale)
    np.testing.assert_array_equal(after.mean, before.mean)


def test_a_symbol_without_training_rows_is_refused_by_name(garch):
    rows = price_rows(wild_closes(400, seed=8), 1)
    train, test = walk(rows, 300)
    only_first = train[rows.symbols[rows.ready[train]] == "AAA"]
    with pytest.raises(InvalidConfig, match="'BBB' has none; start the test part later"):
        garch.predict(rows, only_first, test, Forecast(1, 6, 0.02))


def test_too_few_returns_are_refused_with_their_number(garch):
    rows = price_rows(wild_closes(400, seed=8, symbols=("AAA",)), 1)
    _, test = walk(rows, 300)
    with pytest.raises(InvalidConfig, match=r"at least 100 training returns.*'AAA' has 99"):
        garch.predict(rows, np.arange(99), test, Forecast(1, 6, 0.02))
    garch.predict(rows, np.arange(100), test, Forecast(1, 6, 0.02))


def test_steady_growth_is_refused(garch):
    rows = price_rows({"AAA": 1.01 ** np.arange(300.0)}, 1)
    with pytest.raises(InvalidConfig, match=r"must vary by 1e-05 .* of symbol 'AAA'"):
        garch.predict(rows, *walk(rows, 200), Forecast(1, 6, 0.02))


def one_jump(at=100):
    returns = np.zeros(500)
    returns[at] = 0.1
    return returns


def test_other_starting_values_are_tried(monkeypatch):
    heard = []
    judge = _garch_fit._sound
    monkeypatch.setattr(
        _garch_fit, "_sound", lambda result: heard.append(judge(result)) or heard[-1]
    )
    for at in range(0, 500, 20):
        fitted = fit_garch(one_jump(at), True, "JUMP")
        assert heard[-1]
        assert (next_variance(one_jump(at), fitted) > 0).all()
    assert not all(heard)  # some first attempts failed, and no warning came out


def test_what_cannot_be_fitted_is_told_with_the_optimisers_reasons(monkeypatch):
    """Where it gives up depends on the processor's last bits: here, after a few steps."""
    monkeypatch.setattr(
        ConstantMean, "fit", partialmethod(ConstantMean.fit, options={"maxiter": 2})
    )
    rng = np.random.default_rng(275)
    returns = rng.normal(size=500) * 1e-3
    filters = list(warnings.filters)
    with pytest.raises(BaselineNotFitted, match=r"'THIN' .*none of 4 starting values \(The optim"):
        fit_garch(returns, True, "THIN")
    assert warnings.filters == filters  # arch sets one, and it does not stay


def test_good_news_never_lowers_the_variance():
    """α + γ >= 0 to the last bit, although the optimiser lets it slip by 1e-9 on such returns."""
    slipped = 0
    for seed in range(10):
        returns = np.random.default_rng(seed).normal(size=1000)
        fitted = fit_garch(returns, True, "NOISE")
        assert fitted.omega > 0
        assert fitted.alpha >= 0
        assert fitted.alpha + fitted.gamma >= 0
        slipped += fitted.alpha + fitted.gamma == 0 and fitted.alpha > 0
    assert slipped


def test_falls_raise_the_variance_more_only_where_that_was_asked():
    fitted = GarchParameters(0.0, 1e-6, 0.05, 0.1, 0.88, 8.0, 1e-4)
    up, down = (next_variance(np.array([move]), fitted)[-1] for move in (0.02, -0.02))
    assert down - up == pytest.approx(0.1 * 0.02**2)
    assert (Garch(False).name, Garch(True).name) == ("garch_t", "gjr_garch_t")
