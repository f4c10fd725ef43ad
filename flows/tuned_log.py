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
        values = [trial.values for trial in done if trial.state == "complete"]
        for objective in self._study.objectives if values else ():
            best = max(value[objective.name] for value in values)
            self._bar.set_postfix({objective.name: f"{best:.4f}"}, refresh=False)
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
    complete = [trial.values for trial in trials if trial.state == "complete"]
    for objective in study.objectives if complete else ():
        best = max(values[objective.name] for values in complete)
        mlflow.log_metric(f"{FOLDER}/best_{objective.name}", best)


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
