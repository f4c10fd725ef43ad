"""Malformed requests, made from a valid body: each must get a status from 400 to 499."""

import json
from dataclasses import dataclass

from bench.load.post import JSON

HUGE = 1 << 40
"""Bytes that a body claims to have, more than any server takes."""


@dataclass(frozen=True)
class Malformed:
    """One way to be wrong.

    Attributes:
        kind: in the tally.
        body: what is sent of it.
        content_type: as stated.
        length: as stated in Content-Length.
        waits: whether an answer is due; a client that leaves in the middle of its body gets none.
    """

    kind: str
    body: bytes
    content_type: str
    length: int
    waits: bool = True


def malformed(valid: bytes) -> tuple[Malformed, ...]:
    """Every way to be wrong that is tried.

    Args:
        valid: a request that is right: ``{"inputs": {name: windows}}``.
    """
    ((name, windows),) = json.loads(valid)["inputs"].items()
    first, *rest = windows[0]
    not_a_number = [[float("nan"), *first[1:]], *rest]
    whole = {
        "not JSON": b"{'inputs': 1}",
        "cut JSON": valid[: len(valid) // 2],
        "NaN": json.dumps({"inputs": {name: [not_a_number, *windows[1:]]}}).encode(),
        "wrong shape": json.dumps({"inputs": {name: [rest]}}).encode(),
    }
    return (
        *(Malformed(kind, body, JSON, len(body)) for kind, body in whole.items()),
        Malformed("wrong type", valid, "text/plain", len(valid)),
        Malformed("too large", valid, JSON, HUGE),
        Malformed("left half-way", valid[: len(valid) // 2], JSON, len(valid), waits=False),
    )


def refusal_problem(status: int, content_type: str, content: bytes) -> str | None:
    """What is wrong with the answer to a malformed request: it must be JSON, each text one line.

    503 is let pass: a server that is full may say so before it has read anything.
    """
    if status != 503 and not 400 <= status < 500:
        return f"answered {status}: {content[:200]!r}"
    try:
        document = json.loads(content)
    except ValueError:
        return f"refused with what is not JSON: {content[:200]!r}"
    if not isinstance(document, dict):
        return f"refused with what is no object: {content[:200]!r}"
    texts = [value for value in document.values() if isinstance(value, str)]
    if not content_type.startswith(JSON) or not texts or "stack_trace" in document:
        return f"refused as {content_type!r} with {content[:200]!r}"
    if any("\n" in text or "Traceback" in text for text in texts):
        return f"refused in more than one line: {content[:200]!r}"
    return None
