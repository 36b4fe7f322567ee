"""The peer's side of beside_hordak.py, run by an interpreter that has django-hordak and nothing of ours: makes its
in the database named, then answers each line (seconds) with a line of times (JSON, seconds each).
"""

# mypy: ignore-errors
from __future__ import annotations

import json
import sys
import time

import django
from django.conf import settings

ACCOUNTS = 40


def main(host: str, user: str, name: str) -> None:
    """One transaction with two legs in `atomic()`, as hordak's users write it, on one kept connection."""
    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "mptt", "djmoney", "hordak"],
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": name, "HOST": host, "USER": user,
                               "CONN_MAX_AGE": None}},
        SECRET_KEY="benchmark", USE_TZ=True, CURRENCIES=["USD", "EUR"], DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    )
    django.setup()
    from django.core.management import call_command
    from django.db import transaction
    from djmoney.money import Money
    from hordak.models import Account, Leg, Transaction

    call_command("migrate", verbosity=0)
    bank, clearing = [
        Account.objects.create(name=f"a{n}", code=f"{n:02d}", type="AS", currencies=["EUR"]) for n in range(ACCOUNTS)
    ][:2]
    amount = Money(1, "EUR")

    def posting() -> None:
        with transaction.atomic():
            made = Transaction.objects.create(description="payout")
            Leg.objects.create(transaction=made, account=bank, debit=amount)
            Leg.objects.create(transaction=made, account=clearing, credit=amount)

    print("ready", flush=True)
    for line in sys.stdin:
        times, until = [], time.perf_counter() + float(line)
        while not times or time.perf_counter() < until:
            start = time.perf_counter()
            posting()
            times.append(time.perf_counter() - start)
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
