"""What a trial is worth, held against scipy; what it reports on the way, and when it stops."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from tuning_settings import CONFIG, MEASUREMENT, SPACE

from flows import tuned_objective
from flows.options import TrainOptions
from flows.training import load
from flows.tuned_folds import folds_of, untouched_from
from flows.tuned_objective import FoldObjective, Scored, objectives_named
from ordinis_mlflow.errors import InvalidConfig, ObjectiveNotFinite, TrainingDiverged
from ordinis_mlflow.network import SignalLSTM, fit, predict

EPOCHS = 2
ONE_LAYER = SPACE.check({"num_layers": 1, "learning_rate": 0.01, "sequence_length": 20})


@pytest.fixture(scope="module")
def parts(csv, tracking_store):
    training = load(TrainOptions(bars=str(csv), no_trade_band=0.001), CONFIG)
    options, data = training.options, training.data
    border = untouched_from(data.bars, options, CONFIG, SPACE)
    embargo = MEASUREMENT.embargo_time()
    return folds_of(data, border, options, CONFIG, SPACE, 2, embargo), options


@pytest.fixture
def objective(parts):
    folds, options = parts

    def make(names="log_score", epochs=EPOCHS):
        return FoldObjective(folds, options, CONFIG, epochs, objectives_named(names))

    return make


class Listener:
    """Keeps what is reported, and says stop at a step."""

    def __init__(self, stop_at=None):
        self.heard, self.stop_at = [], stop_at

    def __call__(self, step, value):
        self.heard.append((step, value))
        return step == self.stop_at

    @property
    def steps(self):
        return [step for step, _ in self.heard]


@pytest.fixture(scope="module")
def oracle(parts):
    """(skill of each fold, log score of each fold), from the network and scipy alone."""
    folds, _ = parts
    config = replace(CONFIG, **ONE_LAYER, epochs=EPOCHS)
    skills, scores = [], []
    for number in range(2):
        prepared = folds.samples(number, 20)
        network = SignalLSTM.untrained(prepared.train.table.shape[1], config)
        fit(network, prepared.train, prepared.validation, config)
        labels = prepared.test.labels.astype(float)
        location, scale = predict(network, prepared.test)
        scores.append(stats.t(6, location, scale).logpdf(labels).mean())
        skills.append(scores[-1] - stats.t(6).logpdf(labels).mean())
    return skills, scores


def test_log_scores_are_those_of_the_fitted_networks(objective, oracle):
    scored = objective()(ONE_LAYER, Listener())
    found = [fold["log_score_nats"] for fold in scored.folds]
    assert found == pytest.approx(oracle[1], rel=1e-5)
    assert scored.mean("log_score_nats") == pytest.approx(np.mean(found))
    assert not scored.pruned


def test_equal_configurations_have_equal_values(objective):
    one = objective()(ONE_LAYER, Listener())
    other = SPACE.defaults()
    assert objective()(other, Listener()).folds != one.folds
    assert objective()(ONE_LAYER, Listener()) == one


def test_a_log_score_is_reported_by_epoch_and_by_fold(objective, oracle):
    listener = Listener()
    objective()(ONE_LAYER, listener)
    assert listener.steps == [0, 1, 2, 3, 4, 5]
    said = dict(listener.heard)
    skills, _ = oracle
    assert said[EPOCHS] == pytest.approx(skills[0], rel=1e-4)
    assert said[2 * EPOCHS + 1] == pytest.approx(np.mean(skills), rel=1e-4)
    assert said[1] >= said[0]  # of the best epoch so far


@pytest.mark.parametrize(("names", "metric"), [("sharpe", "sharpe_annual"), ("ic", "ic")])
def test_other_objectives_are_reported_by_fold(objective, names, metric):
    listener = Listener()
    scored = objective(names)(ONE_LAYER, listener)
    found = [fold[metric] for fold in scored.folds]
    assert listener.heard == [
        (EPOCHS, pytest.approx(found[0])),
        (2 * EPOCHS + 1, pytest.approx(np.mean(found))),
    ]


def test_of_several_objectives_nothing_is_reported(objective):
    listener = Listener(stop_at=0)
    scored = objective("log_score,sharpe")(ONE_LAYER, listener)
    assert listener.heard == []
    assert len(scored.folds) == 2
    assert not scored.pruned


@pytest.mark.parametrize(("stop_at", "folds"), [(0, 0), (2, 1), (3, 1)])
def test_it_stops_when_it_is_told_to(objective, stop_at, folds):
    listener = Listener(stop_at)
    scored = objective()(ONE_LAYER, listener)
    assert scored.pruned
    assert len(scored.folds) == folds
    assert listener.steps[-1] == stop_at


def test_after_the_last_fold_there_is_nothing_to_stop(objective):
    scored = objective()(ONE_LAYER, Listener(stop_at=2 * EPOCHS + 1))
    assert not scored.pruned


def test_an_objective_that_is_not_finite_is_an_error(objective, monkeypatch):
    judge = tuned_objective.judge

    def broken(span, prediction):
        judged = judge(span, prediction)
        return replace(judged, metrics={**judged.metrics, "sharpe_annual": float("nan")})

    monkeypatch.setattr(tuned_objective, "judge", broken)
    with pytest.raises(ObjectiveNotFinite, match="sharpe of fold 0 is nan"):
        objective("sharpe")(ONE_LAYER, Listener())
    assert objective("ic")(ONE_LAYER, Listener()).folds


def test_a_network_that_diverges_is_an_error(parts):
    folds, options = parts
    wild = replace(CONFIG, gradient_norm=1e18)
    measured = FoldObjective(folds, options, wild, EPOCHS, objectives_named("log_score"))
    values = dict(ONE_LAYER) | {"learning_rate": 1e18}
    with pytest.raises(TrainingDiverged):
        measured(values, Listener())


@pytest.mark.parametrize("names", ["", "profit", "ic,ic", "log_score, sharpe"])
def test_objectives_that_are_not_there_are_refused(names):
    with pytest.raises(InvalidConfig, match="objectives must be one or more of"):
        objectives_named(names)


def test_objectives_are_maximised_in_their_order():
    found = objectives_named("sharpe,log_score")
    assert [(each.name, each.direction) for each in found] == [
        ("sharpe", "maximize"),
        ("log_score", "maximize"),
    ]


def test_a_mean_is_over_the_folds():
    assert Scored(({"ic": 0.1}, {"ic": 0.3}), pruned=False).mean("ic") == pytest.approx(0.2)
