"""Gate: the files are those that were packaged, and this package's code is what would load them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from ordinis_mlflow.errors import ManifestMismatch
from ordinis_mlflow.flavor.manifest import MANIFEST, listed_digests, verify_manifest
from ordinis_mlflow.promotion import Candidate
from ordinis_mlflow.verdict import Verdict

LOADER = "ordinis_mlflow.flavor"


@dataclass(frozen=True)
class ManifestGate:
    """The digests that the server found are those of manifest.json, file by file.

    MLmodel is read too: it may name code inside the folder, which MLflow would run when it serves,
    or leave out the signature, to which MLflow holds requests.
    """

    name: ClassVar[str] = "manifest"

    def check(self, candidate: Candidate) -> Verdict:
        """The figure is the number of files that are not as listed."""
        verify_manifest(candidate.folder)
        listed = listed_digests(candidate.folder)
        found = {name: each for name, each in candidate.digests.items() if name != MANIFEST}
        differ = sorted(
            name for name in listed.keys() | found if listed.get(name) != found.get(name)
        )
        _check_description(candidate.folder)
        reason = (
            f"{len(differ)} files differ between what the server found and what was packaged: "
            f"{', '.join(differ[:5])}"
            if differ
            else f"all {len(found)} files have the SHA-256 that they were packaged with"
        )
        return Verdict(self.name, not differ, float(len(differ)), 0.0, reason)


def _check_description(folder: Path) -> None:
    """What MLmodel tells ``mlflow.pyfunc``: who loads the model, and what it is asked."""
    described = _described(folder / "MLmodel")
    loaded = described["flavors"]["python_function"]
    if loaded.get("loader_module") != LOADER or loaded.keys() & {"code", "data"}:
        raise ManifestMismatch(
            f"MLmodel names the loader {loaded.get('loader_module')!r}, code "
            f"{loaded.get('code')!r} and data {loaded.get('data')!r}: a model is loaded by "
            f"{LOADER} and brings no code; log it with that module"
        )
    signature = described.get("signature")
    if not isinstance(signature, dict) or not signature.get("inputs"):
        raise ManifestMismatch(
            "MLmodel has no signature, so that MLflow would hold no request to the model's inputs; "
            f"log it with {LOADER}"
        )


def _described(path: Path) -> dict[str, Any]:
    try:
        described = dict(yaml.safe_load(path.read_bytes()))
        described["flavors"]["python_function"].keys()
        return described
    except (
        AttributeError,
        OSError,
        ValueError,
        LookupError,
        TypeError,
        RecursionError,
        yaml.YAMLError,
    ) as error:
        raise ManifestMismatch(
            f"MLmodel is missing or unreadable: {type(error).__name__}"
        ) from error
