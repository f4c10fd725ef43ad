"""One request to an ASGI app in this process, spelled exactly as given."""

import asyncio
import json
from dataclasses import dataclass


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


def ask(app, path, method="GET", body=b"", headers=()):
    path, _, query = path.partition("?")
    named = {"host": "testserver", **dict(headers)}
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": query.encode(), "root_path": "", "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in named.items()],
        "client": ("127.0.0.1", 1), "server": ("testserver", 80), "http_version": "1.1",
    }  # fmt: skip
    heard = []

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message):
        heard.append(message)

    asyncio.run(app(scope, receive, send))
    start = heard[0]
    parts = (message.get("body", b"") for message in heard[1:])
    told = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], told, b"".join(parts))
