"""Drift: how often it is called where there is none, how soon where there is, and what it costs.

- False alarms: features ``technical@1`` of 200 markets of each process that does not drift, a
  reference of 1,000 or 2,000 rows, windows of 60, 120 and 250; weekly checks through the year after
  the reference, every window free of the reference's rows. The share of checks that alarm, the
  worst of all configurations; with the upper limit of its 95 % interval (Clopper and Pearson), as
  if the 51 checks of a market were one. 1,000 rows hold 4 windows of 250, which a fit refuses
  unless it is told ``least_windows=4``, as here.
- Trigger: the share of those markets in which, within the year, one alarm confirms another.
- Power: GARCH, volatility tripled 60 bars after the reference, window 60; the share of markets in
  which a check every 5 bars alarms within 63 bars.
- S&P 500: daily checks, dates of alarms.
- Speed: a whole check of 100,000 rows, against Evidently's DataDriftPreset of the same rows on as
  many columns as it finishes; both a column.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import stats

from bench.drift_speed import over_evidently
from bench.measure import Row, json_path, report
from bench.simulated import PROCESSES, features, resampled, simulated, sp500
from ordinis_mlflow.drift import DriftReference, triggers
from ordinis_mlflow.features import TECHNICAL_1

MARKETS, PART = 200, 25
REFERENCES, WINDOWS = (1000, 2000), (60, 120, 250)
YEAR, WEEK = 252, 5
WAIT, WITHIN, FACTOR = 60, 63, 3.0
SEED = 20_260_807
REAL = "S&P 500 in blocks"

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Setting:
    """A configuration of the rule."""

    process: str
    reference: int
    window: int

    def __str__(self) -> str:
        return f"{self.process} {self.reference}/{self.window}"


def main() -> None:
    path = json_path(__doc__)
    with ProcessPoolExecutor(2) as pool:
        processes = (*PROCESSES, REAL)
        jobs = [(name, part) for name in processes for part in range(MARKETS // PART)]
        quiet = _joined(pool.map(_still_markets, *zip(*jobs, strict=True)))
        loud = _joined(pool.map(_tripled, range(MARKETS // PART)))
    rows = [false_alarms(quiet), *yearly(quiet), *power(loud), *real(), over_evidently()]
    report("Drift", rows, path)


def false_alarms(alarms: dict[Setting, Flags]) -> Row:
    shares = {setting: float(flags.mean()) for setting, flags in alarms.items()}
    for setting, share in shares.items():
        print(f"{setting!s:35} {share:.3f}, at most {_upper(share, MARKETS):.3f}")
    worst = max(shares, key=lambda setting: shares[setting])
    return Row(
        "drift.false_alarm_max",
        "checks that alarm while nothing drifts",
        shares[worst],
        0.05,
        True,
        f"{worst}, at most {_upper(shares[worst], MARKETS):.3f}; {len(shares)} configurations of "
        f"{MARKETS} markets, median {np.median(list(shares.values())):.3f}",
    )


def yearly(alarms: dict[Setting, Flags]) -> Iterator[Row]:
    shares = {setting: _triggered(flags) for setting, flags in alarms.items()}
    for setting, share in shares.items():
        print(f"{setting!s:35} triggers {share:.3f} a year")
    chosen = {setting: share for setting, share in shares.items() if setting.window == 60}
    for key, some in (("", chosen), ("_any_window", shares)):
        worst = max(some, key=lambda setting: some[setting])
        yield Row(
            f"drift.yearly_false_trigger{key}",
            "years with a trigger while nothing drifts",
            some[worst],
            0.10 if not key else None,
            True,
            f"{worst}, at most {_upper(some[worst], MARKETS):.3f}; {len(some)} configurations, "
            f"median {np.median(list(some.values())):.3f}",
        )


def power(alarms: dict[Setting, Flags]) -> Iterator[Row]:
    for setting, flags in alarms.items():
        found = float(flags.any(axis=1).mean())
        usual = setting.reference == max(REFERENCES)
        yield Row(
            "drift.power_vol3_63" if usual else f"drift.power_vol3_63_of_{setting.reference}",
            f"volatility x{FACTOR:g} seen within {WITHIN} bars",
            found,
            0.70 if usual else None,
            False,
            f"{setting}, {MARKETS} markets, at least {_lower(found, MARKETS):.3f}",
        )


def real() -> Iterator[Row]:
    crisis = _alarm_days("2003", "2007", "2007", "2010")
    early = (np.datetime64("2008-09-30") - crisis[0]).astype(int)
    yield Row(
        "drift.sp500_days_before_october_2008",
        "days from the first alarm to 2008-09-30",
        float(early),
        0.0,
        False,
        f"reference 2003 to 2006: first alarm {crisis[0]}; {_episodes(crisis)}",
    )
    for begin in ("2010", "2003"):
        calm = _alarm_days(begin, "2013", "2013", "2018")
        yield Row(
            f"drift.sp500_calm_alarms_since_{begin}",
            f"alarms of 2013 to 2017, reference {begin} to 2012",
            float(len(calm)),
            0.0,
            True,
            _episodes(calm) or "none",
        )


def _still_markets(process: str, part: int) -> dict[Setting, Flags]:
    random = _random(process, part)
    rows = max(REFERENCES) + max(WINDOWS) + YEAR
    if process == REAL:
        tables = resampled(random, PART, rows)
    else:
        tables = simulated(process, random, PART, rows)
    checks = range(0, YEAR, WEEK)
    return {
        Setting(process, reference, window): np.array(
            [_alarms(table, reference, window, [window + at for at in checks]) for table in tables]
        )
        for reference, window in product(REFERENCES, WINDOWS)
    }


def _tripled(part: int) -> dict[Setting, Flags]:
    random = _random("tripled", part)
    rows = max(REFERENCES) + WAIT + WITHIN
    tables = simulated("GARCH-t", random, PART, rows, np.full(WITHIN, FACTOR))
    checks = [WAIT + after for after in range(WITHIN % WEEK, WITHIN + 1, WEEK)]
    return {
        Setting("GARCH-t", reference, 60): np.array(
            [_alarms(table, reference, 60, checks) for table in tables]
        )
        for reference in REFERENCES
    }


def _alarms(table: np.ndarray, reference: int, window: int, checks: list[int]) -> list[bool]:
    """Of checks so many bars after the reference, which ends where the longest one does."""
    now = max(REFERENCES)
    fitted = DriftReference.fit(
        table[now - reference : now], TECHNICAL_1.names, window=window, least_windows=4
    )
    return [fitted.check(table[: now + at], TECHNICAL_1.names).alarm for at in checks]


def _alarm_days(begin: str, end: str, since: str, until: str) -> npt.NDArray[np.datetime64]:
    """Days of alarms of daily checks from one year on, before another; windows of 60."""
    days, bars = sp500()
    table, days = features(bars), days[TECHNICAL_1.lookback - 1 :]
    bounds = (np.datetime64(f"{year}-01-01") for year in (begin, end, since, until))
    first, last, start, stop = np.searchsorted(days, list(bounds))
    fitted = DriftReference.fit(table[first:last], TECHNICAL_1.names)
    found = [
        at for at in range(start, stop) if fitted.check(table[: at + 1], TECHNICAL_1.names).alarm
    ]
    return np.asarray(days[found])


def _episodes(days: npt.NDArray[np.datetime64]) -> str:
    """Runs of alarms less than a month apart, as ``first to last (count)``."""
    if not len(days):
        return ""
    runs = np.split(days, np.flatnonzero(np.diff(days).astype(int) > 31) + 1)
    return "alarms " + ", ".join(f"{run[0]} to {run[-1]} ({len(run)})" for run in runs)


def _triggered(flags: Flags) -> float:
    alarms = [[int(at) * WEEK for at in np.flatnonzero(row)] for row in flags]
    return float(np.mean([bool(triggers(each)) for each in alarms]))


def _joined(parts: Iterator[dict[Setting, Flags]]) -> dict[Setting, Flags]:
    found: dict[Setting, list[Flags]] = {}
    for part in parts:
        for setting, flags in part.items():
            found.setdefault(setting, []).append(flags)
    return {setting: np.concatenate(flags) for setting, flags in found.items()}


def _random(name: str, part: int) -> np.random.Generator:
    return np.random.default_rng([SEED, *name.encode(), part])


def _upper(share: float, count: int) -> float:
    hits = share * count
    return float(stats.beta.ppf(0.975, hits + 1, count - hits)) if hits < count else 1.0


def _lower(share: float, count: int) -> float:
    hits = share * count
    return float(stats.beta.ppf(0.025, hits, count - hits + 1)) if hits > 0 else 0.0


if __name__ == "__main__":
    main()
