"""Money as an integer of minor units and an ISO 4217 code. No floats anywhere."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

# ISO 4217 (List One) minor units where they are not 2. These are the accounting digits; Stripe's wire digits differ
# (ISK, UGX) and live with the gateway.
_NO_DECIMALS = ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
                "XOF", "XPF")
_DIGITS = {
    **dict.fromkeys(_NO_DECIMALS, 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
_CODE = re.compile(r"[A-Z]{3}\Z")
MAX_MINOR = 10**15  # ten trillion dollars: beyond it a typing mistake is certain, and BIGINT sums stay safe


class MoneyError(ValueError):
    """A text or a number that is no amount; `code` is one of empty, not_a_number, decimals, too_large, negative."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def currency_digits(currency: str) -> int:
    """Decimals of a currency in accounting (ISO 4217). Raises ValueError for a code that cannot be one."""
    if not _CODE.match(currency):
        raise ValueError(f"not an ISO 4217 code: {currency!r}")
    return _DIGITS.get(currency, 2)


@dataclass(frozen=True, order=False)
class Money:
    """`minor` units of `currency`. Arithmetic across currencies and with floats raises TypeError."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.minor) is not int:
            raise TypeError("minor units are an int")
        currency_digits(self.currency)

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, exact."""
        return Decimal(self.minor).scaleb(-currency_digits(self.currency))

    def _same(self, other: Money) -> None:
        if not isinstance(other, Money) or other.currency != self.currency:
            raise TypeError("amounts of different currencies do not mix")

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.minor <= other.minor

    def __gt__(self, other: Money) -> bool:
        self._same(other)
        return self.minor > other.minor

    def __ge__(self, other: Money) -> bool:
        self._same(other)
        return self.minor >= other.minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def __str__(self) -> str:
        return f"{self.currency} {self.decimal:,f}"

    @classmethod
    def zero(cls, currency: str = "USD") -> Money:
        return cls(0, currency)

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """What a person typed, as Money.

        Takes digits of any script, group marks (comma, space, apostrophe, Arabic thousands mark) in threes and a
        full stop or Arabic decimal mark. Refuses what could be read two ways, too many decimals, signs and words
        with MoneyError; never rounds.
        """
        raw = "".join(
            str(unicodedata.digit(ch)) if ch.isdigit() else ch for ch in unicodedata.normalize("NFKC", text or "")
        )
        raw = raw.replace("\u066b", ".").replace("\u066c", ",").strip()
        raw = re.sub(rf"^(?:{currency}|US\$|\$)\s*|\s*{currency}$", "", raw, flags=re.IGNORECASE)
        if not raw:
            raise MoneyError("empty")
        if raw[0] in "-\u2212(":
            raise MoneyError("negative")
        raw = re.sub(r"[ \u00a0\u202f'\u2019_]", ",", raw)
        if not re.fullmatch(r"(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?", raw):
            raise MoneyError("not_a_number")
        digits = currency_digits(currency)
        whole, _point, part = raw.replace(",", "").partition(".")
        whole, part = whole.lstrip("0") or "0", part.rstrip("0")  # as text: Decimal rounds, or gives up, when long
        if len(part) > digits:
            raise MoneyError("decimals")
        if len(whole) > len(str(MAX_MINOR)) or (minor := int(whole + part.ljust(digits, "0"))) > MAX_MINOR:
            raise MoneyError("too_large")
        return cls(minor, currency)


def usd(minor: int) -> Money:
    """US dollars from cents: the currency of the books."""
    return Money(minor, "USD")


def dollars_at(amount: Money, rate: str) -> int:
    """`amount` in US cents at `rate`: units of its currency for one dollar, as a decimal (`0.92`) or as a fraction of
    two published figures (`163.52/1.0842`). Exact, then rounded half away from zero. Raises ValueError."""
    per_dollar = _rate(rate)
    cents = Fraction(abs(amount.minor) * 100, 10 ** currency_digits(amount.currency)) / per_dollar
    rounded = (2 * cents.numerator + cents.denominator) // (2 * cents.denominator)
    return rounded if amount.minor >= 0 else -rounded


def _rate(text: str) -> Fraction:
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,18})?(/[0-9]{1,12}(\.[0-9]{1,18})?)?", text):
        raise ValueError("not a rate")
    above, _slash, below = text.partition("/")
    try:
        found = Fraction(above) / Fraction(below or "1")
    except ZeroDivisionError:
        found = Fraction(0)
    if not found:
        raise ValueError("a rate is above zero")
    return found


def support_costs(direct_minor: int, rate_basis_points: int) -> int:
    """Programme support costs on `direct_minor`, rounded down to the minor unit (ST/SGB/188 para. 47: charged on
    what is spent)."""
    return direct_minor * rate_basis_points // 10_000


def direct_carried_by(total_minor: int, rate_basis_points: int) -> int:
    """The largest direct cost that `total_minor` carries together with its support costs: D = C / (1 + rate)."""
    direct = total_minor * 10_000 // (10_000 + rate_basis_points)
    while direct + 1 + support_costs(direct + 1, rate_basis_points) <= total_minor:
        direct += 1
    return direct
