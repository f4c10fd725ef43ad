"""The package that is running, as a wheel: how a serving environment gets the reader of its model.

Packed from the installed files, so it works from a checkout and from an installed wheel alike, and
the same code gives the same bytes. (Building through the build backend would need the source tree
and several seconds a model.)
"""

import base64
import hashlib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import ordinis_mlflow

DISTRIBUTION = "ordinis-mlflow"
TAG = "py3-none-any"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can hold


def pack_wheel(folder: Path) -> Path:
    """Write the wheel into the folder (PEP 427).

    Returns:
        Its path; the name states distribution, version and tag.

    Raises:
        importlib.metadata.PackageNotFoundError: the package is imported but not installed.
    """
    metadata = distribution(DISTRIBUTION)
    stem = f"{DISTRIBUTION.replace('-', '_')}-{ordinis_mlflow.__version__}"
    info = f"{stem}.dist-info"
    files = _sources()
    files[f"{info}/METADATA"] = (metadata.read_text("METADATA") or "").encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: {DISTRIBUTION}\nRoot-Is-Purelib: true\nTag: {TAG}\n"
    ).encode()
    entry_points = metadata.read_text("entry_points.txt")
    if entry_points:
        files[f"{info}/entry_points.txt"] = entry_points.encode()
    files[f"{info}/RECORD"] = _record(files, f"{info}/RECORD").encode()
    path = folder / f"{stem}-{TAG}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    return path


def _sources() -> dict[str, bytes]:
    root = Path(ordinis_mlflow.__file__).parent
    paths = sorted(root.rglob("*.py"))
    return {path.relative_to(root.parent).as_posix(): path.read_bytes() for path in paths}


def _record(files: dict[str, bytes], itself: str) -> str:
    lines = []
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}")
    return "\n".join([*lines, f"{itself},,", ""])
