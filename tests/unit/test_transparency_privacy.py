"""What is told never leaves one or two States alone: the rules, and the attack that adds and subtracts whatever is
published until it has the price of a State."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sponsorship.transparency.privacy import (
    LEAST_STATES,
    Crowd,
    balance,
    by_group,
    may_tell,
)

STATES = [uuid.UUID(int=n + 1) for n in range(8)]
crowds = st.dictionaries(st.integers(0, 9), st.sets(st.sampled_from(STATES), max_size=6), max_size=7)


def _crowds(parts: dict[int, set[uuid.UUID]]) -> dict[int, Crowd]:
    return {key: Crowd.of(states) for key, states in parts.items()}


@given(crowds)
def test_what_is_told_never_leaves_one_or_two_states_alone(parts: dict[int, set[uuid.UUID]]) -> None:
    told = may_tell(_crowds(parts))
    assert all(len(parts[key]) >= LEAST_STATES or not parts[key] for key in told)
    rest = set[uuid.UUID]().union(*(states for key, states in parts.items() if key not in told))
    nothing_told = not any(parts[key] for key in told)
    assert not rest or len(rest) >= LEAST_STATES or nothing_told
    if all(len(states) >= LEAST_STATES for states in parts.values()):
        assert told == set(parts), "nothing is held back without need"


def test_the_same_two_states_at_two_meetings_are_two_states_and_not_four() -> None:
    one, two = STATES[:2]
    told = may_tell(_crowds({1: {one, two}, 2: {one, two}, 3: set(STATES[:3]), 4: set(STATES[:6])}))
    assert told == {4}, "the smallest of the others is left out too"


@pytest.mark.parametrize(("counts", "expected"), [
    ({}, ()),
    ({"African": (5, 5)}, (("African", 5),)),
    ({"African": (5, 5), "GRULAC": (3, 3)}, (("African", 5), ("GRULAC", 3))),
    ({"African": (5, 5), "GRULAC": (2, 2)}, ()),  # the two would be the total less the five
    ({"African": (6, 5), "Asia-Pacific": (4, 4), "GRULAC": (2, 2)}, (("African", 6), (None, 6))),
    ({"African": (6, 5), "Asia-Pacific": (4, 4), "GRULAC": (2, 2), "WEOG": (1, 1)},
     (("African", 6), ("Asia-Pacific", 4), (None, 3))),
    ({"African": (4, 2)}, ()),  # four delegates of two States
])
def test_regional_groups_are_told_where_three_states_stand_in_each(counts, expected) -> None:
    assert tuple((line.group, line.delegates) for line in by_group(counts)) == expected


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d", "e"]), st.tuples(st.integers(1, 6), st.integers(0, 3))))
def test_groups_keep_the_total(counts: dict[str, tuple[int, int]]) -> None:
    delegates = {group: (states + more, states) for group, (states, more) in counts.items()}
    lines = by_group(delegates)
    assert not lines or sum(line.delegates for line in lines) == sum(count for count, _states in delegates.values())
    assert all(line.states >= LEAST_STATES for line in lines)


@pytest.mark.parametrize(("women", "men", "not_said", "told"), [
    (4, 8, 0, True), (0, 12, 0, True), (3, 3, 3, True), (0, 0, 0, False), (2, 10, 0, False), (10, 1, 0, False),
    (5, 5, 1, False), (0, 0, 4, False),
])
def test_women_and_men_are_told_where_nobody_stands_out(women: int, men: int, not_said: int, told: bool) -> None:
    assert balance(women, men, not_said) == ((women, men) if told else None)


# --- the attack -------------------------------------------------------------------------------------------------
Atom = tuple[uuid.UUID, int]  # what one State's delegate cost at one meeting
meetings = st.dictionaries(
    st.integers(0, 6),
    st.tuples(st.sets(st.sampled_from(STATES), min_size=1, max_size=5), st.integers(2024, 2027), st.integers(0, 1)),
    min_size=1, max_size=6,
)


@settings(max_examples=300, deadline=None)
@given(meetings)
def test_adding_and_subtracting_what_is_published_never_gives_a_states_price(
    held: dict[int, tuple[set[uuid.UUID], int, int]]
) -> None:
    """Published to the cent: the total of every year and the amounts of the meetings told. The attacker knows who went
    where, and solves for whatever one or two States cost. Where a year itself carried fewer than three States its total
    is theirs (the books are told whatever they say); the meetings told must add nothing to that."""
    crowd = {key: Crowd.of(states) for key, (states, _year, _more) in held.items()}
    spans = {key: (year, year + more) for key, (_states, year, more) in held.items()}
    told = may_tell(crowd, {key: range(first, last + 1) for key, (first, last) in spans.items()})
    atoms: list[Atom] = sorted((state, key) for key, (states, _y, _m) in held.items() for state in states)
    # a meeting paid in two years: its parts in each are unknowns of their own
    parts = [(atom, year) for atom in atoms for year in range(spans[atom[1]][0], spans[atom[1]][1] + 1)]
    years = [[int(year == wanted) for _atom, year in parts] for wanted in sorted({year for _a, year in parts})]
    amounts = [[int(atom[1] == key) for atom, _year in parts] for key in sorted(told)]
    for size in (1, 2):
        for few in combinations(STATES, size):
            of_few = [n for n, (atom, _year) in enumerate(parts) if atom[0] in few]
            assert _learnt(years + amounts, of_few) == _learnt(years, of_few), f"{few} can be reckoned from {told}"


def _learnt(rows: list[list[int]], columns: list[int]) -> int:
    """How many independent sums about these unknowns alone follow from the rows."""
    others = [n for n in range(len(rows[0])) if n not in columns] if rows else []
    return _rank(rows) - _rank([[row[n] for n in others] for row in rows])


def _rank(rows: Iterable[Iterable[int]]) -> int:
    matrix = [[Fraction(value) for value in row] for row in rows]
    rank, width = 0, len(matrix[0]) if matrix else 0
    for column in range(width):
        pivot = next((r for r in range(rank, len(matrix)) if matrix[r][column]), None)
        if pivot is None:
            continue
        matrix[rank], matrix[pivot] = matrix[pivot], matrix[rank]
        for r in range(len(matrix)):
            if r != rank and matrix[r][column]:
                factor = matrix[r][column] / matrix[rank][column]
                matrix[r] = [a - factor * b for a, b in zip(matrix[r], matrix[rank], strict=True)]
        rank += 1
    return rank


def test_the_attack_finds_what_a_naive_rule_would_give_away() -> None:
    """The attacker is no fool: telling every large meeting of a year with one small one gives the small one away."""
    large, small = set(STATES[:4]), set(STATES[4:6])
    atoms = [(state, 1) for state in sorted(large)] + [(state, 2) for state in sorted(small)]
    total, told = [1] * len(atoms), [int(meeting == 1) for _state, meeting in atoms]
    of_small = [n for n, (state, _m) in enumerate(atoms) if state in small]
    assert _learnt([total], of_small) == 0 and _learnt([total, told], of_small) == 1
