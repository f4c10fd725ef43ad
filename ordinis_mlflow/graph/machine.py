"""Machine: the kind of machine that a measured speed is true of."""

import hashlib
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from ordinis_mlflow.graph.runtime import onnxruntime

CPUINFO = Path("/proc/cpuinfo")
DIGITS = 12
"""Of a digest that stands for a machine."""


@dataclass(frozen=True)
class Machine:
    """What a setting's speed depends on: another of these, and it has to be measured again.

    Attributes:
        processor: model name, as the system says it.
        cores: that ONNX Runtime and a session see.
        onnxruntime: its version.
        provider: execution provider that a session has by default.
    """

    processor: str
    cores: int
    onnxruntime: str
    provider: str

    @property
    def digest(self) -> str:
        """Twelve hexadecimal digits of SHA-256 over all of it."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]

    @classmethod
    def here(cls, provider: str) -> "Machine":
        """This one.

        Args:
            provider: what ``GraphSession.provider`` says of a session with default settings; only
                a session knows which one runs.
        """
        return cls(_processor(), os.cpu_count() or 1, onnxruntime.__version__, provider)


def _processor() -> str:
    """Where the system has no such file, what Python knows, which is less."""
    if CPUINFO.exists():
        for line in CPUINFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
