"""Ending a group of processes: a server's own children end with it, however they were started."""

import contextlib
import os
import signal
import subprocess
import time

POLL_SECONDS = 0.02


def end_group(leader: "subprocess.Popen[bytes] | subprocess.Popen[str]", seconds: float) -> None:
    """Ask the group to end, and end it if it does not.

    Args:
        leader: started in a session of its own.
        seconds: that it may take, each time.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader.pid, number)
        if _has_ended(leader, time.monotonic() + seconds):
            return


def _has_ended(leader: "subprocess.Popen[bytes] | subprocess.Popen[str]", deadline: float) -> bool:
    """Whether all of them have, in time; some outlive their leader a little."""
    while time.monotonic() < deadline:
        leader.poll()
        try:
            os.killpg(leader.pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(POLL_SECONDS)
    return False
