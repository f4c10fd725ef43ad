"""A signed request to a receiver that the policy names: what webhook and reload share."""

import ipaddress
import json
import os
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

import requests

from ordinis_mlflow.errors import InvalidConfig, ReactionFailed
from ordinis_mlflow.reactions import signed

WRITABLE = re.compile(r"[!-\[\]-~]{1,2000}")
"""A URL: no space, and no backslash, which some read as the end of the host."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
CONNECT_SECONDS = 5.0
LONGEST_SECONDS = 30.0
"""With the time to connect, well below the minute of a delivery's lease."""


@dataclass(frozen=True)
class SignedPost:
    """A receiver, and how it is spoken to.

    Redirects are not followed, proxies and ``.netrc`` of the environment are not used, and the
    answer's body is not read.

    Attributes:
        url: https; http for this machine, or where ``allow_http`` says so. A user and a password
            in it are sent as basic authentication; no message shows more of it than the host.
        secret_env: name of the environment variable that holds the secret to sign by; it is read
            at each delivery.
        timeout: seconds without an answer after which the delivery has failed.
        allow_http: whether decisions may cross a network for everybody to read.
    """

    url: str = field(repr=False)
    secret_env: str
    timeout: float = 10.0
    allow_http: bool = False

    def __post_init__(self) -> None:
        _check_url(self.url, self.allow_http)
        if not VARIABLE.fullmatch(self.secret_env):
            raise InvalidConfig("secret_env must be the name of an environment variable")
        if not 0.0 < self.timeout <= LONGEST_SECONDS:
            raise InvalidConfig(
                f"timeout must be above 0 and at most {LONGEST_SECONDS:g} s, got {self.timeout}"
            )

    def post(self, value: Any, key: str) -> None:
        """Send a JSON value; return when the receiver has answered with 2xx.

        Raises:
            ReactionFailed: the environment has no secret, nobody answered, or not with 2xx.
        """
        body = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
        headers = signed(self._secret(), key, int(time.time()), body)
        status = self._send(body, headers | {"Content-Type": "application/json"})
        if not isinstance(status, int):
            # Not inside the except: the foreign error holds the whole URL.
            raise ReactionFailed(f"{self._where} did not answer ({status})")
        if not 200 <= status < 300:
            hint = "; redirects are not followed" if 300 <= status < 400 else ""
            raise ReactionFailed(f"{self._where} answered with status {status}{hint}")

    def _send(self, body: bytes, headers: dict[str, str]) -> int | str:
        """The status, or the class of what went wrong."""
        times = min(CONNECT_SECONDS, self.timeout), self.timeout
        with requests.Session() as session:
            session.trust_env = False
            session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
            options: dict[str, Any] = {"allow_redirects": False, "stream": True, "timeout": times}
            try:
                with session.post(self.url, data=body, headers=headers, **options) as answer:
                    return answer.status_code
            except requests.RequestException as error:
                return type(error).__name__

    def _secret(self) -> str:
        secret = os.environ.get(self.secret_env, "")
        if not secret:
            raise ReactionFailed(f"environment variable {self.secret_env} holds no secret to sign")
        return secret

    @property
    def _where(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _check_url(url: str, allow_http: bool) -> None:
    """No message repeats the URL: it may hold a password."""
    parts = _parts(url)
    if parts is None or parts.scheme not in ("http", "https"):
        raise InvalidConfig("url must be https://host/path, in ASCII without spaces")
    host = parts.hostname or ""
    if parts.scheme == "http" and not allow_http and not _is_this_machine(host):
        raise InvalidConfig(
            f"url speaks plain http to {host}: use https, or set allow_http = true if everybody on "
            "the way may read decisions"
        )


def _parts(url: str) -> SplitResult | None:
    if not WRITABLE.fullmatch(url):
        return None
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:  # a port that is no number, half an IPv6 address
        return None


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
