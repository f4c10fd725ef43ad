"""Promote and roll back over HTTP: the registry store's own methods, for scripts and people."""

import json
from typing import Any

from mlflow.exceptions import MlflowException
from mlflow.server.handlers import _get_model_registry_store
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ordinis_mlflow.server.access import OpenAccess
from ordinis_mlflow.server.page import check_signed_in
from ordinis_mlflow.server.render import json_answer

MAX_BODY = 64 * 2**10
FIELDS = {
    "promote": ({"name", "version", "target"}, {"reason", "key"}),
    "rollback": ({"name", "version", "reason"}, {"target"}),
}
"""What each takes: what it needs, and what else it may be told."""


class Actions:
    """``POST /ordinis/promote`` and ``POST /ordinis/rollback``.

    Args:
        access: who may manage which model.
    """

    def __init__(self, access: OpenAccess) -> None:
        self._access = access

    @property
    def routes(self) -> list[Route]:
        """Below ``/ordinis``."""
        return [
            Route("/promote", self.promote, methods=["POST"]),
            Route("/rollback", self.rollback, methods=["POST"]),
        ]

    async def promote(self, request: Request) -> Response:
        """``{"name", "version", "target", "reason", "key"}``."""
        return await self._act(request, "promote")

    async def rollback(self, request: Request) -> Response:
        """``{"name", "version", "reason", "target"}``."""
        return await self._act(request, "rollback")

    async def _act(self, request: Request, action: str) -> Response:
        _check_origin(request)
        said = _arguments(await _body(request), *FIELDS[action])
        return await run_in_threadpool(self._call, request, action, said)

    def _call(self, request: Request, action: str, said: dict[str, str]) -> Response:
        check_signed_in(self._access, request)
        if not self._access.may_manage(request, said["name"]):
            raise HTTPException(403, f"you may not move versions of {said['name']!r}")
        method = getattr(_get_model_registry_store(), action, None)
        if method is None:
            raise HTTPException(
                400,
                "this server's registry has no gates: start it with --registry-store-uri "
                "ordinis+sqlite:///… or ordinis+postgresql://…",
            )
        try:
            with self._access.request(request):  # the store writes down who asked
                version = method(**said)
        except MlflowException as error:
            return json_answer(json.loads(error.serialize_as_json()), error.get_http_status_code())
        fields = ("name", "version", "current_stage", "aliases")
        return json_answer({name: getattr(version, name) for name in fields})


def _check_origin(request: Request) -> None:
    """A page of another site cannot use the password that a browser remembers for this one."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "send application/json")
    origin = request.headers.get("origin")
    if origin and origin.partition("://")[2] != request.headers.get("host"):
        raise HTTPException(403, "the request comes from a page of another site")


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > MAX_BODY:
            raise HTTPException(413, f"at most {MAX_BODY} bytes")
    return b"".join(parts)


def _arguments(body: bytes, needed: set[str], further: set[str]) -> dict[str, str]:
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "send a JSON object") from None
    known = needed | further
    if not isinstance(said, dict) or not needed <= said.keys() <= known:
        raise HTTPException(400, f"send {sorted(needed)}, and if you like {sorted(further)}")
    if not all(isinstance(value, str | int) for value in said.values()):
        raise HTTPException(400, f"send a text for each of {sorted(said)}")
    return {name: str(value) for name, value in said.items()}
