"""Gates that read files: manifest, probe, precision and contract."""

import json
import os

import numpy as np
import pytest
import yaml
from planted import candidate_of, claim, copied, move_head, sealed, with_int8

from ordinis_mlflow.errors import (
    InvalidConfig,
    InvalidContract,
    ManifestMismatch,
    ProbeFailed,
    StoreError,
    UnknownSnapshot,
)
from ordinis_mlflow.flavor.manifest import write_manifest
from ordinis_mlflow.flavor.probe import Probe
from registry_hooks.gates.contract import ContractGate
from registry_hooks.gates.manifest import ManifestGate
from registry_hooks.gates.precision import PrecisionGate
from registry_hooks.gates.probe import ProbeGate


class TestManifest:
    def test_what_was_packaged_passes(self, sound):
        verdict = ManifestGate().check(sound)
        assert verdict.passed
        assert "all 10 files" in verdict.reason

    def test_digests_of_another_moment_are_refused(self, folder):
        """The files were exchanged, manifest and all, after the server had seen them."""
        seen = candidate_of(folder).digests
        move_head(folder, scale=1.0)
        verdict = ManifestGate().check(candidate_of(folder, digests=seen))
        assert not verdict.passed
        assert verdict.observed == 2
        assert "model.onnx, probe.npz" in verdict.reason

    def test_one_changed_byte_is_refused(self, folder):
        path = folder / "model.onnx"
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(ManifestMismatch, match=r"model\.onnx was changed"):
            ManifestGate().check(candidate_of(folder))

    @pytest.mark.parametrize(
        "change", [{"loader_module": "evil"}, {"code": "code"}, {"data": "wheels"}]
    )
    def test_code_of_its_own_is_refused(self, folder, change):
        """MLflow would put the folder's code before ours when it serves."""
        path = folder / "MLmodel"
        described = yaml.safe_load(path.read_text())
        described["flavors"]["python_function"] |= change
        path.write_text(yaml.safe_dump(described))
        write_manifest(folder)
        with pytest.raises(ManifestMismatch, match="brings no code"):
            ManifestGate().check(candidate_of(folder))

    @pytest.mark.parametrize("signature", [None, {}, "bars", {"inputs": None, "outputs": "[]"}])
    def test_inputs_that_nothing_is_said_of_are_refused(self, folder, signature):
        path = folder / "MLmodel"
        described = yaml.safe_load(path.read_text()) | {"signature": signature}
        path.write_text(yaml.safe_dump(described))
        write_manifest(folder)
        with pytest.raises(ManifestMismatch, match="no signature"):
            ManifestGate().check(candidate_of(folder))


class TestProbe:
    def test_every_packaged_precision_is_asked(self, folder):
        verdict = ProbeGate().check(candidate_of(with_int8(folder)))
        assert verdict.passed
        assert verdict.observed == 0.0
        assert "float32, int8" in verdict.reason

    @pytest.mark.parametrize("precision", ["float32", "int8"])
    def test_other_answers_are_refused(self, folder, precision):
        probe = Probe.from_bytes((with_int8(folder) / "probe.npz").read_bytes())
        probe.expected[precision].mean[:] += 1.0
        (folder / "probe.npz").write_bytes(probe.to_bytes())
        write_manifest(folder)
        with pytest.raises(ProbeFailed, match=precision):
            ProbeGate().check(candidate_of(folder))


class TestPrecision:
    def test_nothing_smaller_is_a_reason_to_pass(self, sound):
        verdict = PrecisionGate().check(sound)
        assert verdict.passed
        assert "no smaller graph" in verdict.reason

    def test_a_faithful_8_bit_graph_passes(self, folder):
        verdict = PrecisionGate(rank_correlation=0.99, flips=0.05).check(
            candidate_of(with_int8(folder))
        )
        assert verdict.passed
        assert 0.99 <= verdict.observed <= 1.0
        assert "windows of the reserved span" in verdict.reason

    def test_one_that_was_altered_is_refused(self, folder):
        """Its probe agrees with it, and so do all digests."""
        altered = move_head(with_int8(folder), location=0.3, precision="int8")
        verdict = PrecisionGate(rank_correlation=0.9).check(candidate_of(altered))
        assert not verdict.passed
        assert verdict.limit == PrecisionGate().flips
        assert verdict.observed > 0.5

    def test_one_that_says_the_same_always_is_refused(self, folder):
        altered = move_head(with_int8(folder), location=1e6, precision="int8")
        verdict = PrecisionGate().check(candidate_of(altered))
        assert not verdict.passed
        assert np.isfinite(verdict.observed)

    def test_limits(self):
        with pytest.raises(InvalidConfig, match=r"1\.5"):
            PrecisionGate(rank_correlation=1.5)


class TestContract:
    def test_a_contract_that_holds_passes(self, sound):
        verdict = ContractGate().check(sound)
        assert verdict.passed, verdict
        assert sound.contract.data_snapshot in verdict.reason

    @pytest.mark.parametrize(
        ("claims", "said"),
        [
            ({"data_digest": "0" * 64}, "data_digest is 0"),
            ({"data_rows": 7}, "data_rows is 7, and 840 in the store"),
            ({"fitted_last": "2021-02-23"}, "follow each other"),  # the last bar
            ({"fitted_last": "2020-01-02"}, "follow each other"),  # before train_last
            ({"fitted_last": "2021-02-24T00:00:00.000000000"}, "follow each other"),
            ({"frequency": "PT1H"}, "frequency is PT1H, and P1D"),
            ({"horizon": 10**18}, "more than all its bars"),
            ({"volatility_floor": 1e-300}, "volatility_floor is 1e-300"),
            ({"degrees_of_freedom": 200}, "degrees_of_freedom and recalibration are not those"),
            ({"no_trade_band": 0.999}, "no_trade_band is not that of the graph"),
            ({"train_last": "2020-03-01", "fitted_last": "2020-03-01"}, "scaler was fitted until"),
        ],
    )
    def test_a_claim_that_does_not_hold_is_refused(self, folder, claims, said):
        verdict = ContractGate().check(candidate_of(claim(folder, **claims)))
        assert not verdict.passed
        assert verdict.observed == 1.0
        assert said in verdict.reason

    def test_features_that_compute_something_else_are_refused(self, folder):
        held = json.loads((folder / "contract.json").read_text())["fingerprint"]
        name = next(iter(held))
        held[name] = [value + 1e-3 for value in held[name]]
        verdict = ContractGate().check(candidate_of(claim(folder, fingerprint=held)))
        assert not verdict.passed
        assert name in verdict.reason

    @pytest.mark.parametrize("field", ["fitted_last", "data_snapshot", "label"])
    def test_an_incomplete_one_is_refused(self, folder, field):
        with pytest.raises(InvalidContract, match=field):
            ContractGate().check(candidate_of(claim(folder, **{field: ""})))

    @pytest.mark.parametrize("field", ["fitted_last", "data_last"])
    def test_times_that_nanoseconds_cannot_count_are_refused(self, folder, field):
        """NumPy would read another time, inside the span perhaps."""
        with pytest.raises(InvalidContract, match="between 1678 and 2262"):
            ContractGate().check(candidate_of(claim(folder, **{field: "2605-07-22"})))

    def test_a_snapshot_that_is_not_in_the_store_is_refused(self, folder):
        with pytest.raises(UnknownSnapshot):
            ContractGate().check(candidate_of(claim(folder, data_snapshot="0" * 32)))

    def test_the_bars_are_no_snapshot_of_features(self, folder, sound):
        altered = claim(folder, data_snapshot=sound.snapshot.bars)
        with pytest.raises(InvalidContract, match="holds bars"):
            ContractGate().check(candidate_of(altered))

    def test_without_a_store_nothing_is_believed(self, saved_package):
        with pytest.raises(StoreError, match="ORDINIS_STORE"):
            ContractGate().check(candidate_of(saved_package, store=None))


def test_a_link_is_refused_before_any_gate(folder, tmp_path):
    target = tmp_path / "elsewhere"
    target.write_text("x")
    os.symlink(target, folder / "wheels" / "link")
    with pytest.raises(ManifestMismatch, match="wheels/link is a link"):
        candidate_of(folder)


def test_a_resealed_copy_is_the_same(saved_package, tmp_path):
    """The helper that alters packages alters nothing by itself."""
    again = candidate_of(sealed(copied(saved_package, tmp_path)))
    before = candidate_of(saved_package).digests
    differ = {name for name in before if before[name] != again.digests[name]}
    assert differ <= {"probe.npz", "manifest.json"}
