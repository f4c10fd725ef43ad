"""Serve: the fast server on a model, until told to stop.

The server's own command does it, so that an image without flows serves in the same way.
"""

from ordinis_mlflow.command_line import run
from ordinis_mlflow.serving.command import OPTIONS, main

__all__ = ["OPTIONS", "main"]

if __name__ == "__main__":
    run(main)
