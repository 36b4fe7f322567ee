"""Lines chosen from a list: one box for all of them with a script, and without one nothing that does nothing."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from flask import Flask, render_template_string
from flask_babel import Babel
from playwright.sync_api import Browser, expect
from wtforms import SelectMultipleField

from core.settings import ROOT
from core.web.choosing import choose_column
from core.web.formats import register_formats
from core.web.forms import BaseForm
from core.web.tables import Column, Table, TableQuery

pytestmark = pytest.mark.browser
LINES = [SimpleNamespace(id=name) for name in ("DSB-1", "DSB-2", "DSB-3")]


class Chosen(BaseForm):
    payments = SelectMultipleField("Payments", validate_choice=False)


@pytest.fixture(scope="module")
def markup() -> str:
    app = Flask("choosing", template_folder=str(ROOT / "templates"))
    app.config["SECRET_KEY"] = "only for this test"  # noqa: S105
    Babel(app)
    register_formats(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    with app.test_request_context():
        columns = [choose_column("payments", lambda line: line.id, lambda line: line.id, ["DSB-2"], "DSB-1"),
                   Column("id", "Payment", heading=True)]
        table = Table("Payments", columns, LINES, query=TableQuery(per_page=3), csv=False)
        return render_template_string(
            "{% import 'components/ui.html' as ui %}<form>{{ ui.choose_lines(form.payments, table) }}"
            "<button name='all' value='1'>Check all</button></form>", form=Chosen(meta={"csrf": False}), table=table)


def test_one_box_for_all_lines(browser: Browser, markup: str) -> None:
    page = browser.new_page()
    page.set_content(markup)
    page.add_script_tag(path=str(ROOT / "static/js/placard.js"))
    everything = page.get_by_label("Choose all 3")
    boxes = page.locator('input[type=checkbox][name="payments"]')
    expect(boxes).to_have_count(3)
    assert everything.evaluate("box => box.indeterminate"), "one of three is chosen already"
    everything.check()
    assert boxes.evaluate_all("all => all.every(box => box.checked)")
    page.get_by_label("Choose DSB-3").uncheck()
    expect(everything).not_to_be_checked()
    assert everything.evaluate("box => box.indeterminate")
    everything.check()
    everything.uncheck()
    assert boxes.evaluate_all("all => all.every(box => !box.checked)")
    page.close()


def test_without_a_script_the_button_says_all(browser: Browser, markup: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.set_content(markup)
    expect(page.get_by_text("Choose all 3")).to_be_hidden()
    expect(page.locator('input[type=hidden][name="listed"]')).to_have_count(3)
    expect(page.locator("#payments")).to_have_value("DSB-1")  # where an error leads
    expect(page.get_by_label("Choose DSB-2")).to_be_checked()
    page.context.close()
