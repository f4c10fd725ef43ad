"""Schemathesis: requests made from the OpenAPI document, good and bad, against a real server."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from signal_server import serving
from table_bodies import FILE, PARQUET, STREAM, WRITERS, damaged, few_bars

from ordinis_mlflow.serving.openapi import document
from ordinis_mlflow.serving.routes import routes
from ordinis_mlflow.serving.service import Service
from ordinis_mlflow.serving.settings import Limits, ServingSettings
from ordinis_mlflow.telemetry import ServingMetrics

pytestmark = pytest.mark.usefixtures("tracking_store")

for media in (PARQUET, STREAM, FILE):
    schemathesis.openapi.media_type(media, damaged(WRITERS[media](few_bars())))
DOCUMENT = document(routes(Service(Limits()), None, ServingMetrics()).by_path)
schema = schemathesis.openapi.from_dict(json.loads(json.dumps(DOCUMENT)))


@pytest.fixture(scope="module")
def server(saved_package):
    with serving(ServingSettings(model=str(saved_package))) as running:
        yield running


def test_it_is_the_document_that_the_server_shows(server):
    shown = json.loads(server.ask("GET", "/openapi.json").body)
    assert {path: shown["paths"][path] for path in DOCUMENT["paths"]} == DOCUMENT["paths"]


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_documented(case, server):
    """All checks but one: that bars obey their rules is more than a JSON Schema can ask for."""
    answer = case.call_and_validate(base_url=server.url, excluded_checks=[positive_data_acceptance])
    assert "Traceback" not in answer.text


def test_it_still_stands(server):
    assert server.alive()
    assert server.log.read_text() == ""
