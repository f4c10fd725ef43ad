"""The OpenAPI document: what it says is what the routes are."""

import json
import re

import jsonschema_rs
import pytest

from ordinis_mlflow.serving.openapi import document
from ordinis_mlflow.serving.refusals import CODES
from ordinis_mlflow.serving.routes import routes
from ordinis_mlflow.serving.service import Service
from ordinis_mlflow.serving.settings import Limits
from ordinis_mlflow.telemetry import ServingMetrics


@pytest.fixture(scope="module")
def by_path():
    return routes(Service(Limits()), None, ServingMetrics()).by_path


@pytest.fixture(scope="module")
def written(by_path):
    return json.loads(json.dumps(document(by_path)))


def operations(written):
    for path, methods in written["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_route_and_method_is_in_it_and_nothing_else(by_path, written):
    handled = {(path, m.lower()) for path, route in by_path.items() for m in route.handlers}
    assert {(path, method) for path, method, _ in operations(written)} == handled


def test_every_path_is_found_and_its_parts_are_described(by_path, written):
    for path, _, operation in operations(written):
        parts = set(re.findall(r"{(\w+)}", path))
        assert parts == {p["name"] for p in operation["parameters"] if p["in"] == "path"}


def test_names_of_operations_differ(written):
    names = [operation["operationId"] for *_, operation in operations(written)]
    assert len(set(names)) == len(names)


def test_only_open_routes_need_no_key(by_path, written):
    for path, _, operation in operations(written):
        assert ("401" not in operation["responses"]) == by_path[path].open


def test_every_status_has_a_code_of_mlflows(written):
    for *_, operation in operations(written):
        assert {int(status) for status in operation["responses"]} <= {200, 202, *CODES}


def test_every_schema_is_one(written):
    """And every reference leads somewhere: a validator can be made of each component."""
    schemas = written["components"]["schemas"]
    for name in schemas:
        root = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        jsonschema_rs.Draft202012Validator(root)
    used = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(written)))
    assert used == set(schemas)
