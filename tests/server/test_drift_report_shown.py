"""The pages that a monitor logs, in the artifact viewer of MLflow's UI, in a real browser."""

import re

import browser
import numpy as np
import pytest
from mlflow import MlflowClient
from tracking_server import running

from ordinis_mlflow.drift import DriftReference, DriftTable
from ordinis_mlflow.drift.report import calibrated_report, raw_report

COLUMNS = ("quiet_column", "loud_column")


@pytest.fixture(scope="module")
def pages():
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


@pytest.fixture(scope="module")
def shown(pages, tmp_path_factory):
    """Give what the viewer's frames show of a page, and the errors of its scripts."""
    folder = tmp_path_factory.mktemp("shown")
    with running(folder / "server") as server, browser.browser(folder / "profile") as devtools:
        client = MlflowClient(server.url)
        run = client.create_run("0")
        for name, page in pages.items():
            client.log_text(run.info.run_id, page, f"drift/{name}.html")

        def look(name, *words):
            where = f"experiments/0/runs/{run.info.run_id}/artifacts/drift/{name}.html"
            with browser.page(devtools, f"{server.url}/#/{where}") as page:
                return page.wait_for(*words), page.errors

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
