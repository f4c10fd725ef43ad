"""Search spaces for tests: hypothesis strategies for any, and two written out."""

from hypothesis import strategies as st

from ordinis_mlflow.params import (
    BoolParam,
    CategoricalParam,
    Condition,
    FloatParam,
    IntParam,
    OrdinalParam,
    Space,
    Special,
)

NESTED = Space(
    params=(
        CategoricalParam("optimizer", ("adam", "sgd"), default="adam"),
        FloatParam("momentum", 0.0, 0.9, default=0.5, step=0.1),
        BoolParam("nesterov", default=False),
        IntParam("num_layers", 1, 4, default=2),
        FloatParam("dropout", 0.05, 0.6, default=0.0, special=(Special(0.0, share=0.2),)),
        FloatParam("learning_rate", 1e-4, 1e-1, default=1e-3, log=True),
        OrdinalParam("batch_size", (16, 32, 64, 128), default=64),
    ),
    conditions=(
        Condition("momentum", "optimizer", values=("sgd",)),
        Condition("nesterov", "momentum", above=0.0),
        Condition("dropout", "num_layers", above=1),
    ),
)
"""Every kind of parameter, and a condition on a conditional one."""

SMALL = Space(
    params=(
        CategoricalParam("optimizer", ("adam", "sgd"), default="adam"),
        FloatParam("momentum", 0.0, 0.4, default=0.2, step=0.2),
        IntParam("threads", 1, 2, default=0, special=(Special(0),)),
    ),
    conditions=(Condition("momentum", "optimizer", values=("sgd",)),),
)
"""Twelve configurations."""

finite_floats = st.floats(-1e12, 1e12, allow_subnormal=False)
names = st.sampled_from("abcdefgh")


@st.composite
def float_params(draw, name="x"):
    low, high = sorted((draw(finite_floats), draw(finite_floats)))
    log = low > 0 and draw(st.booleans())
    special = tuple(
        Special(high + gap, 0.2) for gap in draw(st.sets(st.integers(1, 3), max_size=2))
    )
    special = tuple(each for each in special if each.value > high)
    plain = FloatParam(name, low, high, default=low, log=log)
    special = tuple({each.value: each for each in special}.values())
    default = draw(st.sampled_from([low, high, plain.nearest((low + high) / 2)]))
    return FloatParam(name, low, high, default=default, log=log, special=special)


@st.composite
def stepped_float_params(draw, name="x"):
    """Bounds and steps in decimals, as people write them."""
    places = draw(st.integers(0, 5))
    low, step = draw(st.integers(-1000, 1000)), draw(st.integers(1, 1000))
    count = draw(st.integers(0, 30))
    low, high, step = (round(n / 10**places, places) for n in (low, low + step * count, step))
    return FloatParam(name, low, high, default=draw(st.sampled_from([low, high])), step=step)


@st.composite
def int_params(draw, name="x"):
    step = draw(st.integers(1, 5))
    low = draw(st.integers(-100, 100))
    high = low + step * draw(st.integers(0, 20))
    if low > 0 and draw(st.booleans()):
        return IntParam(name, low, high, default=high, log=True)
    special = draw(st.sampled_from([(), (Special(low - 7, 0.3),)]))
    return IntParam(name, low, high, default=low, step=step, special=special)


@st.composite
def choice_params(draw, name="x"):
    kind = draw(st.sampled_from([CategoricalParam, OrdinalParam]))
    elements = draw(
        st.sampled_from([st.integers(-9, 9), st.text(max_size=3), finite_floats, st.booleans()])
    )
    choices = tuple(draw(st.lists(elements, min_size=1, max_size=5, unique=True)))
    return kind(name, choices, default=draw(st.sampled_from(choices)))


def bool_params(name="x"):
    return st.builds(BoolParam, st.just(name), st.booleans())


def params(name="x"):
    kinds = (float_params, stepped_float_params, int_params, choice_params, bool_params)
    return st.one_of(*(kind(name) for kind in kinds))


@st.composite
def spaces(draw, max_size=6):
    """Conditions go from earlier to later names only, so that there is no circle."""
    ordered = draw(st.lists(names, min_size=1, max_size=max_size, unique=True))
    made = [draw(params(name)) for name in ordered]
    conditions = []
    for place, child in enumerate(made[1:], start=1):
        if draw(st.booleans()):
            parent = made[draw(st.integers(0, place - 1))]
            values = draw(st.sets(st.sampled_from(parent.corners()), min_size=1))
            conditions.append(Condition(child.name, parent.name, values=tuple(values)))
    return Space(tuple(made), tuple(conditions))


def values_of(param):
    """Any value of a parameter."""
    if isinstance(param, FloatParam) and param.step is None:
        inside = st.floats(param.low, param.high)
        return st.one_of(inside, st.sampled_from(param.corners()))
    return st.sampled_from(list(param.grid(12)))


@st.composite
def configurations(draw, space):
    """Values for what the conditions, read the slow way, make active."""
    values = {}
    for param in space.order:
        needed = [each for each in space.conditions if each.child == param.name]
        if all(each.parent in values and each.holds(values[each.parent]) for each in needed):
            values[param.name] = draw(values_of(param))
    return values
