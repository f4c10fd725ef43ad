"""A virtual environment for each peer: ``python -m bench.peers.environments`` builds them all.

They lie in ``.ordinis/peers`` of the checkout, or where ``BENCH_PEERS`` says. pip installs exactly
what ``requirements.txt`` lists; when that file changes, the environment is built anew.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
PEERS = ("bentoml", "litserve", "mlserver")
FOLDER_VARIABLE = "BENCH_PEERS"
DEFAULT = HERE.parents[1] / ".ordinis" / "peers"


def environment(peer: str) -> Path:
    """The folder of executables of a peer's environment, which is built if need be.

    Raises:
        subprocess.CalledProcessError: pip failed; it has printed why.
    """
    folder = Path(os.environ.get(FOLDER_VARIABLE, DEFAULT)) / peer
    requirements = HERE / peer / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    installed = folder / "installed"
    if not installed.exists() or installed.read_text() != digest:
        print(f"building the environment of {peer} in {folder}", file=sys.stderr)
        venv.create(folder, clear=True, with_pip=True, symlinks=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q"]
        subprocess.run([*pip, "--disable-pip-version-check", "-r", str(requirements)], check=True)
        # Written last: an environment that was interrupted has none.
        installed.write_text(digest)
    return folder / "bin"


if __name__ == "__main__":
    for each in PEERS:
        print(environment(each))
