"""The blueprint of the programme's pages; routes.py, organiser.py, arranging.py and side_routes.py hang their views on
it."""

from flask import Blueprint

bp = Blueprint("programme", __name__)
