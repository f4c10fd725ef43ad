"""A gate that does what a file of the version says: planted through the real entry points."""

import time
from dataclasses import dataclass
from typing import ClassVar

from ordinis_mlflow.verdict import Verdict


@dataclass(frozen=True)
class ToldGate:
    limit: float = 1.0
    name: ClassVar[str] = "planted"

    def check(self, candidate):
        said, *seconds = (candidate.folder / "verdict.txt").read_text().split()
        time.sleep(float(seconds[0]) if seconds else 0.0)
        if said == "crash":
            raise RuntimeError("a secret of the server")
        passed = said == "pass"
        return Verdict("planted", passed, float(passed), self.limit, f"the file says {said}")
