"""The one blueprint of this room; its views stand in routes.py, request_routes.py and people_routes.py."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("accounts", __name__)
