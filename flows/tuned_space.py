"""The space of the LSTM's tunables: ours, or one that a user wrote; both held to its config class.

With one layer there is no dropout between layers, and the one before the head stays as it is by
default.
"""

from pathlib import Path

from flows.command_line import NONE, given
from ordinis_mlflow.errors import InvalidConfig, InvalidSpace
from ordinis_mlflow.network import LSTMConfig
from ordinis_mlflow.params import Condition, FloatParam, IntParam, Space
from ordinis_mlflow.params.space_json import space_from_json

UNTUNED = {
    "epochs": "trials train for trial_epochs",
    "patience": "it says how long a training may last, and trials are held to trial_epochs",
    "threads": "it changes how long a trial takes and not what it is worth",
    "mixed_precision": "it changes how long a trial takes and hardly what it is worth",
    "seed": "the luckiest seed is no better than any other",
}


def lstm_space() -> Space:
    """What a study tunes unless it is told otherwise."""
    return Space.of(
        LSTMConfig,
        (
            IntParam("hidden_dim", 8, 128, log=True),
            IntParam("num_layers", 1, 3),
            FloatParam("dropout", 0.0, 0.6),
            IntParam("sequence_length", 10, 90, step=10),
            FloatParam("learning_rate", 1e-4, 1e-2, log=True),
            IntParam("batch_size", 32, 256, log=True),
            FloatParam("weight_decay", 1e-4, 1e-1, log=True),
            FloatParam("gradient_norm", 0.1, 10.0, log=True),
        ),
        (Condition("dropout", "num_layers", above=1),),
    )


def space_of(path: str = NONE) -> Space:
    """The space in a JSON file, as ``Space.to_json`` writes it; ours if none is named.

    Where a parameter's default is null, it is that of the class.

    Raises:
        InvalidSpace: the file holds no space, or it does not fit LSTMConfig, or it tunes what must
            not be tuned.
        FileNotFoundError: there is no such file.
    """
    file = given(path)
    if file is None:
        return lstm_space()
    try:
        space = Space.of(LSTMConfig, *space_from_json(Path(file).read_text(encoding="utf-8")))
    except (InvalidSpace, UnicodeDecodeError, IsADirectoryError, PermissionError) as error:
        raise InvalidSpace(f"space {file}: {error}") from error
    for name in (param.name for param in space.params):
        if name in UNTUNED:
            raise InvalidSpace(f"space {file}: {name} is not tuned: {UNTUNED[name]}")
    return space


def refuse_set(space: Space, config: LSTMConfig) -> None:
    """Refuse a setting that every trial would choose anew.

    Raises:
        InvalidConfig: names it.
    """
    for param in space.params:
        value = getattr(config, param.name)
        if value != param.default:
            raise InvalidConfig(
                f"{param.name}={value!r} would not be used, for it is tuned: leave it out, or pass "
                f"a space without {param.name}"
            )


def sequence_lengths(space: Space, config: LSTMConfig) -> tuple[int, int]:
    """The shortest and the longest that a trial can have."""
    tuned = [param for param in space.params if param.name == "sequence_length"]
    found = [int(corner) for param in tuned for corner in param.corners()]
    found.append(config.sequence_length)
    return min(found), max(found)
