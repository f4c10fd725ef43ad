"""History: what was where, replayed from the decisions.

Names change hands: a model is renamed, deleted, made again. A question about a model is answered
from the decisions that were about the model which has the name at the moment of the question.
"""

from collections.abc import Collection
from typing import Any, NamedTuple

import sqlalchemy as sa

from ordinis_mlflow.ledger.records import STAGES, TAKES, Action
from ordinis_mlflow.ledger.tables import DECISIONS

of = DECISIONS.c


class Span(NamedTuple):
    """Decisions from one number to another in which a model had a name."""

    name: str
    first: int
    last: int


def holder_number(
    connection: sa.Connection, workspace: str, model: str, target: str, at: int
) -> int | None:
    """Number of the decision that put a version where it was at a moment, or None."""
    until = connection.execute(sa.select(sa.func.max(of.number)).where(of.at <= at)).scalar()
    if until is None:
        return None
    query = (
        sa.select(of.number, of.action, of.version, of.target)
        .where(_within(connection, workspace, model, until), of.action != "refuse")
        .order_by(of.number)
    )
    holder = None
    for row in connection.execute(query):
        if row.action in TAKES and row.target == target:
            holder = row
        elif holder is not None and row.version == holder.version and _leaves(row, target):
            holder = None
    return None if holder is None else int(holder.number)


def _leaves(row: Any, target: str) -> bool:
    """Whether the version of a decision is no longer at a target that the decision did not give."""
    both_stages = row.target in STAGES and target in STAGES
    if row.action in TAKES:
        return both_stages
    if row.action in ("demote", "archive"):
        return both_stages or row.target == target
    return bool(row.action == "delete")


def evidence_number(
    connection: sa.Connection,
    workspace: str,
    model: str,
    version: str,
    actions: Collection[Action],
) -> int | None:
    """Number of a version's newest decision of some actions since it was made, or None."""
    until = connection.execute(sa.select(sa.func.max(of.number))).scalar() or 0
    query = (
        sa.select(of.number, of.action)
        .where(_within(connection, workspace, model, until), of.version == version)
        .where(of.action.in_([*actions, "delete"]))
        .order_by(of.number.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    return int(row.number) if row is not None and row.action in actions else None


def _within(
    connection: sa.Connection, workspace: str, model: str, until: int
) -> sa.ColumnElement[bool]:
    return (of.workspace == workspace) & sa.or_(
        *(
            (of.model == span.name) & of.number.between(span.first, span.last)
            for span in spans(connection, workspace, model, until)
        )
    )


def spans(connection: sa.Connection, workspace: str, model: str, until: int) -> list[Span]:
    """Under which names the model that has a name after decision ``until`` had its decisions."""
    gone = (of.action == "delete") & (of.version == "")
    query = (
        sa.select(of.number, of.action, of.model, of.target)
        .where(of.workspace == workspace, of.number <= until, gone | (of.action == "rename"))
        .order_by(of.number.desc())
    )
    found: list[Span] = []
    name, last = model, until
    for row in connection.execute(query):
        if row.model == name:  # an earlier model of this name, which gave it up here
            return [*found, Span(name, row.number + 1, last)]
        if row.action == "rename" and row.target == name:
            found.append(Span(name, row.number + 1, last))
            name, last = row.model, row.number - 1
    return [*found, Span(name, 1, last)]
