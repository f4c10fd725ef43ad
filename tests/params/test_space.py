"""Spaces and configurations: conditions, checks, JSON."""

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spaces import NESTED, SMALL, configurations, spaces

from ordinis_mlflow.errors import InvalidConfiguration, InvalidSpace
from ordinis_mlflow.params import (
    BoolParam,
    CategoricalParam,
    Condition,
    Configuration,
    FloatParam,
    IntParam,
    OrdinalParam,
    Space,
    Special,
)

A, B, C = (IntParam(name, 0, 9, default=1) for name in "abc")


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: Space(()), "at least one parameter"),
        (lambda: Space((A, B, A)), r"come twice: \['a'\]"),
        (lambda: Space(("a",)), "params must be parameters"),
        (lambda: Space((A,), ("a",)), "conditions must be Condition"),
        (lambda: Space((IntParam("a", 0, 9),)), "a has no default"),
        (lambda: Space((A,), (Condition("a", "z", above=1),)), "'z' is no parameter"),
        (lambda: Space((A,), (Condition("z", "a", above=1),)), "'z' is no parameter"),
        (lambda: Space((A,), (Condition("a", "a", above=1),)), "circle: a -> a"),
        (
            lambda: Space(
                (A, B, C),
                (
                    Condition("a", "b", above=1),
                    Condition("b", "c", above=1),
                    Condition("c", "a", above=1),
                ),
            ),
            r"circle: (a -> .* -> a|b -> .* -> b|c -> .* -> c)",
        ),
        (lambda: Space((A, B), (Condition("a", "b", above=9),)), "never hold"),
        (lambda: Space((A, B), (Condition("a", "b", above=3, below=4),)), "never hold"),
        (lambda: Space((A, B), (Condition("a", "b", values=(10,)),)), "got 10"),
        (lambda: Space((A, B), (Condition("a", "b", values=(True,)),)), "got True"),
        (lambda: Space((A, B), (Condition("a", "b", above="1"),)), "are numbers, got '1'"),
        (
            lambda: Space(
                (A, CategoricalParam("o", ("x", "y"), "x")), (Condition("a", "o", above=1),)
            ),
            "o is no number",
        ),
        (lambda: Condition("a", "b"), "must state values, or above and below"),
        (lambda: Condition("a", "b", values=(1,), above=1), "must state values, or"),
        (lambda: Condition("a", "b", values="sgd"), "must be a sequence"),
    ],
)
def test_what_makes_no_sense_is_refused(make, rule):
    with pytest.raises(InvalidSpace, match=rule):
        make()


@pytest.mark.parametrize(
    ("parent", "ends", "holds"),
    [
        (FloatParam("p", 0, 1, default=0), {"above": 1.0}, False),
        (FloatParam("p", 0, 1, default=0), {"above": 0.999}, True),
        (FloatParam("p", 0, 1, default=0), {"above": 0.4, "below": 0.5}, True),
        (FloatParam("p", 0, 1, default=0, step=0.5), {"above": 0.6, "below": 0.9}, False),
        (FloatParam("p", 0, 1, default=0, step=0.1), {"above": 0.6, "below": 0.8}, True),
        (FloatParam("p", 0, 1, default=0, special=(Special(-1),)), {"below": 0}, True),
        (IntParam("p", 1, 10**9, default=1), {"above": 10**9 - 1}, True),
        (IntParam("p", 1, 10**9, default=1), {"above": 10**9}, False),
        (IntParam("p", 1, 10, default=1), {"above": 3, "below": 4}, False),
        (OrdinalParam("p", (1, 2, 8), default=1), {"above": 2}, True),
        (OrdinalParam("p", (1, 2, 8), default=1), {"above": 2, "below": 8}, False),
    ],
)
def test_a_condition_that_can_never_hold_is_told_from_one_that_can(parent, ends, holds):
    arguments = (parent, A), (Condition("a", "p", **ends),)
    if holds:
        Space(*arguments)
    else:
        with pytest.raises(InvalidSpace, match="never hold"):
            Space(*arguments)


def test_defaults_are_the_active_ones():
    assert NESTED.defaults() == {
        "optimizer": "adam",
        "num_layers": 2,
        "dropout": 0.0,
        "learning_rate": 1e-3,
        "batch_size": 64,
    }


def test_conditions_are_nested():
    base = dict(NESTED.defaults())
    plain = {**base, "optimizer": "sgd", "momentum": 0.0}
    assert "nesterov" not in NESTED.active(plain)
    assert NESTED.check(plain) == plain
    moved = {**plain, "momentum": 0.3}
    assert "nesterov" in NESTED.active(moved)
    with pytest.raises(InvalidConfiguration, match="nesterov is missing"):
        NESTED.check(moved)
    # The parent is not active: neither is the child, whatever is said of the parent.
    assert {"momentum", "nesterov"}.isdisjoint(NESTED.active({**moved, "optimizer": "adam"}))


def test_several_conditions_must_all_hold():
    space = Space((A, B, C), (Condition("c", "a", above=3), Condition("c", "b", below=5)))
    assert space.active({"a": 4, "b": 4}) == ("a", "b", "c")
    assert space.active({"a": 3, "b": 4}) == ("a", "b")
    assert space.active({"a": 4, "b": 5}) == ("a", "b")


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"colour": 1}, r"unknown parameters \['colour'\]"),
        ({"momentum": 0.3}, "momentum = 0.3 is given, but momentum only if .* 'adam'"),
        ({"nesterov": True}, "nesterov = True is given, but .* 'not active'"),
        ({"dropout": None}, "dropout must be a finite number, got None"),
        ({"dropout": 0.01}, r"dropout must be in \[0.05, 0.6\] or 0.0, got 0.01"),
        ({"num_layers": 2.0}, "num_layers must be a whole number .* got 2.0"),
        ({"batch_size": 48}, "batch_size must be one of .* got 48"),
        ({"optimizer": "lion"}, "optimizer must be one of .* got 'lion'"),
    ],
)
def test_a_configuration_outside_is_refused_with_rule_and_value(change, rule):
    with pytest.raises(InvalidConfiguration, match=rule):
        NESTED.check({**NESTED.defaults(), **change})


def test_what_is_missing_or_no_mapping_is_refused():
    with pytest.raises(InvalidConfiguration, match="batch_size is missing"):
        NESTED.check({k: v for k, v in NESTED.defaults().items() if k != "batch_size"})
    with pytest.raises(InvalidConfiguration, match="names and values, got None"):
        NESTED.check(None)


@given(st.data(), spaces())
def test_every_configuration_of_a_space_checks_and_survives_json(data, space):
    values = data.draw(configurations(space))
    configuration = space.check(values)
    assert configuration == values
    assert set(space.active(values)) == values.keys()
    again = Configuration.from_json(configuration.to_json())
    assert again == configuration
    assert hash(again) == hash(configuration)
    assert again.to_json() == configuration.to_json()
    assert space.check(again).to_json() == configuration.to_json()
    assert repr(dict(again)) == repr(dict(configuration))  # types and bits


@given(spaces(), st.randoms(use_true_random=False))
def test_order_means_nothing(space, shuffling):
    params, conditions = list(space.params), list(space.conditions)
    shuffling.shuffle(params)
    shuffling.shuffle(conditions)
    other = Space(tuple(params), tuple(conditions))
    assert other == space
    assert hash(other) == hash(space)
    assert other.fingerprint() == space.fingerprint()
    assert other.order == space.order
    assert space.differences(other) == []
    values = list(space.defaults().items())
    shuffling.shuffle(values)
    assert hash(Configuration(dict(values))) == hash(space.defaults())
    assert Configuration(dict(values)).to_json() == space.defaults().to_json()


@given(spaces())
def test_a_space_survives_json(space):
    again = Space.from_json(space.to_json())
    assert again == space
    assert again.to_json() == space.to_json()
    assert repr(again) == repr(space)
    assert space.check(space.defaults()) == space.defaults()


@given(spaces(), spaces())
def test_fingerprints_are_equal_for_equal_spaces_only(left, right):
    equal = left == right
    assert (left.fingerprint() == right.fingerprint()) == equal
    assert (left.differences(right) == []) == equal


@given(spaces(max_size=3))
def test_a_grid_has_each_configuration_once(space):
    few = [space.check(each) for each in space.grid(3)]
    assert len(set(few)) == len(few)
    assert {param.name for param in space.params} >= {name for each in few for name in each}


def test_a_grid_leaves_out_what_a_condition_does():
    everything = [dict(each) for each in SMALL.grid()]
    assert len(everything) == 3 + 3 * 3
    by_hand = [{"optimizer": "adam", "threads": n} for n in (0, 1, 2)] + [
        {"optimizer": "sgd", "momentum": m, "threads": n}
        for m in (0.0, 0.2, 0.4)
        for n in (0, 1, 2)
    ]
    assert sorted(map(repr, map(Configuration, by_hand))) == sorted(
        map(repr, map(Configuration, everything))
    )
    assert SMALL.finite
    assert not NESTED.finite


def test_a_configuration_cannot_be_changed_and_becomes_arguments():
    configuration = SMALL.defaults()
    with pytest.raises(AttributeError, match="cannot be changed"):
        configuration.threads = 2
    with pytest.raises(TypeError):
        configuration["threads"] = 2
    assert dict(**configuration) == {"optimizer": "adam", "threads": 0}


def mutated(**changes):
    content = json.loads(SMALL.to_json())
    content.update(changes)
    return json.dumps(content)


PARAM = {"kind": "bool", "name": "x", "default": True}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "[" * 100_000,
        '{"format": 1, "format": 1, "params": [], "conditions": []}',
        mutated(format=2),
        mutated(format=True),
        mutated(more=1),
        mutated(params={}),
        mutated(params=[]),
        mutated(params=[1]),
        mutated(params=[{**PARAM, "kind": "os.system"}]),
        mutated(params=[{**PARAM, "kind": ["bool"]}]),
        mutated(params=[{**PARAM, "more": 1}]),
        mutated(params=[{**PARAM, "default": "yes"}]),
        mutated(params=[{"kind": "bool", "name": "x"}]),
        mutated(params=[{**PARAM, "name": ["x"]}], conditions=[]),
        mutated(conditions=[{"child": "threads", "parent": "optimizer"}]),
        mutated(
            conditions=[{"child": [], "parent": {}, "values": [1], "above": None, "below": None}]
        ),
        SMALL.to_json().replace("0.4", "NaN"),
        SMALL.to_json().replace("0.4", "1e999"),
        SMALL.to_json().replace("0.4", "9" * 5000),
        SMALL.to_json().replace('"special": []', '"special": [[1]]'),
        SMALL.to_json().replace('["adam", "sgd"]', '"adam"'),
        SMALL.to_json().replace('["adam", "sgd"]', '[["adam"], {}]'),
    ],
)
def test_hostile_json_is_no_space(text):
    with pytest.raises(InvalidSpace):
        Space.from_json(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "3",
        "[" * 100_000,
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": -Infinity}',
        '{"a": 1e999}',
        '{"a": null}',
        '{"a": [1]}',
        '{"a": {"b": 1}}',
        None,
        b"\xff",
    ],
)
def test_hostile_json_is_no_configuration(text):
    with pytest.raises(InvalidConfiguration, match=r"configuration|no number"):
        Configuration.from_json(text)


def test_differences_name_what_changed():
    other = Space(
        (*[p for p in SMALL.params if p.name != "threads"], BoolParam("fast", default=True)),
        (Condition("momentum", "optimizer", values=("adam",)),),
    )
    lines = SMALL.differences(other)
    assert [line.split(":")[0] for line in lines] == [
        "fast",
        "threads",
        "momentum only if optimizer is one of ['sgd']",
        "momentum only if optimizer is one of ['adam']",
    ]


def test_the_order_puts_parents_first():
    rng = random.Random(1)
    for _ in range(20):
        shuffled = rng.sample(NESTED.params, len(NESTED.params))
        order = [param.name for param in Space(tuple(shuffled), NESTED.conditions).order]
        assert order.index("optimizer") < order.index("momentum") < order.index("nesterov")
        assert order.index("num_layers") < order.index("dropout")
