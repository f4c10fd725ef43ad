"""Page: a summary as one HTML file that loads and runs nothing, for MLflow's artifact viewer."""

import base64
import io
from collections.abc import Mapping, Sequence

import pandas as pd
from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid #ddd; padding: .25rem .75rem; text-align: left }
th { border-bottom: 2px solid #888 }
img { max-width: 100% }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for text in paragraphs %}
<p>{{ text }}</p>
{% endfor %}
{% for name, source in figures.items() %}
<img src="{{ source }}" alt="{{ name }}">
{% endfor %}
{% for name, table in tables.items() %}
<h2>{{ name }}</h2>
<table>
<tr>{% for column in table.columns %}<th>{{ column }}</th>{% endfor %}</tr>
{% for row in table.itertuples(index=False, name=None) %}
<tr>{% for value in row %}<td>{{ value }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% endfor %}
</body>
</html>
"""


def page(
    title: str,
    paragraphs: Sequence[str],
    figures: Mapping[str, Figure],
    tables: Mapping[str, pd.DataFrame],
) -> str:
    """Whatever is filled in is escaped; figures are inside the file.

    Args:
        title: of the page.
        paragraphs: below it.
        figures: by what they show.
        tables: by their headings, their values as they are to be read.
    """
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    sources = {name: _source(figure) for name, figure in figures.items()}
    return environment.from_string(TEMPLATE).render(
        title=title, paragraphs=paragraphs, figures=sources, tables=tables
    )


def _source(figure: Figure) -> str:
    """A PNG as a data URL."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
