"""The rival's decision is the one that Evidently itself makes."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from ordinis_mlflow.drift.preset import preset_drift
from ordinis_mlflow.errors import InvalidConfig

EVIDENTLY = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np, pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
with np.load(sys.argv[1]) as archive:
    tables = {name: pd.DataFrame(archive[name]).add_prefix("c") for name in archive.files}
said = []
for at in range(len(tables) // 2):
    made = Report([DataDriftPreset()]).run(tables[f"current{at}"], tables[f"reference{at}"])
    value = made.dict()["metrics"][0]["value"]
    said.append(float(value["share"]))
print(json.dumps(said))
"""


def samples():
    """Pairs of 4 columns: shifts from none to clear, references on both sides of 1,000 rows."""
    random = np.random.default_rng(11)
    for rows in (400, 1000, 1001, 1600):
        for shift in (0.0, 0.08, 0.3, 1.0):
            reference = random.standard_t(5, (rows, 4)) * [1.0, 0.0005, 10.0, 0.01]
            current = random.standard_t(5, (60, 4)) * [1.0, 0.0005, 10.0, 0.01]
            yield reference, current + shift * np.array([1.0, 0.0005, 0.0, 0.0])


def test_the_decision_is_evidentlys(tmp_path):
    pairs = list(samples())
    tables = {f"reference{at}": one for at, (one, _) in enumerate(pairs)}
    tables |= {f"current{at}": other for at, (_, other) in enumerate(pairs)}
    np.savez(tmp_path / "tables.npz", **tables)
    done = subprocess.run(
        [sys.executable, "-c", EVIDENTLY, str(tmp_path / "tables.npz")],
        capture_output=True,
        text=True,
        env={**os.environ, "DO_NOT_TRACK": "1"},
    )
    assert done.returncode == 0, done.stderr
    expected = [share >= 0.5 for share in json.loads(done.stdout.splitlines()[-1])]
    assert [preset_drift(*pair) for pair in pairs] == expected
    assert {True, False} == set(expected)


@pytest.mark.parametrize(
    ("reference", "current"),
    [
        (np.zeros((0, 2)), np.zeros((5, 2))),
        (np.zeros((5, 2)), np.zeros((0, 2))),
        (np.zeros((5, 3)), np.zeros((5, 2))),
        (np.zeros((50, 2)), np.zeros((50, 2))),
    ],
)
def test_what_evidently_would_test_otherwise_is_refused(reference, current):
    with pytest.raises(InvalidConfig, match="the preset"):
        preset_drift(reference, current)
