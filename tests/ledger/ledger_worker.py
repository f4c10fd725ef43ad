"""Processes that work on one ledger: raced against each other, and killed.

It imports once and forks for each piece of work.
"""

import os
import random
import signal
import sys
import time

import sqlalchemy as sa
from ledger_entries import engine_of, entry

from ordinis_mlflow.ledger import Ledger, Outbox
from ordinis_mlflow.ledger.tables import DECISIONS

SECOND = 1_000_000_000


def forked(work, *arguments, gate=None):
    """Process id of a child that does the work; with a gate it waits until that is closed."""
    pid = os.fork()
    if pid:
        return pid
    try:
        if gate:
            os.close(gate[1])
            os.read(gate[0], 1)
        work(*arguments)
        os._exit(0)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)


def together(work, arguments):
    """Begin all at once; SystemExit if one of them fails."""
    gate = os.pipe()
    children = [forked(work, *each, gate=gate) for each in arguments]
    os.close(gate[1])
    codes = [os.waitpid(child, 0)[1] for child in children]
    if any(codes):
        sys.exit(f"children ended with {codes}")


def race_migrate(url, processes):
    together(lambda: Ledger(engine_of(url)), [()] * int(processes))


def race_append(url, processes, each):
    """The tables are made in the same race."""
    together(append, [(url, number, int(each)) for number in range(int(processes))])


def append(url, number, each):
    engine, chance = engine_of(url), random.Random(number)
    ledger = Ledger(engine)
    for turn in range(each):
        while not attempt(engine, ledger, f"{number}-{turn}", fails=chance.random() < 0.2):
            pass


def attempt(engine, ledger, version, fails):
    """A decision that depends on what was read: how many there were before it."""
    with engine.connect() as connection:
        ledger.lock(connection)
        count = connection.execute(sa.select(sa.func.count()).select_from(DECISIONS)).scalar()
        ledger.append(connection, entry(version=version, previous=str(count)))
        if fails:
            connection.rollback()
        else:
            connection.commit()
        return not fails


def race_claim(url, processes):
    """Each prints the items that it did."""
    together(claim, [(url,)] * int(processes))


def claim(url):
    outbox, now = Outbox(engine_of(url)), time.time_ns()
    while items := outbox.claim(now, 60 * SECOND, limit=3):
        for item in items:
            assert outbox.done(item, now)
            os.write(1, f"{item.key}\n".encode())  # whole lines, whoever else writes


def die_with_a_claim(url):
    """Claim one, print it, be killed."""
    child = forked(lambda: die(Outbox(engine_of(url)).claim(time.time_ns(), 60 * SECOND, limit=1)))
    os.waitpid(child, 0)


def die(items):
    os.write(1, f"{items[0].id} {time.time_ns()}\n".encode())
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at_every_step(url):
    """Die before and after every statement and commit of a decision: whether it was committed."""
    Ledger(engine_of(url))
    for step in range(100):
        status = os.waitpid(forked(decide_until, url, step), 0)[1]
        assert Ledger(engine_of(url)).verify() == []
        if os.WIFEXITED(status):
            return
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        print(step)


def decide_until(url, step):
    engine, count = engine_of(url), 0

    def count_down(*_, **__):
        nonlocal count
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1

    ledger, outbox = Ledger(engine), Outbox(engine)
    for moment in ("before_cursor_execute", "after_cursor_execute", "commit"):
        sa.event.listen(engine, moment, count_down)
    with engine.begin() as connection:
        decision = ledger.append(connection, entry(version=str(step)))
        outbox.enqueue(connection, decision, ["webhook", "file"])
    count_down()


def kill_at_random(url, rounds):
    Ledger(engine_of(url))
    chance = random.Random(0)
    for _ in range(int(rounds)):
        child = forked(append, url, 0, 10**6)
        time.sleep(chance.uniform(0.02, 0.15))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        assert Ledger(engine_of(url)).verify() == []


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
