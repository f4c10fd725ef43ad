"""FeatureSet: its columns, its look-back and its fingerprint."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import (
    TECHNICAL_1,
    BarArrays,
    Feature,
    FeatureSet,
    Fingerprint,
    History,
    probe_bars,
)
from ordinis_mlflow.features.feature_set import PROBE_ROWS
from ordinis_mlflow.features.oscillators import rsi
from ordinis_mlflow.features.price import log_return
from ordinis_mlflow.features.trend import macd_histogram
from ordinis_mlflow.features.volatility import high_low_range


def with_feature(name: str, feature: Feature) -> FeatureSet:
    """technical@1 with one feature computed otherwise, under its old name."""
    renamed = replace(feature, name=name)
    features = tuple(renamed if f.name == name else f for f in TECHNICAL_1.features)
    return replace(TECHNICAL_1, features=features)


def differences_to_technical(name: str, feature: Feature) -> dict[str, float]:
    return with_feature(name, feature).fingerprint().differences(TECHNICAL_1.fingerprint())


def scaled(feature: Feature, factor: float) -> Feature:
    return replace(feature, compute=lambda bars, windowed: feature.compute(bars, windowed) * factor)


def by_name(name: str) -> Feature:
    return TECHNICAL_1.features[TECHNICAL_1.names.index(name)]


def test_bar_arrays_take_columns_in_their_order():
    values = np.arange(30.0).reshape(2, 3, 5)
    bars = BarArrays.of(values)
    for column, name in enumerate(("open", "high", "low", "close", "volume")):
        np.testing.assert_array_equal(getattr(bars, name), values[..., column])
        np.testing.assert_array_equal(getattr(bars.newest(2), name), values[:, 1:, column])


def test_names_must_be_unique():
    with pytest.raises(InvalidConfig, match=r"'twice' needs features, and each name"):
        FeatureSet("twice", 1, (log_return(1), log_return(5), log_return(1)))


def test_a_set_needs_a_feature():
    with pytest.raises(InvalidConfig, match="'none' needs features"):
        FeatureSet("none", 1, ())


def test_lookback_is_the_longest():
    assert FeatureSet("two", 1, (log_return(5), high_low_range())).lookback == 6
    assert TECHNICAL_1.lookback == max(f.lookback for f in TECHNICAL_1.features) == 120


def test_columns_are_the_features_alone_in_order():
    bars = probe_bars(TECHNICAL_1.lookback + 30)
    table = TECHNICAL_1.history(bars)[-31:]
    for column, feature in enumerate(TECHNICAL_1.features):
        alone = feature.compute(BarArrays.of(bars), History())[-31:]
        np.testing.assert_array_equal(table[:, column], alone, err_msg=feature.name)


@pytest.mark.parametrize("bars", [0, 1, TECHNICAL_1.lookback - 1])
def test_history_shorter_than_the_lookback_is_all_nan(bars):
    table = TECHNICAL_1.history(probe_bars(bars))
    assert table.shape == (bars, len(TECHNICAL_1.names))
    assert np.isnan(table).all()


def test_as_many_bars_as_the_lookback_give_one_row():
    table = TECHNICAL_1.history(probe_bars(TECHNICAL_1.lookback))
    assert np.isnan(table[:-1]).all()
    assert np.isfinite(table[-1]).all()


def test_probe_bars_are_valid_and_do_not_depend_on_how_many():
    bars = probe_bars(500)
    opened, high, low, close, volume = bars.T
    assert (low <= np.minimum(opened, close)).all()
    assert (high >= np.maximum(opened, close)).all()
    assert (low > 0).all()
    assert (volume > 0).all()
    np.testing.assert_allclose(probe_bars(100), bars[:100], rtol=1e-13)


def test_fingerprint_matches_itself():
    fingerprint = TECHNICAL_1.fingerprint()
    assert list(fingerprint.values) == list(TECHNICAL_1.names)
    assert {len(rows) for rows in fingerprint.values.values()} == {PROBE_ROWS}
    assert fingerprint.matches(TECHNICAL_1.fingerprint())
    assert fingerprint.differences(TECHNICAL_1.fingerprint()) == {}


def test_fingerprint_survives_json_bit_for_bit():
    fingerprint = TECHNICAL_1.fingerprint()
    values = json.loads(json.dumps(fingerprint.values))
    assert Fingerprint({name: tuple(rows) for name, rows in values.items()}) == fingerprint


@pytest.mark.parametrize("name", TECHNICAL_1.names)
@pytest.mark.parametrize("change", [1e-6, -1e-8])
def test_fingerprint_names_the_feature_that_changed_and_by_how_much(name, change):
    differences = differences_to_technical(name, scaled(by_name(name), 1.0 + change))
    assert differences == {name: pytest.approx(abs(change), rel=1e-5)}


def test_a_change_of_the_last_bits_is_no_change():
    feature = scaled(by_name("rsi_14"), 1.0 + 1e-12)
    assert with_feature("rsi_14", feature).fingerprint().matches(TECHNICAL_1.fingerprint())


def test_fingerprint_knows_another_parameter_under_the_old_name():
    differences = differences_to_technical("rsi_14", rsi(15))
    assert list(differences) == ["rsi_14"]
    assert 1e-3 < differences["rsi_14"] < 0.2


def test_fingerprint_names_only_the_feature_whose_longer_window_lengthens_the_set():
    name = "macd_histogram_12_26_9"
    assert macd_histogram(12, 30, 9).lookback > TECHNICAL_1.lookback
    assert list(differences_to_technical(name, macd_histogram(12, 30, 9))) == [name]


def test_a_mathematically_identical_rewrite_matches():
    def compute(bars, windowed):
        return np.log(bars.close[..., 20:]) - np.log(bars.close[..., :-20])

    rewritten = with_feature("log_return_20", replace(log_return(20), compute=compute))
    ours, theirs = TECHNICAL_1.fingerprint(), rewritten.fingerprint()
    assert ours != theirs  # other bits
    assert ours.matches(theirs)
    assert theirs.matches(ours)


def test_another_order_does_not_match():
    backwards = replace(TECHNICAL_1, features=TECHNICAL_1.features[::-1])
    assert not backwards.fingerprint().matches(TECHNICAL_1.fingerprint())


def test_another_name_does_not_match():
    renamed = replace(by_name("rsi_14"), name="rsi")
    features = tuple(renamed if f.name == "rsi_14" else f for f in TECHNICAL_1.features)
    fingerprint = replace(TECHNICAL_1, features=features).fingerprint()
    differences = fingerprint.differences(TECHNICAL_1.fingerprint())
    assert differences == {"rsi": math.inf, "rsi_14": math.inf}
    assert not fingerprint.matches(TECHNICAL_1.fingerprint())


def test_a_missing_feature_does_not_match():
    fewer = replace(TECHNICAL_1, features=TECHNICAL_1.features[:-1]).fingerprint()
    for left, right in ((fewer, TECHNICAL_1.fingerprint()), (TECHNICAL_1.fingerprint(), fewer)):
        assert left.differences(right) == {TECHNICAL_1.names[-1]: math.inf}
        assert not left.matches(right)


def test_another_number_of_rows_does_not_match():
    assert Fingerprint({"a": (1.0, 2.0)}).differences(Fingerprint({"a": (1.0,)})) == {"a": math.inf}


@pytest.mark.parametrize("broken", [math.nan, math.inf])
def test_values_that_are_not_finite_match_no_number(broken):
    wrong, right = Fingerprint({"a": (1.0, broken)}), Fingerprint({"a": (1.0, 2.0)})
    assert not wrong.matches(right)
    assert not right.matches(wrong)
    assert list(right.differences(wrong)) == ["a"]
