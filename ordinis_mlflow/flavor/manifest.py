"""The manifest: SHA-256 and size of every file of a package, written last and checked first."""

import hashlib
import json
from pathlib import Path

from ordinis_mlflow.errors import ManifestMismatch

MANIFEST = "manifest.json"
META = "registered_model_meta"
"""What MLflow writes beside a version that it has downloaded: which one that is."""
WRITTEN_ON_DOWNLOAD = frozenset({META})
"""Files that MLflow puts beside a downloaded model, and that are no part of it."""


UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def write_manifest(folder: Path) -> None:
    """List every file in the folder."""
    files = {name: _entry(folder / name) for name in _files(folder)}
    text = json.dumps({"files": files}, indent=2) + "\n"
    (folder / MANIFEST).write_text(text)


def verify_manifest(folder: Path) -> None:
    """Check that the folder holds exactly the files listed, unchanged.

    Raises:
        ManifestMismatch: names the file that is changed, missing or unlisted.
    """
    listed = _read(folder)
    present = _files(folder)
    for name in sorted(listed.keys() | present):
        if name not in present:
            raise ManifestMismatch(
                f"{name} is listed in {MANIFEST} but missing: log the model anew"
            )
        if name not in listed:
            raise ManifestMismatch(f"{name} is not listed in {MANIFEST}: it was added afterwards")
        if (folder / name).is_symlink():
            raise ManifestMismatch(f"{name} is a symbolic link: a package holds files only")
        found = _entry(folder / name)
        if found != listed[name]:
            raise ManifestMismatch(
                f"{name} was changed after the model was logged: expected {listed[name]}, "
                f"found {found}"
            )


def listed_digests(folder: Path) -> dict[str, str]:
    """Path to SHA-256 of every file that the manifest lists: what it claims, not what is there.

    Raises:
        ManifestMismatch: it is missing or unreadable.
    """
    return {name: str(entry["sha256"]) for name, entry in _read(folder).items()}


def _files(folder: Path) -> set[str]:
    """Every file, and every link whatever it points to."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    names = {path.relative_to(folder).as_posix() for path in paths}
    return names - {MANIFEST} - WRITTEN_ON_DOWNLOAD


def _entry(path: Path) -> dict[str, str | int]:
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}


def _read(folder: Path) -> dict[str, dict[str, str | int]]:
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
        return {name: {"sha256": e["sha256"], "size": e["size"]} for name, e in files.items()}
    except UNREADABLE as error:
        raise ManifestMismatch(f"{MANIFEST} is missing or unreadable: {error}") from error
