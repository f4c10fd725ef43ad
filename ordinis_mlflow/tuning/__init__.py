"""Tuning: Optuna over declared parameters, for models and for what serves them.

    study = open_study(
        "lstm", space, [Objective("log_score")], url="sqlite:///mlflow.db", pruner="median"
    )
    with study:
        run_trials(study, measure, trials=60, timeout_s=3600)
        best, *_ = study.best()

where ``measure`` says what a configuration is worth, and may ask on the way whether to go on::

    def measure(suggestion: Suggestion, report: Report) -> Outcome:
        config = LSTMConfig(**suggestion.configuration)
        scores = []
        for fold in range(5):
            scores.append(score(config, fold))
            if report(fold, mean(scores)):
                return Pruned()
        return {"log_score": mean(scores)}

or step by step, where the loop is another::

    while (suggestion := study.suggest()) is not None:
        study.observe(suggestion, {"p99_ms": p99(suggestion.configuration)})

Start the same program again to resume, or several times at once to share the work: the study is
looked up by its name, and ``trials`` counts what all of them tried. The first trial is the default
configuration, so that there is something to be better than.

Every optimiser, built in or your own, does what ``tests/contracts/optimiser_suite.py`` asks of it.
"""

from ordinis_mlflow.tuning.heartbeat import Pulse
from ordinis_mlflow.tuning.loop import Measure, Report, run_trials
from ordinis_mlflow.tuning.methods import METHODS, PRUNERS, Method, grid
from ordinis_mlflow.tuning.opening import open_study
from ordinis_mlflow.tuning.optimiser import (
    Failed,
    Objective,
    Optimiser,
    Outcome,
    Pruned,
    Suggestion,
)
from ordinis_mlflow.tuning.study import Study
from ordinis_mlflow.tuning.trial import Trial

__all__ = [
    "METHODS",
    "PRUNERS",
    "Failed",
    "Measure",
    "Method",
    "Objective",
    "Optimiser",
    "Outcome",
    "Pruned",
    "Pulse",
    "Report",
    "Study",
    "Suggestion",
    "Trial",
    "grid",
    "open_study",
    "run_trials",
]
