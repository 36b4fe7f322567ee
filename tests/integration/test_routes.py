"""Every route: one access group, a typed address, a matrix of roles; GETs that write are a named few."""

import re
import uuid

import pytest

from accounts.access import access_of
from accounts.permissions import PERMISSIONS, ROLES
from tests.support.databases import KIND

GROUPS = {"public", "signed_in", "permission", "webhook"}
WRITES_ON_GET: set[str] = set()  # none: mailed links lead to a page whose button does the writing


def _rules(app):
    return sorted(app.url_map.iter_rules(), key=lambda r: (r.rule, r.endpoint))


def _address(rule):
    values = {}
    for name in rule.arguments:
        kind = type(rule._converters[name]).__name__
        values[name] = {"UUIDConverter": uuid.UUID(int=7), "IntegerConverter": 7}.get(kind, "nothing-here")
    return rule.build(values, append_unknown=False)[1]


def test_every_route_is_in_exactly_one_access_group(app):
    for rule in _rules(app):
        access = access_of(app, rule.endpoint)
        assert access.group in GROUPS, rule
        assert bool(access.permissions) == (access.group == "permission"), rule
        assert set(access.permissions) <= set(PERMISSIONS), rule


def test_addresses_are_typed_and_in_kebab_case(app):
    for rule in _rules(app):
        plain = re.sub(r"<[^>]+>", "", rule.rule)
        assert plain == plain.lower() and "_" not in plain, rule
        for argument in re.findall(r"<([^>]+)>", rule.rule):
            if not rule.endpoint.startswith(("security.", "static")):
                assert ":" in argument, f"{rule} has an untyped part"


def test_gets_that_write_are_the_named_ones(app):
    writing = {e for e, v in app.view_functions.items() if hasattr(v, "writes_on_get")}
    assert writing == {e for e in WRITES_ON_GET if e in app.view_functions}


def test_a_view_without_a_mark_is_closed(app, client):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    from accounts.access import UnmarkedView

    with pytest.raises(UnmarkedView):
        app.view_functions["probe.unmarked"] = lambda: "open"
        try:
            access_of(app, "probe.unmarked")
        finally:
            del app.view_functions["probe.unmarked"]


def _expected(access, role):
    if access.group in ("public", "webhook"):
        return "open"
    if role is None:
        return "sign-in"
    if access.group == "signed_in" or any(role in PERMISSIONS[p] for p in access.permissions):
        return "open"
    return "closed"


def _asks(access):
    """The role, of those to whom the route is open, that asks on PostgreSQL for an object that is not there."""
    return next(role for role in (None, *ROLES) if _expected(access, role) == "open")


@pytest.mark.parametrize("role", [None, *ROLES])
def test_matrix_of_roles_and_routes(app, make, as_person, client, role):
    """Each route as each role: shut where the permission table says so, and never a server error where open. What is
    shut is shut before the database is asked anything of its own: on PostgreSQL the open ones are enough, and of those
    that name an object (there is none here, whoever asks) one role."""
    visitor = client if role is None else as_person(make.person(role))
    faults = []
    for rule in _rules(app):
        if rule.endpoint in ("static", "security.logout"):
            continue
        access = access_of(app, rule.endpoint)
        expected = _expected(access, role)
        if KIND == "postgresql" and (expected != "open" or rule.arguments and role != _asks(access)):
            continue
        method = "GET" if "GET" in rule.methods else "POST"
        address = _address(rule)
        answer = visitor.open(address, method=method, check=False)
        to_sign_in = answer.status_code in (302, 303) and "/sign-in" in answer.headers.get("Location", "")
        if expected == "sign-in":
            good = to_sign_in or answer.status_code == 401
        elif expected == "closed":
            good = answer.status_code in (403, 404)
        else:
            good = answer.status_code < 500 and answer.status_code != 403 and not (to_sign_in and role)
        if not good:
            faults.append(f"{method} {address}: {answer.status_code}, expected {expected}")
    assert not faults, "\n".join(faults)


def test_private_pages_are_not_cached(app, make, as_person):
    answer = as_person(make.person("administrator")).get("/desk")
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
