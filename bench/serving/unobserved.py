"""Our server without metrics: what they cost is the difference to ours as it is.

``python -m bench.serving.unobserved`` takes the flags of ``flows.serve``.
"""

import sys
from typing import Any

from ordinis_mlflow.serving import command, process


class Unobserved:
    """Takes whatever ``ServingMetrics`` is told, and forgets it."""

    def __init__(self, **ignored: Any) -> None:
        pass

    def __getattr__(self, name: str) -> "Unobserved":
        return self

    def __call__(self, *ignored: Any) -> "Unobserved":
        """Every method that it is asked for."""
        return self


def main() -> None:
    vars(process)["ServingMetrics"] = Unobserved
    command.main(sys.argv[1:])


if __name__ == "__main__":
    main()
