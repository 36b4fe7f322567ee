"""What the head and foot of each page offer, by what the person may do. Rooms are named by endpoint, so this room
imports none of them; an endpoint that does not exist (yet) is left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import current_app, has_request_context, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from accounts.current import current_actor, current_person
from accounts.permissions import PERMISSIONS, allows
from core.actor import Actor


@dataclass(frozen=True)
class Link:
    """One entry. `method` is get or post (post becomes a button). `parts` are the rooms that a group holds; while one
    of them is open, they are offered in a line below."""

    label: str
    url: str
    current: bool = False
    method: str = "get"
    hint: str = ""
    parts: tuple[Link, ...] = ()


@dataclass(frozen=True)
class Entry:
    """Where a link leads and who is offered it: `permission` None for everybody, of several one is enough."""

    label: Any
    endpoint: str
    permission: str | tuple[str, ...] | None = None
    hint: Any = ""
    holds: tuple[str, ...] = ()  # other endpoints of the same room, whose addresses begin elsewhere
    group: str = ""  # of GROUPS; "" stands by itself

    @property
    def permissions(self) -> tuple[str, ...]:
        """Those of which one is enough; none for everybody."""
        return (self.permission,) if isinstance(self.permission, str) else self.permission or ()


@dataclass(frozen=True)
class Banner:
    """What everybody concerned must see on every page."""

    title: str
    text: str
    label: str
    url: str


_banners: list[Callable[[Actor], Banner | None]] = []


def register_banner(function: Callable[[Actor], Banner | None]) -> None:
    """A room offers a banner to signed-in people; None for whom it does not concern. At most one query each."""
    if function not in _banners:
        _banners.append(function)


def banners() -> list[Banner]:
    """The banners of this page."""
    if not has_request_context() or current_person() is None:
        return []
    return [banner for function in _banners if (banner := function(current_actor())) is not None]


PUBLIC = (
    Entry(_l("Meetings"), "calendar.meetings"),
    Entry(_l("Sponsorship"), "applications.calls"),
    Entry(_l("Fund"), "fund.page"),
    Entry(_l("Contribute"), "contributions.donate"),
)
# in the order of the story; each person sees what the roles permit
WORK = (
    Entry(_l("Applications"), "applications.own", "application.own",
          _l("Apply for your delegates and see where each application stands.")),
    Entry(_l("My contributions"), "contributions.donor_home", "contribution.own",
          _l("Your pledges, payments and receipts, and what they carried.")),
    Entry(_l("Calls"), "calls.list_calls", "application.view_all", _l("Calls, applications, rankings, decisions."),
          group="selection"),
    Entry(_l("Awards"), "awards.award_list", ("award.answer", "award.view_all"),
          _l("From selection to the answer of the State, and what follows."), group="selection"),
    Entry(_l("Letters"), "letters.letter_list", "letter.sign",
          _l("Letters to States: what waits to be signed, and every one that was."), group="selection"),
    Entry(_l("Contributions"), "contributions.contribution_list", "contribution.view_all",
          _l("Money received, accepted, waiting or refunded."), group="money"),
    Entry(_l("Disbursements"), "disbursements.disbursement_list", "disbursement.view_all",
          _l("Each payment with its chain and its date; after the journey, claims and money asked back."),
          ("claims.claim_list", "claims.recovery_list", "plan.places"), group="payments"),
    Entry(_l("Daily subsistence"), "entitlements.dsa_rates", "travel_rates.manage",
          _l("Dated rates by place, and the rules of entitlement."), ("entitlements.rules",), group="payments"),
    Entry(_l("Paymaster"), "paymaster.desk", "paymaster.pay", _l("Cash on arrival: what to pay, what to count."),
          group="payments"),
    Entry(_l("Checks of payees"), "sanctions.matches", "sanctions.review",
          _l("Possible matches with the Security Council’s list. Confidential."), group="payments"),
    Entry(_l("Ledger"), "ledger.trial_balance", "ledger.view", _l("Accounts and entries."), group="money"),
    Entry(_l("Exchange rates"), "rates.rate_list", "rates.view", _l("What turns other currencies into US dollars."),
          group="money"),
    Entry(_l("Audit"), "audit.index", "audit.view", _l("Events, their seals, every invariant."), group="office"),
    Entry(_l("Mandates"), "calendar.mandates", "calendar.mandates.view",
          _l("Meetings compared with what the resolutions ask for."), group="office"),
    Entry(_l("Account requests"), "accounts.requests_list", "account.request.review",
          _l("Letters of States that ask for an account."), group="office"),
    Entry(_l("People"), "accounts.people_list", "account.people.manage",
          _l("Who signs in, in which role, on which days."), group="office"),
    Entry(_l("Alternates"), "accounts.alternates", "alternate.designate",
          _l("Who may act for an office holder, when, and up to which amount."), group="office"),
    Entry(_l("Schedule"), "operations.schedule_page", "operations.view",
          _l("What runs by itself, and when it last did."), group="office"),
)
GROUPS = {"selection": _l("Selection"), "money": _l("Money"), "payments": _l("Payments"), "office": _l("Office")}
FEW = 6  # as many rooms stand side by side; of more, those of a group share one entry
# what a person has for himself or herself; reached from My account
OWN = (
    Entry(_l("My calendar"), "plan.my_calendar", "disbursement.view_all", _l("Steps of payments as a calendar feed")),
    Entry(_l("My meetings feed"), "calendar.my_feed", None,
          _l("Meetings and deadlines you follow, in your own calendar program")),
)


def own_pages(actor: Actor) -> list[Link]:
    """Pages of one's own that the roles permit, for My account."""
    return _links(OWN, actor)


def _address(endpoint: str) -> str:
    """The address of a page without arguments, within a request. Kept: a page asks for dozens, and they change with
    nothing but where the application is mounted."""
    kept: dict[tuple[str, str], str] = current_app.extensions.setdefault("placard_addresses", {})
    key = (request.script_root, endpoint)
    if key not in kept:
        if len(kept) > 1000:  # a proxy that names other roots all the time
            kept.clear()
        kept[key] = url_for(endpoint)
    return kept[key]


def _link(entry: Entry) -> Link:
    address = _address(entry.endpoint)
    here = _is_here(address) or any(_is_here(_address(held)) for held in entry.holds)
    return Link(str(entry.label), address, here, hint=str(entry.hint))


def _is_here(address: str) -> bool:
    if not has_request_context():
        return False
    if request.path == address:
        return True
    inside = address != "/" and address.endswith("/") and request.path.startswith(address)
    if not inside:
        return False
    longer = [path for e in (*PUBLIC, *WORK) if (path := _address(e.endpoint)) != address and path.startswith(address)]
    return not any(request.path.startswith(path) for path in longer)


def _links(entries: tuple[Entry, ...], actor: Actor) -> list[Link]:
    return [_link(e) for e in _offered(entries, actor)]


def _offered(entries: tuple[Entry, ...], actor: Actor) -> list[Entry]:
    return [e for e in entries if not e.permissions or any(allows(actor, p) for p in e.permissions)]


def _grouped(entries: list[Entry]) -> list[Link]:
    """Few rooms stand side by side. Of many, those of a group stand behind its first one, and in a line of their own
    while one of them is open: nothing folds away, and all of it is links."""
    if len(entries) <= FEW:
        return [_link(e) for e in entries]
    found: list[Link] = []
    for group in dict.fromkeys(e.group or e.endpoint for e in entries):
        parts = tuple(_link(e) for e in entries if (e.group or e.endpoint) == group)
        found.append(parts[0] if len(parts) == 1 else
                     Link(str(GROUPS[group]), parts[0].url, any(p.current for p in parts), parts=parts))
    return found


def nav_items() -> list[Link]:
    """The main navigation: My desk and what the roles permit (in groups where it is much), then what everybody sees."""
    if not has_request_context():
        return []
    person = current_person()
    if person is None:
        return _links(PUBLIC, current_actor())
    here = request.path == _address("accounts.desk")
    return [Link(_("My desk"), _address("accounts.desk"), here), *_grouped(_offered(WORK, current_actor())),
            *_links(PUBLIC[:3], current_actor())]


def starting_points(actor: Actor) -> list[Link]:
    """What a person's roles permit, each with a sentence, for the side of My desk."""
    return _links(WORK, actor)


def account_items() -> list[Link]:
    """Sign in, or my account and sign out."""
    if not has_request_context():
        return []
    if current_person() is None:
        return [Link(_("Sign in"), _address("security.login"), request.endpoint == "security.login")]
    return [
        Link(_("My account"), _address("accounts.me"), request.endpoint == "accounts.me"),
        Link(_("Sign out"), _address("security.logout"), method="post"),
    ]


def footer_items() -> list[Link]:
    """What everybody may look for."""
    if not has_request_context():
        return []
    extra = [
        Entry(_l("Calendar feed"), "calendar_feeds.whole"),
        Entry(_l("Head of the record"), "audit.record"),
        Entry(_l("Open a State’s account"), "accounts.request_account"),
    ]
    if current_app.extensions["placard_settings"].env == "demo":
        extra += [Entry(_l("Demonstration accounts"), "operations.demonstration"),
                  Entry(_l("Mailbox of this demonstration"), "operations.mailbox")]
    return [_link(entry) for entry in extra]


def signed_in_name() -> str | None:
    """The name shown beside the account links."""
    person = current_person()
    return person.name if person is not None else None


assert all(code in PERMISSIONS for entry in (*WORK, *OWN) for code in entry.permissions)
assert {entry.group for entry in WORK} <= {"", *GROUPS}
