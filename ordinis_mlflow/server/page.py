"""Ledger pages: what was decided about which version, when, by whom and why; for people.

HTML without scripts and without anything loaded from elsewhere; what the ledger holds is escaped,
whoever wrote it. Every page has its JSON beside it for programs.
"""

import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from mlflow.utils.workspace_context import get_request_workspace
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ordinis_mlflow.errors import LedgerError
from ordinis_mlflow.ledger import Decision, Ledger
from ordinis_mlflow.ledger.records import TAKES
from ordinis_mlflow.server.access import OpenAccess
from ordinis_mlflow.server.render import Renderer, json_answer
from ordinis_mlflow.server.telling import Told, nanoseconds, utc
from ordinis_mlflow.server.verified import Verifier

SHOWN = 200
"""Decisions on a page."""
MOST = 5000
"""Decisions in one JSON answer."""
PRODUCTION = "Production"
CODES = {
    400: "INVALID_PARAMETER_VALUE",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    500: "INTERNAL_ERROR",
}
"""MLflow's names of errors."""


class Pages:
    """The pages of one server.

    Args:
        ledger: gives the ledger; called at the first request, for the store is made then.
        access: who may read what.
        base: path of the server's own pages, ``/ordinis`` and what stands before it.
    """

    def __init__(self, ledger: Callable[[], Ledger], access: OpenAccess, base: str) -> None:
        self._ledger = ledger
        self._access = access
        self._base = base
        self._verifier = Verifier(ledger)
        self._render = Renderer(base)

    @property
    def routes(self) -> list[Route]:
        """Below ``base``; a model's name may hold any letter."""
        return [
            Route("/", self.home),
            Route("/ledger", self.all_decisions),
            Route("/ledger.json", self.all_decisions_json),
            Route("/ledger/{model:path}/{version}", self.one_version),
            Route("/production", self.production),
            Route("/evidence/{model:path}/{version}", self.evidence),
        ]

    def home(self, request: Request) -> Response:
        """To the ledger."""
        return RedirectResponse(f"{self._base}/ledger")

    def all_decisions(self, request: Request) -> Response:
        """The newest decisions, of one model with ``?model=``; a page before another by number."""
        model, before = request.query_params.get("model", "").strip(), _number(request, "before")
        told, unreadable = [], ""
        try:
            told = self._told(request, model or None, SHOWN, before)
        except LedgerError as error:  # the top of the page says where the chain is broken
            unreadable = str(error)
        return self._page(request, "ledger.html", told=told, model=model, unreadable=unreadable)

    def all_decisions_json(self, request: Request) -> Response:
        """The same for programs, ``?limit=`` of them, and where the chain is broken."""
        model, before = request.query_params.get("model") or None, _number(request, "before")
        limit = min(_number(request, "limit") or SHOWN, MOST)
        told = self._told(request, model, limit, before)
        return json_answer({"chain": self._chain(), "decisions": [one.as_json() for one in told]})

    def one_version(self, request: Request) -> Response:
        """Every decision about one version, newest first."""
        model, version = request.path_params["model"], request.path_params["version"]
        told = [d for d in self._told(request, model, None) if str(d.entry.version) == version]
        if not told:
            raise HTTPException(404, f"no decision about version {version} of {model!r}")
        return self._page(request, "version.html", told=told, model=model, version=version)

    def production(self, request: Request) -> Response:
        """What was in production at a moment, and by which decision."""
        model = request.query_params.get("model", "").strip()
        given = request.query_params.get("at", "").strip()
        try:
            at = nanoseconds(given) if given else time.time_ns()
        except (ValueError, OverflowError):
            raise HTTPException(
                400, f"at={given!r} is no moment: write 2026-03-01T14:30, in UTC"
            ) from None
        why = self._holder(request, model, at) if model else None
        return self._page(request, "production.html", model=model, at=utc(at), given=given, why=why)

    def evidence(self, request: Request) -> Response:
        """SHA-256 of a version's proven files, for clients that check what they load."""
        model, version = request.path_params["model"], request.path_params["version"]
        self._may_read(request, model)
        found = self._ledger().evidence(model, version, _workspace(), TAKES)
        if found is None:
            raise HTTPException(404, f"no evidence about version {version} of {model!r}")
        return json_answer({"model": model, "version": version, **_evidence(found)})

    def _told(
        self, request: Request, model: str | None, limit: int | None, before: int | None = None
    ) -> list[Told]:
        self._signed_in(request)
        if model:
            self._may_read(request, model)
        found = self._ledger().decisions(model, _workspace(), limit, before)
        return [Told(decision) for decision in self._readable(request, found)]

    def _readable(self, request: Request, found: Iterable[Decision]) -> Iterable[Decision]:
        """Those of models that the user may read; each model is asked about once."""
        if self._access.may_read(request, None):
            return found
        may = cache(lambda model: self._access.may_read(request, model))
        return [decision for decision in found if may(decision.entry.model)]

    def _holder(self, request: Request, model: str, at: int) -> Told | None:
        self._may_read(request, model)
        found = self._ledger().holder_at(model, PRODUCTION, at, _workspace())
        return Told(found) if found else None

    def _may_read(self, request: Request, model: str) -> None:
        self._signed_in(request)
        if not self._access.may_read(request, model):
            raise HTTPException(403, f"you may not read {model!r}")

    def _signed_in(self, request: Request) -> None:
        check_signed_in(self._access, request)

    def _chain(self) -> dict[str, Any]:
        found = self._verifier.verified()
        broken = [{"number": one.number, "what": str(one)} for one in found.broken]
        return {
            "whole": not broken,
            "broken": broken,
            "anchor": found.anchor,
            "checked_at": utc(found.at),
        }

    def failed(self, request: Request, error: Exception) -> Response:
        """An error in the form in which the page or the program that asked reads it."""
        status = getattr(error, "status_code", 500)
        said = str(getattr(error, "detail", error))
        headers = getattr(error, "headers", None)
        if request.method == "GET" and not _for_programs(request):
            return self._render.html("error.html", status, headers, said=said)
        return json_answer(
            {"error_code": CODES.get(status, "BAD_REQUEST"), "message": said}, status, headers
        )

    def _page(self, request: Request, template: str, **shown: Any) -> Response:
        self._signed_in(request)
        return self._render.html(template, chain=self._verifier.verified(), **shown)


def check_signed_in(access: OpenAccess, request: Request) -> None:
    """Let a known user through.

    Raises:
        HTTPException: 401.
    """
    if access.user(request) is None:
        wanted = {"www-authenticate": 'Basic realm="mlflow"'}
        raise HTTPException(401, "sign in to see the ledger", headers=wanted)


def _workspace() -> str:
    """The ledger's name of the request's workspace: empty for the default one."""
    active = get_request_workspace() or DEFAULT_WORKSPACE_NAME
    return "" if active == DEFAULT_WORKSPACE_NAME else active


def _number(request: Request, name: str) -> int | None:
    asked = request.query_params.get(name, "")
    return int(asked) if asked.isascii() and asked.isdecimal() and len(asked) < 10 else None


def _evidence(found: Any) -> dict[str, Any]:
    told = Told(found).as_json()
    return {name: told[name] for name in ("number", "at", "action", "target", "policy", "digests")}


def _for_programs(request: Request) -> bool:
    path = request.url.path
    return path.endswith(".json") or "/evidence/" in path
