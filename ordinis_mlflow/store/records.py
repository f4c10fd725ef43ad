"""Records: what the catalogue knows of data sets and of what came into them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dataset:
    """A named, growing collection of bars.

    Attributes:
        name: as given on ingest.
        head: name of its newest bars snapshot.
        known_after: nanoseconds from a bar's time until it is known, for sources that do not say.
    """

    name: str
    head: str
    known_after: int


@dataclass(frozen=True)
class Ingest:
    """What came in at one time.

    Attributes:
        dataset: whose bars.
        snapshot: the bars snapshot after it.
        parent: the one before it; "" for the first.
        source: where the bars came from, without secrets.
        rows: revisions that were added.
        quarantined: bars that were set aside.
        quarantine: the file in the store that holds them; "" if there are none.
        created_at: UTC nanoseconds.
    """

    dataset: str
    snapshot: str
    parent: str
    source: str
    rows: int
    quarantined: int
    quarantine: str
    created_at: int
