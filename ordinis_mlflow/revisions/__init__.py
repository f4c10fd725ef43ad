"""Rows that know when they became known: revisions, views as of a moment, point-in-time joins."""

from ordinis_mlflow.revisions._join import KnownSeries, join
from ordinis_mlflow.revisions._merge import news, revise, stated
from ordinis_mlflow.revisions._order import by_symbol, in_force
from ordinis_mlflow.revisions._panel import Panel
from ordinis_mlflow.revisions._revisions import LAST, Revisions, Unordered

__all__ = [
    "LAST",
    "KnownSeries",
    "Panel",
    "Revisions",
    "Unordered",
    "by_symbol",
    "in_force",
    "join",
    "news",
    "revise",
    "stated",
]
