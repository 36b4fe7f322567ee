"""Settings, read once from the environment. Nothing secret has a default outside demo and test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class SettingsError(RuntimeError):
    """The environment lacks something or holds nonsense; the message names the variable."""


@dataclass(frozen=True)
class Settings:
    """See docs/operations.md for the table of environment variables."""

    env: str
    port: int
    public_url: str
    database_url: str
    secret_key: str = field(repr=False)
    data_keys: tuple[str, ...] = field(repr=False)
    stripe_secret_key: str = field(repr=False)
    stripe_webhook_secret: str = field(repr=False)
    stripe_api_base: str | None
    checkout_origin: str
    simulator_port: int
    smtp_url: str | None = field(repr=False)
    mail_from: str
    upload_dir: Path
    seal_dir: Path
    mailbox_dir: Path
    instance_dir: Path
    translations_dir: Path
    trusted_proxies: int

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def uses_simulator(self) -> bool:
        return self.stripe_api_base is not None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Raises SettingsError where production lacks what it needs."""
        e = os.environ if environ is None else environ
        env = e.get("PLACARD_ENV", "demo")
        if env not in ("demo", "production", "test"):
            raise SettingsError("PLACARD_ENV must be demo, production or test")
        instance = Path(e.get("INSTANCE_DIR", ROOT / "instance")).resolve()
        port = _port(e, "PORT", 8000)
        # away from the range that systems lend to outgoing connections, where a neighbour may be taken any moment
        simulator_port = _port(e, "SIMULATOR_PORT", 20_000 + port % 10_000)
        if env == "production":
            missing = [
                n for n in ("DATABASE_URL", "SECRET_KEY", "DATA_KEYS", "PUBLIC_URL", "STRIPE_SECRET_KEY",
                            "STRIPE_WEBHOOK_SECRET", "SMTP_URL", "MAIL_FROM", "UPLOAD_DIR", "SEAL_DIR") if not e.get(n)
            ]
            if missing:
                raise SettingsError("production needs " + ", ".join(missing))
            if len(e["SECRET_KEY"]) < 32:
                raise SettingsError("SECRET_KEY must be at least 32 characters")
        else:
            instance.mkdir(parents=True, exist_ok=True)
        own = {} if env == "production" else _local_secrets(instance)
        api_base = e.get("STRIPE_API_BASE") or (
            None if env == "production" or e.get("STRIPE_SECRET_KEY") else f"http://127.0.0.1:{simulator_port}"
        )
        url = e.get("DATABASE_URL") or f"sqlite:///{instance / 'placard.sqlite3'}"
        if url.startswith(("postgres://", "postgresql://")):
            url = "postgresql+psycopg://" + url.split("://", 1)[1]
        return cls(
            env=env,
            port=port,
            public_url=e.get("PUBLIC_URL", f"http://127.0.0.1:{port}").rstrip("/"),
            database_url=url,
            secret_key=e.get("SECRET_KEY") or own["secret_key"],
            data_keys=tuple((e.get("DATA_KEYS") or own["data_key"]).split(",")),
            stripe_secret_key=e.get("STRIPE_SECRET_KEY") or "sk_test_simulator",
            stripe_webhook_secret=e.get("STRIPE_WEBHOOK_SECRET") or own["webhook_secret"],
            stripe_api_base=api_base,
            checkout_origin=api_base or "https://checkout.stripe.com",
            simulator_port=simulator_port,
            smtp_url=e.get("SMTP_URL") or None,
            mail_from=e.get("MAIL_FROM", "Placard <no-reply@placard.invalid>"),
            upload_dir=Path(e.get("UPLOAD_DIR") or instance / "uploads"),
            seal_dir=Path(e.get("SEAL_DIR") or instance / "seals"),
            mailbox_dir=instance / "mailbox",
            instance_dir=instance,
            translations_dir=Path(e.get("TRANSLATIONS_DIR") or ROOT / "translations"),
            trusted_proxies=int(e.get("TRUSTED_PROXIES", "0")),
        )


def _port(e: Mapping[str, str], name: str, default: int) -> int:
    text = e.get(name) or str(default)
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise SettingsError(f"{name} must be a port number, not {text!r}")
    return int(text)


def _local_secrets(instance: Path) -> dict[str, str]:
    """Secrets of a local installation, made once and kept in instance/ (mode 600)."""
    from cryptography.fernet import Fernet

    makers = {
        "secret_key": lambda: secrets.token_hex(32),
        "data_key": lambda: Fernet.generate_key().decode(),
        "webhook_secret": lambda: "whsec_" + secrets.token_hex(24),
    }
    found = {}
    for name, make in makers.items():
        path = instance / f"{name}.secret"
        try:
            with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as handle:
                handle.write(make())
        except FileExistsError:
            pass
        found[name] = path.read_text().strip()
    return found
