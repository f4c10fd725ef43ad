"""The space of a tuning fits the config class, whoever wrote it."""

import json
import re

import pytest

from flows.tuned_space import UNTUNED, lstm_space, refuse_set, sequence_lengths, space_of
from ordinis_mlflow.errors import InvalidConfig, InvalidSpace
from ordinis_mlflow.network import LSTMConfig


def number(name="learning_rate", kind="float", low=1e-4, high=1e-2, default=1e-3, **changes):
    return {
        "kind": kind, "name": name, "low": low, "high": high, "default": default,
        "log": False, "step": None, "special": [], **changes,
    }  # fmt: skip


LAYERS = number("num_layers", "int", 1, 3, 2)
DROPOUT = number("dropout", low=0.0, high=0.5, default=0.2)


def condition(child, parent, above=1):
    return {"child": child, "parent": parent, "values": [], "above": above, "below": None}


def space(*params, conditions=()):
    return json.dumps({"format": 1, "params": params, "conditions": conditions})


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "space.json"
        path.write_text(text)
        return str(path)

    return write


def test_the_defaults_are_the_default_network():
    assert LSTMConfig(**lstm_space().defaults()) == LSTMConfig()


def test_dropout_is_there_only_between_layers():
    values = dict(lstm_space().defaults())
    del values["dropout"]
    assert lstm_space().check({**values, "num_layers": 1})
    with pytest.raises(InvalidSpace, match="dropout is missing"):
        lstm_space().check({**values, "num_layers": 2})


def test_ours_written_and_read_is_ours(written):
    assert space_of(written(lstm_space().to_json())) == lstm_space() == space_of()


def test_a_default_that_is_left_out_is_the_class_s(written):
    (param,) = space_of(written(space(number(default=None)))).params
    assert param.default == LSTMConfig().learning_rate


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (space(), "at least one parameter"),
        (space(DROPOUT, conditions=[condition("dropout", "layers")]), "'layers' is no parameter"),
        (
            space(
                LAYERS,
                DROPOUT,
                conditions=[
                    condition("dropout", "num_layers"),
                    condition("num_layers", "dropout", 0.1),
                ],
            ),
            "conditions go in a circle",
        ),
        (space(number(default=1.0)), "the default is outside its range"),
        (space(number(default=2e-3)), "is 0.001 by default"),
        (space(number("momentum")), "'momentum' is no field"),
        (space(number(low=-1.0)), "LSTMConfig refuses {'learning_rate': -1.0}"),
        (space(number("seed", "int", 1, 9, 7)), "seed is not tuned: the luckiest seed"),
        ("params: []", "space"),
    ],
)
def test_a_space_that_cannot_be_is_refused(written, text, reason):
    path = written(text)
    with pytest.raises(InvalidSpace, match=re.escape(reason)) as refused:
        space_of(path)
    assert path in str(refused.value)


def test_a_folder_is_no_space(tmp_path):
    with pytest.raises(InvalidSpace, match="directory"):
        space_of(str(tmp_path))


def test_what_is_not_tuned_is_a_field():
    assert UNTUNED.keys() <= LSTMConfig().to_dict().keys()


def test_a_setting_that_is_tuned_cannot_be_set():
    refuse_set(lstm_space(), LSTMConfig(patience=3))
    with pytest.raises(InvalidConfig, match="hidden_dim=8 would not be used, for it is tuned"):
        refuse_set(lstm_space(), LSTMConfig(hidden_dim=8))


def test_sequence_lengths(written):
    assert sequence_lengths(lstm_space(), LSTMConfig()) == (10, 90)
    other = space_of(written(space(number())))
    assert sequence_lengths(other, LSTMConfig(sequence_length=33)) == (33, 33)
