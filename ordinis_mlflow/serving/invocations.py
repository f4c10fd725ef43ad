"""``/invocations``: MLflow's way in, with MLflow's bodies and with bars as they are."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ordinis_mlflow.errors import RequestRefused
from ordinis_mlflow.flavor import SignalModel
from ordinis_mlflow.serving.arms import Asked, Scored
from ordinis_mlflow.serving.http import Answer, Headers, Request
from ordinis_mlflow.serving.service import Service
from ordinis_mlflow.serving.strict_json import encode

Reader: TypeAlias = Callable[[bytes, SignalModel], Asked]
"""A body to what is asked; raises RequestRefused, InvalidWindows or InvalidBars."""


class Invocations:
    """The handler of ``POST /invocations``.

    Args:
        service: answers.
        readers: media type to how its bodies are read.
    """

    def __init__(self, service: Service, readers: Mapping[str, Reader]) -> None:
        self._service, self._readers = service, readers

    async def __call__(self, request: Request) -> Answer:
        """Answer the signal of each window, or the latest of each symbol."""
        arms = self._service.arms
        asked = self._reader(request)(request.body, arms.champion.model)
        scored = await self._service.score(request, asked, arms)
        return Answer(encode({"predictions": scored.signal.records()}), headers=who(scored))

    def _reader(self, request: Request) -> Reader:
        reader = self._readers.get(request.media_type)
        if reader is None:
            raise RequestRefused(
                415,
                "content_type",
                f"content type must be one of {', '.join(self._readers)}, "
                f"got {request.media_type!r}",
            )
        return reader


def who(scored: Scored) -> Headers:
    """The header that says which version answered."""
    labels = dict.fromkeys(part.served.label for part in scored.parts)
    return ((b"x-ordinis-model", ", ".join(labels).encode("ascii", "backslashreplace")),)
