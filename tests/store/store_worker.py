"""A process of its own that works on a store: killed, raced against itself, short of disk space.

It imports once and forks for each piece of work.
"""

import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from revision_logs import DAY, SMALL, bars, history

from ordinis_mlflow.errors import StoreError
from ordinis_mlflow.store import Arrival, Catalogue, Files, Store, ingest, materialize, read

NOTHING = pd.DataFrame()


def opened(folder, url):
    return Store(Files(f"{folder}/store"), Catalogue(url))


def arrive(store, dataset, frame):
    return ingest(store, dataset, Arrival("worker", bars(frame), NOTHING), known_after=DAY)


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


def grow(folder, url):
    """Bars day by day and features over them, until killed."""
    store = opened(folder, url)
    while True:
        grow_once(store)


def grow_once(store):
    found = store.catalogue.dataset("killed")
    day = int(len(read(store.files, found.head)) / 2) if found else 20
    days = range(day + 1)
    done = arrive(store, "killed", pd.concat([history("A", days), history("B", days)]))
    materialize(store, done.snapshot, SMALL)


def kill_at_random(folder, url, rounds):
    Catalogue(url).close()
    chance, kills = random.Random(0), 0
    # As often as asked, and on a busy machine until something was written in between.
    while kills < int(rounds) or (written(folder) <= 10 and kills < 10 * int(rounds)):
        kills += 1
        child = forked(grow, folder, url)
        time.sleep(chance.uniform(0.0, 0.2))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def written(folder):
    """How many snapshots there are."""
    return sum(1 for _ in Path(folder).rglob("snapshots/*.json"))


def kill_at_every_step(folder, url):
    """Die before and after every file that is put in its place, each time in a store of its own."""
    for step in range(100):
        for after in (False, True):
            own = Path(folder) / f"{step}{'after' if after else 'before'}"
            own.mkdir()
            child = forked(grow_until, own, f"sqlite:///{own}/catalogue.db", step, after)
            status = os.waitpid(child, 0)[1]
            if os.WIFEXITED(status):
                return
            assert os.WTERMSIG(status) == signal.SIGKILL, status
            print(own)


def grow_until(folder, url, step, after):
    replace, count = os.replace, 0

    def deadly(*names):
        nonlocal count
        if after:
            replace(*names)
        if count == step:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1
        if not after:
            replace(*names)

    os.replace = deadly
    grow_once(opened(folder, url))


def race_ingest(folder, url, processes, each):
    jobs = [(folder, url, number, int(each)) for number in range(int(processes))]
    together(ingest_symbols, jobs)


def ingest_symbols(folder, url, number, each):
    store = opened(folder, url)
    for turn in range(each):
        arrive(store, "raced", history(f"S{number}{turn}", range(10)))


def race_migrate(folder, url, processes):
    together(lambda: Catalogue(url).close(), [()] * int(processes))


def race_materialize(folder, url, bars_name, processes):
    def work():
        made = materialize(opened(folder, url), bars_name, SMALL)
        os.write(1, f"{made.name}\n".encode())  # whole lines, whoever else writes

    together(work, [()] * int(processes))


def full_disk(folder, url, limit):
    """No file may become larger than a limit: the message of the refusal."""
    store = opened(folder, url)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
    try:
        arrive(store, "large", large())
    except StoreError as error:
        print(error)


def large():
    whole = history("A", range(400))
    copies = [whole.assign(symbol=f"S{number:03d}") for number in range(50)]
    frame = pd.concat(copies, ignore_index=True)
    return frame.assign(volume=np.arange(len(frame), dtype=float))


if __name__ == "__main__":
    command, folder, url, *others = sys.argv[1:]
    Path(folder).mkdir(exist_ok=True)
    globals()[command](folder, url, *others)
