"""One fit on the S&P 500 up to 2006, judged on 2007 to 2018."""

import numpy as np
import pytest
from contracts.price_rows import price_rows
from scipy import stats

from ordinis_mlflow.bars import load_bars
from ordinis_mlflow.baselines import ALL
from ordinis_mlflow.forecast import Forecast


@pytest.fixture(scope="module", params=[1, 5])
def mean_log_scores(request):
    forecast = Forecast(request.param, 6, 0.02)
    (series,) = load_bars("sp500").series()
    rows = price_rows({"sp500": series.values[:, 3]}, forecast.horizon, first_ready=60)
    border = np.searchsorted(series.nanoseconds().view("datetime64[ns]"), np.datetime64("2007"))
    train = np.flatnonzero(rows.ready + forecast.horizon < border)
    test = np.flatnonzero(rows.ready >= border)
    happened = (rows.labels * rows.units)[rows.ready[test]]
    said = {one.name: one.predict(rows, train, test, forecast) for one in ALL}
    return {
        name: stats.t.logpdf(happened, one.degrees_of_freedom, one.mean, one.scale).mean()
        for name, one in said.items()
    }


def test_who_knows_more_of_volatility_scores_higher(mean_log_scores):
    score = mean_log_scores
    assert score["gjr_garch_t"] > score["zero_mean_volatility"] + 0.01
    assert score["gjr_garch_t"] > score["garch_t"] > score["zero_mean_volatility"]
    assert score["ewma_volatility"] > score["zero_mean_volatility"]
    assert score["zero_mean_volatility"] > score["buy_and_hold"] + 0.1
