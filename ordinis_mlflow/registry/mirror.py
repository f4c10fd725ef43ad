"""Mirror: tags that show decisions to people in MLflow's UI. Nothing here is ever read back."""

import time
from urllib.parse import quote

from mlflow.store.model_registry.dbmodels.models import SqlModelVersionTag
from sqlalchemy.orm import Session

from ordinis_mlflow.ledger import Decision
from ordinis_mlflow.registry.names import TAGS

LONGEST = 2000
"""Characters of a tag."""


def mirror(session: Session, workspace: str, decision: Decision) -> None:
    """Write the tags of a decision about a version, over those of the decision before."""
    entry = decision.entry
    tags = {
        "decision": _told(decision),
        "verdicts": "; ".join(map(str, entry.verdicts)),
        # Where the server's own pages tell the rest.
        "ledger": f"/ordinis/ledger/{quote(entry.model, safe='')}/{entry.version}",
    }
    if entry.action == "break_glass":
        # Under a key of its own, so that it stays when the next decision is shown.
        tags[f"break_glass.{decision.number}"] = _told(decision)
    for key, value in tags.items():
        tag = SqlModelVersionTag(
            workspace=workspace,
            name=entry.model,
            version=int(entry.version),
            key=TAGS + key,
            value=value[:LONGEST],
        )
        session.merge(tag)


def _told(decision: Decision) -> str:
    entry = decision.entry
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.at // 1_000_000_000))
    what = f"{entry.action} {entry.target}".strip()
    reason = f": {entry.reason}" if entry.reason else ""
    return f"{what} by {entry.who} at {moment}, decision {decision.number}{reason}"
