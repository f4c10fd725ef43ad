"""Peak memory of computing and writing a snapshot, everything of its process counted.

Run as ``python -m bench.peak CATALOGUE STORE BARS``; prints bytes of memory and of the snapshot.
"""

import sys
from pathlib import Path

from bench.market import FACTORS
from ordinis_mlflow.store import materialize, open_store


def main() -> None:
    catalogue, url, bars = sys.argv[1:]
    made = materialize(open_store(catalogue, {"ORDINIS_STORE": url}), bars, FACTORS)
    written = sum((Path(url) / part.file).stat().st_size for part in made.parts)
    print(high_water(), written)


def high_water() -> int:
    """The most memory that was resident, in bytes; Linux counts it anew for each program."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(kilobytes) * 1024


if __name__ == "__main__":
    main()
