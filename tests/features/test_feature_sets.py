"""The named sets: what they compute, who may add one, and the table that describes them."""

from pathlib import Path

import pytest

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import STANDARD_1, TECHNICAL_1, UNIT, feature_set
from ordinis_mlflow.features.sets import BUILT_IN, GROUP, KINDS
from ordinis_mlflow.features.table import markdown

DOCUMENT = Path(__file__).parents[2] / "docs" / "features.md"

# A package in production was trained on these numbers: whoever changes one gives its sets a new
# version and leaves this one as it is.
GOLDEN = {
    "realised_volatility_20": 0.00101150270549347,
    "log_return_1": -0.000774393411351041,
    "log_return_5": 0.00337688766147583,
    "log_return_10": 0.00170689669908508,
    "log_return_20": 0.00118029714952773,
    "log_return_60": -0.00843609856856514,
    "momentum_252_21": -0.0715810269944684,
    "distance_to_high_252": -0.087863162529456,
    "distance_to_low_252": 0.0090151918547503,
    "efficiency_ratio_20": 0.0784445897889892,
    "rsi_14": 52.881784876792,
    "stochastic_k_14": 63.3090351609829,
    "stochastic_d_14_3": 62.1703325274089,
    "trix_15": -0.000159164166849302,
    "true_strength_index_25_13": -15.8146829758232,
    "ultimate_oscillator_7_14_28": 49.2371814660578,
    "close_over_mean_20": 0.00108332992701463,
    "close_over_mean_50": -0.00085372493232068,
    "close_over_mean_200": -0.0393439746795655,
    "mean_crossover_50_200": -0.0384902497472448,
    "macd_12_26": -0.000669795519455233,
    "macd_histogram_12_26_9": 0.000453808306380984,
    "regression_slope_20": -0.000151709027281985,
    "regression_r_squared_20": 0.203698702856405,
    "directional_movement_14": 0.1831391689839,
    "average_directional_index_14": 16.7380368216389,
    "vortex_14": -0.0220208914214506,
    "choppiness_14": 67.0553718225395,
    "realised_volatility_5": 0.00131968509987798,
    "realised_volatility_60": 0.000731157448752783,
    "ewma_volatility_94": 0.00097197744453703,
    "parkinson_volatility_20": 0.00362725752254396,
    "garman_klass_volatility_20": 0.00418563191630981,
    "rogers_satchell_volatility_20": 0.00424868837956178,
    "yang_zhang_volatility_20": 0.00443295823402983,
    "average_true_range_14": 0.00523928202582659,
    "volatility_ratio_5_60": 1.80492601440239,
    "bollinger_percent_b_20": 0.639653688809449,
    "bollinger_bandwidth_20": 0.00776146301667998,
    "ulcer_index_14": 0.00386511273671688,
    "skewness_60": 0.420503207445117,
    "excess_kurtosis_60": 1.47358490646651,
    "downside_share_20": 0.468457500353607,
    "jump_share_20": 0.567686802544534,
    "autocorrelation_1_60": 0.0459521982012767,
    "variance_ratio_5_60": 1.95315737593451,
    "volume_z_score_20": -1.02926223068811,
    "volume_ratio_5_20": 0.631223033956715,
    "on_balance_volume_20": -0.0739356425795397,
    "chaikin_money_flow_20": -0.0150906909493642,
    "money_flow_index_14": 38.8838484761287,
    "vwap_distance_20": 0.00100716130077851,
    "illiquidity_ratio_20_120": 0.882842113542849,
    "price_volume_correlation_20": -0.754606612357335,
    "high_low_range": 0.00209376701585415,
    "overnight_gap": -0.00087099720027612,
    "intraday_return": 9.66037889251374e-05,
    "close_location": 0.0872130081793667,
    "body_share": 0.0461365195830833,
    "upper_shadow": 0.456393495910317,
    "lower_shadow": 0.4974699845066,
}
SETS = {
    "technical@1": (13, 120),
    "standard@1": (61, 253),
    "momentum@1": (16, 253),
    "trend@1": (13, 200),
    "volatility@1": (13, 113),
    "distribution@1": (7, 62),
    "volume@1": (9, 121),
    "candles@1": (8, 21),
}
"""Number of features, and look-back in bars."""


@pytest.mark.parametrize("key", list(BUILT_IN))
def test_sets_compute_what_they_always_did(key):
    values = BUILT_IN[key].fingerprint().values
    golden = {name: GOLDEN[name] for name in values}
    newest = {name: rows[-1] for name, rows in values.items()}
    assert newest == pytest.approx(golden, rel=1e-9, abs=1e-15)


def test_sets_hold_what_they_always_did():
    found = {key: (len(each.features), each.lookback) for key, each in BUILT_IN.items()}
    assert found == SETS
    assert list(STANDARD_1.names) == list(GOLDEN)
    assert set(TECHNICAL_1.names) < set(STANDARD_1.names)


@pytest.mark.parametrize("key", list(BUILT_IN))
def test_set_is_found_by_name_and_version(key):
    assert feature_set(key) is BUILT_IN[key]
    assert feature_set(key).key == key


def test_every_set_can_be_trained_on():
    assert all(UNIT in each.features for each in BUILT_IN.values())


def test_features_of_one_name_are_one():
    assert STANDARD_1.features == tuple(
        dict.fromkeys(each for kind in KINDS for each in kind.features)
    )


@pytest.mark.parametrize("feature", STANDARD_1.features, ids=lambda feature: feature.name)
def test_feature_says_what_it_is(feature):
    assert all((feature.unit, feature.formula, feature.source))


def test_document_is_the_definitions():
    assert DOCUMENT.read_text(encoding="utf-8") == markdown(), "run: make docs"


@pytest.mark.parametrize("name", ["technical", "technical@2", ""])
def test_unknown_set_is_refused_with_the_known_ones(name):
    with pytest.raises(InvalidConfig, match=rf"'{name}' is not known; .*'technical@1'"):
        feature_set(name)


MODULE = """
from ordinis_mlflow.features import FeatureSet, UNIT
MINE = FeatureSet("mine", 3, (UNIT,))
OTHER = FeatureSet("technical", 1, (UNIT,))
NUMBER = 7
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Installs packages with one entry point each, under the entry point's name."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine_of_a_test.py").write_text(MODULE)

    def one(package: str, name: str, value: str) -> None:
        folder = tmp_path / f"{package}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[{GROUP}]\n{name} = mine_of_a_test:{value}\n")

    return one


def test_installed_set_is_found(install):
    install("mine", "mine@3", "MINE")
    assert feature_set("mine@3").features == (UNIT,)
    with pytest.raises(InvalidConfig, match=r"'mine@4' is not known; .*'mine@3'.*'technical@1'"):
        feature_set("mine@4")


def test_installed_set_takes_no_built_in_name(install):
    install("theirs", "technical@1", "OTHER")
    assert feature_set("technical@1") is TECHNICAL_1


@pytest.mark.parametrize(("value", "got"), [("OTHER", "technical@1"), ("NUMBER", "int")])
def test_entry_point_of_something_else_is_refused(install, value, got):
    install("theirs", "mine@3", value)
    with pytest.raises(InvalidConfig, match=rf"'mine@3' .* must name a FeatureSet .*'{got}'"):
        feature_set("mine@3")


def test_one_set_from_two_packages_is_refused(install):
    install("mine", "mine@3", "MINE")
    install("theirs", "mine@3", "OTHER")
    with pytest.raises(InvalidConfig, match=r"'mine@3' is installed twice, as .*:MINE.*:OTHER"):
        feature_set("mine@3")
