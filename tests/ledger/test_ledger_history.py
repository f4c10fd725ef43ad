"""What was where, and on which evidence: against a replay that was written another way."""

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_entries import chain_in_memory, entry

TARGETS = ("Production", "Staging", "@champion", "@challenger")
PLACES = (*TARGETS, "None", "Archived")
MODELS = ("a", "b", "c")
STAGE_NAMES = {"Production", "Staging", "None", "Archived"}


def holders(entries):
    """Registry after each entry, kept as a registry: (model number, target) -> entry's number.

    Models are numbered as they appear, so that a name may be used again.
    """
    names, fresh, held, states = {}, iter(range(10**6)), {}, []
    for number, each in enumerate(entries, 1):
        model = names.setdefault(each.model, None)
        if model is None:
            model = names[each.model] = next(fresh)
        own = [key for key in held if key[0] == model]
        versions = {key: entries[held[key] - 1].version for key in own}
        of_version = [key for key in own if versions[key] == each.version]
        stages = [key for key in of_version if key[1] in STAGE_NAMES]
        if each.action in ("promote", "rollback", "break_glass"):
            if each.target in STAGE_NAMES:
                leave(held, stages)
            held[model, each.target] = number
        elif each.action in ("demote", "archive"):
            leave(held, [key for key in of_version if key[1] == each.target])
            if each.target in STAGE_NAMES:
                leave(held, stages)
        elif each.action == "delete":
            leave(held, of_version if each.version else own)
            if not each.version:
                del names[each.model]
        elif each.action == "rename":
            names[each.target] = names.pop(each.model)
        states.append((dict(names), dict(held)))
    return states


def leave(held, keys):
    for key in keys:
        held.pop(key, None)


@st.composite
def histories(draw):
    """Entries that a registry could have seen: a rename goes to a name that is free."""
    used, found = set(), []
    for at in range(draw(st.integers(1, 25))):
        model = draw(st.sampled_from(MODELS))
        action = draw(
            st.sampled_from(
                ["promote"] * 4
                + ["rollback", "break_glass", "refuse", "demote", "archive", "delete", "rename"]
            )
        )
        free = sorted(set(MODELS) - used - {model})
        version, target = draw(st.sampled_from("123")), draw(st.sampled_from(PLACES))
        if action == "rename" and not free:
            action = "promote"
        if action == "rename":
            version, target = "", free[0]
            used.add(target)
            used.discard(model)
        elif action == "delete" and draw(st.booleans()):
            version = ""
            used.discard(model)
        else:
            used.add(model)
        found.append(entry(at=10 * at, model=model, action=action, version=version, target=target))
    return found


@settings(max_examples=30)
@given(histories())
def test_what_was_where_at_any_time(entries):
    raw, ledger = chain_in_memory(entries)
    states = list(enumerate(holders(entries), 1))
    for number, (names, held) in [*states[::3], states[-1]]:
        at = entries[number - 1].at
        for model in MODELS:
            for target in TARGETS:
                expected = held.get((names.get(model), target))
                found = ledger.holder_at(model, target, at + 5)
                assert (found and found.number) == expected, (number, model, target)
    raw.close()


@settings(max_examples=30)
@given(histories())
def test_the_newest_evidence_is_of_this_very_version(entries):
    raw, ledger = chain_in_memory(entries)
    expected = newest_evidence(entries)
    for model in MODELS:
        for version in "123":
            found = ledger.evidence(model, version)
            assert (found and found.number) == expected.get((model, version)), (model, version)
    raw.close()


def newest_evidence(entries):
    """Tables that are carried along, renamed and cleared."""
    known = {}
    for number, each in enumerate(entries, 1):
        if each.action == "promote":
            known[each.model, each.version] = number
        elif each.action == "delete":
            known = {
                key: value
                for key, value in known.items()
                if key[0] != each.model or each.version not in ("", key[1])
            }
        elif each.action == "rename":
            known = {
                (each.target if model == each.model else model, version): value
                for (model, version), value in known.items()
            }
    return known


def numbers(ledger, *moments, **question):
    found = [ledger.holder_at("vol", "Production", at, **question) for at in moments]
    return [decision and decision.number for decision in found]


def test_production_through_its_days():
    raw, ledger = chain_in_memory(
        [
            entry(at=10),
            entry(at=20, action="refuse", version="2"),
            entry(at=30, version="3", previous="1"),
            entry(at=40, action="rollback", version="1", previous="3"),
            entry(at=50, action="demote", version="1", target="None", previous="1"),
        ]
    )
    assert numbers(ledger, 9, 10, 29, 30, 40, 49, 50, 99) == [None, 1, 1, 3, 4, 4, None, None]
    assert ledger.holder_at("vol", "Production", 30).entry.verdicts == entry().verdicts
    assert numbers(ledger, 30, workspace="desk") == [None]
    raw.close()


def test_a_clock_that_went_back_changes_no_order():
    raw, ledger = chain_in_memory([entry(at=20), entry(at=10, version="2"), entry(at=30)])
    assert numbers(ledger, 9, 10, 15, 20, 30) == [None, 2, 2, 2, 3]
    raw.close()


def test_evidence_of_other_actions():
    raw, ledger = chain_in_memory(
        [entry(), entry(action="refuse"), entry(action="break_glass"), entry(workspace="desk")]
    )
    assert ledger.evidence("vol", "1").number == 1
    assert ledger.evidence("vol", "1", actions=("refuse",)).number == 2
    assert ledger.evidence("vol", "1", actions=("promote", "break_glass")).number == 3
    assert ledger.evidence("vol", "1", "desk").number == 4
    assert ledger.evidence("vol", "2") is None
    raw.close()


def test_both_databases_answer(ledger, engine):
    assert ledger.holder_at("vol", "Production", 10) is None
    assert ledger.evidence("vol", "1") is None
    with engine.begin() as connection:
        ledger.append(connection, entry(at=10, model="old"))
        ledger.append(connection, entry(at=20, model="old", action="rename", target="vol"))
    assert ledger.holder_at("vol", "Production", 25).number == 1
    assert ledger.holder_at("old", "Production", 15).number == 1
    assert ledger.holder_at("old", "Production", 25) is None
    assert ledger.evidence("vol", "1").number == 1
