"""Inspection: every check over all symbols, one verdict each, and the bars to be set aside."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ordinis_mlflow.bars import Bars, SymbolBars
from ordinis_mlflow.quality.prices import outliers, splits, stale
from ordinis_mlflow.quality.rules import NO_CALENDAR, QualityRules
from ordinis_mlflow.quality.sessions import Sessions
from ordinis_mlflow.verdict import Verdict

CHECKS = ("bars_outside_sessions", "stale_prices", "outlier_jumps", "splits")
"""The checks that set bars aside; `missing_sessions_share` has none to set aside."""


@dataclass(frozen=True, eq=False)
class Suspicion:
    """Bars of one symbol that a check finds suspicious.

    Attributes:
        check: one of `CHECKS`.
        symbol: whose bars.
        times: (n,), int64: their times, UTC nanoseconds.
        reason: one sentence for people, on the first of them.
    """

    check: str
    symbol: str
    times: npt.NDArray[np.int64]
    reason: str


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was found.

    Attributes:
        verdicts: one a check, always in the same order.
        suspicions: the bars that should be set aside.
    """

    verdicts: tuple[Verdict, ...]
    suspicions: tuple[Suspicion, ...]


def inspect(bars: Bars, rules: QualityRules) -> Inspection:
    """Check all bars.

    Args:
        bars: of any symbols.
        rules: the limits.

    Raises:
        InvalidConfig: the calendar cannot be used.
    """
    sessions = None if rules.calendar == NO_CALENDAR else Sessions(rules.calendar, bars)
    found = [one for series in bars.series() for one in _suspicions(series, rules, sessions)]
    verdicts = [_missing(bars, rules, sessions)]
    verdicts += [_verdict(check, found, rules, sessions) for check in CHECKS]
    return Inspection(tuple(verdicts), tuple(found))


def _suspicions(
    series: SymbolBars, rules: QualityRules, sessions: Sessions | None
) -> list[Suspicion]:
    found = []
    if sessions and (outside := sessions.outside(series)).any():
        found.append(_suspicion(CHECKS[0], series, outside, "is on a day without a session"))
    if (still := stale(series.values, rules.stale_bars)).any():
        why = f"begins {int(still.sum())} bars in which no price changed"
        found.append(_suspicion(CHECKS[1], series, still, why))
    if (jumped := outliers(series.values, rules)).any():
        why = f"jumps by more than {rules.jump_sigmas:g} standard deviations and comes back"
        found.append(_suspicion(CHECKS[2], series, jumped, why))
    kept = np.flatnonzero(~jumped)
    opened = list(splits(series.values[kept], rules))
    ends = [*(kept[place] for place, _ in opened[1:]), len(series)]
    for (place, ratio), end in zip(opened, ends, strict=False):
        rows = np.zeros(len(series), dtype=bool)
        rows[kept[place] : end] = True
        how = f"{ratio:.3g} for 1" if ratio > 1 else f"1 for {1 / ratio:.3g}"
        why = f"opens as after a split of {how}; supply an adjusted close, or accept it"
        found.append(_suspicion(CHECKS[3], series, rows & ~jumped, why))
    return found


def _suspicion(check: str, series: SymbolBars, rows: npt.NDArray[np.bool_], why: str) -> Suspicion:
    first = series.timestamps[int(np.argmax(rows))]
    reason = f"symbol {series.symbol!r}, {first}: {why}"
    return Suspicion(check, series.symbol, series.nanoseconds()[rows], reason)


def _missing(bars: Bars, rules: QualityRules, sessions: Sessions | None) -> Verdict:
    name = "missing_sessions_share"
    if sessions is None:
        return Verdict(name, True, 0.0, rules.max_missing, "not checked: no calendar was named")
    worst, symbol, gaps = 0.0, "", []
    for series in bars.series():
        share, days = sessions.missing(series)
        if share > worst:
            worst, symbol, gaps = share, series.symbol, list(days)
    reason = (
        f"symbol {symbol!r} lacks {len(gaps)} sessions of {rules.calendar}, the first {gaps[0]}"
        if gaps
        else f"every session of {rules.calendar} has a bar"
    )
    return Verdict(name, worst <= rules.max_missing, worst, rules.max_missing, reason)


def _verdict(
    check: str, found: Sequence[Suspicion], rules: QualityRules, sessions: Sessions | None
) -> Verdict:
    mine = [one for one in found if one.check == check]
    count = sum(1 if check == "splits" else len(one.times) for one in mine)
    if mine:
        more = f"; {len(mine) - 1} more" if len(mine) > 1 else ""
        reason = mine[0].reason + more
    elif check == CHECKS[0] and sessions is None:
        reason = "not checked: no calendar was named"
    else:
        reason = "none was found"
    return Verdict(check, not mine, float(count), 0.0, reason)
