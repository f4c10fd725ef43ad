"""The pages that flows log, in the artifact viewer of MLflow's UI, in a real browser."""

import re

import browser
import numpy as np
import pytest
from contracts.optimiser_suite import TWO
from mlflow import MlflowClient
from spaces import SMALL

from ordinis_mlflow.drift import DriftReference, DriftTable
from ordinis_mlflow.drift.report import calibrated_report, raw_report
from ordinis_mlflow.tracking.page import page as summary
from ordinis_mlflow.tracking.timeline import Lane, timeline
from ordinis_mlflow.tuning import figures, open_study, run_trials

COLUMNS = ("quiet_column", "loud_column")
DRAWN = "[...document.images].map(i => `${i.alt} ${i.naturalWidth > 0}`).join()"


def drift_pages():
    """Of a check in which one column of two drifted."""
    rng = np.random.default_rng(0)
    reference = DriftReference.fit(rng.normal(size=(600, 2)), COLUMNS)
    table = DriftTable(COLUMNS, np.arange(60), rng.normal(size=(60, 2)) * [1.0, 9.0])
    check = reference.check(table.values, COLUMNS)
    assert check.drifted == COLUMNS[1:]
    return {
        "report": calibrated_report(reference, check, table).html(),
        "raw_columns": raw_report(reference, check, table).html(),
    }


def tuning_pages():
    """Of a study with two objectives."""
    with open_study("study", SMALL, TWO, method="random") as study:
        run_trials(study, lambda s, _: dict.fromkeys(("sharpe", "p99_ms"), float(s.number)), 4)
        return figures.pages(study)


def replay_page():
    """A summary with a timeline."""
    dates = np.datetime64("2008-01-01", "ns") + np.arange(300) * np.timedelta64(1, "D")
    drawn = timeline(dates, np.linspace(1.0, 0.5, 300), [Lane("loop", *[dates[:2]] * 3)], {})
    return summary("Retraining replayed", ["no worse"], {"timeline": drawn}, {})


@pytest.fixture(scope="module")
def pages():
    """By name."""
    return {**drift_pages(), **tuning_pages(), "summary": replay_page()}


@pytest.fixture(scope="module")
def shown(pages, server, tmp_path_factory):
    """Give what the viewer's frames show of a page, and the errors of its scripts."""
    with browser.browser(tmp_path_factory.mktemp("shown") / "profile") as devtools:
        client = MlflowClient(server.url)
        run = client.create_run("0")
        for name, page in pages.items():
            client.log_text(run.info.run_id, page, f"pages/{name}.html")

        def look(name, *words, of=browser.TEXT):
            where = f"experiments/0/runs/{run.info.run_id}/artifacts/pages/{name}.html"
            with browser.page(devtools, f"{server.url}/#/{where}") as page:
                return page.wait_for(*words, of=of), page.errors

        yield look


needs_browser = pytest.mark.skipif(
    browser.PATH is None, reason="needs chromium (apt-get install chromium)"
)


@needs_browser
def test_the_verdicts_are_readable(shown):
    text, errors = shown("report", *COLUMNS, "Drift Score")
    table = " ".join(text[text.index("Drift Score") :].split())
    assert re.search(r"loud_column num Detected Wasserstein distance \(normed\) 2\.\d+", table)
    assert re.search(r"quiet_column num Not Detected Wasserstein", table)
    assert not errors


@needs_browser
def test_so_are_the_raw_columns(shown):
    text, errors = shown("raw_columns", *COLUMNS, "number of rows")
    assert re.search(r"number of rows\s+60\s+600", text)
    assert not errors


@needs_browser
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("history", ["Trial", "sharpe", "p99_ms"]),
        ("importance", ["threads", "momentum"]),
        ("parallel_coordinate", ["sharpe", "p99_ms", "threads"]),
        ("slice", ["sharpe", "p99_ms", "threads"]),
        ("pareto", ["sharpe", "p99_ms"]),
    ],
)
def test_figures_of_a_tuning_are_drawn(shown, name, words):
    _, errors = shown(name, *words, of=browser.PLOTTED)
    assert not errors


@needs_browser
def test_the_timeline_of_a_replay_is_drawn(shown):
    _, errors = shown("summary", "timeline true", of=DRAWN)
    assert not errors
