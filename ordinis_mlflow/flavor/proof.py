"""Proof: a registered version is loaded only as the files that the registry's gates have seen.

The manifest says that a package is whole; the registry's ledger says that it is the one that was
proven. Whoever can write to the artifact store can make a new package that is whole.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import yaml

from ordinis_mlflow.errors import NotProven
from ordinis_mlflow.flavor.manifest import MANIFEST, META

SCHEME = "ordinis+"


def check_proven(folder: Path) -> None:
    """Refuse a version whose files are not those that it was promoted with.

    A version that was never promoted has nothing to be held to, and neither has a registry without
    gates. ``manifest.json`` stands for all files: it lists them, and was checked before.

    Args:
        folder: as MLflow downloaded it.

    Raises:
        NotProven: the files are others, or the registry cannot be asked.
    """
    version = registered(folder)
    if version is None:
        return
    import mlflow  # takes a second, and a folder is loaded without it

    proven = proven_digests(mlflow.get_registry_uri(), *version)
    if proven is None:
        return
    found = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
    if proven.get(MANIFEST) != found:
        raise NotProven(
            f"{version[0]} version {version[1]} is not what was promoted: {MANIFEST} has SHA-256 "
            f"{found[:12]}…, the ledger {str(proven.get(MANIFEST))[:12]}…; somebody has changed "
            "its artifacts"
        )


def proven_digests(registry: str, name: str, version: str) -> Mapping[str, str] | None:
    """Path to SHA-256 of the files that a version was promoted with; None if it never was.

    Args:
        registry: URI: of a gated database, or of a server.
        name: of the registered model.
        version: its number.

    Raises:
        NotProven: the registry cannot be asked.
    """
    if registry.startswith(SCHEME):
        return _of_database(registry.removeprefix(SCHEME), name, version)
    if registry.startswith(("http://", "https://")):
        return _of_server(registry, name, version)
    return None


def registered(folder: Path) -> tuple[str, str] | None:
    """Name and version under which MLflow downloaded a folder; None if from no registry.

    Raises:
        NotProven: the file that says it cannot be read.
    """
    if not (folder / META).exists():
        return None
    try:
        meta = yaml.safe_load((folder / META).read_text())
        name, version = meta["model_name"], meta["model_version"]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError) as error:
        raise NotProven(f"{META} does not say which version this is: {error}") from error
    # A logged model that is no version of a registered one has neither.
    return None if name is None and version is None else (str(name), str(version))


def _of_database(url: str, name: str, version: str) -> Mapping[str, str] | None:
    # Imported late: a server of models whose registry is behind HTTP needs neither.
    import sqlalchemy as sa

    from ordinis_mlflow.errors import LedgerError
    from ordinis_mlflow.ledger import Ledger
    from ordinis_mlflow.ledger.records import TAKES

    engine = sa.create_engine(url)
    try:
        decision = Ledger(engine).evidence(name, version, actions=TAKES)
    except LedgerError as error:
        raise NotProven(f"the ledger cannot be asked: {error}") from error
    finally:
        engine.dispose()
    return decision.entry.digests if decision else None


def _of_server(uri: str, name: str, version: str) -> Mapping[str, str] | None:
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    path = f"/ordinis/evidence/{quote(name, safe='')}/{version}"
    answer = http_request(get_default_host_creds(uri), path, "GET", raise_on_status=False)
    if answer.status_code == 404:  # no evidence, or a server without gates
        return None
    try:
        answer.raise_for_status()
        digests = answer.json()["digests"]
        return {str(key): str(value) for key, value in digests.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotProven(
            f"the registry cannot be asked what was proven of {name} version {version}: {error}"
        ) from error
