"""Choice of a recalibration: kept where one is needed, none where none is or nothing is known."""

import re

import numpy as np
import pytest
from scipy.special import expit

from ordinis_mlflow import recalibration_choice
from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.recalibration import NONE, fit_isotonic, fit_platt
from ordinis_mlflow.recalibration_choice import choose

DAY = np.timedelta64(1, "D")
GAINS = ["recalibration_platt_gain_nats", "recalibration_isotonic_gain_nats"]


def rows(n, factor=1.0, horizon=1, seed=0, symbols=1, spread=0.4):
    """Arguments of choose: log odds ``factor`` times too large, on ``n`` days a symbol."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0.1, spread, n * symbols)
    happened = rng.random(n * symbols) < expit(odds)
    starts = np.tile(np.datetime64("2020-01-01", "ns") + np.arange(n) * DAY, symbols)
    probability = expit(factor * odds).astype(np.float32)
    return probability, happened, starts, starts + horizon * DAY, horizon + 4


def outcome(arguments, **more):
    kept, verdicts = choose(*arguments, **more)
    return kept, {verdict.name: verdict for verdict in verdicts}


@pytest.mark.parametrize("factor", [3.0, 2.5])
@pytest.mark.parametrize("seed", range(5))
def test_planted_overconfidence_is_recalibrated(factor, seed):
    arguments = rows(800, factor, seed=seed)
    kept, verdicts = outcome(arguments)
    assert kept.method in ("platt", "isotonic")
    assert list(verdicts) == GAINS
    assert verdicts[f"recalibration_{kept.method}_gain_nats"].passed
    fit = {"platt": fit_platt, "isotonic": fit_isotonic}[kept.method]
    assert kept == fit(*arguments[:2])  # on all rows, not on a fold's


def test_planted_factor_is_undone():
    kept, _ = outcome(rows(800, 3.0, seed=3))
    assert kept.method == "platt"
    assert 0.2 < kept.parameters[0] < 0.5


def test_calibrated_probabilities_are_left_alone():
    """One-sided 95 % a candidate: at most 5 of 100 calibrated forecasts are touched."""
    kept = [outcome(rows(400, seed=seed))[0] for seed in range(100)]
    assert sum(each != NONE for each in kept) <= 5


def test_better_of_two_is_kept():
    _, verdicts = outcome(arguments := rows(800, 3.0, seed=1))
    kept, _ = outcome(arguments)
    passed = [verdict for verdict in verdicts.values() if verdict.passed]
    best = max(passed, key=lambda verdict: verdict.observed)
    assert best.name == f"recalibration_{kept.method}_gain_nats"


def test_a_verdict_tells_the_gain_with_its_error():
    _, verdicts = outcome(rows(800, 3.0))
    verdict = verdicts[GAINS[0]]
    assert verdict.limit == 0.0
    assert "over 800 dates" in str(verdict)
    assert "1.645 standard errors below" in str(verdict)


def test_a_panel_is_judged_by_date():
    """Two symbols with the same outcomes are no more evidence than one."""
    probability, happened, starts, ends, lags = rows(400, 2.0, seed=2)
    twice = (*(np.tile(each, 2) for each in (probability, happened, starts, ends)), lags)
    _, one = outcome((probability, happened, starts, ends, lags))
    _, two = outcome(twice)
    assert "over 400 dates" in two[GAINS[0]].reason
    assert two[GAINS[0]].observed == pytest.approx(one[GAINS[0]].observed, abs=2e-3)


def test_a_panel_of_two_symbols_is_recalibrated():
    kept, _ = outcome(rows(400, 3.0, symbols=2))
    assert kept != NONE


def test_order_of_rows_does_not_matter():
    *columns, lags = rows(300, 2.0, symbols=2)
    order = np.random.default_rng(0).permutation(600)
    _, one = outcome((*columns, lags))
    _, other = outcome((*(each[order] for each in columns), lags))
    for name in GAINS:
        assert other[name].observed == pytest.approx(one[name].observed, abs=1e-6)


def test_no_fit_sees_a_label_that_overlaps_its_test_rows(monkeypatch):
    """Each training part is rows of time apart from the fold that it is judged on."""
    seen = []

    def watched(probability, happened):
        seen.append(len(probability))
        return fit_platt(probability, happened)

    monkeypatch.setattr(recalibration_choice, "CANDIDATES", {"platt": watched})
    outcome(rows(500, horizon=10))
    # 100 test rows; labels of 10 days, both ends included, are purged before and after them.
    assert seen == [500, 390, 380, 380, 380, 390]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda p, y: (p[:99], y[:99]), "recalibration_rows"),
        (lambda p, y: (p[:0], y[:0]), "recalibration_rows"),
        (lambda p, y: (p, np.ones_like(y)), "recalibration_rarer_outcome"),
        (lambda p, y: (p, np.zeros_like(y)), "recalibration_rarer_outcome"),
        (lambda p, y: (np.full_like(p, 0.5), y), "recalibration_spread"),
        (lambda p, y: (np.where(p > 0.6, np.nan, p), y), "recalibration_finite_share"),
    ],
    ids=["few", "no-rows", "all-up", "all-down", "constant", "missing"],
)
def test_where_nothing_can_be_judged_the_answer_is_none_and_why(change, name):
    probability, happened, starts, ends, lags = rows(300, 3.0)
    p, y = change(probability, happened)
    kept, verdicts = outcome((p, y, starts[: len(p)], ends[: len(p)], lags))
    assert kept == NONE
    (verdict,) = verdicts.values()
    assert verdict.name == name
    assert not verdict.passed
    assert np.isfinite([verdict.observed, verdict.limit]).all()
    assert verdict.observed < verdict.limit


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (rows(300, 3.0, horizon=400), "no label may be longer than a fold"),
        (rows(3, 3.0, symbols=100), "need as many dates"),
        ((*rows(6, 3.0, symbols=100)[:4], 20), "lags must be from 0 to 5"),
        ((rows(300)[0] + 0.5, *rows(300)[1:]), r"in \[0, 1\]"),
    ],
    ids=["long-label", "few-dates", "many-lags", "no-probability"],
)
def test_what_the_folds_refuse_is_told(arguments, reason):
    kept, verdicts = outcome(arguments)
    assert kept == NONE
    assert list(verdicts) == GAINS
    for verdict in verdicts.values():
        assert not verdict.passed
        assert verdict.reason.startswith("could not be judged")
    assert re.search(reason, verdicts[GAINS[0]].reason)


def test_a_fold_whose_training_part_has_one_outcome_is_told():
    probability, _, *rest = rows(200, 3.0)
    only_at_first = np.arange(200) < 40  # the first of five folds, and nowhere else
    kept, verdicts = outcome((probability, only_at_first, *rest))
    assert kept == NONE
    assert "nothing to fit to" in verdicts[GAINS[0]].reason


def test_certainties_that_were_wrong_are_cured():
    probability, happened, *rest = rows(400, 40.0)
    assert {0.0, 1.0} & set(probability.tolist())
    kept, _ = outcome((probability, happened, *rest))
    assert kept != NONE


@pytest.mark.parametrize("cut", range(4))
def test_arrays_of_other_lengths_are_refused(cut):
    arguments = list(rows(200))
    arguments[cut] = arguments[cut][:-1]
    with pytest.raises(InvalidConfig, match=r"arrays of one length, got lengths \[199, 200\]"):
        choose(*arguments)


def test_one_fold_is_refused():
    with pytest.raises(InvalidConfig, match="n_folds must be"):
        choose(*rows(200), folds=1)


def test_the_same_rows_give_the_same_answer():
    assert outcome(rows(300, 3.0)) == outcome(rows(300, 3.0))
