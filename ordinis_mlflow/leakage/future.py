"""Future: bars of a later part are replaced by others, and nothing that came before it may change.

Sees, from the test's start on: a scaler fitted on all rows, labels that reach into the next part,
choices (early stopping, the best of several candidates) made on test rows, weights that saw any of
these, and forecasts whose window reaches past its moment. From the validation's start on: a scaler
fitted on validation rows, and training labels that reach into them. Weights may follow validation
rows, as those decide when training stops.

Does not see: a choice that a person made after looking at the test; a leak between rows of one
part; choices that `Fitted.choices` keeps quiet about and that came out the same.

False alarms: none by construction if the pipeline is repeatable, as results are compared to the
last bit. Where the weights differ, the pipeline is run once more on the same bars: if they differ
there as well, the verdict says so instead of naming a leak.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ordinis_mlflow.bars import Bars
from ordinis_mlflow.leakage.fitted import Fitted, Keyed, Pipeline
from ordinis_mlflow.leakage.gap import Gap, gap_of_arrays, gap_of_rows
from ordinis_mlflow.leakage.variants import replaced
from ordinis_mlflow.verdict import Verdict


def future(pipeline: Pipeline, bars: Bars, fitted: Fitted) -> list[Verdict]:
    """Whether anything fitted changes with bars that come after it; runs the pipeline twice.

    Args:
        pipeline: what is audited.
        bars: all of them.
        fitted: what the pipeline made of them.
    """
    test = pipeline.fit(replaced(bars, fitted.test_start))
    validation = pipeline.fit(replaced(bars, fitted.validation_start))
    samples = [
        _scaler("test", fitted, test),
        _labels("test", "training", fitted.train, test.train),
        _labels("test", "validation", fitted.validation, test.validation),
    ]
    learnt = [_choices(fitted, test), _weights(pipeline, bars, fitted, test)]
    learnt = [_following(each, samples) for each in learnt]
    return [
        *samples,
        *learnt,
        _following(_forecasts(fitted, test), [*samples, *learnt]),
        _scaler("validation", fitted, validation),
        _labels("validation", "training", fitted.train, validation.train),
    ]


def _following(verdict: Verdict, causes: Sequence[Verdict]) -> Verdict:
    """Say what a failure may follow from: whoever reads of it mends the cause first."""
    failed = ", ".join(cause.name for cause in causes if not cause.passed)
    if verdict.passed or not failed:
        return verdict
    return replace(verdict, reason=f"{verdict.reason}; it may follow from {failed}")


def _scaler(part: str, before: Fitted, after: Fitted) -> Verdict:
    return gap_of_arrays(before.scaler, after.scaler).verdict(
        f"{part}_reaches_scaler",
        f"the scaler does not follow the {part} bars",
        f"the scaler changes with the {part} bars: it was fitted on rows that come after training, "
        "probably on all",
    )


def _labels(part: str, of: str, before: Keyed, after: Keyed) -> Verdict:
    return gap_of_rows(before, after).verdict(
        f"{part}_reaches_{of}_labels",
        f"no {of} label follows the {part} bars",
        f"{of} labels change with the {part} bars: they overlap, and the samples before the border "
        "were not purged",
    )


def _choices(before: Fitted, after: Fitted) -> Verdict:
    return gap_of_arrays(before.choices, after.choices).verdict(
        "test_reaches_choices",
        "no figure that a choice was made by follows the test bars",
        "the figures that training was stopped or a candidate chosen by change with the test bars: "
        "early stopping reads the test part",
    )


def _weights(pipeline: Pipeline, bars: Bars, before: Fitted, after: Fitted) -> Verdict:
    gap = _gap_of_weights(before, after)
    fails = "the weights change with the test bars: the test part was trained or chosen on"
    if gap.largest and _gap_of_weights(before, pipeline.fit(bars)).largest:
        fails = (
            "the weights differ between two runs on the same bars: the pipeline is not repeatable, "
            "fix its seeds before it is audited"
        )
    return gap.verdict("test_reaches_weights", "the weights do not follow the test bars", fails)


def _gap_of_weights(before: Fitted, after: Fitted) -> Gap:
    if before.weights.keys() != after.weights.keys():
        return Gap(np.inf, f"weights {[*before.weights]} became {[*after.weights]}")
    gaps = (gap_of_arrays(value, after.weights[name]) for name, value in before.weights.items())
    return max(gaps, key=lambda gap: gap.largest, default=Gap(0.0))


def _forecasts(before: Fitted, after: Fitted) -> Verdict:
    """Rows that were purged count too: theirs are the windows that end right before the border."""
    earlier = before.means.where(~before.test), after.means.where(~after.test)
    return gap_of_rows(*earlier).verdict(
        "test_reaches_earlier_forecasts",
        "no forecast before the test follows the test bars",
        "forecasts made before the test change with its bars: a window or a feature reaches past "
        "its moment",
    )
