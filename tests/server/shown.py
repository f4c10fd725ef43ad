"""Decisions to show: plain ones, and one whose every text is an attempt to break the page."""

import hashlib
import math

from sqlalchemy import create_engine

from ordinis_mlflow.ledger import Entry, Ledger
from ordinis_mlflow.verdict import Verdict

HOSTILE = "<script>document.title='owned'</script>\"'><img src=x onerror=alert(1)>{{7*7}}&amp;"
HOUR = 3_600_000_000_000
START = 1_772_000_000_000_000_000  # 2026-02-25 06:13:20 UTC


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


FILES = {name: digest(name) for name in ("MLmodel", "manifest.json", "model.onnx", "scaler.json")}
CHECKS = (
    Verdict("manifest_files", True, 9, 9, "every file is the one that the manifest lists"),
    Verdict("sharpe_annual_lower", True, 0.214, 0.0, "better than the champion at 95 %"),
    Verdict("latency_p99_ratio", True, 1.8, 4.0, "within the budget of the calibration workload"),
)
FAILING = (
    CHECKS[0],
    Verdict("sharpe_annual_lower", False, -0.31, 0.0, "not shown to be as good as the champion"),
    Verdict("deflated_sharpe", False, math.nan, 0.95, "12 trials, too few returns to say"),
)


def entry(hours, action, version, target="Production", previous="", **more):
    known = {
        "at": START + hours * HOUR, "who": "ada", "action": action, "model": "sp500",
        "workspace": "", "version": version, "target": target, "previous": previous,
        "verdicts": (), "digests": FILES, "policy": digest("policy"), "reason": "",
    }  # fmt: skip
    return Entry(**known | more)


ENTRIES = (
    entry(0, "promote", "1", verdicts=CHECKS, reason="first champion"),
    entry(30, "refuse", "2", previous="1", who="grace", verdicts=FAILING),
    entry(50, "promote", "3", previous="1", verdicts=CHECKS),
    entry(51, "break_glass", "2", previous="3", who="grace", verdicts=FAILING,
          reason="feed outage: version 3 reads a symbol that is suspended"),
    entry(52, "rollback", "3", previous="2", reason="feed is back",
          verdicts=(Verdict("evidence", True, 0, 0, "its files are those of decision 3"),)),
    entry(60, "promote", "7", model=HOSTILE, who=HOSTILE, target=HOSTILE[:90],
          previous=HOSTILE[:40],
          verdicts=(Verdict(HOSTILE, False, 1.0, 2.0, HOSTILE),), reason=HOSTILE,
          digests={HOSTILE: digest("x")}),
    entry(70, "demote", "3", previous="3", reason="to Archived"),
)  # fmt: skip


def plant(engine, entries=ENTRIES):
    """The ledger of a database, with these decisions in it."""
    ledger = Ledger(engine)
    for one in entries:
        with engine.begin() as connection:
            ledger.append(connection, one)
    return ledger


def planted(database):
    """The same by the database's URL."""
    engine = create_engine(database)
    plant(engine)
    engine.dispose()
