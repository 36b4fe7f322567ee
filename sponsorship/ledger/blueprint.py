"""The ledger's pages hang here; routes.py imports every module of them."""

from flask import Blueprint

bp = Blueprint("ledger", __name__, url_prefix="/ledger")
