"""Desk: where each model's loop stands, in the tracking database, for monitors on any machine."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from ordinis_mlflow import schema
from ordinis_mlflow.errors import LoopOvertaken, RetrainingError
from ordinis_mlflow.retraining.machine import Step
from ordinis_mlflow.retraining.state import LoopState
from ordinis_mlflow.retraining.tables import EVENTS, LOOPS, SCHEMA

NOTE_LENGTH = 4000


@dataclass(frozen=True)
class Kept:
    """A state as it was read.

    Attributes:
        model: whose loop.
        state: where it stands.
        revision: how often it has changed; 0 for a loop that nobody has begun.
        worker: who does what is under way; "" for nobody.
        lease_until: until when it is that worker's, UTC nanoseconds.
    """

    model: str
    state: LoopState
    revision: int = 0
    worker: str = ""
    lease_until: int = 0


@dataclass(frozen=True)
class Event:
    """One change of a loop.

    Attributes:
        at: when it was written, UTC nanoseconds.
        bar: newest bar that had been seen.
        phase: after it.
        note: why.
        loud: whether somebody has to look.
    """

    at: int
    bar: int
    phase: str
    note: str
    loud: bool


class Desk:
    """The loops of one database. Safe to use from several threads, processes and machines.

    What it promises: a change is written whole, with its event, and only upon the state that was
    read; of two who go on from the same state one succeeds. What is under way belongs to one worker
    until its lease is over.

    Args:
        engine: of the tracking database.

    Raises:
        RetrainingError: it cannot be used, or a later version wrote the tables.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        try:
            schema.migrate(engine, SCHEMA)
        except sa.exc.SQLAlchemyError as error:
            raise RetrainingError(f"the database of the loop cannot be used: {error}") from error

    def read(self, model: str) -> Kept:
        """Where a model's loop stands; the beginning for one that nobody has begun."""
        with self._engine.connect() as connection:
            row = connection.execute(sa.select(LOOPS).where(LOOPS.c.model == model)).one_or_none()
        if row is None:
            return Kept(model, LoopState())
        state = LoopState.from_json(row.state)
        return Kept(model, state, row.revision, row.worker, row.lease_until)

    def write(self, kept: Kept, step: Step, at: int) -> Kept:
        """Go on from what was read.

        A worker keeps its lease while the same work is under way, whoever notes what was seen
        meanwhile; afterwards nobody has it.

        Args:
            kept: as it was read or claimed.
            step: what follows.
            at: now, UTC nanoseconds.

        Raises:
            LoopOvertaken: somebody has changed it since; nothing was written.
        """
        same = step.state.under_way and step.state.work == kept.state.work
        held = (kept.worker, kept.lease_until) if same else ("", 0)
        new = Kept(kept.model, step.state, kept.revision + 1, *held)
        with self._engine.begin() as connection:
            self._swap(connection, kept, new)
            connection.execute(sa.insert(EVENTS).values(_event(new, step, at)))
        return new

    def advance(self, model: str, follow: Callable[[LoopState], Step]) -> tuple[Kept, Kept, Step]:
        """Go on from where a loop stands, however often others go on meanwhile.

        Args:
            model: whose loop.
            follow: from a state to what follows; asked anew of what others have left.

        Returns:
            Before, after and why; where the state stays as it is, nothing is written.
        """
        while True:
            before = self.read(model)
            step = follow(before.state)
            if step.state == before.state:
                return before, before, step
            try:
                return before, self.write(before, step, time.time_ns()), step
            except LoopOvertaken:
                continue

    def claim(self, kept: Kept, worker: str, now: int, lease_ns: int) -> Kept:
        """Take what is under way for a while; again by the same worker prolongs it.

        Args:
            kept: as it was read or claimed.
            worker: a name that no other process has.
            now: UTC nanoseconds.
            lease_ns: how long; a worker that lives prolongs it in time.

        Raises:
            LoopOvertaken: another worker has it, or the state has changed.
        """
        if kept.worker not in ("", worker) and now < kept.lease_until:
            raise LoopOvertaken(
                f"retraining {kept.state.trigger} of {kept.model} is {kept.worker}'s for "
                f"{(kept.lease_until - now) / 1e9:.0f} s more"
            )
        new = Kept(kept.model, kept.state, kept.revision + 1, worker, now + lease_ns)
        with self._engine.begin() as connection:
            self._swap(connection, kept, new)
        return new

    def history(self, model: str) -> tuple[Event, ...]:
        """Every change, oldest first."""
        query = sa.select(EVENTS).where(EVENTS.c.model == model).order_by(EVENTS.c.id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return tuple(Event(row.at, row.bar, row.phase, row.note, row.loud) for row in rows)

    def _swap(self, connection: sa.Connection, old: Kept, new: Kept) -> None:
        """Compare and swap by the revision."""
        values = {
            "revision": new.revision,
            "state": new.state.to_json(),
            "worker": new.worker,
            "lease_until": new.lease_until,
        }
        try:
            if old.revision == 0:
                connection.execute(sa.insert(LOOPS).values(model=old.model, **values))
                return
            same = (LOOPS.c.model == old.model) & (LOOPS.c.revision == old.revision)
            changed = connection.execute(sa.update(LOOPS).where(same).values(**values)).rowcount
        except sa.exc.IntegrityError:
            changed = 0
        if changed != 1:
            raise LoopOvertaken(f"somebody else has gone on with the loop of {old.model}")


def _event(kept: Kept, step: Step, at: int) -> dict[str, object]:
    return {
        "model": kept.model,
        "revision": kept.revision,
        "at": at,
        "bar": step.state.seen,
        "phase": step.state.phase,
        "note": step.note.replace("\0", "")[:NOTE_LENGTH],
        "loud": step.loud,
    }
