"""Currencies and amounts as Stripe's API counts them (Stripe docs, "Supported currencies").

Stripe's digits differ from ISO 4217: the zero-decimal list is Stripe's own, ISK travels with two
decimals in multiples of 100, and three-decimal amounts must end in 0. UGX is refused here, because the
published rules for it contradict one another.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from .errors import InvalidParameters, unsupported

_CODES = """
    usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn
    bzd cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf
    gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr
    lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen
    pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb tjs tnd
    top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar zmw
"""
SUPPORTED = frozenset(_CODES.split())
ZERO_DECIMAL = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
HUNDREDS_ONLY = frozenset({"isk"})
UNCERTAIN = frozenset({"ugx"})

#: Smallest charge, minor units (Stripe docs, "Minimum and maximum charge amounts"); 50 where none is listed.
MINIMUM: dict[str, int] = {
    "usd": 50,
    "aed": 200,
    "aud": 50,
    "bgn": 100,
    "brl": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "inr": 50,
    "jpy": 50,
    "mxn": 1000,
    "myr": 200,
    "nok": 300,
    "nzd": 50,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
}
MAXIMUM = 99_999_999


def digits(currency: str) -> int:
    """Decimals of an amount on the wire."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def show(amount: int, currency: str) -> str:
    """For people: ``USD 1,250.00``."""
    places = digits(currency)
    return f"{currency.upper()} {Decimal(amount).scaleb(-places):,.{places}f}"


def typed(text: str, currency: str) -> int | None:
    """Minor units of an amount that a person typed (``1,250.00``); None when it is no such amount."""
    try:
        exact = Decimal(text.strip().replace(",", "")).scaleb(digits(currency))
        return int(exact) if exact == int(exact) and 0 < exact <= MAXIMUM * 100 else None
    except (InvalidOperation, ValueError, OverflowError):
        return None


def check_currency(currency: str, param: str) -> str:
    """The lower-case code, or Stripe's refusal."""
    code = currency.lower()
    if code in UNCERTAIN:
        raise unsupported(f"{param} ({code})")
    if code not in SUPPORTED:
        known = ", ".join(sorted(SUPPORTED))
        raise InvalidParameters(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: {known}", param=param
        )
    return code


def check_granularity(amount: int, currency: str, param: str) -> None:
    """The rules on last digits."""
    if currency in THREE_DECIMAL and amount % 10:
        raise InvalidParameters(
            f"Invalid amount: the last digit must be 0 for {currency}.",
            param=param,
            code="parameter_invalid_integer",
        )
    if currency in HUNDREDS_ONLY and amount % 100:
        raise InvalidParameters(
            f"Invalid amount: it must be a multiple of 100 for {currency}.",
            param=param,
            code="parameter_invalid_integer",
        )


def check_charge(amount: int, currency: str, param: str, *, checkout: bool = False) -> None:
    """Between the smallest and the largest amount that can be charged."""
    least = MINIMUM.get(currency, 50)
    if amount < least:
        start = "The Checkout Session's total amount due must add up to" if checkout else "Amount must be"
        raise InvalidParameters(
            f"{start} at least {show(least, currency)}", code="amount_too_small", param=param
        )
    if amount > MAXIMUM:
        raise InvalidParameters(
            f"Amount must be no more than {show(MAXIMUM, currency)}", code="amount_too_large", param=param
        )


def fee(amount: int, percent: Decimal, fixed: int) -> int:
    """Percentage plus fixed part, rounded half up to a minor unit, never more than the amount."""
    exact = Decimal(amount) * percent / 100 + fixed
    return min(amount, int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP)))
