"""Where an artifact lies: one spelling for every way in which a place can be written.

A place is a tuple of parts, the storage first: ``("file:", "srv", "artifacts", "1")`` or
``("s3://bucket", "artifacts", "1")``. MLflow accepts a place as ``mlflow-artifacts:/1``, as the URL
of its own proxy, as a path, percent-encoded once or more often, and with ``file:`` before a
relative path. Two spellings of one place give one tuple here, or the place is refused.
"""

import os
import re
import urllib.parse
from dataclasses import dataclass

Place = tuple[str, ...]

_PROXY_ROUTE = "/api/2.0/mlflow-artifacts/artifacts"
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")


class UnreadablePlace(ValueError):
    """A place is written in a way that no honest client uses."""


@dataclass(frozen=True)
class Places:
    """Reads places as one server would.

    Attributes:
        destination: what the server's proxy stands for, ``--artifacts-destination``.
    """

    destination: str

    def of_uri(self, uri: str) -> Place:
        """The place of an artifact URI; a query or fragment is no part of it, as MLflow has it.

        Raises:
            UnreadablePlace: dot segments, control characters, or no end to its encoding.
        """
        _check_letters(uri)  # urlsplit drops tabs and newlines in silence
        if not _SCHEME.match(uri):
            return _local(_decoded(uri))
        parsed = urllib.parse.urlsplit(uri)
        path = _decoded(parsed.path)
        if parsed.scheme == "mlflow-artifacts":
            return self.of_proxied(path)
        if parsed.scheme in ("http", "https") and _PROXY_ROUTE in path:
            return self.of_proxied(path.split(_PROXY_ROUTE, 1)[1])
        if parsed.scheme == "file":
            return _local(path)
        # Hadoop's names of the scheme reach the same bucket.
        scheme = "s3" if parsed.scheme in ("s3a", "s3n") else parsed.scheme
        return (f"{scheme}://{parsed.netloc}", *_segments(path))

    def of_proxied(self, path: str) -> Place:
        """The place of a path below the proxy's root.

        Raises:
            UnreadablePlace: as for a URI.
        """
        return self.below(self.destination, path)

    def below(self, uri: str, path: str) -> Place:
        """The place of a path below the place of a URI.

        Raises:
            UnreadablePlace: as for a URI.
        """
        root = self.of_uri(uri)
        place = (*root, *_segments(_decoded(path)))
        # Once more from the top: below the root there may be links.
        return _local("/" + "/".join(place[1:])) if root[0] == "file:" else place


def within(place: Place, root: Place) -> bool:
    """Whether a place is a root or lies below it, letter for letter."""
    return place[: len(root)] == root


def touches(place: Place, root: Place) -> bool:
    """Whether a change of one could change the other, on a file system that ignores case too."""
    here, there = folded(place), folded(root)
    shorter = min(len(here), len(there))
    return here[:shorter] == there[:shorter]


def folded(place: Place) -> Place:
    """The place as a file system that ignores case sees it."""
    return tuple(part.casefold() for part in place)


def _decoded(text: str) -> str:
    """Percent-decoded until nothing changes: MLflow decodes more than once."""
    while (decoded := urllib.parse.unquote(text)) != text:
        text = decoded
    return _check_letters(text)


def _check_letters(text: str) -> str:
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in text):
        raise UnreadablePlace(f"an artifact's place holds no control characters, got {text!r}")
    return text


def _segments(path: str) -> tuple[str, ...]:
    parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".")]
    if ".." in parts:
        raise UnreadablePlace(f"an artifact's place is written without '..', got {path!r}")
    return tuple(parts)


def _local(path: str) -> Place:
    _segments(path)  # before links are followed: '..' is not for a client to write
    return ("file:", *_segments(os.path.realpath(path)))
