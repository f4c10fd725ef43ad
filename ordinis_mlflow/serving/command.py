"""The server's command: ``python -m ordinis_mlflow.serving``, and the entry point ``serve``."""

import re
from collections.abc import Sequence

from ordinis_mlflow.command_line import parse
from ordinis_mlflow.serving.keys import guard
from ordinis_mlflow.serving.listening import Listening, address
from ordinis_mlflow.serving.process import create
from ordinis_mlflow.serving.running import run
from ordinis_mlflow.serving.settings import ServingSettings
from ordinis_mlflow.serving.workers import Workers

READY = re.compile(r"^ordinis serves .* at (https?://\S+)$", re.MULTILINE)
"""The line that is printed when requests are answered."""
OPTIONS = (ServingSettings, Listening)
"""Their fields, and those of the dataclasses in them, are the parameters; names are unique."""


def main(arguments: Sequence[str]) -> None:
    """Serve until told to stop."""
    settings, listening = parse(arguments, *OPTIONS)
    serve(settings, listening)


def serve(settings: ServingSettings, listening: Listening) -> None:
    """Serve until told to stop; one line is printed when requests are answered.

    Raises:
        InvalidConfig: the address cannot be had.
        PackageError: the model must not be served.
        ServingError: a part of the server did not start.
    """
    # All of this is refused before a model is loaded, which takes longer.
    guard(settings.access)
    listening.certificates.context()
    listening.connection_limits.allow_files()
    with listening.bind() as bound:

        def ready() -> None:
            where = address(bound, listening.certificates.scheme)
            print(f"ordinis serves {settings.model} at {where}", flush=True)

        if listening.workers == 1:
            run(create(settings), listening, bound, ready)
        else:
            Workers(settings, listening, bound).run(ready)
