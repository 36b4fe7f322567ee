"""Loads States and observers with their dated names and facts from accounts/data/states.json.

Adds what is missing and closes what the file has since dated; never overwrites what was edited here. Sources,
licences and what is not verified stand in the file itself.
"""

from __future__ import annotations

import json
import uuid
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from accounts.models import Organisation, OrganisationFact, OrganisationName
from accounts.sorting import sort_key
from core import events
from core.actor import system
from core.db import command, db, new_id

FILE = Path(__file__).with_name("data") / "states.json"


def read_file() -> dict[str, Any]:
    """The reference data as it stands in the file."""
    content: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


@command
def load_states() -> int:
    """Load the file; the number of States and observers that now stand in the database. Repeating it adds nothing."""
    content = read_file()
    sources, since = content["sources"], date.fromisoformat(content["names_valid_from"])
    known = {row.code: row.id for row in db.session.execute(select(Organisation.code, Organisation.id))}
    organisations: list[dict[str, Any]] = []
    for row in content["states"]:
        if row["code"] not in known:
            known[row["code"]] = new_id()
            organisations.append({"id": known[row["code"]], "kind": row["kind"], "code": row["code"],
                                  "iso2": row["iso2"], "m49": row["m49"], "is_demo": False})
    names = _missing_names(content["states"], known, sources, since)
    facts = _missing_facts(content["states"], known, sources)
    for table, rows in ((Organisation, organisations), (OrganisationName, names), (OrganisationFact, facts)):
        if rows:
            db.session.execute(insert(table), rows)
    if organisations or names or facts:
        events.record(
            system("reference-data"), "accounts.reference.load", "reference_data", uuid.UUID(int=0),
            data={"compiled": content["compiled"], "organisations": len(organisations), "names": len(names),
                  "facts": len(facts)},
        )
    return len(content["states"])


def _missing_names(
    states: list[dict[str, Any]], ids: dict[str, uuid.UUID], sources: dict[str, str], since: date
) -> list[dict[str, Any]]:
    present = {tuple(row) for row in db.session.execute(
        select(OrganisationName.organisation_id, OrganisationName.language, OrganisationName.form)
    )}
    rows = []
    for state in states:
        for form, names in (("short", state["names"]), ("formal", state["formal"])):
            for language, name in names.items():
                if (ids[state["code"]], language, form) not in present:
                    rows.append({
                        "id": new_id(), "organisation_id": ids[state["code"]], "language": language, "form": form,
                        "name": name, "sort_key": sort_key(name, language), "valid_from": since, "valid_to": None,
                        "source": sources[state["names_source"]],
                    })
    return rows


def _missing_facts(
    states: list[dict[str, Any]], ids: dict[str, uuid.UUID], sources: dict[str, str]
) -> list[dict[str, Any]]:
    present = {
        (row.organisation_id, row.fact, row.value, row.valid_from): row
        for row in db.session.scalars(select(OrganisationFact))
    }
    rows = []
    for state in states:
        for fact in state["facts"]:
            start, end = date.fromisoformat(fact["from"]), fact["to"] and date.fromisoformat(fact["to"])
            there = present.get((ids[state["code"]], fact["fact"], fact["value"], start))
            if there is None:
                rows.append({
                    "id": new_id(), "organisation_id": ids[state["code"]], "fact": fact["fact"],
                    "value": fact["value"], "valid_from": start, "valid_to": end or None,
                    "source": sources[fact["source"]],
                })
            elif there.valid_to is None and end:
                there.valid_to, there.source = end, sources[fact["source"]]
    return rows
