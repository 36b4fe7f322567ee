"""Loads every room, as the application does, for tests that read registries without an application."""

from __future__ import annotations

import importlib
import pkgutil


def load_rooms() -> None:
    """Import each room's models and transitions."""
    for package in ("core", "accounts", "meetings", "sponsorship"):
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            if module.name.rsplit(".", 1)[-1] in ("models", "transitions", "approvals", "tables"):
                importlib.import_module(module.name)
