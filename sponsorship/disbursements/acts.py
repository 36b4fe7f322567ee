"""A page whose form does one thing: shown with the version it is about, sent, done or refused beside the field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request
from werkzeug.wrappers import Response

from core.errors import RuleBroken
from core.web.forms import add_error

View = str | Response | tuple[str, int]


def act(
    template: str, form: Any, version: int | None, run: Callable[[Any], Any], done: str | Callable[[Any], str],
    to: str | Callable[[Any], str], **words: Any,
) -> View:
    """Run the command when the form is sent. `done` and `to` (where to go then) may depend on what it returned.
    `version` is what a form that carries one is shown with; what else it shows at first is the caller's."""
    if request.method == "GET":
        if version is not None:
            form.version.data = version
    elif form.validate_on_submit():
        try:
            made = run(form)
        except RuleBroken as error:
            add_error(form, error.field, error.message)
        else:
            flash(done(made) if callable(done) else done, "success")
            return redirect(to(made) if callable(to) else to, 303)
    body = render_template(template, form=form, **words)
    return (body, 422) if request.method == "POST" else body
