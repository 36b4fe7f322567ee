"""The blueprint of this room; routes.py gathers its pages."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("contributions", __name__)
