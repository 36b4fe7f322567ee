"""Pledges in every shape: in euros with instalments, overdue, reduced, with a purpose of its own; papers; and exchange
rates that are invented, and say so."""

from __future__ import annotations

import io
import uuid
from datetime import date, datetime, timedelta

from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from core import clock, files
from core.actor import PUBLIC
from core.db import db
from core.pdf import Document, Paragraph, render
from demonstration import giving
from demonstration.cast import DOMAIN
from demonstration.stage import DEMONSTRATION, Stage
from sponsorship.contributions.agreement_files import add_file
from sponsorship.contributions.giving_fields import months_later
from sponsorship.contributions.models import Agreement, Pledge
from sponsorship.contributions.pledge_changes import reduce
from sponsorship.contributions.pledges import PledgeDraft, PledgeMade, make_pledge, record_pledge
from sponsorship.contributions.schedules import Part
from sponsorship.gateways.rate_csv import guess, open_sheet, read_table
from sponsorship.gateways.rate_import import import_rates, lay_down
from sponsorship.gateways.rate_sources import SOURCES

RATES_FILE = "INVENTED-rates-of-the-demonstration.csv"
# units for one US dollar at first, and what a month adds; nobody published these
RATES = {"CHF": (8810, 12), "EUR": (9120, 15), "GBP": (7740, -8), "JPY": (1_481_000, 2_300), "KWD": (3070, 1),
         "SEK": (104_300, 210)}


def rates(today: date) -> None:
    """Invented rates of the first day of each month, from a year ago to the month that comes."""
    lines = ["Invented for the demonstration. Nobody published these figures.", "Currency,Rate,Effective from"]
    first = months_later(today.replace(day=1), -13)
    for month in range(15):
        day = months_later(first, month)
        lines += [f"{code},{_decimal(base + month * step)},{day.isoformat()}" for code, (base, step) in RATES.items()]
    content = ("\n".join(lines) + "\n").encode()
    sheet = open_sheet(content)
    import_rates(read_table(sheet, guess(sheet), SOURCES["un"]), lay_down(content, RATES_FILE), DEMONSTRATION,
                 looked=True)


def _decimal(ten_thousandths: int) -> str:
    return f"{ten_thousandths // 10_000}.{ten_thousandths % 10_000:04d}"


def instalments_in_euros(stage: Stage, at: datetime, today: date) -> PledgeMade:
    """A State gives euros in three instalments: the first is paid, the second is due in three weeks."""
    days = (at.date() + timedelta(days=30), today + timedelta(days=21), today + timedelta(days=200))
    with clock.moved_to(at):
        made = make_pledge(PledgeDraft(
            draft_key=uuid.uuid4().hex, amount_minor=30_000_00, currency="EUR", organisation_id=stage.places["XZ"],
            parts=tuple(Part(10_000_00, day) for day in days)), stage.actor("donor-xz"))
    giving.pay(made, stage.actor("donor-xz"), at + timedelta(days=25))
    return made


def overdue(stage: Stage, at: datetime, today: date) -> None:
    """Announced at a meeting, recorded by the fund manager, and unpaid forty days after its day."""
    with clock.moved_to(at):
        record_pledge(PledgeDraft(
            draft_key=uuid.uuid4().hex, amount_minor=15_000_00, organisation_id=stage.places["XY"],
            parts=(Part(15_000_00, today - timedelta(days=40)),), announced_on=at.date() - timedelta(days=2),
            words="Demonstration: announced in the general exchange of views."), stage.actor("fund-manager"))


def reduced(stage: Stage, at: datetime, today: date) -> None:
    """A State pledged more than its parliament then granted."""
    with clock.moved_to(at):
        made = record_pledge(PledgeDraft(
            draft_key=uuid.uuid4().hex, amount_minor=40_000_00, organisation_id=stage.places["XY"],
            parts=(Part(20_000_00, today + timedelta(days=60)), Part(20_000_00, today + timedelta(days=240))),
            words="Demonstration: note verbale of the mission."), stage.actor("fund-manager"))
    with clock.moved_to(at + timedelta(days=30)):
        version = db.session.get_one(Pledge, made.id).version
        db.session.rollback()
        reduce(made.id, 25_000_00, stage.actor("fund-manager"), "Demonstration: the budget was voted at 25,000.",
               version)


def own_purpose(at: datetime, slug: str) -> PledgeMade:
    """A foundation gives for women from least developed countries at one meeting."""
    with clock.moved_to(at):
        return make_pledge(PledgeDraft(
            draft_key=uuid.uuid4().hex, amount_minor=8_000_00, donor_kind="organisation", donor_name="Demo Institute",
            donor_contact="Demo Contact", donor_email=f"institute@{DOMAIN}",
            earmark={"meeting": [slug], "facts": ["ldc"], "sex": ["female"]},
            parts=(Part(8_000_00, at.date() + timedelta(days=25)),)), PUBLIC)


def papers(stage: Stage, at: datetime) -> None:
    """The letters of a donor's agreement, as files."""
    with clock.moved_to(at):
        agreement_id = db.session.scalars(
            select(Agreement.id).where(Agreement.organisation_id == stage.places["XZ"])).one()
        db.session.rollback()
        for kind, title, words in (
            ("letter", "Note verbale of Demo State XZ", "Demo State XZ informs the secretariat that it will contribute "
                                                        "to the fund. Invented for the demonstration."),
            ("agreement", "Answer of the secretariat", "The secretariat thanks Demo State XZ and agrees to the terms. "
                                                       "Invented for the demonstration."),
        ):
            content = render(Document(reference="DEMO/XZ/1", title=title, language="en", day=at.date(),
                                      blocks=(Paragraph(words),), mark="Demonstration"))
            upload = files.check_upload(FileStorage(io.BytesIO(content), f"{title}.pdf"), field="file", kinds=("pdf",))
            add_file(agreement_id, kind, title, upload, stage.actor("fund-manager"))
