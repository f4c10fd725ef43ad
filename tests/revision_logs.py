"""Random logs of bars for the tests of revisions and store, and what pandas and loops say of them.

Times count days from `START`. A log is a table with the columns symbol, timestamp, known_at
(nanoseconds) and those of a bar; it is the oracle's form of a `Revisions`.
"""

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from ordinis_mlflow.bars import COLUMNS, Bars
from ordinis_mlflow.features import FeatureSet
from ordinis_mlflow.features.price import log_return
from ordinis_mlflow.features.volatility import high_low_range, realised_volatility
from ordinis_mlflow.revisions import Revisions, Unordered
from ordinis_mlflow.store import Catalogue, Files, Manifest, Store
from ordinis_mlflow.store.write import write

DAY = 86_400 * 10**9
START = 18_262 * DAY  # 2020-01-01
KEYS = ["symbol", "timestamp", "known_at"]
VALUES = list(COLUMNS)
SMALL = FeatureSet("small", 1, (log_return(1), realised_volatility(5), high_low_range()))


def values(rng, n):
    """(n, 5) values that obey every rule of bars."""
    prices = np.sort(100.0 * np.exp(rng.normal(0.0, 0.02, (n, 4))), axis=1)
    volume = rng.integers(1, 10**6, n).astype(float)
    return np.stack([prices[:, 1], prices[:, 3], prices[:, 0], prices[:, 2], volume], axis=1)


def history(symbol, days, seed=0, delay=1):
    """Bars of these days, each known `delay` days after its time."""
    days = np.asarray(days)
    rng = np.random.default_rng([seed, *symbol.encode()])
    frame = pd.DataFrame(values(rng, 400)[days], columns=VALUES)
    times = START + days * DAY
    return frame.assign(symbol=symbol, timestamp=times, known_at=times + delay * DAY)


def revised(frame, rows, known, seed=0):
    """Other values of the same bars, known at other times."""
    result = frame.iloc[rows].reset_index(drop=True)
    result[VALUES] = values(np.random.default_rng(seed), len(result))
    return result.assign(known_at=known)


@st.composite
def frames(draw, symbols=("A", "B", "é"), most=30):
    """Logs: gaps, late bars and corrections of several symbols, in any order of rows."""
    parts = []
    for symbol in draw(st.lists(st.sampled_from(symbols), min_size=1, max_size=3, unique=True)):
        gaps = draw(st.sets(st.integers(0, most - 1), max_size=most // 3))
        length = draw(st.integers(most // 2, most))
        days = [day for day in range(length) if day not in gaps]
        whole = history(symbol, days, draw(st.integers(0, 9)))
        place = st.integers(0, len(whole) - 1)
        late = draw(st.dictionaries(place, st.integers(1, 12), max_size=3))
        for row, wait in late.items():
            whole.loc[row, "known_at"] += wait * DAY
        parts.append(whole)
        for row, wait in draw(st.lists(st.tuples(place, st.integers(1, 9)), max_size=4)):
            known = int(whole.loc[row, "known_at"]) + wait * DAY
            parts.append(revised(whole, [row], known, draw(st.integers(0, 9))))
    frame = pd.concat(parts, ignore_index=True).drop_duplicates(KEYS)
    return frame.sample(frac=1.0, random_state=draw(st.integers(0, 99)), ignore_index=True)


def log(frame):
    """The same rows as a log."""
    codes, symbols = pd.factorize(frame["symbol"])
    return Unordered(
        COLUMNS,
        tuple(symbols),
        codes.astype(np.int32),
        frame["timestamp"].to_numpy(),
        frame["known_at"].to_numpy(),
        frame[VALUES].to_numpy(),
    ).revisions()


def table(rows):
    """Rows of a log or a panel as a table in the order of symbol, time and known time."""
    if isinstance(rows, Revisions):
        names = np.array(rows.symbols, dtype=object)[rows.codes]
    else:
        names = np.repeat(np.array(rows.symbols, dtype=object), np.diff(rows.starts))
    frame = pd.DataFrame(rows.values, columns=list(rows.columns))
    frame = frame.assign(symbol=names, timestamp=rows.times, known_at=rows.known)
    return ordered(frame)


def ordered(frame):
    """The columns in one order, the rows in another."""
    frame = frame[[*KEYS, *(name for name in frame.columns if name not in KEYS)]]
    return frame.astype({"symbol": object}).sort_values(KEYS).reset_index(drop=True)


def view(frame, moment):
    """Brute force: of each symbol and time the last row known by then."""
    known = frame[frame["known_at"] <= moment].sort_values("known_at", kind="stable")
    return ordered(known.groupby(["symbol", "timestamp"]).tail(1))


def feature_view(frame, features, moment):
    """Brute force: features of the bars known by then, one symbol after the other."""
    parts = []
    for symbol, bars in view(frame, moment).groupby("symbol"):
        rows = features.history(bars[VALUES].to_numpy())[features.lookback - 1 :]
        if len(bars) >= features.lookback:
            part = pd.DataFrame(rows, columns=list(features.names)).assign(symbol=symbol)
            part["timestamp"] = bars["timestamp"].to_numpy()[features.lookback - 1 :]
            part["known_at"] = [
                bars["known_at"].iloc[row : row + features.lookback].max()
                for row in range(len(rows))
            ]
            parts.append(part)
    return ordered(pd.concat(parts)) if parts else None


def moments(frame, most=8):
    """Moments at which a view changes, from first to last, and one between two of them."""
    known = np.unique(frame["known_at"])
    chosen = known[np.linspace(0, len(known) - 1, min(most, len(known))).astype(int)]
    return [int(known[0]) + DAY // 2, *map(int, chosen)]


def bars(frame):
    """The newest rows as bars without known times."""
    frame = view(frame, frame["known_at"].max()).drop(columns="known_at")
    return Bars.from_frame(frame.assign(timestamp=pd.to_datetime(frame["timestamp"], utc=True)))


def store(folder):
    """A store in a folder, its catalogue in SQLite beside."""
    return Store(Files(str(folder / "store")), Catalogue(f"sqlite:///{folder / 'catalogue.db'}"))


def snapshot(store, frame, dataset="bars"):
    """A log written as a snapshot of bars, without a data set in the catalogue."""
    return write(store.files, Manifest(dataset, COLUMNS, ()), log(frame))
