"""The policy file: what applies to whom, and what is refused with a word on how to mend it."""

import hashlib
from dataclasses import dataclass
from typing import ClassVar

import pytest

from ordinis_mlflow.errors import InvalidConfig
from ordinis_mlflow.promotion import installed_gates, read_policy
from ordinis_mlflow.promotion.policy_file import BUILT_IN
from registry_hooks.gates.age import AgeGate

BOTH = '[models."*".Production]\nage = {}\n[models."*".Staging]\nage = {}\n'


@pytest.fixture
def read(tmp_path):
    def call(text, **options):
        path = tmp_path / "policy.toml"
        path.write_text(text)
        return read_policy(path, **options)

    return call


def days(policy, model, target="Production"):
    (gate,) = policy.gates(model, target)
    return gate.days


class TestBuiltIn:
    def test_every_installed_gate_guards_production(self):
        names = {gate.name for gate in read_policy().gates("anything", "Production")}
        assert names == set(installed_gates())

    def test_the_files_come_first(self):
        for model in ("anything", "sp500"):
            for target in ("Production", "Staging"):
                first, second, *_ = read_policy().gates(model, target)
                assert (first.name, second.name) == ("manifest", "probe")

    def test_only_age_and_luck_are_not_asked_of_the_demo(self):
        policy = read_policy()
        usual = {gate.name: gate for gate in policy.gates("anything", "Production")}
        demo = {gate.name: gate for gate in policy.gates("sp500", "Production")}
        assert usual.keys() - demo.keys() == {"age"}
        assert [name for name in demo if demo[name] != usual[name]] == ["overfitting"]

    def test_digest_is_that_of_the_bytes(self):
        policy = read_policy()
        assert policy.digest == hashlib.sha256(BUILT_IN.read_bytes()).hexdigest()
        assert policy.file == str(BUILT_IN)


class TestTargets:
    def test_case_opens_no_way_round(self, read):
        policy = read('aliases = { Champion = "Production" }\n' + BOTH)
        for target in ("@champion", "@CHAMPION", "@Champion", "production", "Production"):
            assert policy.place(target) == "Production"
            assert policy.gates("m", target)

    def test_an_alias_may_have_a_table_of_its_own(self, read):
        text = 'aliases = { canary = "@canary" }\n' + BOTH
        policy = read(text + '[models."*"."@canary"]\nage = { days = 7 }\n')
        assert days(policy, "m", "@canary") == 7.0

    def test_others_are_not_protected(self, read):
        policy = read(BOTH)
        assert policy.place("@candidate") is None
        assert policy.place("Archived") is None
        with pytest.raises(InvalidConfig, match="no gates for target '@candidate'"):
            policy.gates("m", "@candidate")

    def test_the_alias_of_a_stage_is_known(self):
        policy = read_policy()
        assert policy.alias_of("Production") == "champion"
        assert policy.alias_of("Staging") == "challenger"
        assert policy.alias_of("@canary") is None


class TestModels:
    @pytest.fixture
    def policy(self, read):
        rules = {"fx-*": 2, "fx-eur*": 3, "fx-eurusd": 4, "[fg]x-gbp": 5, "fx-[g]bp": 6}
        tables = [f'[models."{p}".Production]\nage = {{ days = {d} }}\n' for p, d in rules.items()]
        return read(BOTH + "".join(tables))

    @pytest.mark.parametrize(
        ("model", "expected"),
        [
            ("equity", 400.0), ("fx-jpy", 2.0), ("fx-eurjpy", 3.0), ("fx-eurusd", 4.0),
            ("FX-EURUSD", 400.0), ("fx-gbp", 5.0), ("gx-gbp", 5.0), ("*", 400.0),
        ],
    )  # fmt: skip
    def test_the_closest_pattern_applies_alone(self, policy, model, expected):
        assert days(policy, model) == expected

    def test_order_in_the_table_is_the_order_asked(self, read):
        policy = read('[models."*".Production]\nprobe = {}\nage = {}\nmanifest = {}\n' + BOTH[33:])
        names = [gate.name for gate in policy.gates("m", "Production")]
        assert names == ["probe", "age", "manifest"]


HOSTILE = {
    "": r'models\."\*"\."Production"\] is missing',
    '[models."*".Production]\nage = {}\n': '"Staging"] is missing',
    '[models."sp*".Production]\nage = {}\n[models."*".Staging]\nage = {}\n': "without gates",
    'aliases = { canary = "@canary" }\n' + BOTH: "@canary",
    'aliases = { canary = "@other" }\n' + BOTH: "aliases.canary = '@other'",
    'aliases = { canary = "production" }\n' + BOTH: "aliases.canary = 'production'",
    "aliases = { canary = 7 }\n" + BOTH: "aliases.canary = 7",
    'aliases = { "a b" = "Production" }\n' + BOTH: "letters",
    'aliases = { a = "Production", A = "Staging" }\n' + BOTH: "comes twice",
    'aliases = { a = "Production", b = "Production" }\n' + BOTH: "comes twice",
    "aliases = 7\n" + BOTH: "aliases = 7 must be a table",
    "cost_bps = -1\n" + BOTH: "cost_bps = -1",
    "cost_bps = nan\n" + BOTH: "cost_bps = nan",
    "cost_bps = inf\n" + BOTH: "cost_bps = inf",
    "cost_bps = true\n" + BOTH: "cost_bps = True",
    'cost_bps = "1"\n' + BOTH: "cost_bps = '1'",
    "costs = 1\n" + BOTH: r"unknown keys \['costs'\]",
    BOTH + "[models.sp.production]\nage = {}\n": r"unknown keys \['production'\]",
    BOTH + "[models.sp.None]\nage = {}\n": r"unknown keys \['None'\]",
    BOTH + "[models.sp]\nStaging = 1\n": "Staging = 1 must be a table",
    BOTH + "[models.sp.Staging]\n": "Staging is empty",
    BOTH + "[models.sp.Staging]\nages = {}\n": r"unknown keys \['ages'\].*'age'",
    BOTH + "[models.sp.Staging]\nage = 7\n": "age = 7 must be a table",
    BOTH + "[models.sp.Staging]\nage = { day = 7 }\n": r"unknown keys \['day'\].*'days'",
    BOTH + "[models.sp.Staging]\nage = { days = 0 }\n": "days must be a number above 0, got 0",
    BOTH + "[models.sp.Staging]\nage = { days = nan }\n": "days = nan must be a finite number",
    BOTH + "[models.sp.Staging]\nage = { days = inf }\n": "days = inf must be a finite number",
    BOTH + "[models.sp.Staging]\nage = { days = true }\n": "days = True must be a finite number",
    BOTH + '[models.sp.Staging]\nage = { days = "7" }\n': "days = '7' must be a finite number",
    BOTH + "[models.sp.Staging]\nage = { clock = 7 }\n": r"unknown keys \['clock'\]",
    BOTH + "[models.sp.Staging]\nage = { name = 'x' }\n": r"unknown keys \['name'\]",
    BOTH + "[models.sp.Staging]\nperformance = { dates = 30.0 }\n": "must be a whole number",
    BOTH + BOTH: "cannot be read as TOML",
    "models = 7": "models = 7 must be a table",
    "a = " + "[" * 100_000: "cannot be read as TOML",
    "\x00": "cannot be read as TOML",
}


class TestHostile:
    @pytest.mark.parametrize(("text", "said"), HOSTILE.items(), ids=range(len(HOSTILE)))
    def test_it_is_refused_with_file_and_key(self, read, text, said, tmp_path):
        with pytest.raises(InvalidConfig, match=said) as caught:
            read(text)
        assert str(tmp_path / "policy.toml") in str(caught.value)

    def test_bytes_that_are_no_text_are_refused(self, tmp_path):
        path = tmp_path / "policy.toml"
        path.write_bytes(b"\xff\xfe")
        with pytest.raises(InvalidConfig, match="cannot be read as TOML"):
            read_policy(path)

    def test_no_file_is_refused(self, tmp_path):
        with pytest.raises(InvalidConfig, match=r"none\.toml"):
            read_policy(tmp_path / "none.toml")


@dataclass(frozen=True)
class Own:
    """A gate with a limit of each kind."""

    name: ClassVar[str] = "own"
    share: float = 0.5
    count: int = 3
    strict: bool = False
    mode: str = "plain"

    def check(self, candidate):
        raise NotImplementedError


def test_limits_have_the_types_of_their_defaults(read):
    said = 'own = { share = 1, count = 4, strict = true, mode = "wild" }'
    text = f'[models."*".Production]\n{said}\n[models."*".Staging]\nage = {{}}\n'
    policy = read(text, kinds={"own": Own, "age": AgeGate})
    assert policy.gates("m", "Production") == (Own(1.0, 4, True, "wild"),)
    assert policy.gates("m", "Staging") == (AgeGate(),)
