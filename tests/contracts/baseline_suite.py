"""What every baseline must do. For one of your own, subclass and supply the fixture:

class TestMine(BaselineSuite):
    @pytest.fixture
    def baseline(self):
        return Mine()
"""

from dataclasses import fields

import numpy as np
import pytest
from contracts.price_rows import price_rows, walk, wild_closes

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.forecast import Forecast
from ordinis_mlflow.prediction import Prediction


class BaselineSuite:
    bars = 420  # of each symbol: raise it for a baseline that needs a longer history
    first_test_bar = 300

    @pytest.fixture(params=[1, 5])
    def forecast(self, request):
        return Forecast(request.param, 6, 0.02)

    @pytest.fixture
    def closes(self):
        return wild_closes(self.bars, seed=11)

    def rows_of(self, closes, forecast):
        rows = price_rows(closes, forecast.horizon)
        return rows, *walk(rows, self.first_test_bar)

    def test_it_answers_each_test_row_with_a_distribution_and_a_position(
        self, baseline, closes, forecast
    ):
        rows, train, test = self.rows_of(closes, forecast)
        said = baseline.predict(rows, train, test, forecast)
        assert isinstance(said, Prediction)
        assert said.name == baseline.name
        assert baseline.name.isidentifier()
        assert baseline.name == baseline.name.lower()
        for name, column in columns(said).items():
            assert column.shape == (len(test),), name
            assert column.dtype == np.float64, name
            assert np.isfinite(column).all(), name
        assert (said.scale > 0).all()
        assert (said.degrees_of_freedom > 2).all()
        assert ((said.probability_up >= 0) & (said.probability_up <= 1)).all()
        assert (np.abs(said.position) <= 1).all()

    def test_equal_arguments_give_equal_answers(self, baseline, closes, forecast):
        arguments = (*self.rows_of(closes, forecast), forecast)
        assert_equal(baseline.predict(*arguments), baseline.predict(*arguments))

    def test_answers_are_in_the_order_of_the_test_rows(self, baseline, closes, forecast):
        rows, train, test = self.rows_of(closes, forecast)
        order = np.random.default_rng(3).permutation(len(test))[:50]
        whole = baseline.predict(rows, train, test, forecast)
        assert_equal(baseline.predict(rows, train, test[order], forecast), whole, order)

    @pytest.mark.parametrize("bars_known", [300, 301, 333, 400])
    def test_later_bars_change_nothing(self, baseline, closes, forecast, bars_known):
        """Neither do bars that are no numbers: they are not even looked at."""
        rows, train, test = self.rows_of(closes, forecast)
        known = test[rows.times[rows.ready[test]] <= rows.times[bars_known]]
        before = baseline.predict(rows, train, known, forecast)
        for factor in (3.0, 0.1, np.nan):
            later = changed(closes, slice(bars_known + 1, None), factor)
            after, *_ = self.rows_of(later, forecast)
            assert_equal(baseline.predict(after, train, known, forecast), before)

    def test_test_bars_change_nothing_that_was_fitted(self, baseline, closes, forecast):
        """Seen in what it says of training rows."""
        rows, train, _ = self.rows_of(closes, forecast)
        before = baseline.predict(rows, train, train, forecast)
        for factor in (3.0, np.nan):
            later, *_ = self.rows_of(
                changed(closes, slice(self.first_test_bar, None), factor), forecast
            )
            assert_equal(baseline.predict(later, train, train, forecast), before)

    def test_training_bars_change_something(self, baseline, closes, forecast):
        rows, train, test = self.rows_of(closes, forecast)
        other, *_ = self.rows_of(changed(closes, slice(100, 101), 1.3), forecast)
        before, after = (baseline.predict(x, train, test, forecast) for x in (rows, other))
        assert (before.scale != after.scale).all()

    def test_a_training_bar_that_is_no_number_is_refused(self, baseline, closes, forecast):
        rows, train, test = self.rows_of(changed(closes, slice(100, 101), np.nan), forecast)
        with pytest.raises(InvalidConfig, match="finite"):
            baseline.predict(rows, train, test, forecast)

    def test_a_price_that_stands_still_is_refused(self, baseline, forecast):
        rows, train, test = self.rows_of({"AAA": np.full(self.bars, 7.0)}, forecast)
        with pytest.raises(InvalidConfig, match=r"stands still|must vary"):
            baseline.predict(rows, train, test, forecast)

    def test_no_training_rows_are_refused(self, baseline, closes, forecast):
        rows, train, test = self.rows_of(closes, forecast)
        with pytest.raises(InvalidConfig, match="training"):
            baseline.predict(rows, train[:0], test, forecast)


def columns(said):
    names = [field.name for field in fields(Prediction) if field.name != "name"]
    return {name: getattr(said, name) for name in names}


def assert_equal(left, right, order=slice(None)):
    """To the last bit."""
    assert left.name == right.name
    for name, column in columns(left).items():
        np.testing.assert_array_equal(column, columns(right)[name][order], err_msg=name)


def changed(closes, bars, factor):
    """The closes with some bars multiplied by a number, a different one for each."""
    copies = {symbol: close.copy() for symbol, close in closes.items()}
    for close in copies.values():
        close[bars] *= factor * (1.0 + 0.01 * np.arange(len(close[bars])))
    return copies
