"""Judgement: what the gates say of a version, outside any transaction."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ordinis_mlflow.errors import OrdinisError
from ordinis_mlflow.promotion import Candidate, Policy, decide, digests_of
from ordinis_mlflow.registry.files import fetched
from ordinis_mlflow.registry.places import Place, Registered
from ordinis_mlflow.store import Store, open_store
from ordinis_mlflow.verdict import Verdict


@dataclass(frozen=True)
class Judgement:
    """What was found out.

    Attributes:
        policy: that was asked.
        verdicts: of its gates; of the files alone, if they cannot be read.
        digests: path to SHA-256 of every file; none if they cannot be read.
    """

    policy: Policy
    verdicts: tuple[Verdict, ...]
    digests: Mapping[str, str]

    @property
    def failed(self) -> list[Verdict]:
        """Verdicts that refuse."""
        return [verdict for verdict in self.verdicts if not verdict.passed]

    @property
    def passed(self) -> bool:
        """Whether every gate let it through; nothing asked is nothing passed."""
        return bool(self.verdicts) and not self.failed


def digests_now(version: Registered, tracking_uri: str) -> dict[str, str]:
    """SHA-256 of every file of a version, as they are now.

    Raises:
        PackageError: they cannot be read.
    """
    with fetched(version.location, tracking_uri) as folder:
        return digests_of(folder)


def judge(
    name: str,
    version: Registered,
    champion: Registered | None,
    place: Place,
    policy: Policy,
    tracking_uri: str,
) -> Judgement:
    """Fetch the files, hash them, ask every gate.

    Raises:
        InvalidConfig: the policy does not fit the place.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(fetched(version.location, tracking_uri))
            digests = digests_of(folder)
        except OrdinisError as error:
            return Judgement(policy, (Verdict("files", False, 0.0, 1.0, str(error)),), {})
        store = stack.enter_context(_opened(tracking_uri))
        other = None
        if champion is not None and champion.version != version.version:
            held = stack.enter_context(_fetched_or_empty(champion, tracking_uri))
            other = _candidate(name, champion, place, held, {}, None, store, tracking_uri)
        candidate = _candidate(name, version, place, folder, digests, other, store, tracking_uri)
        return Judgement(policy, decide(candidate, policy), digests)


def _candidate(
    name: str,
    version: Registered,
    place: Place,
    folder: Path,
    digests: Mapping[str, str],
    champion: Candidate | None,
    store: Store | None,
    tracking_uri: str,
) -> Candidate:
    return Candidate(
        name=name,
        version=str(version.version),
        target=place.name,
        folder=folder,
        digests=digests,
        run_id=version.run_id,
        created_at=version.created_ms * 1_000_000,
        champion=champion,
        store=store,
        tracking_uri=tracking_uri,
    )


@contextmanager
def _fetched_or_empty(champion: Registered, tracking_uri: str) -> Iterator[Path]:
    """The champion's files; an empty folder if they are lost, so that gates say so."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(fetched(champion.location, tracking_uri))
        except OrdinisError:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="ordinis-version-")))
        yield folder


@contextmanager
def _opened(tracking_uri: str) -> Iterator[Store | None]:
    """The feature store; None if there is none, so that gates that need it say so."""
    try:
        store = open_store(tracking_uri)
    except OrdinisError:
        yield None
        return
    try:
        yield store
    finally:
        store.catalogue.close()
