"""The ranking is what a person works out by hand; a departure from it is what needs a reason."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sponsorship.applications.panel_service import Advice, departures
from sponsorship.applications.ranking import Entry, rank

CRITERIA = ("ldc", "sids", "first_attendance")
START = datetime(2027, 3, 1, tzinfo=UTC)


def entry(n, minutes=0, **values):
    return Entry(uuid.UUID(int=n), f"APP-2027-{n:04d}", START + timedelta(minutes=minutes),
                 {c: values.get(c, False) for c in CRITERIA})


def test_worked_example():
    rows = [
        entry(1, minutes=0),                                     # neither, first to arrive
        entry(2, minutes=5, sids=True),
        entry(3, minutes=9, ldc=True),
        entry(4, minutes=8, ldc=True),                           # equal to 3, arrived earlier
        entry(5, minutes=20, ldc=True, first_attendance=True),   # better than 3 and 4 by the third rule
        entry(6, minutes=5, sids=True),                          # equal to 2 in everything: the reference decides
    ]
    placed = rank(rows, CRITERIA)
    assert [p.entry.application_id.int for p in placed] == [5, 4, 3, 2, 6, 1]
    assert [p.decided_by for p in placed] == ["", "first_attendance", "received_at", "ldc", "reference", "sids"]
    assert [p.position for p in placed] == [1, 2, 3, 4, 5, 6]


def test_without_criteria_the_receipt_decides():
    assert [p.entry.application_id.int for p in rank([entry(1, 5), entry(2, 1)], ())] == [2, 1]


entries = st.lists(
    st.tuples(st.integers(0, 3), st.booleans(), st.booleans(), st.booleans()), min_size=0, max_size=8,
).map(lambda rows: [entry(n, m, ldc=a, sids=b, first_attendance=c) for n, (m, a, b, c) in enumerate(rows, 1)])


@given(entries, st.randoms())
def test_the_order_given_does_not_matter_and_every_step_is_explained(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    placed = rank(rows, CRITERIA)
    assert placed == rank(shuffled, CRITERIA)
    for before, after in zip(placed, placed[1:], strict=False):
        a, b = before.entry, after.entry
        reason = after.decided_by
        if reason in CRITERIA:
            assert a.values[reason] and not b.values[reason]
            assert all(a.values[c] == b.values[c] for c in CRITERIA[:CRITERIA.index(reason)])
        else:
            assert a.values == b.values
            assert a.received_at < b.received_at if reason == "received_at" else a.reference < b.reference


IDS = [uuid.UUID(int=n) for n in range(1, 5)]


def advice(*rows):
    return [Advice(IDS[n - 1], outcome, place, int(outcome == "recommend")) for n, outcome, place in rows]


def test_following_the_ranking_needs_no_reason():
    rows = advice((1, "recommend", 1), (2, "recommend", 2), (3, "reserve", 3), (4, "reserve", 4))
    assert departures(rows, IDS) == set()


def test_what_needs_a_reason():
    passed_over = advice((1, "recommend", 1), (2, "reserve", 2), (3, "recommend", 3), (4, "reserve", 4))
    assert departures(passed_over, IDS) == {IDS[1]}
    moved = advice((1, "recommend", 2), (2, "recommend", 1), (3, "reserve", 3), (4, "reserve", 4))
    assert departures(moved, IDS) == {IDS[0], IDS[1]}
    refused = advice((1, "recommend", 1), (2, "recommend", 2), (3, "recommend", 3), (4, "not", 4))
    assert departures(refused, IDS) == {IDS[3]}
