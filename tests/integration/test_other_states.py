"""Another State's file does not exist: pages, acts, files and exports, from the map of addresses.

Every address that takes an identifier and that somebody of a State may use is asked with the real identifiers of one
State's objects, by a focal point and a nominee of another. An address that is not known here fails the test: whoever
adds one says below what its identifiers are.
"""

from __future__ import annotations

import io
import re
import uuid
import zipfile
from datetime import timedelta
from functools import cached_property
from typing import Any

import pytest

from accounts.access import access_of
from accounts.permissions import PERMISSIONS
from core import clock, files
from core.db import db, new_id
from sponsorship.applications.models import Application, Nominee
from sponsorship.applications.paper_models import ApplicationPaper
from sponsorship.awards.models import Award
from sponsorship.disbursements import claim_service, payee_service
from sponsorship.disbursements.claim_models import Claim, ClaimPaper, DelegateReport, Recovery
from sponsorship.disbursements.models import Disbursement, Payee
from sponsorship.disbursements.payee_needs import Paper
from sponsorship.letters import service
from sponsorship.letters.models import StateLetter
from tests.integration.test_claims import home, paid_in_advance
from tests.integration.test_late_claims import Late
from tests.integration.test_paymaster import Desk
from tests.support.award_story import AwardStory

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n"
STATE_ROLES = ("focal_point", "nominee")

# What the identifiers of an address are: the first that fits its rule. A word is an attribute of `Objects`.
OBJECTS: tuple[tuple[str, dict[str, str]], ...] = (
    (r"/sponsorship/applications/<uuid:id>/form/nominees/<uuid:nominee_id>", {"id": "application",
                                                                              "nominee_id": "nominee"}),
    (r"/sponsorship/applications/<uuid:id>/nominees/<uuid:nominee_id>", {"id": "application", "nominee_id": "nominee"}),
    (r"/sponsorship/applications/<uuid:id>/papers/<uuid:nominee_id>", {"id": "application", "nominee_id": "nominee"}),
    (r"/sponsorship/applications/papers/<uuid:paper_id>", {"paper_id": "paper"}),
    (r"/sponsorship/applications/<uuid:id>", {"id": "application"}),
    (r"/awards/<uuid:id>", {"id": "award"}),
    (r"/disbursements/<uuid:id>", {"id": "disbursement"}),
    (r"/payees/<uuid:id>/identity", {"id": "cash_payee"}),
    (r"/payees/<uuid:id>/paper", {"id": "cash_payee"}),
    (r"/payees/<uuid:id>", {"id": "payee"}),
    (r"/letters/<uuid:id>", {"id": "letter"}),
    (r"/claims/<uuid:id>/papers/<uuid:file_id>", {"id": "claim", "file_id": "boarding_pass"}),
    (r"/claims/<uuid:id>", {"id": "claim"}),
    (r"/late-claims/<uuid:id>", {"id": "late_claim"}),
    (r"/recoveries/<uuid:id>", {"id": "recovery"}),
    (r"/reports/<uuid:id>", {"id": "report"}),
)
# other parts of an address: for those of the State, for those of a nominee
PARTS = {"page": ("declaration", "person"), "kind": ("nomination_letter", "passport")}
# Addresses with an identifier that anybody may open, or that make something of the asker's own State, with the reason
OPEN = {
    "applications.call": "a call is public",
    "applications.start": "begins an application of the asker's own State",
    "accounts.request_received": "says only that a letter was received",
    "accounts.remove_passkey": "one's own only; a stranger's finds nothing (test_passkeys)",
    "documents.document": "an issued document is public, a draft the organisers' (test_documents)",
    "documents.file": "an issued document is public, a draft the organisers' (test_documents)",
    "programme.side_event": "one's own requests only; a stranger's finds nothing (test_programme_pages)",
    "programme.withdraw_side_event": "one's own requests only; a stranger's finds nothing (test_programme_pages)",
    "accounts.revoke_alternate": "of offices of the fund only; a stranger's finds nothing (test_alternates)",
}
OPEN_BLUEPRINTS = ("contributions", "fund")  # donors' own: tests of contributions ask those


class Objects:
    """One State's objects in every room."""

    def __init__(self, story: AwardStory) -> None:
        story.proof = lambda: files.lay_down(PDF, "proof.pdf", "application/pdf")  # type: ignore[method-assign]
        awards = story.decide()
        story.offer(awards[0])
        story.accept(awards[0])
        story.give_bank_data(awards[0])
        head = story.officer("head_of_fund")
        drafts = service.drafts(story.call_id, head)
        service.sign_letters(story.call_id, {d.waiting.key: d.choice for d in drafts}, service.digest(drafts), new_id(),
                             head)
        self.award, self.application, self.nominee = awards[0], story.applications[0], story.nominees[0]
        self.payee: uuid.UUID = db.session.query(Payee.id).filter_by(award_id=self.award).scalar()
        self.disbursement: uuid.UUID = story.payments(self.award)["ticket"]
        self.letter: uuid.UUID = db.session.query(StateLetter.id).filter_by(award_id=self.award).scalar()
        self._after_travel(story)
        self._papers(story)
        self.make = story.make

    def _after_travel(self, story: AwardStory) -> None:
        paid_in_advance(story, self.award, "dsa_advance")
        with home(story, self.award):
            self.claim = story.claim(self.award, settle=False)
            claim_service.no_show(self.claim, story.officer("requesting_officer"), story.version(Claim, self.claim),
                                  "other", "Nobody came.")
        self.boarding_pass: uuid.UUID = db.session.query(ClaimPaper.file_id).filter_by(claim_id=self.claim).scalar()
        self.recovery: uuid.UUID = db.session.query(Recovery.id).filter_by(claim_id=self.claim).scalar()
        self.report: uuid.UUID = db.session.query(DelegateReport.id).filter_by(award_id=self.award).scalar()

    def _papers(self, story: AwardStory) -> None:
        kept = files.keep(story.proof(), "application-paper", story.focal_point())
        paper = ApplicationPaper(application_id=self.application, nominee_id=self.nominee, kind="passport",
                                 retention="identity", file_id=kept.id, uploaded_at=clock.now())
        db.session.add(paper)
        db.session.commit()
        self.paper = paper.id

    @cached_property
    def late_claim(self) -> uuid.UUID:
        """Of another call, as the claim above came in time."""
        story = AwardStory(self.make, states=1)
        story.proof = lambda: files.lay_down(PDF, "proof.pdf", "application/pdf")  # type: ignore[method-assign]
        late = Late(story)
        with clock.moved_to(late.now + timedelta(days=1)):
            return late.ask_with_ticket(1_000)

    @cached_property
    def cash_payee(self) -> uuid.UUID:
        """Of another call, as the payee above has an account."""
        desk = Desk(self.make, bank=False)
        desk.cash_serves()
        desk.choose()
        payee_service.identify(desk.payee, Paper("Given Family0", "passport", "AB12"), desk.story.focal_point(),
                               desk.story.version(Payee, desk.payee), files.lay_down(PDF, "p.pdf", "application/pdf"))
        return desk.payee

    def marks(self) -> set[str]:
        """Words by which one would know this State's file: references and the nominee's name."""
        found = {db.session.get(model, key).reference for model, key in (
            (Application, self.application), (Award, self.award), (Disbursement, self.disbursement),
            (StateLetter, self.letter))}
        return found | {"Family0", str(self.application), str(self.award), str(self.payee)}


def for_states(app: Any) -> list[Any]:
    """Addresses that somebody of a State may use, by signing in."""
    found = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda r: (r.rule, r.endpoint)):
        access = access_of(app, rule.endpoint)
        held = any(set(STATE_ROLES) & PERMISSIONS[p] for p in access.permissions)
        if held or access.group in ("signed_in", "public"):
            found.append(rule)
    return found


def parts_of(rule: Any) -> dict[str, str] | None:
    return next((names for pattern, names in OBJECTS if rule.rule.startswith(pattern)), None)


@pytest.fixture
def story(make: Any) -> AwardStory:
    return AwardStory(make, states=2, recommended=1)


def test_another_states_file_does_not_exist(app: Any, story: AwardStory, make: Any, as_person: Any) -> None:
    objects = Objects(story)
    own = as_person(story.focal[0])
    others = [as_person(story.focal[1]), as_person(make.person("nominee", organisation=story.states[1]))]
    asked, unknown, faults = 0, [], []
    for rule in for_states(app):
        if not any(type(rule._converters[name]).__name__ == "UUIDConverter" for name in rule.arguments):
            continue
        names = parts_of(rule)
        if names is None or set(rule.arguments) - set(names) - set(PARTS):
            if rule.endpoint not in OPEN and rule.endpoint.split(".")[0] not in OPEN_BLUEPRINTS:
                unknown.append(f"{rule.rule} ({rule.endpoint})")
            continue
        values: dict[str, Any] = {name: getattr(objects, word) for name, word in names.items()}
        values |= {part: PARTS[part]["nominee_id" in names] for part in PARTS if part in rule.arguments}
        address = rule.build(values, append_unknown=False)[1]
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            for client in others:
                with client.open(address, method=method, data={"version": "1"} if method == "POST" else None,
                                 check=False) as answer:
                    # a nominee may have no such page at all; then not even whether the object is there is told
                    if answer.status_code != 404 and not (client is others[1] and answer.status_code == 403):
                        faults.append(f"{method} {address} ({rule.endpoint}): {answer.status_code}")
                asked += 1
        if "GET" in rule.methods:
            with own.get(address, check=False) as answer:
                if answer.status_code in (403, 404) or answer.status_code >= 500:
                    faults.append(f"{address} ({rule.endpoint}) is not found by its own State: the test asks nothing")
    assert not unknown, "say in OBJECTS what the identifiers of these are:\n" + "\n".join(unknown)
    assert not faults, "\n".join(faults)
    assert asked >= 50


def words_in(data: bytes, address: str) -> str:
    if data.startswith(b"PK"):  # a workbook
        archive = zipfile.ZipFile(io.BytesIO(data))
        return " ".join(archive.read(name).decode(errors="replace") for name in archive.namelist())
    return data.decode(errors="replace")


def test_no_list_page_or_export_tells_of_another_state(app: Any, story: AwardStory, as_person: Any) -> None:
    """Every address without identifiers, as a page and as a file: nothing in it is the other State's."""
    marks = Objects(story).marks()
    own, other = as_person(story.focal[0]), as_person(story.focal[1])
    seen: set[str] = set()
    faults = []
    for rule in for_states(app):
        if rule.arguments or "GET" not in rule.methods or rule.endpoint in ("security.logout",):
            continue
        lists = access_of(app, rule.endpoint).group == "permission"  # what is public, other tests ask
        for address in (rule.rule, *([f"{rule.rule}?format=csv", f"{rule.rule}?format=xlsx"] if lists else ())):
            with other.get(address, check=False) as answer:
                words = words_in(answer.data, address)
            if told := {mark for mark in marks if re.search(rf"{re.escape(mark)}\b", words)}:
                faults.append(f"{address}: {sorted(told)}")
        with own.get(rule.rule, check=False) as answer:
            seen |= {mark for mark in marks if mark in words_in(answer.data, rule.rule)}
    assert not faults, "\n".join(faults)
    assert len(seen) >= 3, "its own State finds its file in its lists"


def test_nobody_of_a_state_reads_the_nominee_of_another(story: AwardStory) -> None:
    """The same at the door of the queries: names stay sealed."""
    from sponsorship.applications.queries import nominee_by_id

    Objects(story)
    assert db.session.query(Nominee).count() == 2
    assert nominee_by_id(story.nominees[0], story.focal_point(0)).name == "Given Family0"
    assert nominee_by_id(story.nominees[0], story.focal_point(1)).name is None
