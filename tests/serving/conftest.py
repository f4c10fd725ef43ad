"""What tests of serving share: where the interpreter's programs are."""

import os
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def programs():
    """PATH with the interpreter's programs first, as in an activated environment."""
    return {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
