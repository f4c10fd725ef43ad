"""The parts of ``bench.soak``: what is asked, what must be answered, and what came of it."""
