"""What a study has come to: a bar while it is measured, pages and a table when it ends."""

from types import TracebackType

import mlflow
import pandas as pd
from tqdm import tqdm

from ordinis_mlflow.tuning import Study, Trial
from ordinis_mlflow.tuning.figures import pages

FOLDER = "tuning"
FINISHED = ("complete", "pruned", "failed")


class Progress:
    """A bar of the configurations that are finished, by all workers, now and before.

    Args:
        study: that is measured.
        trials: of it in the end.
    """

    def __init__(self, study: Study, trials: int) -> None:
        self._study = study
        self._bar = tqdm(total=trials, unit="trial", desc="tuning", initial=len(finished(study)))

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.close()

    def look(self) -> None:
        """Draw what has been finished since."""
        done = finished(self._study)
        if len(done) == self._bar.n:
            return
        best = {name: f"{value:.4f}" for name, value in best_values(self._study).items()}
        self._bar.set_postfix(best, refresh=False)
        self._bar.update(len(done) - self._bar.n)


def finished(study: Study) -> list[Trial]:
    """The last trial of each configuration, of those that nobody is at."""
    latest = {trial.configuration: trial for trial in study.trials()}
    return [trial for trial in latest.values() if trial.state in FINISHED]


def log_study(study: Study) -> None:
    """Pages of figures, a table of all trials and their number, to the active run."""
    for name, page in pages(study).items():
        mlflow.log_text(page, f"{FOLDER}/{name}.html")
    trials = study.trials()
    mlflow.log_text(table(trials).to_csv(index=False), f"{FOLDER}/trials.csv")
    counts = {state: sum(trial.state == state for trial in trials) for state in FINISHED}
    mlflow.log_metrics({f"{FOLDER}/{state}": float(count) for state, count in counts.items()})
    mlflow.log_metrics({f"{FOLDER}/best_{k}": value for k, value in best_values(study).items()})


def best_values(study: Study) -> dict[str, float]:
    """Of each objective the greatest value; none while no trial is complete."""
    complete = [trial.values for trial in study.trials() if trial.state == "complete"]
    names = [objective.name for objective in study.objectives if complete]
    return {name: max(values[name] for values in complete) for name in names}


def table(trials: tuple[Trial, ...]) -> pd.DataFrame:
    """A row a trial: number, state, seconds, values, configuration, and why it failed."""
    return pd.DataFrame(
        {
            "trial": trial.number,
            "state": trial.state,
            "seconds": trial.seconds,
            **trial.values,
            **trial.configuration,
            "reason": trial.reason,
        }
        for trial in trials
    )
