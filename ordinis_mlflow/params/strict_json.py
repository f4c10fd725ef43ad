"""JSON that says one thing: no name twice, no nan, no infinity."""

import json
import math
from typing import Any

from ordinis_mlflow.errors import InvalidSpace


def parse(text: str) -> Any:
    """The value that a JSON text stands for.

    Raises:
        InvalidSpace: it is not JSON, or says something twice, or a number is not finite.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_once, parse_constant=_finite, parse_float=_finite
        )
    except InvalidSpace:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidSpace(f"not JSON: {error}") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise InvalidSpace(f"a name comes twice in {[name for name, _ in pairs]!r:.200}")
    return values


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InvalidSpace(f"numbers must be finite, got {text:.40}")
    return value
