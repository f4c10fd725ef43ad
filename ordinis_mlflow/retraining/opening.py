"""Opening: the desk in the database that the environment names."""

import os
from collections.abc import Mapping

import sqlalchemy as sa

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.retraining.desk import Desk

CATALOGUE_VARIABLE = "ORDINIS_CATALOGUE"
"""As for the feature store: both keep their tables beside MLflow's."""
WAIT_S = 60
"""How long a writer of SQLite waits for another one."""


def open_desk(tracking_uri: str, environment: Mapping[str, str] = os.environ) -> Desk:
    """The desk of the tracking database.

    Args:
        tracking_uri: MLflow's, where ORDINIS_CATALOGUE does not name a database.
        environment: that may.

    Raises:
        InvalidConfig: neither is the URL of a database.
        RetrainingError: it cannot be used.
    """
    url = environment.get(CATALOGUE_VARIABLE, tracking_uri)
    kind = url.partition(":")[0]
    if kind.partition("+")[0] not in ("sqlite", "postgresql"):
        raise InvalidConfig(
            "the loop is kept in a database (sqlite:///... or postgresql://...), got a URL that "
            f"begins with {kind!r}: where MLflow's tracking server is reached over HTTP, set "
            f"{CATALOGUE_VARIABLE} to the database behind it"
        )
    options = {"timeout": WAIT_S} if kind.startswith("sqlite") else {}
    try:
        engine = sa.create_engine(url, connect_args=options)
    except (sa.exc.ArgumentError, ValueError, ImportError) as error:
        # What the parser says may quote a piece of the password.
        raise InvalidConfig(
            f"the URL of the loop's database cannot be read ({type(error).__name__}); write "
            "postgresql://user:password@host/database, with a password's @ as %40 and / as %2F"
        ) from None
    return Desk(engine)
