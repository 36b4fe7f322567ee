"""The blueprint of payments; its views stand in routes.py, stop_routes.py, many_routes.py and rule_routes.py."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("disbursements", __name__)
