"""The blueprint of the fund's open pages; routes.py, donor_routes.py and letter_routes.py add to it."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("fund", __name__)
