"""Deliverer: the threads of a process that deliver reactions."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from ordinis_mlflow.ledger import Ledger, Outbox
from ordinis_mlflow.reactions.delivery import LEASE_NS, deliver_due, one_line
from ordinis_mlflow.reactions.reaction import Reaction

POLL = 1.0
PATIENCE = 2.0
NEVER = 2**63
LOOKING = "reactions cannot be looked for"

log = logging.getLogger(__name__)


class Deliverer:
    """Looks for what is due, and has each reaction delivered in a thread of its own.

    So a slow receiver holds up its own reaction alone. A server starts it and stops it; without a
    server it runs from a commit until nothing is left, or the process ends: what is left then is
    delivered by whoever looks next. Threads are daemons; errors are logged and end none.

    Safe to use from several threads, in several processes of one database.

    Args:
        outbox: of the reactions.
        ledger: of the decisions.
        reactions: gives those of the policy in force, by name; asked at every look.
        poll: seconds between two looks.
        patience: seconds that ``after_commit`` waits at most.
        lease_ns: how long one reaction may take.
    """

    def __init__(
        self,
        outbox: Outbox,
        ledger: Ledger,
        reactions: Callable[[], Mapping[str, Reaction]],
        *,
        poll: float = POLL,
        patience: float = PATIENCE,
        lease_ns: int = LEASE_NS,
    ) -> None:
        self._outbox, self._ledger, self._reactions = outbox, ledger, reactions
        self._poll, self._patience, self._lease_ns = poll, patience, lease_ns
        self._changed = threading.Condition()  # guards all below
        self._thread: threading.Thread | None = None
        self._busy: set[str] = set()
        self._stays = self._stopping = self._woken = False
        self._quiet = True
        self._told: dict[str, str] = {}

    def start(self) -> None:
        """Deliver from now on, what was left by others first."""
        self._begin(stays=True)

    def stop(self, timeout: float = 5.0) -> bool:
        """Begin no further delivery, and wait for those under way.

        Returns:
            False if some took longer: if the process ends, they are tried again after their lease.
        """
        with self._changed:
            self._stopping, self._stays = True, False
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not (self._alive() or self._busy), timeout)

    def after_commit(self) -> None:
        """Deliver soon what was just committed.

        In a process that has started it, this returns at once. In others, it waits until each
        reaction that is due has been tried once, but no longer than ``patience``: a script that
        ends after its promotion has told of it then.
        """
        try:
            if self._begin(stays=False):
                return
        except RuntimeError as error:  # no thread to be had; the decision stands all the same
            log.warning("reactions are left for later: %s", one_line(error))
            return
        with self._changed:
            self._changed.wait_for(lambda: self._quiet or not self._alive(), self._patience)

    def _begin(self, stays: bool) -> bool:
        """Wake the thread, or make it; whether it stays when nothing is left."""
        with self._changed:
            if not self._alive():
                self._stays, self._busy = False, set()
                self._thread = threading.Thread(target=self._run, name="ordinis", daemon=True)
                self._thread.start()
            self._stays |= stays
            self._stopping, self._woken, self._quiet = False, True, False
            self._changed.notify_all()
            return self._stays

    def _alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _run(self) -> None:
        with self._changed:
            while not self._stopping:
                self._woken = False
                left = self._look()
                if not (self._busy or self._woken):
                    self._quiet = True
                    self._changed.notify_all()
                    if not (left or self._stays):
                        break
                self._changed.wait_for(lambda: self._woken or self._stopping, self._poll)
            self._thread = None
            self._changed.notify_all()

    def _look(self) -> bool:
        """Have what is due delivered; whether anything of ours is, or may be, waiting."""
        try:
            reactions, pending = self._read()
            self._name_unknown(pending.keys() - reactions.keys())
            due = {name for name in reactions if pending.get(name, NEVER) <= time.time_ns()}
            for name in due - self._busy:
                task = (name, reactions[name])
                threading.Thread(target=self._deliver, args=task, name=name, daemon=True).start()
                self._busy.add(name)  # the thread cannot end before: it needs our lock for that
        except Exception as error:  # a policy that is being edited, a database that is away
            self._complain(LOOKING, one_line(error))
            return True
        self._complain(LOOKING, "")
        return bool(pending.keys() & reactions.keys())

    def _read(self) -> tuple[Mapping[str, Reaction], Mapping[str, int]]:
        """The policy's reactions, and when those that wait are due."""
        self._changed.release()  # nobody waits for our lock while we wait for the database
        try:
            return self._reactions(), self._outbox.pending()
        finally:
            self._changed.acquire()

    def _deliver(self, name: str, reaction: Reaction) -> None:
        error = ""
        try:
            deliver_due(
                self._outbox,
                self._ledger,
                {name: reaction},
                time.time_ns(),
                lease_ns=self._lease_ns,
                going=lambda: not self._stopping,
            )
        except Exception as raised:
            error = one_line(raised)
        finally:
            with self._changed:
                self._complain(f"reaction {name} cannot be delivered", error)
                self._busy.discard(name)
                self._woken |= not error  # after an error the next look is soon enough
                self._changed.notify_all()

    def _name_unknown(self, names: Iterable[str]) -> None:
        listed = ", ".join(sorted(names))
        error = f"{listed}: the policy has no such table; add it again" if listed else ""
        self._complain("reactions are waiting that nobody delivers", error)

    def _complain(self, what: str, error: str) -> None:
        """One line in the log when an error is new; not one a second."""
        if error and self._told.get(what) != error:
            log.warning("%s: %s", what, error)
        self._told[what] = error
