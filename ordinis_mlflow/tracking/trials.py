"""Trials: how often something was judged on the same bars and test span, as the store knows it.

The number of attempts is counted, not typed in: every run that is about to read a test span says so
in its tags first. Failed and deleted runs count: what they saw, somebody has seen.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import mlflow
import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run, ViewType
from mlflow.utils import get_results_from_paginated_fn

from ordinis_mlflow.evaluation import TestSpan, Trials
from ordinis_mlflow.tracking.report import RETURNS

BARS, FIRST, LAST = "ordinis.judged.bars", "ordinis.judged.first", "ordinis.judged.last"
TRIAL = "ordinis.judged.trial"
SHARPE = "sharpe_annual"
PAGE = 1000
MOST_RETURNS = 50
"""Trials whose returns are read: the newest."""


@dataclass(frozen=True)
class Judged:
    """What a run reads of the future, by which two attempts are known to be at the same thing.

    Attributes:
        bars: digest of the symbols' names: a file that was renamed is no other market.
        first: first decision time of the test span.
        last: its last one.
    """

    bars: str
    first: np.datetime64
    last: np.datetime64

    @classmethod
    def of(cls, span: TestSpan) -> "Judged":
        """The rows of a span."""
        names = "\n".join(sorted({str(symbol) for symbol in span.symbols}))
        digest = hashlib.sha256(names.encode()).hexdigest()[:16]
        return cls(digest, span.dates[0], span.dates[-1])

    def tags(self) -> dict[str, str]:
        """As a run carries it."""
        return {BARS: self.bars, FIRST: str(self.first), LAST: str(self.last)}

    def meets(self, tags: dict[str, str]) -> bool:
        """Whether a run with these tags read some of the same dates."""
        if not {FIRST, LAST} <= tags.keys():
            return False
        first, last = np.datetime64(tags[FIRST]), np.datetime64(tags[LAST])
        return bool(first <= self.last and self.first <= last)


def declare(span: TestSpan, trial: str) -> Judged:
    """Tag the active run before its test span is read.

    Args:
        span: what will be read.
        trial: what is judged, by the run that fitted it: to judge one model twice is one attempt.
    """
    judged = Judged.of(span)
    mlflow.set_tags({**judged.tags(), TRIAL: trial})
    return judged


def count_trials(judged: Judged, tracking_uri: str | None = None, returns: bool = True) -> Trials:
    """Everything on the tracking server that was judged on some of the same dates of these symbols.

    In all experiments, whatever became of the run. Runs that tune on other rows and never read the
    test span carry the tags as well: choosing among them is what overfits.

    Args:
        judged: which dates.
        tracking_uri: of the store; MLflow's own setting by default.
        returns: whether those that runs kept are read, which takes time.
    """
    client = MlflowClient(tracking_uri)
    found = _runs(client, judged)
    runs = list({run.data.tags.get(TRIAL, run.info.run_id): run for run in found}.values())
    sharpes = [value for run in runs if (value := _sharpe(run)) is not None]
    kept = _returns(client, runs) if returns else pd.DataFrame()
    return Trials(len(runs), np.array(sharpes, dtype=np.float64), kept)


def _runs(client: MlflowClient, judged: Judged) -> Iterator[Run]:
    experiments = get_results_from_paginated_fn(
        lambda count, token: client.search_experiments(ViewType.ALL, count, page_token=token), PAGE
    )
    ids = [each.experiment_id for each in experiments]
    wanted = f"tags.`{BARS}` = '{judged.bars}'"
    runs = get_results_from_paginated_fn(
        lambda count, token: client.search_runs(ids, wanted, ViewType.ALL, count, page_token=token),
        PAGE,
    )
    yield from (run for run in runs if judged.meets(run.data.tags))


def _sharpe(run: Run) -> float | None:
    """Under whatever prefix the run logged it."""
    names = (SHARPE, f"test/{SHARPE}", f"walk/{SHARPE}")
    return next((run.data.metrics[name] for name in names if name in run.data.metrics), None)


def _returns(client: MlflowClient, runs: Sequence[Run]) -> pd.DataFrame:
    """A column a run, of those that kept their returns."""
    columns = {}
    for run in runs[:MOST_RETURNS]:
        if _sharpe(run) is not None and run.info.lifecycle_stage == "active":
            kept = _kept_returns(client, run)
            if kept is not None:
                columns[run.info.run_id] = kept
    return pd.DataFrame(columns)


def _kept_returns(client: MlflowClient, run: Run) -> pd.Series | None:
    folder = RETURNS.rpartition("/")[0]
    files = client.list_artifacts(run.info.run_id, folder)
    if not any(file.path == RETURNS for file in files):
        return None
    with tempfile.TemporaryDirectory() as place:
        path = mlflow.artifacts.download_artifacts(
            run_id=run.info.run_id,
            artifact_path=RETURNS,
            dst_path=place,
            tracking_uri=client.tracking_uri,
        )
        return pd.read_parquet(path).iloc[:, 0]
