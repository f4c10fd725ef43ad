"""Settled: the garbage collector leaves alone what was made for the start."""

import gc


class Settled:
    """A component, the last to start.

    Python's collector looks through every object whenever enough new ones have come, and holds up
    all threads for it: with MLflow in the process 0.15 s, in the middle of requests. What is there
    before the first request stays to the end, and need not be looked at.
    """

    async def start(self) -> None:
        """Set aside what there is."""
        gc.freeze()

    async def stop(self) -> None:
        """Take it back."""
        gc.unfreeze()
