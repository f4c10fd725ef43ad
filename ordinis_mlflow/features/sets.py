"""The named feature sets: those of this package, and those that other packages bring.

A package adds a set with an entry point of the group :data:`GROUP`, whose name is that of the set
(``mine@1``) and whose value is a :class:`FeatureSet`.
"""

from importlib.metadata import EntryPoint, entry_points

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.features import candles, distribution, oscillators, price, trend
from ordinis_mlflow.features import volatility as volatilities
from ordinis_mlflow.features import volume as volumes
from ordinis_mlflow.features.feature_set import FeatureSet

GROUP = "ordinis.feature_sets"
UNIT = volatilities.realised_volatility(20)
"""In which labels and forecasts are measured: in every set, so that each can be trained on."""

TECHNICAL_1 = FeatureSet(
    name="technical",
    version=1,
    features=(
        price.log_return(1),
        price.log_return(5),
        price.log_return(20),
        UNIT,
        volatilities.parkinson_volatility(20),
        volatilities.garman_klass_volatility(20),
        oscillators.rsi(14),
        trend.macd_line(12, 26),
        trend.macd_histogram(12, 26, 9),
        volatilities.bollinger_percent_b(20),
        volatilities.average_true_range(14),
        volatilities.high_low_range(),
        volumes.volume_z_score(20),
    ),
)

MOMENTUM_1 = FeatureSet(
    name="momentum",
    version=1,
    features=(
        UNIT,
        price.log_return(1),
        price.log_return(5),
        price.log_return(10),
        price.log_return(20),
        price.log_return(60),
        price.momentum(252, 21),
        price.distance_to_high(252),
        price.distance_to_low(252),
        price.efficiency_ratio(20),
        oscillators.rsi(14),
        oscillators.stochastic_k(14),
        oscillators.stochastic_d(14, 3),
        oscillators.trix(15),
        oscillators.true_strength_index(25, 13),
        oscillators.ultimate_oscillator(7, 14, 28),
    ),
)

TREND_1 = FeatureSet(
    name="trend",
    version=1,
    features=(
        UNIT,
        trend.close_over_mean(20),
        trend.close_over_mean(50),
        trend.close_over_mean(200),
        trend.mean_crossover(50, 200),
        trend.macd_line(12, 26),
        trend.macd_histogram(12, 26, 9),
        trend.regression_slope(20),
        trend.regression_r_squared(20),
        trend.directional_movement(14),
        trend.average_directional_index(14),
        trend.vortex(14),
        trend.choppiness(14),
    ),
)

VOLATILITY_1 = FeatureSet(
    name="volatility",
    version=1,
    features=(
        UNIT,
        volatilities.realised_volatility(5),
        volatilities.realised_volatility(60),
        volatilities.ewma_volatility(0.94),
        volatilities.parkinson_volatility(20),
        volatilities.garman_klass_volatility(20),
        volatilities.rogers_satchell_volatility(20),
        volatilities.yang_zhang_volatility(20),
        volatilities.average_true_range(14),
        volatilities.volatility_ratio(5, 60),
        volatilities.bollinger_percent_b(20),
        volatilities.bollinger_bandwidth(20),
        price.ulcer_index(14),
    ),
)

DISTRIBUTION_1 = FeatureSet(
    name="distribution",
    version=1,
    features=(
        UNIT,
        distribution.skewness(60),
        distribution.excess_kurtosis(60),
        distribution.downside_share(20),
        distribution.jump_share(20),
        distribution.autocorrelation(60),
        distribution.variance_ratio(5, 60),
    ),
)

VOLUME_1 = FeatureSet(
    name="volume",
    version=1,
    features=(
        UNIT,
        volumes.volume_z_score(20),
        volumes.volume_ratio(5, 20),
        volumes.on_balance_volume(20),
        volumes.chaikin_money_flow(20),
        volumes.money_flow_index(14),
        volumes.vwap_distance(20),
        volumes.illiquidity_ratio(20, 120),
        volumes.price_volume_correlation(20),
    ),
)

CANDLES_1 = FeatureSet(
    name="candles",
    version=1,
    features=(
        UNIT,
        volatilities.high_low_range(),
        candles.overnight_gap(),
        candles.intraday_return(),
        candles.close_location(),
        candles.body_share(),
        candles.upper_shadow(),
        candles.lower_shadow(),
    ),
)

KINDS = (MOMENTUM_1, TREND_1, VOLATILITY_1, DISTRIBUTION_1, VOLUME_1, CANDLES_1)

STANDARD_1 = FeatureSet(
    name="standard",
    version=1,
    features=tuple({each.name: each for kind in KINDS for each in kind.features}.values()),
)

BUILT_IN = {each.key: each for each in (TECHNICAL_1, STANDARD_1, *KINDS)}


def feature_set(key: str) -> FeatureSet:
    """The feature set that a contract or a parameter names, for example ``technical@1``.

    Raises:
        InvalidConfig: no such set in this package or an installed one, two packages bring it, or
            what is installed is no feature set of this name and version.
    """
    if key in BUILT_IN:
        return BUILT_IN[key]
    installed = entry_points(group=GROUP)
    found = tuple(installed.select(name=key))
    if not found:
        known = sorted({*BUILT_IN, *installed.names})
        raise InvalidConfig(f"feature set {key!r} is not known; there are {known}")
    if len(found) > 1:
        values = sorted(each.value for each in found)
        raise InvalidConfig(f"feature set {key!r} is installed twice, as {values}: remove one")
    return _loaded(found[0])


def _loaded(point: EntryPoint) -> FeatureSet:
    loaded = point.load()
    if not isinstance(loaded, FeatureSet) or loaded.key != point.name:
        raise InvalidConfig(
            f"the entry point {point.name!r} of {GROUP} must name a FeatureSet of this name and "
            f"version, got {point.value} = {getattr(loaded, 'key', type(loaded).__name__)!r}"
        )
    return loaded
