"""The timeline draws what happened, and the page escapes what it is given."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ordinis_mlflow.tracking.page import page
from ordinis_mlflow.tracking.timeline import Lane, timeline

DATES = np.datetime64("2008-01-01", "ns") + np.arange(300) * np.timedelta64(1, "D")
NOTHING = DATES[:0]


def drawn():
    lanes = [
        Lane("never", NOTHING, NOTHING, NOTHING),
        Lane("loop", DATES[:9], DATES[9:11], NOTHING),
    ]
    events = {
        "Lehman": np.datetime64("2008-09-15", "ns"),
        "moon": np.datetime64("1969-07-20", "ns"),
    }
    return timeline(DATES, np.linspace(1.0, 0.5, 300), lanes, events)


def test_a_lane_a_strategy_the_first_at_the_top():
    upper, lower = drawn().axes
    assert [label.get_text() for label in lower.get_yticklabels()] == ["loop", "never"]
    marks = {(line.get_label(), len(line.get_xdata())) for line in lower.lines}
    assert {("alarm", 9), ("retrained, promoted", 2), ("retrained, rejected", 0)} <= marks
    assert [text.get_text() for text in upper.texts] == ["Lehman"]
    legend = [text.get_text() for text in lower.get_legend().texts]
    assert sorted(legend) == ["alarm", "retrained, promoted", "retrained, rejected"]
    assert all(axes.get_ylabel() or axes.get_yticklabels() for axes in (upper, lower))


def test_a_page_escapes_and_holds_its_figures():
    figure = Figure()
    figure.subplots()
    table = pd.DataFrame({"a<b": ["<script>alert(1)</script>"]})
    text = page("x & y", ["1 < 2"], {'"fig': figure}, {"t<": table})
    assert "<script" not in text
    for escaped in ("x &amp; y", "1 &lt; 2", "a&lt;b", "&lt;script&gt;", 'alt="&#34;fig"'):
        assert escaped in text
    assert 'src="data:image/png;base64,iVBOR' in text
