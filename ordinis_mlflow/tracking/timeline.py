"""Timeline: when each of several strategies raised an alarm and retrained, below the market."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Times = npt.NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Lane:
    """What one strategy did.

    Attributes:
        name: of the strategy.
        alarms: times at which it found drift.
        promoted: times at which another model took over.
        rejected: times at which one was trained in vain.
    """

    name: str
    alarms: Times
    promoted: Times
    rejected: Times


def timeline(
    dates: Times,
    index: npt.NDArray[np.float64],
    lanes: Sequence[Lane],
    events: Mapping[str, np.datetime64],
) -> Figure:
    """The market on a log scale, known events, and a lane a strategy, the first at the top.

    Args:
        dates: shape (dates,), ascending.
        index: shape (dates,), level of the market, positive.
        lanes: of the strategies.
        events: what happened, and when; those outside the dates are left out.
    """
    figure = Figure((12.0, 3.2 + 0.55 * len(lanes)), layout="constrained")
    ratios = (2.6, 0.55 * len(lanes))
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=ratios)
    upper.semilogy(dates, index, linewidth=0.9)
    for set_formatter in (upper.yaxis.set_major_formatter, upper.yaxis.set_minor_formatter):
        set_formatter("{x:g}")
    upper.set(ylabel="index, start = 1", title="Alarms and retrainings")
    for height, lane in enumerate(reversed(lanes)):
        _draw(lower, height, lane)
    lower.set_yticks(range(len(lanes)), [lane.name for lane in reversed(lanes)])
    lower.set(xlabel="time", ylim=(-0.6, len(lanes) - 0.4))
    lower.legend(*_legend(lower), loc="upper left", bbox_to_anchor=(0.0, -0.28), ncols=3)
    shown = {name: at for name, at in events.items() if dates[0] <= at <= dates[-1]}
    for name, at in shown.items():
        for axes in (upper, lower):
            axes.axvline(at, color="grey", linestyle=":", linewidth=0.8)
        place = (at, 1.0)
        upper.annotate(
            name, place, (2, -2), "data", "offset points", rotation=90, va="top", fontsize=7
        )
    return figure


def _draw(axes: Axes, height: int, lane: Lane) -> None:
    """Alarms as ticks, retrainings as triangles: full where the model took over."""
    below, above = height - 0.22, height + 0.12
    _mark(axes, lane.alarms, below, "alarm", marker="|", color="tab:orange")
    _mark(axes, lane.promoted, above, "retrained, promoted", marker="v", color="tab:blue")
    _mark(
        axes, lane.rejected, above, "retrained, rejected", marker="v", color="tab:red", fill="none"
    )


def _mark(
    axes: Axes,
    times: Times,
    height: float,
    label: str,
    marker: str,
    color: str,
    fill: Literal["full", "none"] = "full",
) -> None:
    heights = np.full(len(times), height)
    axes.plot(
        times,
        heights,
        linestyle="",
        marker=marker,
        color=color,
        fillstyle=fill,
        label=label,
        clip_on=False,
    )


def _legend(axes: Axes) -> tuple[list[object], list[str]]:
    """Each kind of mark once."""
    handles, labels = axes.get_legend_handles_labels()
    first = dict(zip(reversed(labels), reversed(handles), strict=True))
    return list(first.values()), list(first)
