"""``POST /ordinis/reload``: the registry says, signed, that another version is to be served.

A hint changes nothing by itself: it wakes the followers, and they ask the registry. What is told of
other models or aliases is accepted and forgotten: a registry tells every server of every decision,
and one that was refused would be delivered again for days.
"""

import hmac
import os
import re
import time
from collections import OrderedDict
from collections.abc import Collection
from types import ModuleType
from typing import Annotated

import msgspec

from ordinis_mlflow.errors import RequestRefused
from ordinis_mlflow.serving.app import Route
from ordinis_mlflow.serving.bell import Bell
from ordinis_mlflow.serving.described import Described, Parameter
from ordinis_mlflow.serving.http import Answer, Request
from ordinis_mlflow.serving.source import Source
from ordinis_mlflow.serving.strict_json import decode, decoder, encode

PATH = "/ordinis/reload"
VARIABLE = "ORDINIS_RELOAD_SECRET"
BODY_BYTES = 4096
OLDEST_SECONDS = 300
"""Of a timestamp, in the past as in the future."""
REMEMBERED = 4096
"""Deliveries that are known when they come again."""
_KEY = re.compile(rb"[!-~]{1,200}")
_TIMESTAMP = re.compile(rb"[0-9]{1,12}")
Text = Annotated[str, msgspec.Meta(max_length=1000)]


class Hint(msgspec.Struct, forbid_unknown_fields=True):
    """What the registry's reload reaction sends.

    Attributes:
        workspace: of the model; "" for the default one.
        model: registered name.
        version: that came to its place.
        alias: by which it is served.
        number: of the decision.
    """

    workspace: Text
    model: Text
    version: Text
    alias: Text
    number: int


class Heard(msgspec.Struct):
    """The answer.

    Attributes:
        followed: whether this server follows that alias, and had not heard of it.
    """

    followed: bool


class Hints:
    """The handler.

    Args:
        secret: that the registry signs with.
        followed: registered names and aliases.
        bell: is rung.
    """

    def __init__(self, secret: str, followed: Collection[tuple[str, str]], bell: Bell) -> None:
        self._signature = _signature()
        self._secret, self._followed, self._bell = secret, frozenset(followed), bell
        self._decoder = decoder(Hint)
        self._had: OrderedDict[str, None] = OrderedDict()

    async def __call__(self, request: Request) -> Answer:
        """Wake the followers.

        Raises:
            RequestRefused: 403, it is not signed by who knows the secret, or too long ago; 400, the
                body is not a hint.
        """
        key = self._checked(request)
        hint: Hint = decode(request.body, self._decoder)
        # Workspaces are not told apart: a model of the same name in another one wakes for nothing.
        followed = (hint.model, hint.alias) in self._followed and self._is_new(key)
        if followed:
            self._bell.ring()
        return Answer(encode(Heard(followed)), 202)

    def _checked(self, request: Request) -> str:
        """The delivery's key, if the signature is good."""
        known = self._signature
        key, timestamp, signature = (
            request.headers.get(name.lower().encode(), b"")
            for name in (known.DELIVERY, known.TIMESTAMP, known.SIGNATURE)
        )
        if not (_KEY.fullmatch(key) and _TIMESTAMP.fullmatch(timestamp)):
            raise _refused(f"{known.DELIVERY} and {known.TIMESTAMP} must be sent, and signed")
        headers = known.signed(self._secret, key.decode(), int(timestamp), request.body)
        if not hmac.compare_digest(headers[known.SIGNATURE].encode(), signature):
            raise _refused(f"{known.SIGNATURE} is not that of {VARIABLE}")
        if abs(time.time() - int(timestamp)) > OLDEST_SECONDS:
            raise _refused(f"it was signed more than {OLDEST_SECONDS} s from this server's time")
        return key.decode()

    def _is_new(self, key: str) -> bool:
        if key in self._had:
            return False
        self._had[key] = None
        if len(self._had) > REMEMBERED:
            self._had.popitem(last=False)
        return True


def hint_routes(sources: Collection[Source], bell: Bell) -> dict[str, Route]:
    """The route, if the environment has a secret and an alias is followed; else there is none.

    A server that nobody may tell anything has nothing at that path, and says so to everybody.
    """
    secret = os.environ.get(VARIABLE, "")
    followed = [source.aliased for source in sources if source.aliased]
    if not (secret and followed):
        return {}
    handlers = {"POST": Hints(secret, followed, bell)}
    described = {"POST": _described()}
    return {PATH: Route("reload", handlers, "mlflow", True, described, BODY_BYTES)}


def _signature() -> ModuleType:
    # Imported late: the libraries of the ledger come with it, and take half a second.
    from ordinis_mlflow.reactions import signature

    return signature


def _described() -> Described:
    known = _signature()
    return Described(
        "The registry's hint, signed, that another version is to be served.",
        answers={"application/json": (Heard,)},
        takes={"application/json": (Hint,)},
        refusals=(400, 403),
        parameters=(
            Parameter(known.DELIVERY, "header", "The same whenever it is repeated."),
            Parameter(known.TIMESTAMP, "header", "Seconds since 1970."),
            Parameter(
                known.SIGNATURE, "header", "v1= and HMAC-SHA256, of all of them and the body."
            ),
        ),
        status=202,
    )


def _refused(message: str) -> RequestRefused:
    return RequestRefused(403, "signature", message)
