"""Tables of the calls, the applications with their nominees, the screening, the ranking and the recommendation.

Personal fields of a nominee are sealed under the nominee's own key, the unfinished words of a step under the key of
whom they speak of: erasing the key forgets the person, the history stays.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base, MinorUnits, Versioned, WithId
from core.ddl import append_only, lookup_table, trigger
from sponsorship.applications import chair_models
from sponsorship.applications import paper_models as paper_models
from sponsorship.applications.transitions import APPLICATION, CALL

PACKAGES = ("ticket_and_dsa", "ticket", "dsa")
FACT_CRITERIA = ("ldc", "lldc", "sids")  # read from the dated facts about States; the others are declared and checked
DECLARED_CRITERIA = ("most_affected", "first_attendance", "no_mission_at_seat")
EQUITY_CRITERIA = ("equity_region", "equity_sex")  # follow from the places given so far, while the ranking is made
SCREENED_CRITERIA = FACT_CRITERIA + DECLARED_CRITERIA
CRITERIA = SCREENED_CRITERIA + EQUITY_CRITERIA
METHODS = ("in_order", "by_points")
LATE_RULES = ("refuse", "carry_over")
GOVERNANCE = ("secretariat_chair", "donor_committee", "elected_committee")
RECUSAL_CAUSES = ("own_state", "agreement", "declared")
ELIGIBILITY = ("complete", "nominated_by_state", "declaration")
OUTCOMES = ("recommend", "reserve", "not")
SEXES = ("female", "male", "not_said")

lookup_table("call_package", PACKAGES)
lookup_table("screening_criterion", ELIGIBILITY + CRITERIA)
lookup_table("recommendation_outcome", OUTCOMES)
lookup_table("nominee_sex", SEXES)
lookup_table("ranking_method", METHODS)
lookup_table("call_late_rule", LATE_RULES)
lookup_table("call_governance", GOVERNANCE)
lookup_table("recusal_cause", RECUSAL_CAUSES)

_CONSIDERED = ("state IN ('eligible', 'recommended', 'reserve', 'not_recommended', 'selected', 'reserve_list', "
               "'not_selected')")
_UNSENT = "state IN ('draft', 'withdrawn', 'cancelled')"


class Call(WithId, Versioned, Base):
    """A call for applications to the fund, for one meeting. Estimates are per delegate, in US cents.

    `weights` are points by criterion when States are ranked by points. `part_first_day` to `part_last_day` number the
    days of the meeting that the package covers (1 is its first day, so that a postponed meeting takes them along);
    null: the whole meeting. `required_papers` are codes of paper_kinds.PAPER_KINDS; `questions` are
    {"key", "text", "required"}, asked of each State, or about each nominee where they have "of_nominee". `late_rule`
    says what becomes of what is received after `grace_until`. `panel_round_open` is the round of a recommendation whose
    last lines another member still records. `equity_calls` is how many earlier calls the rules of equity count, and
    `equity_counted` what they counted when the standing ranking was made.
    """

    __tablename__ = "call"
    __table_args__ = (
        CheckConstraint("opens_at < closes_at", name="opens_before_it_closes"),
        CheckConstraint("closes_at <= grace_until", name="grace_follows_closing"),
        CheckConstraint("panel_meets_on IS NULL OR panel_meets_on <= decide_by", name="panel_meets_in_time"),
        CheckConstraint("offer_days BETWEEN 1 AND 60", name="offer_days"),
        CheckConstraint("seats_per_state BETWEEN 1 AND 5", name="seats_per_state"),
        CheckConstraint(
            "estimate_ticket_minor >= 0 AND estimate_dsa_minor >= 0 AND estimate_terminal_minor >= 0",
            name="estimates_not_negative",
        ),
        CheckConstraint("estimate_ticket_minor + estimate_dsa_minor + estimate_terminal_minor > 0",
                        name="estimate_of_something"),
        CheckConstraint("ceiling_minor IS NULL OR ceiling_minor > 0", name="ceiling_positive"),
        CheckConstraint("(part_first_day IS NULL) = (part_last_day IS NULL)", name="part_both_or_neither"),
        CheckConstraint("part_first_day IS NULL OR part_first_day BETWEEN 1 AND part_last_day", name="part_in_order"),
        CheckConstraint("(announced_at IS NULL) = (announced_count IS NULL)", name="announced_with_number"),
        CheckConstraint("equity_calls BETWEEN 0 AND 10", name="equity_calls"),
    )
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    meeting_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("meeting.id"), index=True)
    state: Mapped[str] = CALL.column()
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    # until then a submission is still taken, and marked "received after the date"
    grace_until: Mapped[datetime]
    decide_by: Mapped[date]  # the day by which States are told; a promise shown to missions, not a lock
    panel_meets_on: Mapped[date | None]  # the day of the panel's own meeting, at the fund's seat
    offer_days: Mapped[int]
    seats_per_state: Mapped[int] = mapped_column(default=1)
    package: Mapped[str] = mapped_column(String(40), ForeignKey("call_package.code"))
    estimate_ticket_minor: Mapped[int] = mapped_column(MinorUnits)
    estimate_dsa_minor: Mapped[int] = mapped_column(MinorUnits)
    estimate_terminal_minor: Mapped[int] = mapped_column(MinorUnits)
    currency: Mapped[str] = mapped_column(String(3), default="USD")
    ceiling_minor: Mapped[int | None] = mapped_column(MinorUnits)
    criteria: Mapped[list[str]] = mapped_column(JSON)
    governance_text: Mapped[str] = mapped_column(Text, default="")
    guidance_text: Mapped[str] = mapped_column(Text, default="")
    required_papers: Mapped[list[str]] = mapped_column(JSON, default=list)  # codes of paper_kinds
    questions: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)  # each with key, text, required
    ranking_round: Mapped[int] = mapped_column(default=0)
    recommendation_round: Mapped[int] = mapped_column(default=0)
    suspended_from: Mapped[str | None] = mapped_column(String(40))
    is_demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]
    ranking_method: Mapped[str] = mapped_column(String(40), ForeignKey("ranking_method.code"), default="in_order")
    weights: Mapped[dict[str, int] | None] = mapped_column(JSON, default=dict)
    late_rule: Mapped[str] = mapped_column(String(40), ForeignKey("call_late_rule.code"), default="refuse")
    governance: Mapped[str] = mapped_column(String(40), ForeignKey("call_governance.code"),
                                            default="secretariat_chair")
    part_first_day: Mapped[int | None]
    part_last_day: Mapped[int | None]
    copied_from_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("call.id"))
    announced_at: Mapped[datetime | None]
    announced_count: Mapped[int | None]
    panel_round_open: Mapped[int | None]
    # of which round the panel (the head of the fund) has been told, and of which the panel was reminded
    panel_told_for: Mapped[int | None]
    panel_reminded_for: Mapped[int | None]
    head_told_for: Mapped[int | None]
    equity_calls: Mapped[int] = mapped_column(default=0)
    equity_counted: Mapped[dict[str, Any] | None] = mapped_column(JSON)  # {"calls", "regions", "sexes"}


class CallPool(Base):
    """The pools a call may draw on, in the order they are drawn: the narrowest earmark first."""

    __tablename__ = "call_pool"
    __table_args__ = (UniqueConstraint("call_id", "position", name="uq_call_pool_position"),)
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), primary_key=True)
    pool_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("pool.id"), primary_key=True)
    position: Mapped[int]


class Application(WithId, Versioned, Base):
    """A State's request to the fund under one call: one live application of its mission, one of a ministry at most."""

    __tablename__ = "application"
    __table_args__ = (
        # para. 18 of resolution 68/48: help is for States otherwise unable to attend
        CheckConstraint(f"{_UNSENT} OR could_not_attend_otherwise", name="declares_need"),
        CheckConstraint(f"{_UNSENT} OR received_at IS NOT NULL", name="sent_has_receipt"),
        CheckConstraint("state <> 'returned' OR completion_due_at IS NOT NULL", name="returned_until"),
        CheckConstraint("state <> 'held_over' OR (received_after_date AND received_at IS NOT NULL)",
                        name="held_over_came_late"),
        # one of the mission and one of a ministry at most; of both, one at most is considered
        Index("uq_application_live", "call_id", "organisation_id", "of_ministry", unique=True,
              sqlite_where=text("state <> 'withdrawn'"), postgresql_where=text("state <> 'withdrawn'")),
        Index("uq_application_considered", "call_id", "organisation_id", unique=True,
              sqlite_where=text(_CONSIDERED), postgresql_where=text(_CONSIDERED)),
    )
    reference: Mapped[str] = mapped_column(String(20), unique=True)
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), index=True)
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    state: Mapped[str] = APPLICATION.column()
    could_not_attend_otherwise: Mapped[bool] = mapped_column(default=False)
    need_text: Mapped[str | None] = mapped_column(Text)
    own_contribution: Mapped[str | None] = mapped_column(Text)
    answers_sealed: Mapped[str | None] = mapped_column(Text)  # to the call's questions, by key; under its own id's key
    first_attendance: Mapped[bool | None]
    no_mission_at_seat: Mapped[bool | None]
    of_ministry: Mapped[bool] = mapped_column(default=False)  # begun by a focal point who sits in a ministry
    created_at: Mapped[datetime]
    created_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    submitted_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    received_at: Mapped[datetime | None]
    received_after_date: Mapped[bool] = mapped_column(default=False)
    completion_due_at: Mapped[datetime | None]
    return_note: Mapped[str | None] = mapped_column(Text)
    ineligible_reason: Mapped[str | None] = mapped_column(String(40))
    reminded_at: Mapped[datetime | None]
    screening_round: Mapped[int] = mapped_column(default=0)
    is_demo: Mapped[bool] = mapped_column(default=False)
    most_affected: Mapped[bool | None]
    most_affected_evidence: Mapped[str | None] = mapped_column(Text)
    # the earlier call under which it was first received, after that call's date
    carried_from_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("call.id"))


class Nominee(WithId, Versioned, Base):
    """A person a State nominates, in the mission's order of priority. Anything may be missing in a draft."""

    __tablename__ = "nominee"
    __table_args__ = (
        UniqueConstraint("application_id", "priority", name="uq_nominee_priority"),
        CheckConstraint("priority >= 1", name="priority_from_one"),
        CheckConstraint("travel_from IS NULL OR travel_to IS NULL OR travel_from <= travel_to", name="travel_order"),
    )
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("application.id"), index=True)
    priority: Mapped[int]
    family_name_sealed: Mapped[str | None] = mapped_column(Text)
    given_names_sealed: Mapped[str | None] = mapped_column(Text)
    function_sealed: Mapped[str | None] = mapped_column(Text)
    ministry_sealed: Mapped[str | None] = mapped_column(Text)
    email_sealed: Mapped[str | None] = mapped_column(Text)
    birth_date_sealed: Mapped[str | None] = mapped_column(Text)  # ISO date
    sex: Mapped[str | None] = mapped_column(String(40), ForeignKey("nominee_sex.code"))
    departure_city: Mapped[str | None] = mapped_column(String(120))
    travel_from: Mapped[date | None]
    travel_to: Mapped[date | None]
    confirmed_at: Mapped[datetime | None]  # the nominee has confirmed these data; a change by the mission undoes it
    answers_sealed: Mapped[str | None] = mapped_column(Text)  # to the call's questions about each nominee, by key
    reuse_consent_at: Mapped[datetime | None]  # the nominee lets the State name him or her again from these data


class ApplicationStep(Base):
    """The words typed on one page of the form, as typed, so that nothing is lost while they are unfinished.

    `subject_id` is whose key seals them (the application, or the nominee). `version` belongs to this page alone: two
    people may write on different pages at once. Emptied when the application is sent.
    """

    __tablename__ = "application_step"
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("application.id"), primary_key=True)
    key: Mapped[str] = mapped_column(String(60), primary_key=True)
    subject_id: Mapped[uuid.UUID]
    version: Mapped[int] = mapped_column(default=1)
    answers_sealed: Mapped[str | None] = mapped_column(Text)
    complete: Mapped[bool] = mapped_column(default=False)
    saved_at: Mapped[datetime]
    saved_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))


class Screening(WithId, Base):
    """What an officer found on one criterion, with the evidence and where it was read. A new look is a new round.

    `as_of` is the day for which it holds (the closing day). `fact_met` is what the dated facts about States say; an
    officer who finds otherwise (`met` differs) writes why, and the row keeps who and when. `value` is a regional group
    or a sex found otherwise than recorded, for the rules of equity; then `as_of` is the day of the evidence.
    """

    __tablename__ = "screening"
    __table_args__ = (
        CheckConstraint("fact_met IS NULL OR fact_met = met OR length(override_reason) > 0",
                        name="override_has_reason"),
        UniqueConstraint("application_id", "round", "criterion", name="uq_screening_criterion"),
        CheckConstraint("(criterion IN ('equity_region', 'equity_sex')) = (value IS NOT NULL)", name="value_of_equity"),
        CheckConstraint("value IS NULL OR (length(override_reason) > 0 AND length(source) > 0 AND as_of IS NOT NULL)",
                        name="value_has_evidence"),
    )
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("application.id"), index=True)
    round: Mapped[int]
    criterion: Mapped[str] = mapped_column(String(40), ForeignKey("screening_criterion.code"))
    met: Mapped[bool]
    evidence: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(String(200), default="")
    by_person: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    as_of: Mapped[date | None]
    fact_met: Mapped[bool | None]
    value: Mapped[str | None] = mapped_column(String(60))
    override_reason: Mapped[str] = mapped_column(Text, default="")


class Ranking(WithId, Base):
    """A State's place under the call's rules, with every value the place follows from."""

    __tablename__ = "ranking"
    __table_args__ = (
        UniqueConstraint("call_id", "round", "position", name="uq_ranking_position"),
        UniqueConstraint("call_id", "round", "application_id", name="uq_ranking_application"),
        CheckConstraint("position >= 1", name="position_from_one"),
    )
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), index=True)
    round: Mapped[int]
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("application.id"), index=True)
    position: Mapped[int]
    criteria_values: Mapped[dict[str, Any]] = mapped_column(JSON)
    received_at: Mapped[datetime]
    # what puts it behind the one before: a criterion, points, received_at, reference, or "" for the first
    decided_by: Mapped[str] = mapped_column(String(40), default="")
    ranked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
    region: Mapped[str] = mapped_column(String(60), default="")  # regional group, "" without one
    sex: Mapped[str] = mapped_column(String(40), default="")  # of the State's first nominee
    # places its group (its nominee's sex) had when this place was given, by criterion of equity
    places: Mapped[dict[str, int] | None] = mapped_column(JSON, default=dict)
    points: Mapped[int | None]
    # what decided, as it stood when the place before was given: {"before": ..., "after": ...}
    compared: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class Recommendation(WithId, Base):
    """What the panel advises for one application. A changed mind is a new round."""

    __tablename__ = "recommendation"
    __table_args__ = (
        UniqueConstraint("call_id", "round", "position", name="uq_recommendation_position"),
        UniqueConstraint("call_id", "round", "application_id", name="uq_recommendation_application"),
        CheckConstraint("position >= 1", name="position_from_one"),
        CheckConstraint("seats >= 0 AND (outcome = 'recommend') = (seats > 0)", name="seats_with_outcome"),
        CheckConstraint("outcome <> 'not' OR length(reason) > 0", name="not_has_reason"),
    )
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), index=True)
    round: Mapped[int]
    application_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("application.id"), index=True)
    outcome: Mapped[str] = mapped_column(String(40), ForeignKey("recommendation_outcome.code"))
    position: Mapped[int]
    seats: Mapped[int]
    reason: Mapped[str] = mapped_column(Text, default="")
    by_person: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]


class Recusal(WithId, Base):
    """A panel member who takes no part where one State is considered under one call, and why: own State, an agreement
    that keeps the member's money for such States, or an interest the member declares. It stands for the whole call."""

    __tablename__ = "recusal"
    __table_args__ = (
        UniqueConstraint("call_id", "person_id", "organisation_id", "cause", name="uq_recusal_once"),
        CheckConstraint("cause <> 'declared' OR length(reason) > 0", name="declared_has_reason"),
        Index("ix_recusal_person", "person_id", "call_id"),
    )
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), index=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("person.id"))
    organisation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    cause: Mapped[str] = mapped_column(String(40), ForeignKey("recusal_cause.code"))
    reason: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]


for _model in (Screening, Ranking, Recommendation, Recusal):
    append_only(_model.__table__)  # type: ignore[arg-type]

# Nobody records advice on a State from which they are recused, nor on one in which they hold any role that day.
_RECUSED = "a panel member who is recused from a State does not record advice on it"


def _recused(day: str) -> str:
    return f"""EXISTS (SELECT 1 FROM application a WHERE a.id = NEW.application_id AND (
 EXISTS (SELECT 1 FROM recusal r WHERE r.call_id = NEW.call_id AND r.person_id = NEW.by_person
  AND r.organisation_id = a.organisation_id)
 OR EXISTS (SELECT 1 FROM membership m WHERE m.person_id = NEW.by_person AND m.organisation_id = a.organisation_id
  AND m.valid_from <= {day} AND (m.valid_to IS NULL OR m.valid_to > {day}))))"""


trigger(
    Recommendation.__table__, "recommendation_not_by_recused",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER recommendation_not_by_recused BEFORE INSERT ON recommendation "
           f"WHEN {_recused('substr(NEW.at, 1, 10)')} BEGIN SELECT RAISE(ABORT, '{_RECUSED}'); END",
    postgresql=(
        f"""CREATE OR REPLACE FUNCTION recommendation_not_by_recused() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
 IF {_recused("(NEW.at AT TIME ZONE 'UTC')::date")} THEN
  RAISE EXCEPTION '{_RECUSED}' USING ERRCODE = 'integrity_constraint_violation',
   CONSTRAINT = 'recommendation_not_by_recused';
 END IF;
 RETURN NEW;
END $$""",
        "CREATE TRIGGER recommendation_not_by_recused BEFORE INSERT ON recommendation "
        "FOR EACH ROW EXECUTE FUNCTION recommendation_not_by_recused()",
    ),
)

# Under "secretariat with the Chair" nobody else from a State records advice, nor the Chair on the own State.
_UNSEATED = "only the secretariat and the Chair of the call record advice; the Chair is recused from the own State"


def _unseated(day: str) -> str:
    return (f"NEW.by_person IS NOT NULL AND (NOT {chair_models.seated(day)} OR {chair_models.OWN_STATE})")


trigger(
    Recommendation.__table__, "recommendation_by_seated",  # type: ignore[arg-type]
    sqlite=f"CREATE TRIGGER recommendation_by_seated BEFORE INSERT ON recommendation "
           f"WHEN {_unseated('substr(NEW.at, 1, 10)')} BEGIN SELECT RAISE(ABORT, '{_UNSEATED}'); END",
    postgresql=(
        f"""CREATE OR REPLACE FUNCTION recommendation_by_seated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
 IF {_unseated("(NEW.at AT TIME ZONE 'UTC')::date")} THEN
  RAISE EXCEPTION '{_UNSEATED}' USING ERRCODE = 'integrity_constraint_violation',
   CONSTRAINT = 'recommendation_by_seated';
 END IF;
 RETURN NEW;
END $$""",
        "CREATE TRIGGER recommendation_by_seated BEFORE INSERT ON recommendation "
        "FOR EACH ROW EXECUTE FUNCTION recommendation_by_seated()",
    ),
)
