"""Said: what a loop has to say, where whoever is on call will find it."""

import sys

import mlflow

from ordinis_mlflow.retraining import LoopState


def say(text: str, loud: bool) -> None:
    """On standard output, which cron may throw away; what is loud on standard error as well."""
    print(text)
    if loud:
        print(text, file=sys.stderr)


def tell(model: str, note: str, state: LoopState, loud: bool) -> None:
    """Say where a loop stands and why, and write it to the active run."""
    mlflow.set_tags({"ordinis.loop": note, "ordinis.loop.phase": state.phase})
    say(f"{model}: {note}", loud)
