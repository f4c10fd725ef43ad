"""Chain: what the hash of a decision is computed over, and a decision as a row of its table.

The hash of a decision is the SHA-256 of its JSON object: every column of its row but ``hash``, by
the column's name, with ``verdicts`` and ``digests`` as the JSON that those columns hold; keys
sorted, no spaces, everything beyond ASCII escaped (``json.dumps(row, sort_keys=True,
separators=(",", ":"))``). Since ``previous_hash`` is among them, a hash fixes all that was decided
before.

JSON knows no figures that are not finite: they are written as the texts "inf", "-inf" and "nan".
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ordinis_mlflow.errors import LedgerError
from ordinis_mlflow.ledger.records import Decision, Entry
from ordinis_mlflow.verdict import Verdict

NO_HASH = "0" * 64
"""What the first decision follows."""

ENTRY_FIELDS = tuple(field.name for field in fields(Entry))
WRITTEN = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def decide(entry: Entry, number: int, previous_hash: str) -> Decision:
    """The decision that an entry becomes after another one."""
    plain = replace(
        entry,
        verdicts=tuple(_plain(verdict) for verdict in entry.verdicts),
        digests=dict(sorted(entry.digests.items())),
    )
    unhashed = Decision(number, plain, previous_hash, "")
    return replace(unhashed, hash=hash_of(unhashed))


def hash_of(decision: Decision) -> str:
    """The hash that a decision must have."""
    values: dict[str, Any] = {name: getattr(decision.entry, name) for name in ENTRY_FIELDS}
    values["verdicts"] = [_json_of(verdict) for verdict in decision.entry.verdicts]
    values["digests"] = dict(decision.entry.digests)
    values |= {"number": decision.number, "previous_hash": decision.previous_hash}
    return hashlib.sha256(canonical(values).encode("ascii")).hexdigest()


def canonical(value: object) -> str:
    """The one way in which a value is written as JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def row_of(decision: Decision) -> dict[str, Any]:
    """The columns of a decision."""
    row = {name: getattr(decision.entry, name) for name in ENTRY_FIELDS}
    row["verdicts"] = canonical([_json_of(verdict) for verdict in decision.entry.verdicts])
    row["digests"] = canonical(dict(decision.entry.digests))
    row |= {"number": decision.number, "previous_hash": decision.previous_hash}
    return row | {"hash": decision.hash}


def decision_of(row: Mapping[str, Any]) -> Decision:
    """The decision in a row; the hash is taken as it is.

    Raises:
        LedgerError: the row is not one that this version could have written.
    """
    try:
        values = {name: row[name] for name in ENTRY_FIELDS}
        values["verdicts"] = tuple(map(_verdict, json.loads(row["verdicts"])))
        values["digests"] = dict(json.loads(row["digests"]).items())
        hashes = [_text(row[name]) for name in ("previous_hash", "hash")]
        return Decision(row["number"], Entry(**values), *hashes)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LedgerError(
            f"decision {row['number']} cannot be read ({error}); let `Ledger.verify` say what "
            "was changed"
        ) from error


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a hash must be text, got {value!r:.100}")
    return value


def _plain(verdict: Verdict) -> Verdict:
    """A verdict of Python's own numbers, as it will be read back."""
    figures = float(verdict.observed), float(verdict.limit)
    return Verdict(str(verdict.name), bool(verdict.passed), *figures, str(verdict.reason))


def _json_of(verdict: Verdict) -> dict[str, Any]:
    return {
        "name": verdict.name,
        "passed": verdict.passed,
        "observed": _written(verdict.observed),
        "limit": _written(verdict.limit),
        "reason": verdict.reason,
    }


def _written(figure: float) -> float | str:
    return figure if math.isfinite(figure) else repr(figure)


def _verdict(values: dict[str, Any]) -> Verdict:
    figures = {name: _figure(values[name]) for name in ("observed", "limit")}
    return _plain(Verdict(**values | figures))


def _figure(written: float | str) -> float:
    return WRITTEN[written] if isinstance(written, str) else float(written)
