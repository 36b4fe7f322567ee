"""``python -m stripe_simulator``: serve on 127.0.0.1 until told to stop, or the parent process is gone."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import waitress

from .config import HOST, Config
from .currencies import SUPPORTED, UNCERTAIN
from .server import create_app
from .store import StateInUse, Store
from .webhooks import Deliverer

SECRET_VARIABLE = "STRIPE_SIMULATOR_WEBHOOK_SECRET"


def _percent(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError("a decimal number is needed") from error
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError("0 to 100")
    return value


def _currency(text: str) -> str:
    code = text.strip().lower()
    if code not in SUPPORTED - UNCERTAIN:
        raise argparse.ArgumentTypeError(f"{text} is no currency that Stripe supports")
    return code


def _rate(text: str) -> tuple[str, Decimal]:
    code, _, value = text.partition("=")
    try:
        rate = Decimal(value)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError("CURRENCY=NUMBER is needed, for example EUR=1.0832") from error
    if not (rate.is_finite() and 0 < rate < 10**9):
        raise argparse.ArgumentTypeError("a rate is a number above zero")
    return _currency(code), rate


def parse(argv: list[str] | None = None) -> tuple[Config, int | None]:
    """The command line: settings, and the parent to outlive at most."""
    parser = argparse.ArgumentParser(
        prog="python -m stripe_simulator",
        description=(
            "A stand-in for Stripe on this computer, for first runs and tests. No money moves. "
            f"Binds {HOST} only and accepts only sk_test_ keys."
        ),
    )
    parser.add_argument("--port", type=int, default=8421, help="0 takes any free port (default: %(default)s)")
    parser.add_argument(
        "--state", type=Path, required=True, help="SQLite file that keeps everything over a restart"
    )
    parser.add_argument("--webhook-url", help="where signed events are sent; without it they are only listed")
    parser.add_argument(
        "--webhook-secret",
        default=os.environ.get(SECRET_VARIABLE, ""),
        help=f"whsec_... (better: the environment variable {SECRET_VARIABLE})",
    )
    parser.add_argument(
        "--webhook-delay", type=float, default=0.0, help="seconds to wait before the first attempt"
    )
    parser.add_argument("--webhook-timeout", type=float, default=10.0, help="seconds the receiver may take")
    parser.add_argument(
        "--webhook-retry-for",
        type=float,
        default=3 * 24 * 3600.0,
        help="seconds after which a failing delivery is given up (default: three days)",
    )
    parser.add_argument("--fee-percent", type=_percent, default=Decimal("2.9"), help="default: %(default)s")
    parser.add_argument(
        "--fee-fixed", type=int, default=30, help="minor units a charge (default: %(default)s)"
    )
    parser.add_argument(
        "--bank-fee-percent", type=_percent, default=Decimal("0.5"), help="default: %(default)s"
    )
    parser.add_argument(
        "--bank-fee-cap", type=int, default=500, help="most a bank transfer costs (default: %(default)s)"
    )
    parser.add_argument(
        "--dispute-fee", type=int, default=1500, help="minor units a dispute (default: %(default)s)"
    )
    parser.add_argument(
        "--settlement-currency",
        type=_currency,
        default="usd",
        help="the currency of the balance; every other is converted into it (default: %(default)s)",
    )
    parser.add_argument(
        "--rate",
        dest="rates",
        type=_rate,
        action="append",
        default=[],
        metavar="EUR=1.0832",
        help="a simulated rate: one unit in the settlement currency; may be repeated (default: a built-in table)",
    )
    parser.add_argument("--settle-days", type=float, default=2.0, help="days until a balance is available")
    parser.add_argument(
        "--merchant",
        default=Config.__dataclass_fields__["merchant"].default,
        help="name shown on the payment page",
    )
    parser.add_argument("--parent-pid", type=int, help="stop when this process is gone")
    given = parser.parse_args(argv)
    if given.webhook_url:
        parts = urlsplit(given.webhook_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            parser.error("--webhook-url must be an http or https address")
        if not given.webhook_secret.startswith("whsec_"):
            parser.error("--webhook-secret must start with whsec_")
    given.rates = dict(given.rates)
    if given.settlement_currency in given.rates:
        parser.error("--rate: the settlement currency has no rate")
    if min(given.bank_fee_cap, given.dispute_fee) < 0:
        parser.error("numbers must not be negative")
    if min(given.fee_fixed, given.webhook_delay, given.settle_days, given.webhook_retry_for) < 0:
        parser.error("numbers must not be negative")
    parent = given.parent_pid
    values = {name: value for name, value in vars(given).items() if name != "parent_pid"}
    return Config(**values), parent


def parent_watch(parent: int) -> Callable[[], bool]:
    """A test whether the parent is still there; exact when it is our direct parent."""
    if os.getppid() == parent:
        return lambda: os.getppid() == parent

    def alive() -> bool:
        if os.name != "posix":  # signal 0 would end a process on Windows
            return True
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True

    return alive


def main(argv: list[str] | None = None) -> int:
    """Start, say so in one line, serve."""
    config, parent = parse(argv)
    try:
        store = Store(config)
    except StateInUse as error:
        sys.stderr.write(f"stripe simulator: {error}\n")
        return 1
    # The port is known only after binding, and every address in an answer needs it: bind first, then build.
    holder: dict[str, Callable[..., object]] = {}
    try:
        server = waitress.create_server(
            lambda environ, start: holder["app"](environ, start),
            host=HOST,
            port=config.port,
            threads=16,
            ident=None,
            max_request_body_size=1024 * 1024,
        )
    except OSError as error:
        sys.stderr.write(f"stripe simulator: cannot listen on {HOST}:{config.port}: {error}\n")
        return 1
    config = replace(config, port=int(server.effective_port))
    store.config = config
    deliverer = Deliverer(store)
    holder["app"] = create_app(config, store, deliverer)

    def stop(signum: int, frame: FrameType | None) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    if parent is not None:
        alive = parent_watch(parent)

        def watch() -> None:
            while alive():
                time.sleep(0.5)
            os._exit(0)  # every change is committed already; there is nobody left to tell

        threading.Thread(target=watch, name="parent", daemon=True).start()
    deliverer.start()
    sys.stdout.write(f"Stripe simulator ready at {config.base_url} (simulated: no money moves)\n")
    sys.stdout.flush()
    try:
        server.run()
    finally:
        deliverer.stop()
        server.close()
        deliverer.join(timeout=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
