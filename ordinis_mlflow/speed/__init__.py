"""Speed: two ways of running a model, measured in turn and judged by paired ratios.

    measured = interleave(candidate.run, default.run, windows, seconds=10.0)
    gain = measured.gain(64)      # throughput of the candidate over the default's
    tail = measured.tail(1)       # p99 of the candidate over the default's
    gain.above                    # True: faster, and not by chance

A machine that others use is slow for a while and quick for a while. What is compared is therefore
run within a fraction of a second of each other, again and again, and judged by the median ratio.
"""

from ordinis_mlflow.speed.interleaved import Interleaved, Run, Timed, interleave
from ordinis_mlflow.speed.load import Load, Step
from ordinis_mlflow.speed.ratio import Ratio

__all__ = ["Interleaved", "Load", "Ratio", "Run", "Step", "Timed", "interleave"]
