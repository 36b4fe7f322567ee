"""Every state table of every room, action by action."""

import uuid
from types import SimpleNamespace

import pytest

import app as application  # noqa: F401 - registers every room's tables
from core import events, machines
from core.actor import person, system
from core.errors import IllegalMove, NotAllowed, Stale
from core.machines import MACHINES, SYSTEM, Machine, Move, State
from tests.support.rooms import load_rooms

load_rooms()
EVERY = [
    pytest.param(machine, state.code, action, id=f"{machine.name}-{state.code}-{action}")
    for machine in MACHINES.values()
    for state in machine.states
    for action in sorted({m.action for m in machine.moves})
]


def test_there_are_machines():
    assert {"meeting", "application", "award", "disbursement", "call", "pledge"} <= set(MACHINES)


@pytest.mark.parametrize(("machine", "source", "action"), EVERY)
def test_only_what_the_table_says(machine, source, action, monkeypatch):
    recorded = []
    asked = []
    monkeypatch.setattr(events, "record", lambda *a, **k: recorded.append((a, k)))
    monkeypatch.setattr(machines, "_authorise", [lambda *a: asked.append(a)])
    entity = SimpleNamespace(id=uuid.uuid4(), state=source, version=4)
    move = machine.find(source, action)
    actor = system("test") if move and move.permission == SYSTEM else person(uuid.uuid4())
    if move is None:
        with pytest.raises(IllegalMove):
            machine.apply(entity, action, actor)
        assert (entity.state, entity.version, recorded) == (source, 4, [])
        return
    machine.apply(entity, action, actor, expected_version=4)
    assert (entity.state, entity.version) == (move.target, 5)
    assert recorded[0][1]["from_state"] == source and recorded[0][1]["to_state"] == move.target
    if move.permission == SYSTEM:
        entity.state = source
        with pytest.raises(IllegalMove):
            machine.apply(entity, action, person(uuid.uuid4()))
    else:
        assert [a[1] for a in asked] == [move.permission]


def test_permissions_of_moves_stand_in_the_table():
    from accounts.permissions import PERMISSIONS

    for machine in MACHINES.values():
        for move in machine.moves:
            assert move.permission == SYSTEM or move.permission in PERMISSIONS, f"{machine.name}.{move.action}"


def test_every_state_has_words_and_tone():
    for machine in MACHINES.values():
        for state in machine.states:
            assert str(state.label) and state.tone in machines.TONES
        assert all(str(m.label) for m in machine.moves)


def test_stale_and_forbidden_change_nothing(monkeypatch):
    states = (State("a", "A"), State("b", "B", terminal=True))
    machine = Machine.__new__(Machine)
    object.__setattr__(machine, "name", "probe")
    for name, value in (("states", states), ("moves", (Move("go", ("a",), "b", "x.y", "Go"),)), ("initial", "a"),
                        ("tag_prefix", "t"), ("_by_code", {s.code: s for s in states})):
        object.__setattr__(machine, name, value)

    def refuse(*_a):
        raise NotAllowed()

    monkeypatch.setattr(machines, "_authorise", [refuse])
    entity = SimpleNamespace(id=uuid.uuid4(), state="a", version=1)
    with pytest.raises(Stale):
        machine.apply(entity, "go", person(uuid.uuid4()), expected_version=2)
    with pytest.raises(NotAllowed):
        machine.apply(entity, "go", person(uuid.uuid4()), expected_version=1)
    assert (entity.state, entity.version) == ("a", 1)


@pytest.mark.parametrize("bad", ["unreachable", "dead_end", "double", "tone"])
def test_a_wrong_table_is_refused_at_import(bad):
    states = {"unreachable": (State("a", "A"), State("b", "B", terminal=True), State("c", "C", terminal=True)),
              "dead_end": (State("a", "A"), State("b", "B")),
              "double": (State("a", "A"), State("b", "B", terminal=True)),
              "tone": (State("a", "A", "green"), State("b", "B", terminal=True))}[bad]
    go = Move("go", ("a",), "b", "x", "Go")
    moves = (go, go) if bad == "double" else (go,)
    with pytest.raises(ValueError):
        Machine(f"probe_{bad}", states, moves, "a", "t")
