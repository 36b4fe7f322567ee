"""Virtual bank accounts that payers send money to (Stripe docs, "Funding instructions").

As in Stripe's own test mode the details are invalid on purpose: check digits do not fit and the banks do not
exist, so that nobody can send real money there. Each customer has one account a currency.
"""

from __future__ import annotations

import hashlib
from typing import Any

from .errors import InvalidParameters, missing, unsupported
from .objects import NO_ADDRESS
from .store import Obj

#: Currency -> kind of transfer; the only currencies bank transfers come in.
TYPES = {
    "eur": "eu_bank_transfer",
    "gbp": "gb_bank_transfer",
    "jpy": "jp_bank_transfer",
    "mxn": "mx_bank_transfer",
    "usd": "us_bank_transfer",
}
COUNTRIES = {"gbp": "GB", "jpy": "JP", "mxn": "MX", "usd": "US"}
EU_COUNTRIES = ("BE", "DE", "ES", "FR", "IE", "NL")
BANK = "Simulated Bank (no money moves)"


def check(currency: str, given: dict[str, Any], param: str) -> Obj:
    """The ``bank_transfer`` options as the object shows them; refuses what does not fit together."""
    if currency not in TYPES:
        raise InvalidParameters(
            f"Bank transfers are not available in {currency}: only in {', '.join(sorted(TYPES))}.",
            param="currency",
        )
    kind = given.get("type")
    if kind is None:
        raise missing(f"{param}[type]")
    if kind != TYPES[currency]:
        raise InvalidParameters(
            f"A bank transfer in {currency} needs the type {TYPES[currency]}.", param=f"{param}[type]"
        )
    if "requested_address_types" in given:
        raise unsupported(f"{param}[requested_address_types]")
    if kind != "eu_bank_transfer":
        return {"type": kind}
    country = given.get("eu_bank_transfer", {}).get("country")
    if country is None:
        raise missing(f"{param}[eu_bank_transfer][country]")
    if country not in EU_COUNTRIES:
        raise InvalidParameters(
            f"Invalid country: must be one of {', '.join(EU_COUNTRIES)}",
            param=f"{param}[eu_bank_transfer][country]",
        )
    return {"eu_bank_transfer": {"country": country}, "type": kind}


def country_of(currency: str, options: Obj) -> str:
    """Where the account is."""
    if currency == "eur":
        return str(options["eu_bank_transfer"]["country"])
    return COUNTRIES[currency]


def _digits(*parts: str, length: int) -> str:
    number = int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest())
    return str(number)[-length:].rjust(length, "0")


def addresses(customer: str, currency: str, country: str, holder: str) -> list[Obj]:
    """``financial_addresses``: the accounts this customer may send money to."""
    number = _digits(customer, currency, length=12)
    common: Obj = {
        "account_holder_address": NO_ADDRESS | {"country": country},
        "account_holder_name": holder,
        "bank_address": NO_ADDRESS | {"country": country},
    }

    def address(kind: str, networks: list[str], **details: str) -> Obj:
        return {kind: common | details, "supported_networks": networks, "type": kind}

    if currency == "eur":
        return [
            address(
                "iban", ["sepa"], bic="SIMUXXX0XXX", country=country, iban=f"{country}00{'0' * 6}{number}"
            )
        ]
    if currency == "gbp":
        return [
            address("sort_code", ["bacs", "fps"], account_number=number[:8], sort_code="000000"),
        ]
    if currency == "jpy":
        zengin = {
            "account_number": number[:7],
            "account_type": "futsu",
            "bank_code": "0000",
            "bank_name": BANK,
            "branch_code": number[7:10],
            "branch_name": "Simulated branch",
        }
        return [address("zengin", ["zengin"], **zengin)]
    if currency == "mxn":
        return [address("spei", ["spei"], bank_code="000", bank_name=BANK, clabe=f"000{number}000")]
    account = {"account_number": number, "account_type": "checking", "bank_name": BANK}
    return [
        address("aba", ["ach", "domestic_wire_us"], **account, routing_number="000000000"),
        address("swift", ["swift"], **account, swift_code="SIMUXXX0XXX"),
    ]


def sender(currency: str, reference: str | None, name: str | None) -> Obj:
    """``funded.bank_transfer`` of a cash balance transaction: who sent the money, by which way."""
    kind = TYPES[currency]
    details: dict[str, Obj] = {
        "eu_bank_transfer": {"bic": "SIMUXXX0XXX", "iban_last4": "0000", "sender_name": name},
        "gb_bank_transfer": {"account_number_last4": "0000", "sender_name": name, "sort_code": "000000"},
        "jp_bank_transfer": {"sender_bank": BANK, "sender_branch": None, "sender_name": name},
        "us_bank_transfer": {"network": "ach", "sender_name": name},
    }
    shown = {kind: details[kind]} if kind in details else {}
    return {"bank_transfer": {**shown, "reference": reference, "type": kind}}
