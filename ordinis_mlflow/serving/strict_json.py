"""JSON that is JSON: no NaN, no infinity, no numbers beyond float64, and types that are checked."""

from typing import Any, TypeVar

import msgspec

from ordinis_mlflow.errors import RequestRefused

Body = TypeVar("Body")
encode = msgspec.json.Encoder().encode


def decode(body: bytes, decoder: msgspec.json.Decoder[Body]) -> Body:
    """A body as its type.

    Raises:
        RequestRefused: it is not JSON, or has a value of another type; says where.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise RequestRefused(400, "invalid_type", f"the body has a wrong value: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise RequestRefused(400, "invalid_json", f"the body is not JSON: {error}") from None


def decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """A decoder of a type; made once."""
    return msgspec.json.Decoder(kind)
