"""A real receiver of signed requests on this machine, and decisions to tell it of."""

import hashlib
import hmac
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import sqlalchemy as sa

from ordinis_mlflow.ledger import Entry, Ledger, Outbox
from ordinis_mlflow.verdict import Verdict

SECRET = "known to the receiver, and never written anywhere"
VARIABLE = "ORDINIS_TEST_SECRET"
SECOND = 1_000_000_000
VERDICTS = (
    Verdict("manifest", True, 0.0, 0.0, "all files are what the manifest says"),
    Verdict("latency", False, float("inf"), 20.0, "the model never answered"),
)
ENTRY = Entry(
    at=1_700_000_000_123_456_789,
    who="risk",
    action="promote",
    model="vol",
    workspace="",
    version="2",
    target="Production",
    previous="1",
    verdicts=VERDICTS,
    digests={"model.onnx": "ab" * 32},
    policy="cd" * 32,
    reason="all gates passed: σ is small",
)


@dataclass(frozen=True)
class Heard:
    """One request, as it came."""

    path: str
    headers: dict
    body: bytes

    @property
    def key(self):
        return self.headers["Ordinis-Delivery"]

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def genuine(self):
        """By hand, as whoever receives it would do in any language."""
        message = b".".join(
            (self.key.encode(), self.headers["Ordinis-Timestamp"].encode(), self.body)
        )
        signature = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
        return hmac.compare_digest(self.headers["Ordinis-Signature"], f"v1={signature}")


class Receiver:
    """Answers with the statuses it is given, then with 200."""

    def __init__(self, server):
        self.port, self.heard, self.answers, self.headers = server.server_port, [], [], {}
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self.hold = None

    @property
    def keys(self):
        return [each.key for each in self.heard]


@contextmanager
def receiving(port=0):
    with ThreadingHTTPServer(("127.0.0.1", port), _handler()) as server:
        server.daemon_threads = True
        server.receiver = Receiver(server)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.receiver
        finally:
            server.shutdown()
            thread.join()


def _handler():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            receiver = self.server.receiver
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.heard.append(Heard(self.path, dict(self.headers), body))
            if receiver.hold:
                receiver.hold.wait(30)
            self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    return Handler


class Book:
    """Ledger and outbox of one database."""

    def __init__(self, url):
        options = {"timeout": 60} if url.startswith("sqlite") else {}
        self.url = url
        self.engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=options)
        self.ledger, self.outbox = Ledger(self.engine), Outbox(self.engine)

    def decide(self, *reactions, entry=ENTRY):
        """A decision that was committed, and what is to follow from it."""
        with self.engine.begin() as connection:
            decision = self.ledger.append(connection, entry)
            self.outbox.enqueue(connection, decision, reactions)
        return decision

    def attempts(self):
        with self.engine.connect() as connection:
            text = "SELECT reaction, attempts, last_error FROM ordinis_outbox ORDER BY id"
            return [tuple(row) for row in connection.execute(sa.text(text))]
