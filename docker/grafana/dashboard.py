"""``python docker/grafana/dashboard.py`` writes ml_health.json of ml_health_panels.py."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ml_health_panels import ROWS, VERSIONS, Panel

FILE = Path(__file__).with_name("ml_health.json")
SOURCE = {"type": "prometheus", "uid": "prometheus"}
COLUMNS = 24
"""Of Grafana's grid."""
HEIGHT = 8
LOW = ("stat",)
"""Kinds of panels that are half as high."""


def dashboard() -> dict[str, Any]:
    """Grafana's JSON."""
    return {
        "uid": "ordinis-ml-health",
        "title": "ML health",
        "tags": ["ordinis"],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "panels": list(_panels()),
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for title, panels in ROWS.items():
        number += 1
        place = {"x": 0, "y": y, "w": COLUMNS, "h": 1}
        yield {"id": number, "type": "row", "title": title, "gridPos": place, "panels": []}
        x, height = 0, HEIGHT // 2 if panels[0].kind in LOW else HEIGHT
        for panel in panels:
            number += 1
            place = {"x": x, "y": y + 1, "w": panel.width, "h": height}
            yield {"id": number, "gridPos": place, **_panel(panel)}
            x += panel.width
        y += height + 1


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "targets": [_target(n, *query) for n, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _target(n: int, query: str, legend: str) -> dict[str, Any]:
    return {
        "refId": chr(ord("A") + n),
        "datasource": SOURCE,
        "expr": query,
        "legendFormat": legend or "__auto",
        "range": True,
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    drawn = {"timeseries": {"thresholdsStyle": {"mode": "line" if panel.limit else "off"}}}
    return {
        "unit": panel.unit,
        "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
        "thresholds": {"mode": "absolute", "steps": steps},
        "custom": drawn.get(panel.kind, {}),
        "mappings": MAPPINGS.get(panel.title, []),
    }


def _options(panel: Panel) -> dict[str, Any]:
    # Of a version its name is of interest, and not that it is one.
    shown = {"textMode": "name"} if panel.kind == "stat" and VERSIONS in panel.queries else {}
    return OPTIONS[panel.kind] | shown


LEGEND = {"displayMode": "list", "placement": "bottom", "showLegend": True}
OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {"legend": LEGEND, "tooltip": {"mode": "multi", "sort": "desc"}},
    "state-timeline": {"mergeValues": True, "showValue": "auto", "legend": LEGEND},
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "value", "graphMode": "none"},
}


def _words(**words: str) -> list[dict[str, Any]]:
    """Words for values 0 and 1."""
    options = {
        str(value): {"text": text, "color": color, "index": value}
        for value, (color, text) in enumerate(words.items(), 2 - len(words))
    }
    return [{"type": "value", "options": options}]


MAPPINGS = {
    "Versions in service": _words(green="serving"),
    "Alarm": _words(green="none", red="drift"),
}


if __name__ == "__main__":
    FILE.write_text(json.dumps(dashboard(), indent=1) + "\n")
