"""A space beside the class that its configurations become."""

from dataclasses import dataclass, replace

import pytest

from ordinis_mlflow.errors import InvalidConfig, InvalidSpace
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.params import (
    BoolParam,
    CategoricalParam,
    Condition,
    FloatParam,
    IntParam,
    OrdinalParam,
    Space,
    Special,
)

LSTM = (
    IntParam("hidden_dim", 8, 256, log=True),
    IntParam("num_layers", 1, 4),
    FloatParam("dropout", 0.05, 0.6, special=(Special(0.0),)),
    FloatParam("learning_rate", 1e-5, 1e-1, log=True),
    OrdinalParam("batch_size", (16, 32, 64, 128)),
    BoolParam("mixed_precision"),
)
DEEP = (Condition("dropout", "num_layers", above=1),)


def test_defaults_are_read_from_the_class():
    space = Space.of(LSTMConfig, LSTM, DEEP)
    assert LSTMConfig(**space.defaults()) == LSTMConfig()
    for configuration in space.grid(2):
        config = LSTMConfig(**configuration)
        assert replace(config, **configuration) == config


@dataclass(frozen=True)
class Engine:
    threads: int = 0
    chunk: int = 64
    spin: bool = True
    level: str = "all"
    rate: float = 0.5
    required: int | None = None

    def __post_init__(self):
        if self.threads > 8:
            raise InvalidConfig(f"threads must be at most 8, got {self.threads}")
        if self.threads == 8 and self.chunk == 128:
            raise InvalidConfig("8 threads have no memory for chunks of 128")


THREADS = IntParam("threads", 1, 4, special=(Special(0),))


@pytest.mark.parametrize(
    ("params", "rule"),
    [
        ((IntParam("therads", 1, 4, default=1),), "'therads' is no field with a default of Engine"),
        ((IntParam("therads", 1, 4),), "'therads' is no field with a default of Engine"),
        ((IntParam("threads", 1, 4),), "default is outside its range: threads .* got 0"),
        ((replace(THREADS, default=2),), "Engine.threads is 0 by default, the space has 2"),
        ((FloatParam("threads", 0, 4),), "Engine.threads is of type int, the space has float"),
        ((IntParam("rate", 0, 1, default=0),), "Engine.rate is of type float, the space has int"),
        ((CategoricalParam("spin", (0, 1), default=1),), "is of type bool, the space has int"),
        ((replace(THREADS, high=9),), "Engine refuses {'threads': 9}, .* at most 8, got 9"),
        (
            (replace(THREADS, special=(Special(0), Special(99))),),
            "Engine refuses {'threads': 99}",
        ),
        ((BoolParam("required", default=True),), "Engine.required is of type NoneType"),
        (
            (replace(THREADS, high=8), IntParam("chunk", 32, 128)),
            "Engine refuses {'chunk': 128, 'threads': 8}, .* no memory",
        ),
    ],
)
def test_what_drifted_apart_is_refused(params, rule):
    with pytest.raises(InvalidSpace, match=rule):
        Space.of(Engine, params)


def test_what_fits_is_accepted():
    space = Space.of(
        Engine,
        (
            THREADS,
            IntParam("chunk", 32, 128),
            BoolParam("spin"),
            CategoricalParam("level", ("all", "basic")),
            FloatParam("rate", 0.0, 1.0),
        ),
    )
    assert Engine(**space.defaults()) == Engine()


@pytest.mark.parametrize("thing", [dict, Engine(), None])
def test_a_space_is_held_to_a_dataclass(thing):
    with pytest.raises(InvalidSpace, match="held to a dataclass"):
        Space.of(thing, (THREADS,))
