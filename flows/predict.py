"""Predict: a file of bars to a file of signals, one for every bar with a whole window behind it."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from flows.command_line import NONE, given, parse, run
from ordinis_mlflow import flavor
from ordinis_mlflow.bars import load_bars
from ordinis_mlflow.errors import InvalidConfig

SUFFIXES = (".parquet", ".csv")


@dataclass(frozen=True)
class PredictOptions:
    """Parameters of the entry point ``predict``.

    Attributes:
        model: URI of the model.
        bars: a data set (sp500, nasdaq), or a .csv or .parquet file.
        output: a .parquet or .csv file to write; replaced if it exists.
        symbol: names the bars of a file without a symbol column.
        timezone: of timestamps that state none.
        precision: float32, int8 or fp16.
    """

    model: str = "models:/sp500@champion"
    bars: str = "sp500"
    output: str = "signals.parquet"
    symbol: str = NONE
    timezone: str = NONE
    precision: str = "float32"

    def __post_init__(self) -> None:
        if Path(self.output).suffix not in SUFFIXES:
            raise InvalidConfig(f"output must end in .parquet or .csv, got {self.output!r}")


def main(arguments: Sequence[str]) -> None:
    """The entry point ``predict``."""
    (options,) = parse(arguments, PredictOptions)
    bars = load_bars(options.bars, symbol=given(options.symbol), timezone=given(options.timezone))
    model = flavor.load_model(options.model, precision=options.precision)
    signals = model.signals(bars)
    write(signals, Path(options.output))
    print(f"{len(signals)} signals of {len(bars.symbols)} symbols written to {options.output}")


def write(signals: pd.DataFrame, path: Path) -> None:
    """Write the file whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        if path.suffix == ".csv":
            signals.to_csv(partial, index=False)
        else:
            signals.to_parquet(partial, index=False)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    run(main)
