"""``/invocations``: MLflow's way in, with MLflow's bodies and with bars as they are."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from ordinis_mlflow.errors import RequestRefused
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.serving.answering import WRITERS, accepted
from ordinis_mlflow.serving.arms import Asked, Scored
from ordinis_mlflow.serving.http import Answer, Headers, Request
from ordinis_mlflow.serving.service import Service

INLINE_ROWS = 64
"""Answers of so many rows are written on the event loop's own thread."""

Result = TypeVar("Result")
Reader: TypeAlias = Callable[[bytes, SignalModel], Asked]
"""A body to what is asked; raises RequestRefused, InvalidWindows or InvalidBars."""


@dataclass(frozen=True, slots=True)
class Form:
    """Bodies of one media type.

    Attributes:
        read: what they ask.
        kind: what the OpenAPI document shows of them.
        inline_bytes: up to this size they are read on the event loop's own thread.
    """

    read: Reader
    kind: Any
    inline_bytes: int = 0


class Invocations:
    """The handler of ``POST /invocations``.

    Args:
        service: answers.
        forms: by media type.
        executor: where large bodies are read and large answers written.
    """

    def __init__(
        self, service: Service, forms: Mapping[str, Form], executor: Executor | None = None
    ) -> None:
        self._service, self._forms, self._executor = service, forms, executor

    async def __call__(self, request: Request) -> Answer:
        """Answer the signal of each window, or the latest of each symbol."""
        form = self._form(request)
        media = accepted(request.headers.get(b"accept"))
        # Before the body is read, which may take a while: this request keeps to these versions.
        arms = self._service.arms
        model = arms.champion.model
        if len(request.body) <= form.inline_bytes:
            asked = form.read(request.body, model)
        else:
            asked = await self._elsewhere(form.read, request.body, model)
        scored = await self._service.score(request, asked, arms)
        if len(asked.windows) <= INLINE_ROWS:
            body = WRITERS[media](asked, scored)
        else:
            body = await self._elsewhere(WRITERS[media], asked, scored)
        return Answer(body, content_type=media, headers=who(scored))

    def _form(self, request: Request) -> Form:
        form = self._forms.get(request.media_type)
        if form is None:
            raise RequestRefused(
                415,
                "content_type",
                f"content type must be one of {', '.join(self._forms)}, "
                f"got {request.media_type[:64]!r}",
            )
        _refuse_parameters(request.headers[b"content-type"])
        return form

    async def _elsewhere(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """Done by another thread; requests are answered meanwhile."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, work, *arguments)


def _refuse_parameters(content_type: bytes) -> None:
    """Only UTF-8 is read, and no other parameter has a meaning here."""
    if b";" not in content_type:
        return
    for parameter in content_type.lower().split(b";")[1:]:
        if parameter.strip().replace(b'"', b"") != b"charset=utf-8":
            raise RequestRefused(
                415, "content_type", "a content type may have no parameter but charset=utf-8"
            )


def who(scored: Scored) -> Headers:
    """The header that says which version answered."""
    labels = dict.fromkeys(part.served.label for part in scored.parts)
    return ((b"x-ordinis-model", ", ".join(labels).encode("ascii", "backslashreplace")),)
