"""Audit: all four checks of one pipeline.

False alarms of the whole, measured on honest pipelines (least squares with a penalty, two symbols,
500 random markets each): 0.8 % at a horizon of 1 bar and 1.4 % where returns follow each other;
1.2 % at 5 bars, and 2.6 % there with 2,000 bars a symbol. All were of `shuffle` and `shift`; the
others compare bits.
"""

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.leakage.fitted import Pipeline
from ordinis_mlflow.leakage.future import future
from ordinis_mlflow.leakage.shift import shift
from ordinis_mlflow.leakage.shuffle import shuffle
from ordinis_mlflow.leakage.truncation import truncation
from ordinis_mlflow.verdict import Verdict

RUNS = 4
"""How often the pipeline is run; once more where its weights changed."""


def audit(pipeline: Pipeline, bars: Bars, seed: int = 7) -> list[Verdict]:
    """Every verdict on a pipeline; each failed one names its probable cause.

    Args:
        pipeline: from bars to forecasts.
        bars: what it is run on, four times and each time changed otherwise.
        seed: of the order of moves in the shuffle check.
    """
    fitted = pipeline.fit(bars)
    # What runs nothing comes first: bars that are too few are refused at once.
    cheap = [*truncation(pipeline, bars, fitted), *shift(fitted)]
    return [*cheap, *future(pipeline, bars, fitted), *shuffle(pipeline, bars, seed)]
