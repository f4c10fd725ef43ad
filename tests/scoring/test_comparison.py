"""Tests of many forecasters on losses whose truth is known."""

import math

import numpy as np
import pandas as pd
import pytest

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.scoring.comparison import (
    SpaResult,
    model_confidence_set,
    superior_predictive_ability,
)

N = 400
NAMES = ("a", "b", "c")


def losses(seed, *means):
    """(N, k) losses with a common part, as of forecasters on the same days."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((N, 1)) + rng.standard_normal((N, len(means))) + np.array(means)


def frame(seed, *means):
    return pd.DataFrame(losses(seed, *means), columns=list(NAMES[: len(means)]))


# superior_predictive_ability


def test_a_clearly_better_other_is_found():
    benchmark, *others = losses(0, 0.0, 0.1, -0.5, 0.1).T
    got = superior_predictive_ability(benchmark, np.stack(others, axis=1), NAMES, samples=500)
    assert got.p_lower <= got.p_consistent <= got.p_upper < 0.01
    assert got.best == "b"


def test_a_clearly_better_benchmark_is_kept():
    benchmark, *others = losses(1, -0.5, 0.0, 0.1, 0.0).T
    got = superior_predictive_ability(benchmark, np.stack(others, axis=1), NAMES, samples=500)
    assert got.p_upper > 0.9
    assert got.p_lower <= got.p_consistent <= got.p_upper


def test_equals_are_rejected_about_as_often_as_stated():
    # 60 data sets, seeds 0 to 59; four standard errors of a share of 0.1 are 0.15.
    p_values = []
    for seed in range(60):
        benchmark, *others = losses(seed, 0.0, 0.0, 0.0).T
        others = np.stack(others, axis=1)
        found = superior_predictive_ability(benchmark, others, NAMES[:2], samples=100, seed=seed)
        p_values.append(found.p_consistent)
    assert np.mean(np.array(p_values) < 0.1) <= 0.25


def test_a_noisy_loser_does_not_hide_a_small_clear_lead():
    # Without a division by its standard error, the greatest mean of chance is the noisy one's.
    benchmark, better, _ = losses(3, 0.0, 0.0, 0.0).T
    better = benchmark - 0.05 + 0.05 * better
    noisy = benchmark + 20 * np.random.default_rng(4).standard_normal(N)
    others = np.stack([better, noisy], axis=1)
    got = superior_predictive_ability(benchmark, others, ["better", "noisy"], samples=500)
    assert got.p_consistent < 0.01
    assert got.best == "better"


def test_the_unit_of_one_difference_does_not_matter():
    benchmark, *others = losses(5, 0.0, -0.05, 0.0).T
    p_values = set()
    for unit in (1.0, 64.0):  # exact in binary
        scaled = np.stack([benchmark - (benchmark - others[0]) * unit, others[1]], axis=1)
        p_values.add(superior_predictive_ability(benchmark, scaled, NAMES[:2], samples=200))
    assert len({p.p_consistent for p in p_values}) == 1


def test_copies_of_the_benchmark_do_not_count():
    benchmark, worse = losses(6, 0.0, 0.5).T
    copies = np.stack([benchmark, benchmark], axis=1)
    got = superior_predictive_ability(benchmark, copies, NAMES[:2])
    assert got == SpaResult(1.0, 1.0, 1.0, "a")
    beside = np.stack([benchmark, worse], axis=1)
    got = superior_predictive_ability(benchmark, beside, NAMES[:2], samples=200)
    alone = superior_predictive_ability(benchmark, worse[:, None], ["b"], samples=200)
    assert got == alone
    assert got.p_lower > 0.3


# model_confidence_set


def test_a_clearly_better_forecaster_stays_alone():
    got = model_confidence_set(frame(0, 0.5, -0.5, 0.6), samples=500)
    assert got.included == ("b",)
    assert got.p_values["b"] == 1.0
    assert list(got.p_values) == list(NAMES)
    assert max(got.p_values["a"], got.p_values["c"]) <= got.size == 0.10


def test_equals_are_kept_and_the_loser_leaves():
    got = model_confidence_set(frame(1, 0.0, 0.0, 1.0), samples=500)
    assert got.included == ("a", "b")
    assert got.p_values["c"] <= 0.10 < min(got.p_values["a"], got.p_values["b"])


def test_the_best_is_kept_about_as_often_as_stated():
    # 60 data sets, seeds 0 to 59: at size 0.10 a best one is missing in 0.10 + 0.15 at most.
    kept = [
        len(model_confidence_set(frame(seed, 0.0, 0.0, 0.0), samples=100, seed=seed).included) == 3
        for seed in range(60)
    ]
    assert np.mean(kept) >= 0.75


def test_copies_share_a_place():
    table = frame(2, 0.0, 0.0)
    got = model_confidence_set(table.assign(copy=table["b"]), samples=200)
    without = model_confidence_set(table, samples=200)
    assert got.p_values == without.p_values | {"copy": without.p_values["b"]}
    alone = model_confidence_set(table[["a"]].assign(copy=table["a"]))
    assert alone.p_values == {"a": 1.0, "copy": 1.0}
    assert alone.included == ("a", "copy")


# both


def spa(table, **settings):
    others = table.iloc[:, 1:]
    return superior_predictive_ability(table.iloc[:, 0], others, list(others), **settings)


@pytest.mark.parametrize("test", [spa, model_confidence_set])
class TestBoth:
    def test_the_seed_decides(self, test):
        table = frame(7, 0.0, 0.05, -0.03)
        same = [test(table, samples=100, seed=1) for _ in range(2)]
        assert same[0] == same[1]
        assert test(table, samples=100, seed=2) != same[0]

    @pytest.mark.parametrize("name", ["least", "benchmark", "a b"])
    def test_any_name_will_do(self, test, name):
        table = frame(7, 0.0, 0.05, -0.03)
        assert test(table.rename(columns={"b": name}), samples=20)

    def test_losses_that_differ_by_a_constant_are_refused(self, test):
        table = frame(8, 0.0, 0.0)
        table["a"] = np.resize([0.0, 1.0, 0.0, 2.0], N)
        with pytest.raises(InvalidConfig, match="differ by the same amount at every date"):
            test(table.assign(c=table["a"] + 1), samples=20)

    @pytest.mark.parametrize("error", [FloatingPointError, ValueError])
    def test_what_arch_raises_is_translated(self, test, error, monkeypatch):
        def stop(_):
            raise error("it stopped")

        for name in ("SPA", "MCS"):
            monkeypatch.setattr(f"arch.bootstrap.{name}.compute", stop)
        with pytest.raises(InvalidConfig, match="arch stopped with: it stopped") as caught:
            test(frame(8, 0.0, 0.0), samples=20)
        assert isinstance(caught.value.__cause__, error)

    def test_missing_losses_are_refused(self, test):
        table = frame(8, 0.0, 0.0)
        table.loc[3, "b"] = math.nan
        with pytest.raises(InvalidConfig, match="loss of b must be finite, but value 3 is nan"):
            test(table)

    def test_few_losses_are_refused(self, test):
        with pytest.raises(InvalidConfig, match="needs at least 8 values, got 7"):
            test(frame(8, 0.0, 0.0)[:7])

    @pytest.mark.parametrize("bad", [{"samples": 0}, {"samples": -1}, {"seed": -1}])
    def test_bad_settings_are_refused(self, test, bad):
        ((name, value),) = bad.items()
        with pytest.raises(InvalidConfig, match=f"got .*{name}={value}"):
            test(frame(8, 0.0, 0.0), **bad)

    def test_names_that_repeat_are_refused(self, test):
        table = frame(8, 0.0, 0.0, 0.0).set_axis(["a", "b", "b"], axis=1)
        with pytest.raises(InvalidConfig, match="one distinct name per column"):
            test(table)


@pytest.mark.parametrize("size", [0, 1, 10, math.nan])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(InvalidConfig, match=f"size must be between 0 and 1, got {size}"):
        model_confidence_set(frame(8, 0.0, 0.0), size=size)


def test_losses_of_another_shape_are_refused():
    with pytest.raises(InvalidConfig, match=r"losses must have shape \(400, 1\)"):
        superior_predictive_ability(np.zeros(N), np.zeros((N, 2)), ["a"])
