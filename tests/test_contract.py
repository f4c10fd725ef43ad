"""ModelContract: its file and what it refuses."""

import json
import math
from dataclasses import MISSING, fields, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordinis_mlflow.contract import ModelContract
from ordinis_mlflow.errors import InvalidContract
from ordinis_mlflow.recalibration import Recalibration

CONTRACT = ModelContract(
    format=1,
    feature_set="technical@1",
    features=("log_return_1", "realised_volatility_20"),
    fingerprint={"log_return_1": (0.1, -1e-300), "realised_volatility_20": (1 / 3, 2e22)},
    feature_lookback=120,
    sequence_length=60,
    label="forward log return",
    horizon=5,
    volatility="realised_volatility_20",
    volatility_floor=1e-5,
    degrees_of_freedom=6,
    no_trade_band=0.1,
    frequency="P1DT0H0M0S",
    data_source="arch sp500 — daily",
    data_digest="0" * 64,
    data_rows=5031,
    data_first="1999-01-04T00:00:00+00:00",
    data_last="2018-12-31T00:00:00+00:00",
    train_last="2015-12-31T00:00:00+00:00",
)
FIELDS = [field.name for field in fields(ModelContract)]
REQUIRED = [field.name for field in fields(ModelContract) if field.default is MISSING]


def text_with(**changes: object) -> str:
    return json.dumps(json.loads(CONTRACT.to_json()) | changes)


def test_json_round_trip():
    read = ModelContract.from_json(CONTRACT.to_json())
    assert read == CONTRACT
    assert isinstance(read.features, tuple)
    assert all(isinstance(rows, tuple) for rows in read.fingerprint.values())
    assert list(read.fingerprint) == list(CONTRACT.fingerprint)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=4),
    band=st.floats(0, 1, exclude_max=True),
    source=st.text(),
)
def test_json_keeps_every_bit(rows, band, source):
    contract = replace(
        CONTRACT, fingerprint={"a": tuple(rows)}, no_trade_band=band, data_source=source
    )
    assert ModelContract.from_json(contract.to_json()) == contract


def test_json_is_indented_and_ends_with_a_newline():
    text = CONTRACT.to_json()
    assert text.startswith('{\n  "format": 1,\n')
    assert text.endswith("}\n")
    assert list(json.loads(text)) == FIELDS


def test_a_number_that_json_has_no_word_for_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(CONTRACT, fingerprint={"a": (math.nan,)}).to_json()


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_field_is_refused_by_name(name):
    values = json.loads(CONTRACT.to_json())
    del values[name]
    with pytest.raises(InvalidContract, match=f"'{name}'"):
        ModelContract.from_json(json.dumps(values))


def test_unknown_fields_are_refused_by_name():
    with pytest.raises(InvalidContract, match=r"unknown fields \['colour', 'taste'\]"):
        ModelContract.from_json(text_with(taste=1, colour="blue"))


@pytest.mark.parametrize(("steps", "expected"), [(1, 120), (60, 179)])
def test_lookback_is_the_bars_of_one_window(steps, expected):
    assert replace(CONTRACT, sequence_length=steps).lookback == expected


def test_bar_spacing_is_the_frequency():
    assert CONTRACT.bar_spacing == pd.Timedelta(days=1)
    assert replace(CONTRACT, frequency="P0DT0H5M0S").bar_spacing == pd.Timedelta(minutes=5)


@pytest.mark.parametrize("name", ["feature_lookback", "sequence_length", "horizon", "data_rows"])
@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_counts_below_one_are_refused(name, value):
    rule = f"{name} must be a whole number of at least 1, got {value}"
    with pytest.raises(InvalidContract, match=rule):
        ModelContract.from_json(text_with(**{name: value}))


@pytest.mark.parametrize("band", [-0.1, 1.0, math.nan, math.inf])
def test_band_outside_its_range_is_refused(band):
    with pytest.raises(InvalidContract, match=rf"no_trade_band must be in \[0, 1\), got {band}"):
        replace(CONTRACT, no_trade_band=band)


def test_volatility_must_be_a_feature():
    with pytest.raises(InvalidContract, match=r"volatility 'atr' is none of .*log_return_1"):
        replace(CONTRACT, volatility="atr")


RECALIBRATED = replace(
    CONTRACT, recalibration="isotonic", recalibration_parameters=(0.4, 0.6, 1 / 3, 0.7)
)


def test_recalibration_is_kept_to_the_bit():
    read = ModelContract.from_json(RECALIBRATED.to_json())
    assert read == RECALIBRATED
    assert read.recalibration_parameters == (0.4, 0.6, 1 / 3, 0.7)
    said = Recalibration(read.recalibration, read.recalibration_parameters)
    assert said.apply(np.array([0.5])).round(6).tolist() == [0.516667]


def test_a_contract_from_before_recalibration_has_none():
    values = json.loads(CONTRACT.to_json())
    del values["recalibration"], values["recalibration_parameters"]
    assert ModelContract.from_json(json.dumps(values)) == CONTRACT
    assert (CONTRACT.recalibration, CONTRACT.recalibration_parameters) == ("none", ())


@pytest.mark.parametrize(
    ("method", "parameters", "rule"),
    [
        ("beta", [], "got 'beta' with 0"),
        ("none", [1.0], "got 'none' with 1"),
        ("platt", [], "got 'platt' with 0"),
        ("platt", [1.0], "got 'platt' with 1"),
        ("platt", [1.0, 0.0, 0.0], "got 'platt' with 3"),
        ("isotonic", [], "got 'isotonic' with 0"),
        ("isotonic", [0.5, 0.5], "got 'isotonic' with 2"),
        ("isotonic", [0.1, 0.2, 0.3, 0.4, 0.5], "got 'isotonic' with 5"),
        (None, [], "got None with 0"),
        (["platt"], [1.0, 0.0], "unhashable"),
        ("platt", [1.0, math.nan], "must be finite numbers"),
        ("platt", [1.0, True], "must be finite numbers"),
        ("platt", [1.0, "0"], "must be finite numbers"),
        ("platt", [1.0, [0.0]], "must be finite numbers"),
        ("platt", "ab", "must be finite numbers"),
        ("platt", 1.0, "not iterable"),
    ],
)
def test_a_recalibration_that_is_none_is_refused(method, parameters, rule):
    with pytest.raises(InvalidContract, match=rule):
        ModelContract.from_json(
            text_with(recalibration=method, recalibration_parameters=parameters)
        )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "null",
        "7",
        "[]",
        "{}",
        CONTRACT.to_json()[:-10],
        text_with(horizon="5"),
        text_with(features=5),
        text_with(fingerprint=[1, 2]),
        text_with(fingerprint={"log_return_1": 5}),
        text_with().replace('"data_rows": 5031', '"data_rows": ' + "5" * 5000),
        "[" * 100_000,
    ],
    ids=[
        "empty", "garbage", "null", "number", "list", "object", "cut", "text-horizon",
        "number-features", "list-fingerprint", "number-rows", "digits", "deep",
    ],
)  # fmt: skip
def test_what_is_no_contract_is_refused(text):
    with pytest.raises(InvalidContract, match=r"contract\.json|horizon must be a whole number"):
        ModelContract.from_json(text)
