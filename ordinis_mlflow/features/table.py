"""The table of all features, in Markdown: ``python -m ordinis_mlflow.features.table``."""

from ordinis_mlflow.features.feature import Feature
from ordinis_mlflow.features.sets import BUILT_IN, GROUP, KINDS, TECHNICAL_1, UNIT, VOLATILITY_1

HEAD = f"""# The features

Made by `make docs` from the definitions; a test holds it to them.

O, H, L, C, V are a bar's columns, C[-1] the close before, r the log return of one bar; Σn, mean n,
max n run over the n newest bars, EMA n and Wilder's averages over a finite memory (ADR 1). The
true range is max(H, C[-1]) − min(L, C[-1]). No feature changes when prices are scaled or volume is
counted in other units, and each is finite on any valid bars: what has no answer, such as the place
of the close in a bar without a range, has a neutral one, stated in its docstring. A row reads
exactly its look-back of bars, its own included.

Every set holds `{UNIT.name}`, in which forecasts are measured, so that each can
be trained on. A set is chosen with `-P features=standard@1`; another package adds one with an entry
point of the group `{GROUP}`. Features with a star are those of `technical@1`, the default.
"""


def markdown() -> str:
    """All built-in sets, and each feature once under its kind."""
    sets = [
        f"| `{each.key}` | {len(each.features)} | {each.lookback} |" for each in BUILT_IN.values()
    ]
    lines = [HEAD, "| set | features | look-back, bars |", "|---|---|---|", *sets]
    for kind in KINDS:
        lines += ["", f"## {kind.name.capitalize()}", ""]
        lines += ["| feature | look-back | unit | formula | source |", "|---|---|---|---|---|"]
        lines += [_row(each) for each in kind.features if kind is VOLATILITY_1 or each is not UNIT]
    return "\n".join(lines) + "\n"


def _row(feature: Feature) -> str:
    star = "\\*" if feature.name in TECHNICAL_1.names else ""
    cells = (f"`{feature.name}`{star}", feature.lookback, feature.unit, feature.formula)
    text = " | ".join(str(cell).replace("|", "\\|") for cell in (*cells, feature.source))
    return f"| {text} |"


if __name__ == "__main__":
    print(markdown(), end="")
