"""The floor: uvicorn with one bare session and nothing else.

``python -m bench.peers.floor PORT``.
No check, no batching, no metrics, no log: what an answer costs before a server does anything.
"""

import json
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import numpy as np
import uvicorn

from bench.peers.graph import OUTPUTS, Graph

Message = MutableMapping[str, Any]
JSON = [(b"content-type", b"application/json")]


def application(graph: Graph) -> Callable[..., Awaitable[None]]:
    """An ASGI application that answers every request as MLflow's server would a valid one."""

    async def answer(
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        bars = np.array(json.loads(body)["inputs"]["bars"])
        columns = (column.tolist() for column in graph.fields(bars))
        records = [dict(zip(OUTPUTS, row, strict=True)) for row in zip(*columns, strict=True)]
        content = json.dumps({"predictions": records}).encode()
        length = (b"content-length", str(len(content)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*JSON, length]})
        await send({"type": "http.response.body", "body": content})

    return answer


def main() -> None:
    uvicorn.run(
        application(Graph()),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
