"""Delivery: reactions out of the outbox, each until it is done."""

import logging
import re
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ordinis_mlflow.errors import OrdinisError, ReactionFailed
from ordinis_mlflow.ledger import Due, Ledger, Outbox
from ordinis_mlflow.reactions.reaction import Reaction

LEASE_NS = 60 * 1_000_000_000
"""How long a reaction may take; the same one is tried again so long after its process has died."""
LONGEST = 500
"""Characters of an error in the log."""
CREDENTIALS = re.compile(r"//[^/@\s]*@")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Delivered:
    """What a round of deliveries came to.

    Attributes:
        done: reactions that are over.
        failed: reactions that will be tried again.
    """

    done: int
    failed: int


def deliver_due(
    outbox: Outbox,
    ledger: Ledger,
    reactions: Mapping[str, Reaction],
    now: int,
    *,
    lease_ns: int = LEASE_NS,
    going: Callable[[], bool] = lambda: True,
) -> Delivered:
    """Deliver what is due, one after another; what fails is put off, and stops nothing else.

    Several processes and machines may do this at once: each takes one item at a time, and nobody
    else has it before its lease is over. Of the receiver's side: at least once, with the same key.

    Args:
        outbox: of the reactions.
        ledger: of the decisions.
        reactions: by their names in the outbox; those of other names are left for others.
        now: UTC nanoseconds; what becomes due meanwhile waits for the next call.
        lease_ns: how long one reaction may take.
        going: asked before each delivery whether to go on.

    Raises:
        LedgerBusy: the wait for the database was too long.
        LedgerError: it cannot be used.
    """
    began = time.monotonic_ns()
    done = failed = 0
    for name, reaction in reactions.items():
        while going():
            # Of the time now and not of when the round began: the lease is for this item alone.
            lasts = lease_ns + time.monotonic_ns() - began
            claimed = outbox.claim(now, lasts, 1, name)
            if not claimed:
                break
            error = _attempt(claimed[0], reaction, ledger)
            _settle(outbox, claimed[0], error, now + time.monotonic_ns() - began)
            done, failed = done + (not error), failed + bool(error)
    return Delivered(done, failed)


def _attempt(item: Due, reaction: Reaction, ledger: Ledger) -> str:
    """What went wrong, in one line; "" if nothing did."""
    try:
        decision = ledger.decision(item.decision)
        if decision is None:
            raise ReactionFailed(f"the ledger has no decision {item.decision}")
        reaction.react(decision, item.key)
    except Exception as error:  # a reaction is somebody's code: none may stop the others
        return one_line(error)
    return ""


def _settle(outbox: Outbox, item: Due, error: str, now: int) -> None:
    what = f"reaction {item.reaction} to decision {item.decision}"
    if error:
        log.warning("%s failed (attempt %d): %s", what, item.attempts, error)
        mine = outbox.failed(item, error, item.retry_at(now))
    else:
        log.info("%s is done (attempt %d)", what, item.attempts)
        mine = outbox.done(item, now)
    if not mine:
        log.warning("%s took longer than its lease: another worker has it too", what)


def one_line(error: Exception) -> str:
    """What the log and the outbox keep of an error, without secrets.

    Messages of foreign errors quote whole URLs and headers: of those, the class and the line.
    """
    if not isinstance(error, OrdinisError):
        frames = traceback.extract_tb(error.__traceback__)
        where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        return f"{type(error).__name__}{where}"[:LONGEST]
    text = CREDENTIALS.sub("//***@", " ".join(str(error).split()))
    return "".join(each if each.isprintable() else "?" for each in text)[:LONGEST]
