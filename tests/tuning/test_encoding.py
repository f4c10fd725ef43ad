"""A space in Optuna's terms, and back."""

import optuna
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import FixedTrial
from spaces import NESTED, configurations, spaces

from ordinis_mlflow.params import FloatParam, IntParam, OrdinalParam, Space, Special
from ordinis_mlflow.tuning.encoding import encoded, suggested


@given(st.data(), spaces())
def test_what_is_encoded_is_suggested_again_to_the_last_bit(data, space):
    configuration = space.check(data.draw(configurations(space)))
    again = suggested(FixedTrial(encoded(space, configuration)), space)
    assert again.to_json() == configuration.to_json()


@given(spaces(), st.integers(0, 2**32 - 1))
def test_whatever_a_sampler_decides_is_a_configuration(space, seed):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    for _ in range(3):
        configuration = suggested(study.ask(), space)
        assert space.check(configuration).to_json() == configuration.to_json()


def test_inactive_parameters_are_not_asked_for():
    trial = FixedTrial(
        {"optimizer": "adam", "num_layers": 1, "learning_rate": 0.01, "batch_size": 1}
    )
    assert suggested(trial, NESTED) == {
        "optimizer": "adam",
        "num_layers": 1,
        "learning_rate": 0.01,
        "batch_size": 32,
    }
    assert "dropout" not in trial.distributions


def test_scales_steps_and_orders_are_optunas():
    space = Space(
        (
            FloatParam("rate", 1e-4, 1.0, default=0.1, log=True),
            FloatParam("momentum", 0.0, 0.9, default=0.5, step=0.1),
            IntParam("units", 8, 64, default=8, step=8),
            OrdinalParam("batch", (16, 64, 256), default=64),
        )
    )
    trial = FixedTrial(encoded(space, space.defaults()))
    suggested(trial, space)
    assert trial.distributions == {
        "rate": optuna.distributions.FloatDistribution(1e-4, 1.0, log=True),
        "momentum": optuna.distributions.FloatDistribution(0.0, 0.9, step=0.1),
        "units": optuna.distributions.IntDistribution(8, 64, step=8),
        "batch": optuna.distributions.IntDistribution(0, 2),
    }


def test_special_values_are_tried_as_often_as_they_say():
    special = (Special(0, share=0.1), Special(-1, share=0.3))
    space = Space((IntParam("threads", 1, 8, default=0, special=special),))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(5))
    found = [suggested(study.ask(), space)["threads"] for _ in range(1000)]
    # 4 standard deviations of a binomial of 1000: 38 and 58.
    assert abs(found.count(0) - 100) < 38
    assert abs(found.count(-1) - 300) < 58
    assert set(found) == {-1, 0, *range(1, 9)}
