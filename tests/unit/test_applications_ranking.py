"""The ranking is what a person works out by hand; a departure from it is what needs a reason."""

import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from sponsorship.applications.panel_service import Advice, departures
from sponsorship.applications.ranking import Earlier, Entry, rank

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


@settings(deadline=None)
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


# --- against an independent ranking that knows no queues, no standings and no keys ------------------------------------
ALL = ("ldc", "equity_region", "most_affected", "equity_sex")
REGIONS = ("African", "Asia-Pacific", "GRULAC", "")


def brute_force(rows, criteria, weights, before=()):
    """For every place, every State still to be placed is held against every other, counting the list so far anew. Those
    who had places under earlier calls stand at its head, one by one."""
    left, given_places = list(rows), list(before)

    def had(criterion, e):
        if criterion == "equity_region":
            return len([p for p in given_places if p.region == e.region])
        women = len([p for p in given_places if p.sex == "female"])
        men = len([p for p in given_places if p.sex == "male"])
        return {"female": women, "male": men}.get(e.sex, max(women, men))

    def points(e):
        total = 0
        for c in criteria:
            if c.startswith("equity_"):
                if not any(had(c, other) < had(c, e) for other in left):
                    total += weights[c]
            elif e.values[c]:
                total += weights[c]
        return total

    def ahead(a, b):
        if weights:
            if points(a) != points(b):
                return points(a) > points(b)
        else:
            for c in criteria:
                if c.startswith("equity_"):
                    if had(c, a) != had(c, b):
                        return had(c, a) < had(c, b)
                elif a.values[c] != b.values[c]:
                    return a.values[c]
        return (a.received_at, a.reference) < (b.received_at, b.reference)

    result = []
    while left:
        best = next(e for e in left if all(ahead(e, other) for other in left if other is not e))
        result.append((best, points(best) if weights else None))
        left.remove(best)
        given_places.append(best)
    return result


wide_entries = st.lists(
    st.tuples(st.integers(0, 3), st.booleans(), st.booleans(), st.sampled_from(REGIONS),
              st.sampled_from(("female", "male", "not_said", ""))), max_size=9,
).map(lambda rows: [
    Entry(uuid.UUID(int=n), f"APP-2027-{n:04d}", START + timedelta(minutes=m), {"ldc": a, "most_affected": b}, region,
          sex)
    for n, (m, a, b, region, sex) in enumerate(rows, 1)])


selected_before = st.lists(st.builds(SimpleNamespace, region=st.sampled_from(REGIONS),
                                     sex=st.sampled_from(("female", "male", "not_said", ""))), max_size=5)


@settings(deadline=None, max_examples=150)
@given(wide_entries, st.permutations(ALL), st.integers(0, 4),
       st.one_of(st.none(), st.lists(st.integers(1, 9), min_size=4, max_size=4)), selected_before)
def test_the_ranking_equals_an_independent_one(rows, order, most, drawn, before):
    criteria = order[:most]
    weights = dict(zip(criteria, drawn or (), strict=False))
    earlier = Earlier(Counter(e.region for e in before), Counter(e.sex for e in before))
    placed = rank(rows, criteria, "by_points" if drawn else "in_order", weights, earlier)
    expected = brute_force(rows, criteria, weights, before)
    assert [p.entry for p in placed] == [e for e, _points in expected]
    if weights:
        assert [p.points for p in placed] == [points for _e, points in expected]


@settings(deadline=None, max_examples=60)
@given(wide_entries, st.permutations(ALL), st.booleans())
def test_what_is_said_of_each_place_can_be_counted_on_the_page(rows, criteria, by_points):
    """The places shown are those counted above; what put a State behind the one before is a difference of figures."""
    weights = dict(zip(criteria, (5, 3, 2, 1), strict=True))
    placed = rank(rows, criteria, "by_points" if by_points else "in_order", weights)
    for n, p in enumerate(placed):
        above = [q.entry for q in placed[:n]]
        assert p.places["equity_region"] == sum(e.region == p.entry.region for e in above)
        if p.entry.sex in ("female", "male"):
            assert p.places["equity_sex"] == sum(e.sex == p.entry.sex for e in above)
        if p.decided_by in ("equity_region", "equity_sex"):
            assert p.compared["before"] < p.compared["after"]
            assert p.compared["before"] == placed[n - 1].places[p.decided_by]
        elif p.decided_by == "points":
            assert p.compared["before"] > p.compared["after"] and p.compared["before"] == placed[n - 1].points
    assert [p.decided_by for p in placed[:1]] == [""][:len(placed)]


def test_equity_worked_example():
    """Five States, all LDC: the regions take turns, and the women catch up where the regions leave it open."""
    def state(n, region, sex):
        return Entry(uuid.UUID(int=n), f"APP-2027-{n:04d}", START + timedelta(minutes=n), {"ldc": True}, region, sex)

    rows = [state(1, "African", "male"), state(2, "African", "male"), state(3, "African", "female"),
            state(4, "Asia-Pacific", "male"), state(5, "GRULAC", "female")]
    placed = rank(rows, ("ldc", "equity_region", "equity_sex"))
    # 1 by receipt (nobody has a place yet); a region without a place and a woman: 5; then 4; then again Africa, the
    # woman before the man
    assert [p.entry.application_id.int for p in placed] == [1, 5, 4, 3, 2]
    assert [p.decided_by for p in placed] == ["", "received_at", "equity_sex", "equity_region", "equity_sex"]
    assert [p.compared for p in placed[2:]] == [{"before": 0, "after": 1}, {"before": 0, "after": 1},
                                                {"before": 1, "after": 2}]
    assert [p.places for p in placed] == [
        {"equity_region": 0, "equity_sex": 0}, {"equity_region": 0, "equity_sex": 0},
        {"equity_region": 0, "equity_sex": 1}, {"equity_region": 1, "equity_sex": 1},
        {"equity_region": 2, "equity_sex": 2}]


def test_earlier_calls_worked_example():
    """Africa had two places and women none under the calls that count: the man from Asia waits for the woman."""
    def state(n, region, sex):
        return Entry(uuid.UUID(int=n), f"APP-2027-{n:04d}", START + timedelta(minutes=n), {}, region, sex)

    rows = [state(1, "African", "female"), state(2, "Asia-Pacific", "male"), state(3, "Asia-Pacific", "female")]
    placed = rank(rows, ("equity_region", "equity_sex"), earlier=Earlier({"African": 2}, {"male": 2}))
    assert [p.entry.application_id.int for p in placed] == [3, 2, 1]
    assert [p.places for p in placed] == [{"equity_region": 0, "equity_sex": 0}, {"equity_region": 1, "equity_sex": 2},
                                          {"equity_region": 2, "equity_sex": 1}]
    assert placed[1].compared == {"before": 0, "after": 2} and placed[2].compared == {"before": 1, "after": 2}


def test_points_worked_example():
    """LDC 5 points, region 3. Of equal points the earlier receipt; the region's points go to the fewest places."""
    def state(n, region, ldc):
        return Entry(uuid.UUID(int=n), f"APP-2027-{n:04d}", START + timedelta(minutes=n), {"ldc": ldc}, region)

    rows = [state(1, "African", True), state(2, "African", True), state(3, "GRULAC", False), state(4, "GRULAC", True)]
    placed = rank(rows, ("ldc", "equity_region"), "by_points", {"ldc": 5, "equity_region": 3})
    # 1: 8 by receipt; then 4: 8, while 2 has 5; then both regions have one place: 2 has 8, 3 has 3; alone, 3 has 3
    assert [(p.entry.application_id.int, p.points, p.decided_by) for p in placed] == [
        (1, 8, ""), (4, 8, "received_at"), (2, 8, "points"), (3, 3, "points")]
    assert placed[2].compared == {"before": 8, "after": 5} and placed[3].compared == {"before": 8, "after": 3}


def test_a_thousand_states_are_ranked_at_once():
    import time

    rows = [Entry(uuid.UUID(int=n), f"APP-2027-{n:04d}", START + timedelta(minutes=n % 97),
                  {"ldc": n % 3 == 0, "most_affected": n % 5 == 0}, REGIONS[n % 4], ("female", "male")[n % 7 % 2])
            for n in range(1, 1001)]
    begun = time.process_time()
    assert len(rank(rows, ALL)) == 1000
    assert time.process_time() - begun < 3


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
