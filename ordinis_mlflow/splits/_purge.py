"""Which samples may train beside a given test block."""

import numpy as np

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.splits._times import Mask, Times


def date_blocks(starts: Times, ends: Times, count: int) -> list[Mask]:
    """(n,) each: the samples of as many blocks of neighbouring dates, oldest first.

    Raises:
        InvalidConfig: there are fewer dates than blocks, or a label is longer than a block.
    """
    dates, date = np.unique(starts, return_inverse=True)
    if len(dates) < count:
        raise InvalidConfig(
            f"{count} folds need as many dates, got {len(dates)}; give more dates or fewer folds"
        )
    blocks = np.array_split(np.arange(len(dates)), count)
    _refuse_long_labels(starts, ends, dates[[block[0] for block in blocks]])
    return [(date >= block[0]) & (date <= block[-1]) for block in blocks]


def apart(starts: Times, ends: Times, block: Mask, embargo: np.timedelta64) -> Mask:
    """The samples whose label shares no time with the block's labels, nor follows them too closely.

    A label covers [start, end], both included.

    Args:
        starts: (n,) decision times.
        ends: (n,) times at which the labels are known.
        block: (n,) the samples of neighbouring test dates.
        embargo: after the last label of the block has ended, not after its last date.

    Returns:
        (n,): whether a sample may train.
    """
    first, last = starts[block].min(), ends[block].max()
    # Not start > last + embargo: that sum can be beyond what nanoseconds can tell, and wrap.
    clear: Mask = (ends < first) | ((starts > last) & (starts - last > embargo))
    return clear


def refuse_nothing(train: Mask, fold: str) -> None:
    """InvalidConfig if a fold has nothing to train on."""
    if not train.any():
        raise InvalidConfig(
            f"{fold} has nothing to train on: all of {len(train)} samples are tested, purged or "
            "under embargo; give more dates, a shorter label or a shorter embargo"
        )


def _refuse_long_labels(starts: Times, ends: Times, firsts: Times) -> None:
    """A label longer than a fold is a mistaken horizon: it would empty the folds around it."""
    lengths, shortest = ends - starts, np.diff(firsts).min()
    i = int(lengths.argmax())
    if lengths[i] > shortest:
        raise InvalidConfig(
            f"no label may be longer than a fold, but that of sample {i} lasts "
            f"{_readable(lengths[i])} and the shortest of {len(firsts)} folds "
            f"{_readable(shortest)}; give fewer folds, more dates or a shorter label"
        )


def _readable(length: np.timedelta64) -> str:
    hours = length / np.timedelta64(1, "h")
    return f"{hours / 24:g} days" if hours >= 24 else f"{hours:g} hours"
