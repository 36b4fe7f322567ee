"""What the simulator is told at start."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from stripe._api_version import _ApiVersion

#: The API version pinned inside the installed SDK; the only one the simulator speaks.
API_VERSION: str = _ApiVersion.CURRENT

#: Not an option on purpose: the simulator must never be reachable from another machine.
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one run; everything that changes while running lives in the store."""

    state: Path
    port: int = 8421
    webhook_url: str | None = None
    webhook_secret: str = ""
    webhook_delay: float = 0.0
    webhook_timeout: float = 10.0
    #: Live Stripe retries for up to three days (Stripe docs, "Webhooks: retry behaviour").
    webhook_retry_for: float = 3 * 24 * 3600.0
    fee_percent: Decimal = Decimal("2.9")
    #: Fixed fees, the cap and the dispute fee: minor units of the settlement currency.
    fee_fixed: int = 30
    bank_fee_percent: Decimal = Decimal("0.5")
    bank_fee_cap: int = 500
    dispute_fee: int = 1500
    #: Days before a balance transaction turns from pending to available (BalanceTransaction.available_on).
    settle_days: float = 2.0
    #: The one currency the account holds a balance in; every other is converted on arrival.
    settlement_currency: str = "usd"
    #: What one unit of a currency is worth in the settlement currency, where the built-in table is not wanted.
    rates: dict[str, Decimal] = field(default_factory=dict)
    merchant: str = "Placard demonstration fund"

    @property
    def base_url(self) -> str:
        """Where the browser and the SDK reach this process."""
        return f"http://{HOST}:{self.port}"
