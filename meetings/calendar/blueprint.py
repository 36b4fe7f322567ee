"""The blueprint of the calendar's pages; routes.py and organiser.py hang their views on it."""

from flask import Blueprint

bp = Blueprint("calendar", __name__)
