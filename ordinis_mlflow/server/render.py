"""Answers of the server's own pages: HTML that loads and runs nothing, and strict JSON."""

import base64
import hashlib
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from ordinis_mlflow.server.telling import figure, short, strict_json, utc

TEMPLATES = Path(__file__).with_name("templates")
HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Renderer:
    """Fills templates; whatever is filled in is escaped.

    Args:
        base: path of the server's own pages, for links.
    """

    def __init__(self, base: str) -> None:
        self._base = base

    def html(self, template: str, status: int = 200, headers: Any = None, **shown: Any) -> Response:
        """A page."""
        page = self._templates.get_template(template)
        filled = page.render(base=self._base, style=self._style, **shown)
        sent = {**HEADERS, "content-security-policy": self._policy, **(headers or {})}
        return HTMLResponse(filled, status, sent)

    @cached_property
    def _style(self) -> str:
        return (TEMPLATES / "style.css").read_text(encoding="utf-8")

    @cached_property
    def _policy(self) -> str:
        """Nothing is loaded, nothing runs; the one style sheet is known by its digest."""
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        return (
            f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        )

    @cached_property
    def _templates(self) -> Environment:
        made = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.filters |= {"short": short, "figure": figure, "segment": _segment, "utc": utc}
        return made


def json_answer(value: Any, status: int = 200, headers: Any = None) -> Response:
    """The same for programs."""
    sent = {**HEADERS, **(headers or {})}
    return Response(strict_json(value), status, sent, "application/json")


def _segment(text: str) -> str:
    return quote(text, safe="")
