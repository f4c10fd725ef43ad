"""Deliver what is due until nothing waits, once only, or be killed just before one is noted done.

Arguments: database, URL of the receiver, folder, and live, once, or the name of a reaction after
which to be killed.
"""

import os
import signal
import sys
import time

from receiver import VARIABLE, Book

from ordinis_mlflow.ledger import Outbox
from ordinis_mlflow.reactions import deliver_due
from registry_hooks.reactions.notification import NotificationReaction
from registry_hooks.reactions.webhook import WebhookReaction

LEASE_NS = 200_000_000


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def main(database, url, folder, mode):
    book = Book(database)
    reactions = {
        "notification": NotificationReaction(folder),
        "webhook": WebhookReaction(url, VARIABLE),
    }
    if mode in reactions:
        Outbox.done = die
        reactions = {mode: reactions[mode]}
    while book.outbox.waiting():
        deliver_due(book.outbox, book.ledger, reactions, time.time_ns(), lease_ns=LEASE_NS)
        if mode == "once":
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
