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
    """One entry. `method` is get or post (post becomes a button)."""

    label: str
    url: str
    current: bool = False
    method: str = "get"
    hint: str = ""


@dataclass(frozen=True)
class Entry:
    """Where a link leads and who is offered it: `permission` None for everybody."""

    label: Any
    endpoint: str
    permission: str | None = None
    hint: Any = ""
    holds: tuple[str, ...] = ()  # other endpoints of the same room, whose addresses begin elsewhere


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
    Entry(_l("Offers"), "awards.award_list", "award.answer", _l("Offers to your delegates, and what follows.")),
    Entry(_l("My contributions"), "contributions.donor_home", "contribution.own",
          _l("Your pledges, payments and receipts, and what they carried.")),
    Entry(_l("Calls"), "calls.list_calls", "application.view_all", _l("Calls, applications, rankings, decisions.")),
    Entry(_l("Contributions"), "contributions.contribution_list", "contribution.view_all",
          _l("Money received, accepted, waiting or refunded.")),
    Entry(_l("Awards"), "awards.award_list", "award.view_all", _l("From selection to the answer of the State.")),
    Entry(_l("Daily subsistence"), "entitlements.dsa_rates", "travel_rates.manage",
          _l("Dated rates by place, and the rules of entitlement."), ("entitlements.rules",)),
    Entry(_l("Letters"), "letters.letter_list", "letter.sign",
          _l("Letters to States: what waits to be signed, and every one that was.")),
    Entry(_l("Disbursements"), "disbursements.disbursement_list", "disbursement.view_all",
          _l("Each payment with its chain and its date; after the journey, claims and money asked back."),
          ("claims.claim_list", "claims.recovery_list", "plan.places")),
    Entry(_l("Paymaster"), "paymaster.desk", "paymaster.pay", _l("Cash on arrival: what to pay, what to count.")),
    Entry(_l("Checks of payees"), "sanctions.matches", "sanctions.review",
          _l("Possible matches with the Security Council's list. Confidential.")),
    Entry(_l("Ledger"), "ledger.trial_balance", "ledger.view", _l("Accounts and entries.")),
    Entry(_l("Exchange rates"), "rates.rate_list", "rates.view", _l("What turns other currencies into US dollars.")),
    Entry(_l("Audit"), "audit.index", "audit.view", _l("Events, their seals, every invariant.")),
    Entry(_l("Mandates"), "calendar.mandates", "calendar.mandates.view",
          _l("Meetings compared with what the resolutions ask for.")),
    Entry(_l("Account requests"), "accounts.requests_list", "account.request.review",
          _l("Letters of States that ask for an account.")),
    Entry(_l("People"), "accounts.people_list", "account.people.manage",
          _l("Who signs in, in which role, on which days.")),
    Entry(_l("Alternates"), "accounts.alternates", "alternate.designate",
          _l("Who may act for an office holder, when, and up to which amount.")),
    Entry(_l("Schedule"), "operations.schedule_page", "operations.view",
          _l("What runs by itself, and when it last did.")),
)
# what a person has for himself or herself; reached from My account
OWN = (
    Entry(_l("My calendar"), "plan.my_calendar", "disbursement.view_all", _l("Steps of payments as a calendar feed")),
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
    return [_link(e) for e in entries if e.permission is None or allows(actor, e.permission)]


def nav_items() -> list[Link]:
    """The main navigation: My desk and what the roles permit, then what everybody sees."""
    if not has_request_context():
        return []
    person = current_person()
    if person is None:
        return _links(PUBLIC, current_actor())
    here = request.path == _address("accounts.desk")
    return [Link(_("My desk"), _address("accounts.desk"), here), *_links(WORK, current_actor()),
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
        Entry(_l("Open a State's account"), "accounts.request_account"),
    ]
    if current_app.extensions["placard_settings"].env == "demo":
        extra += [Entry(_l("Demonstration accounts"), "operations.demonstration"),
                  Entry(_l("Mailbox of this demonstration"), "operations.mailbox")]
    return [_link(entry) for entry in extra]


def signed_in_name() -> str | None:
    """The name shown beside the account links."""
    person = current_person()
    return person.name if person is not None else None


assert all(entry.permission in PERMISSIONS for entry in (*WORK, *OWN))
