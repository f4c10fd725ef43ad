"""What tests of delivery share: a reaction that does as it is told, and patience."""

import time
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Told:
    """A reaction that does what it is told, and keeps the keys."""

    does: object = None
    keys: list = field(default_factory=list)

    def react(self, decision, key):
        self.keys.append(key)
        if self.does:
            self.does()


def fails(error):
    def call():
        raise error

    return call


def until(true, seconds=10.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
