"""Decide: the verdict of every gate that the policy asks, whatever the candidate does to them."""

import logging
import math
from dataclasses import replace

from ordinis_mlflow.errors import OrdinisError
from ordinis_mlflow.promotion.candidate import Candidate
from ordinis_mlflow.promotion.gate import Gate
from ordinis_mlflow.promotion.policy import Policy
from ordinis_mlflow.verdict import Verdict

FOUNDATIONS = ("manifest", "probe")
"""If one of these refuses, the files are not what they seem: no other gate can be trusted."""
LONGEST = 1000
"""Characters of a reason: it may quote what a client wrote."""

log = logging.getLogger(__name__)


def decide(candidate: Candidate, policy: Policy) -> tuple[Verdict, ...]:
    """One verdict of each gate, in the policy's order; the candidate may pass if all of them do.

    Raises:
        InvalidConfig: the policy has no gates for the candidate's target.
    """
    judged = replace(candidate, cost_bps=policy.cost_bps)
    verdicts: list[Verdict] = []
    broken = ""
    for gate in policy.gates(candidate.name, candidate.target):
        verdict = refused(gate.name, f"not run: {broken} refused") if broken else ask(gate, judged)
        verdicts.append(verdict)
        if gate.name in FOUNDATIONS and not verdict.passed and not broken:
            broken = gate.name
    return tuple(verdicts)


def ask(gate: Gate, candidate: Candidate) -> Verdict:
    """The gate's verdict; a refusal if it raises or says what no verdict may say."""
    try:
        verdict = gate.check(candidate)
    except OrdinisError as error:
        return refused(gate.name, str(error))
    except Exception as error:  # a gate is somebody's code: what it raises must not open the way
        # The trace goes here and not to the client.
        log.exception("gate %s raised on %s", gate.name, candidate)
        return refused(
            gate.name,
            f"the gate {gate.name} broke down with {type(error).__name__}; the server's log says "
            "where",
        )
    return _sound(gate, verdict)


def refused(name: str, reason: str) -> Verdict:
    """A gate that could not be passed for want of a figure."""
    return Verdict(name, False, 0.0, 1.0, one_line(reason))


def one_line(text: str) -> str:
    """Printable characters on one line, cut to :data:`LONGEST`."""
    line = "".join(each if each.isprintable() else " " for each in text)
    line = " ".join(line.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def _sound(gate: Gate, verdict: Verdict) -> Verdict:
    if not isinstance(verdict, Verdict) or verdict.name != gate.name:
        return refused(gate.name, f"the gate {gate.name} gave no verdict of its name")
    figures = float(verdict.observed), float(verdict.limit)
    if not all(map(math.isfinite, figures)):
        return refused(gate.name, f"the gate's figure is not finite: {verdict}")
    return Verdict(gate.name, bool(verdict.passed), *figures, one_line(verdict.reason))
