"""Artifact guard: ASGI middleware that keeps the files of registered versions as they are.

It stands directly before MLflow's routers, inside its own checks of host, origin, user and
workspace, and sees the native routes and those of Flask alike. Reads pass untouched. A write is
judged before it begins; an upload of several pieces again before its last one is handed on, so that
a version that is registered meanwhile is not overwritten by an upload that began before.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import replace

from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ordinis_mlflow.server.asked import Asked, Refused, query_of
from ordinis_mlflow.server.routes import IN_BODY, READS, change_of
from ordinis_mlflow.server.rules import Rules

MAX_BODY = 16 * 2**20
"""Bytes of a request that is read whole; MLflow takes 10 MiB of an upload in one piece."""

STATUS = {"UNAUTHENTICATED": 401, "BAD_REQUEST": 400, "INVALID_PARAMETER_VALUE": 400}
log = logging.getLogger(__name__)

Identify = Callable[[Request], object | None]


class ArtifactGuard:
    """The middleware.

    Args:
        app: what answers a request that is let through.
        rules: judge changes; made when the first request comes, for the stores are made then.
        identify: the request's user, None if it has none; None where everybody may ask.
    """

    def __init__(
        self, app: ASGIApp, rules: Callable[[], Rules], identify: Identify | None = None
    ) -> None:
        self._app = app
        self._rules = rules
        self._identify = identify

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http" or scope["method"] in READS:
            return await self._app(scope, receive, send)
        change = change_of(scope["method"].upper(), scope["path"])
        if change is None:
            return await self._app(scope, receive, send)
        asked = Asked(change, query_of(scope["query_string"]))
        try:
            if self._identify is not None:
                await run_sync(self._known_user, Request(scope))
            if change.kind in IN_BODY:
                asked = replace(asked, body=await _whole(receive))
                first: Message = {"type": "http.request", "body": asked.body}
            else:
                first = await receive()
            await run_sync(self._judge, asked)
        except Refused as refused:
            return await _answer(refused)(scope, receive, send)
        receive = _after(first, receive)
        if first.get("more_body"):
            return await self._upload(asked, scope, receive, send)
        return await self._app(scope, receive, send)

    async def _upload(self, asked: Asked, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand an upload on piece by piece, and judge it once more before the last one."""
        refused: list[Refused] = []

        async def judged() -> Message:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                try:
                    await run_sync(self._judge, asked)
                except Refused as error:
                    refused.append(error)
                    return {"type": "http.disconnect"}  # nothing of a broken upload is kept
            return message

        async def unless_refused(message: Message) -> None:
            if not refused:
                await send(message)

        try:
            await self._app(scope, judged, unless_refused)
        except Exception:
            if not refused:
                raise
        if refused:
            await _answer(refused[0])(scope, receive, send)

    def _known_user(self, request: Request) -> None:
        """Who may not ask at all learns nothing about what is registered.

        Raises:
            Refused: 401.
        """
        if self._identify is None or self._identify(request) is None:
            raise Refused("sign in to change artifacts", "UNAUTHENTICATED")

    def _judge(self, asked: Asked) -> None:
        try:
            self._rules().judge(asked)
        except Refused:
            raise
        except Exception as error:
            log.exception("the artifact guard could not decide")
            raise Refused(
                "the server could not find out whether these artifacts are registered, and so "
                "leaves them as they are: see its log"
            ) from error


def _answer(refused: Refused) -> Response:
    text = " ".join(str(refused).split())
    status = STATUS.get(refused.code, 403)
    headers = {"www-authenticate": 'Basic realm="mlflow"'} if status == 401 else None
    body = json.dumps({"error_code": refused.code, "message": text})
    return Response(body, status, headers, "application/json")


async def _whole(receive: Receive) -> bytes:
    """A short request's body.

    Raises:
        Refused: it is longer than any honest one, or the client left.
    """
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused("the request ended early", "BAD_REQUEST")
        part = message.get("body", b"")
        parts.append(part)
        size, more = size + len(part), message.get("more_body", False)
        if size > MAX_BODY:
            raise Refused(f"this request holds at most {MAX_BODY} bytes", "BAD_REQUEST")
    return b"".join(parts)


def _after(first: Message, receive: Receive) -> Receive:
    """What was received already, and then the rest."""
    told = [first]

    async def tell() -> Message:
        return told.pop() if told else await receive()

    return tell
