"""Manifest: what a snapshot consists of; its name is the digest of its content."""

import hashlib
import json
import re
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from ordinis_mlflow.errors import DamagedSnapshot, InvalidConfig, UnknownSnapshot
from ordinis_mlflow.store.files import Files
from ordinis_mlflow.store.parts import Part

FORMAT = 1
"""Bump it when a manifest of today could not be read, and keep the reader of the old number."""
NAME_LENGTH = 32
"""128 bits of a SHA-256 in hex; MLflow keeps 36 characters of a dataset's digest."""
FOLDER = "snapshots"
RESTORE = "restore it from a backup, or remove it and materialize again"


@dataclass(frozen=True)
class Manifest:
    """A snapshot: bars of a data set, or rows of a feature set over such bars.

    Attributes:
        dataset: whose bars these are, or were computed from.
        columns: names of the values.
        parts: the files, in the order of the log.
        bars: name of the bars snapshot that features were computed from; "" for bars.
        features: name and version of the feature set; "" for bars.
        fingerprint: what each feature computes on the probe bars.
        left_out: symbols with too few bars, left out because that was asked for.
        written_by: version of this package.
    """

    dataset: str
    columns: tuple[str, ...]
    parts: tuple[Part, ...]
    bars: str = ""
    features: str = ""
    fingerprint: dict[str, tuple[float, ...]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    written_by: str = ""

    @cached_property
    def name(self) -> str:
        """Digest over rows, definitions and source: not over files, nor over who wrote them."""
        content = self.content()
        del content["written_by"]
        text = json.dumps(content, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:NAME_LENGTH]

    def content(self) -> dict[str, Any]:
        """Every field, for JSON."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**values, "parts": [vars(part) for part in self.parts]}

    @property
    def rows(self) -> int:
        """How many rows there are, revisions included."""
        return sum(part.rows for part in self.parts)


def write_manifest(files: Files, manifest: Manifest) -> str:
    """Write it last: a snapshot exists once its manifest does.

    Returns:
        Its name.
    """
    path = _path(manifest.name)
    if not files.exists(path):
        text = json.dumps({"format": FORMAT, **manifest.content()}, allow_nan=False)
        files.write(path, text.encode())
    return manifest.name


def read_manifest(files: Files, name: str) -> Manifest:
    """Read it and hold it to its name.

    Raises:
        UnknownSnapshot: there is none.
        DamagedSnapshot: it was altered or cut, or its format is not known.
    """
    try:
        data = files.read(_path(name))
    except (FileNotFoundError, ValueError) as error:
        raise UnknownSnapshot(
            f"the store {files.url} has no snapshot {name!r}; materialize writes one and "
            "prints its name"
        ) from error
    try:
        manifest = _from_json(name, json.loads(data))
        content = manifest.name
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DamagedSnapshot(
            f"{_path(name)} of the store {files.url} cannot be read: {error}; {RESTORE}"
        ) from error
    if content != name:
        raise DamagedSnapshot(
            f"{_path(name)} of the store {files.url} was altered: its content has the name "
            f"{content}; {RESTORE}"
        )
    return manifest


def read_bars_manifest(files: Files, name: str) -> Manifest:
    """Of a snapshot that features can be computed from.

    Raises:
        InvalidConfig: it holds features.
        UnknownSnapshot: there is none.
        DamagedSnapshot: it was altered or cut, or its format is not known.
    """
    manifest = read_manifest(files, name)
    if manifest.features:
        raise InvalidConfig(
            f"snapshot {name} holds {manifest.features}, and features are computed from bars: "
            f"pass {manifest.bars}, of which it was made"
        )
    return manifest


def _from_json(name: str, content: dict[str, Any]) -> Manifest:
    """Lists back to tuples; a missing, unknown or wrong field is one of the errors above."""
    if (number := content.pop("format")) != FORMAT:
        raise DamagedSnapshot(
            f"snapshot {name} has format {number}, this version reads {FORMAT}; "
            "use the version that wrote it"
        )
    content["parts"] = tuple(_part(part) for part in content["parts"])
    content["columns"], content["left_out"] = tuple(content["columns"]), tuple(content["left_out"])
    content["fingerprint"] = {k: tuple(v) for k, v in content["fingerprint"].items()}
    manifest = Manifest(**content)
    texts = (manifest.dataset, manifest.bars, manifest.features, manifest.written_by)
    if not all(isinstance(text, str) for text in (*texts, *manifest.columns, *manifest.left_out)):
        raise TypeError("a name in it is no text")
    if not all(type(value) is float for probe in manifest.fingerprint.values() for value in probe):
        raise TypeError("a fingerprint in it is no list of numbers")
    if not manifest.parts or not 0 < len(manifest.columns) == len(set(manifest.columns)):
        raise ValueError("it needs parts, and columns with different names")
    return manifest


def _part(content: dict[str, Any]) -> Part:
    part = Part(**content)
    numbers = (part.rows, part.last_known, part.last_time)
    whole = all(type(number) is int for number in numbers) and part.rows > 0
    if not whole or not re.fullmatch("[0-9a-f]{64}", part.digest):
        raise ValueError(f"{content} is no part")
    return part


def _path(name: str) -> str:
    if not re.fullmatch(f"[0-9a-f]{{{NAME_LENGTH}}}", name):
        raise ValueError(f"{name!r} is no name of a snapshot")
    return f"{FOLDER}/{name}.json"
