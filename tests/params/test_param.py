"""Single parameters: what they refuse when they are made, and what they hold values to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spaces import params, stepped_float_params, values_of

from ordinis_mlflow.errors import InvalidConfiguration, InvalidSpace
from ordinis_mlflow.params import (
    BoolParam,
    CategoricalParam,
    FloatParam,
    IntParam,
    OrdinalParam,
    Special,
)

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: FloatParam("two words", 0, 1), "identifier"),
        (lambda: FloatParam(7, 0, 1), "identifier"),
        (lambda: FloatParam("x", 1, 0), "low must not exceed high, .* got 1.0 and 0.0"),
        (lambda: FloatParam("x", -1.7e308, 1.7e308), "infinitely far"),
        (lambda: FloatParam("x", NAN, 1), "low of x must be a finite number, got nan"),
        (lambda: FloatParam("x", 0, INF), "high of x must be a finite number, got inf"),
        (lambda: FloatParam("x", "0", 1), "finite number, got '0'"),
        (lambda: FloatParam("x", False, 1), "finite number, got False"),
        (lambda: FloatParam("x", 0, 1, log=True), "log scale needs low above 0, got 0.0"),
        (lambda: FloatParam("x", 1, 2, log=1), "log must be true or false"),
        (lambda: FloatParam("x", 1, 2, log=True, step=1), "takes no step"),
        (lambda: FloatParam("x", 0, 1, step=0.3), "low plus a multiple of the step"),
        (lambda: FloatParam("x", 0, 1, step=0), "step must be positive"),
        (lambda: FloatParam("x", 0, 1e300, step=1e-300), "lost in a range this wide"),
        (lambda: FloatParam("x", 0, 1, default=2), "default is outside its range: .* got 2"),
        (lambda: FloatParam("x", 0, 1, default=0.15, step=0.1), "default .* nearest is 0.1|0.2"),
        (lambda: FloatParam("x", 0, 1, special=(Special(0.5),)), "outside the range .* got 0.5"),
        (lambda: FloatParam("x", 0, 1, special=(Special(2), Special(2))), "comes once"),
        (lambda: FloatParam("x", 0, 1, special=(Special(NAN),)), "special value of x"),
        (lambda: FloatParam("x", 0, 1, special=(2,)), "must hold Special"),
        (lambda: FloatParam("x", 0, 1, special=(Special(2, 0.5), Special(3, 0.5))), "sum to less"),
        (lambda: Special(0, share=1.0), r"share .* in \(0, 1\), got 1.0"),
        (lambda: IntParam("x", 0, 1.5), "high of x must be a whole number"),
        (lambda: IntParam("x", 0, 2**60), "whole number within"),
        (lambda: IntParam("x", 0, True), "whole number"),
        (lambda: IntParam("x", 0, 10, step=3), "low plus a multiple"),
        (lambda: IntParam("x", 0, 3, special=(Special(0.5),)), "whole number"),
        (lambda: CategoricalParam("x", ()), "at least one value"),
        (lambda: CategoricalParam("x", "adam"), "must be a sequence"),
        (lambda: CategoricalParam("x", (1, True)), "all bool, all int"),
        (lambda: CategoricalParam("x", (1, 1)), "must differ"),
        (lambda: CategoricalParam("x", (None, "a")), "all bool, all int"),
        (lambda: CategoricalParam("x", (1.0, NAN)), "must be finite"),
        (lambda: CategoricalParam("x", ("a", "b"), default="c"), "default .* got 'c'"),
        (lambda: OrdinalParam("x", (16, 32), default=True), "default .* got True"),
        (lambda: BoolParam("x", default=1), "default .* true or false, got 1"),
    ],
)
def test_what_makes_no_sense_is_refused(make, rule):
    with pytest.raises(InvalidSpace, match=rule):
        make()


@pytest.mark.parametrize(
    ("param", "value"),
    [
        (FloatParam("x", 0, 1), 1.0000000000000002),
        (FloatParam("x", 0, 1), NAN),
        (FloatParam("x", 0, 1), "0.5"),
        (FloatParam("x", 0, 1), True),
        (FloatParam("x", 0, 1, step=0.1), 0.1 + 0.2),  # which is not 0.3
        (IntParam("x", 0, 9), 1.0),
        (IntParam("x", 0, 9, step=3), 4),
        (IntParam("x", 1, 9, special=(Special(-1),)), 0),
        (CategoricalParam("x", (1, 2)), True),
        (CategoricalParam("x", (1, 2)), 1.0),
        (CategoricalParam("x", ("a",)), ["a"]),
        (BoolParam("x"), 0),
    ],
)
def test_a_value_outside_is_refused_by_name_and_value(param, value):
    with pytest.raises(InvalidConfiguration, match=r"^x must be .*, got ") as refusal:
        param.check(value)
    assert repr(value) in str(refusal.value)


def test_values_come_out_in_the_type_of_the_parameter():
    assert type(FloatParam("x", 0, 1).check(1)) is float
    assert type(FloatParam("x", 0, 1).check(np.float32(0.5))) is float
    assert type(IntParam("x", 0, 9).check(np.int64(3))) is int
    assert type(BoolParam("x").check(np.True_)) is bool
    assert type(CategoricalParam("x", (1, 2)).check(np.int64(2))) is int


def test_a_special_value_is_one():
    param = IntParam("threads", 1, 8, default=0, special=(Special(0, share=0.25),))
    assert param.check(0) == 0
    assert param.corners() == (0, 1, 8)
    assert list(param.grid()) == list(range(9))


def test_grids_are_evenly_spaced_on_the_scale():
    assert list(FloatParam("x", 1e-4, 1, log=True).grid(5)) == pytest.approx(
        [1e-4, 1e-3, 1e-2, 1e-1, 1]
    )
    assert list(FloatParam("x", 0, 1).grid(5)) == [0, 0.25, 0.5, 0.75, 1]
    assert list(FloatParam("x", 0, 1).grid(1)) == [0]
    assert list(FloatParam("x", 0, 0.3, step=0.1).grid()) == [0, 0.1, 0.2, 0.3]
    assert list(IntParam("x", 0, 100).grid(3)) == [0, 50, 100]
    assert list(OrdinalParam("x", (1, 2, 4, 8)).grid(2)) == [1, 8]


def test_no_grid_has_all_reals_or_no_points():
    with pytest.raises(InvalidSpace, match="no last value: give it a step"):
        FloatParam("x", 0, 1).grid()
    for param in (FloatParam("x", 0, 1), IntParam("x", 0, 9), OrdinalParam("x", (1, 2))):
        with pytest.raises(InvalidSpace, match="at least 1 point"):
            list(param.grid(0))


@given(st.data(), params())
def test_every_value_of_a_parameter_checks_and_stays_what_it_is(data, param):
    value = data.draw(values_of(param))
    checked = param.check(value)
    assert checked == value
    assert type(checked) is param.value_type
    assert param.check(checked) == checked


@given(params(), st.integers(1, 9))
def test_grids_and_corners_are_values(param, points):
    for value in (*param.grid(points), *param.corners()):
        assert param.check(value) == value


@given(stepped_float_params())
def test_steps_are_counted_and_noise_of_arithmetic_is_rounded_away(param):
    values = list(param.grid())
    assert len(values) == param.steps
    assert values[0] == param.low
    assert values[-1] == param.high
    for index, value in enumerate(values):
        assert param.nearest(param.low + index * param.step) == value
