"""The OpenAPI 3.1 document: made from the routes and the types that their handlers use."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from ordinis_mlflow import __version__
from ordinis_mlflow.serving.app import Route
from ordinis_mlflow.serving.described import Contents, Described, Parameter, Raw
from ordinis_mlflow.serving.refusals import REFUSALS

OPENAPI = "3.1.0"
COMPONENTS = "#/components/schemas/{name}"
JSON = "application/json"
KEY = "key"
AT_THE_DOOR = (408, 413, 500, 503)
"""Statuses with which any request may be refused, whatever its handler does."""
REQUEST_ID = Parameter(
    "X-Request-Id", "header", "Comes back; visible ASCII, at most 128, or the server makes its own."
)
TIMEOUT = Parameter(
    "X-Timeout-Ms", "header", "Whole milliseconds in which an answer is of use; shortens only."
)
IDENTIFIED = {"X-Request-Id": "Of the request."}
RETRIED = {"Retry-After": "Seconds after which to try again."}

Document = dict[str, Any]


def document(routes: Mapping[str, Route]) -> Document:
    """What the server answers, in the form that OpenAPI 3.1 states.

    Args:
        routes: by path; ``{name}`` stands for a part of it.
    """
    schemas = _Schemas(routes)
    return {
        "openapi": OPENAPI,
        "info": {"title": "ordinis_mlflow model server", "version": __version__},
        "paths": {
            path: {
                method.lower(): _operation(path, route, method, described, schemas)
                for method, described in route.described.items()
            }
            for path, route in routes.items()
        },
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {KEY: {"type": "http", "scheme": "bearer"}},
        },
    }


class _Schemas:
    """JSON Schema of every type in the routes, each under its own name once."""

    def __init__(self, routes: Mapping[str, Route]) -> None:
        types = dict.fromkeys(kind for kind in _types(routes) if not isinstance(kind, Raw))
        schemas, self.components = msgspec.json.schema_components(types, ref_template=COMPONENTS)
        self._of = dict(zip(types, schemas, strict=True))

    def content(self, contents: Contents) -> Document:
        """OpenAPI's ``content``."""
        return {media: {"schema": self._one(kinds)} for media, kinds in contents.items()}

    def _one(self, kinds: tuple[Any, ...]) -> Document:
        each = [dict(k.schema) if isinstance(k, Raw) else self._of[k] for k in kinds]
        return each[0] if len(each) == 1 else {"anyOf": each}


def _types(routes: Mapping[str, Route]) -> Iterator[Any]:
    for route in routes.values():
        yield REFUSALS[route.protocol]
        for described in route.described.values():
            for contents in (described.takes, described.answers):
                for kinds in contents.values():
                    yield from kinds


def _operation(
    path: str, route: Route, method: str, described: Described, schemas: _Schemas
) -> Document:
    statuses = sorted({*AT_THE_DOOR, *described.refusals, *(() if route.open else (401,))})
    operation: Document = {
        "operationId": "_".join(re.findall(r"\w+", f"{method.lower()}{path}")),
        "summary": described.text,
        "parameters": [_parameter(each) for each in (*described.parameters, REQUEST_ID, TIMEOUT)],
        "responses": {
            str(described.status): {
                "description": "Answered.",
                "headers": _headers({**IDENTIFIED, **described.headers}),
                **({} if method == "HEAD" else {"content": schemas.content(described.answers)}),
            },
            **{str(status): _refused(status, route, method, schemas) for status in statuses},
        },
        "security": [] if route.open else [{}, {KEY: []}],
    }
    if described.takes:
        operation["requestBody"] = {"required": True, "content": schemas.content(described.takes)}
    return operation


def _parameter(parameter: Parameter) -> Document:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.text,
        "schema": dict(parameter.schema),
    }


def _refused(status: int, route: Route, method: str, schemas: _Schemas) -> Document:
    content = {"content": schemas.content({JSON: (REFUSALS[route.protocol],)})}
    return {
        "description": HTTPStatus(status).phrase,
        "headers": _headers(IDENTIFIED | (RETRIED if status == 503 else {})),
        **({} if method == "HEAD" else content),
    }


def _headers(texts: Mapping[str, str]) -> Document:
    return {
        name: {"description": text, "required": True, "schema": {"type": "string"}}
        for name, text in texts.items()
    }
