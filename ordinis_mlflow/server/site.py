"""The server's own site below ``/ordinis``: pages for people, answers for programs."""

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from ordinis_mlflow.errors import OrdinisError
from ordinis_mlflow.ledger import Ledger
from ordinis_mlflow.server.access import OpenAccess
from ordinis_mlflow.server.actions import Actions
from ordinis_mlflow.server.page import Pages

OWN = "/ordinis"


def site(ledger: Callable[[], Ledger], access: OpenAccess, prefix: str = "") -> Starlette:
    """The site, to be mounted at ``prefix`` and ``/ordinis``.

    Args:
        ledger: gives the ledger; called at the first request, for the store is made then.
        access: who may read and do what.
        prefix: what MLflow's ``--static-prefix`` puts before every path.
    """
    pages = Pages(ledger, access, f"{prefix}{OWN}")
    return Starlette(
        routes=[*pages.routes, *Actions(access).routes],
        exception_handlers={HTTPException: pages.failed, OrdinisError: pages.failed},
    )
