"""The blueprint of documents; routes.py and organiser.py hang their views on it."""

from flask import Blueprint

bp = Blueprint("documents", __name__)
