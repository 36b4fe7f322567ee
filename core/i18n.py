"""Languages. One is offered once its catalogue is complete; texts in code are English."""

from __future__ import annotations

from pathlib import Path

from babel import Locale
from flask import Flask, has_request_context, request
from flask_babel import Babel, get_locale

SIX = ("ar", "zh", "en", "fr", "ru", "es")


def offered(translations: Path) -> tuple[str, ...]:
    """English and every language with a compiled catalogue and a file named `complete` beside it."""
    found = [p.parent.name for p in translations.glob("*/complete") if (p.parent / "LC_MESSAGES/messages.mo").exists()]
    return ("en", *sorted(code for code in found if code != "en"))


def init_i18n(app: Flask, folder: Path) -> None:
    app.extensions["placard_languages"] = offered(folder)
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(folder)

    def choose() -> str:
        languages = app.extensions["placard_languages"]
        if not has_request_context():
            return "en"
        wanted = request.args.get("lang") or request.cookies.get("lang")
        if wanted is not None and wanted in languages:
            return wanted
        return request.accept_languages.best_match(languages) or "en"

    # one for each application: Flask-Babel keeps the catalogues it read by language alone, whatever their folder
    Babel().init_app(app, default_locale="en", default_timezone="UTC", locale_selector=choose)

    @app.context_processor
    def _context() -> dict[str, object]:
        locale = get_locale() or Locale("en")
        codes = app.extensions["placard_languages"]
        languages = []
        if len(codes) > 1 and has_request_context() and request.endpoint and request.method == "GET":
            args = {k: v for k, v in request.args.items() if k != "lang"}
            from urllib.parse import urlencode

            languages = [
                (code, Locale.parse(code).get_display_name(code), f"{request.path}?{urlencode({**args, 'lang': code})}")
                for code in codes
            ]
        return {"locale_code": str(locale).replace("_", "-"), "text_direction": locale.text_direction,
                "languages": languages}

    @app.after_request
    def _remember(response):  # type: ignore[no-untyped-def]
        wanted = request.args.get("lang")
        if wanted in app.extensions["placard_languages"]:
            response.set_cookie("lang", wanted, max_age=31536000, samesite="Lax", httponly=True,
                                secure=app.config["SESSION_COOKIE_SECURE"])
        return response
