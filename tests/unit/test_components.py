"""Every component rendered alone, and what a reader or a screen reader finds in it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import html5lib
import pytest
from flask import Flask, render_template, render_template_string
from flask_babel import Babel, force_locale
from flask_wtf import CSRFProtect
from markupsafe import Markup
from werkzeug.datastructures import FileStorage, MultiDict
from wtforms import (
    BooleanField,
    FieldList,
    FormField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.widgets import CheckboxInput, ListWidget

from core.money import Money
from core.web import forms as f
from core.web.charts import Bar, BarChart, Definition, Group, SeriesChart
from core.web.formats import format_day, format_days, format_instant, format_money, register_formats
from core.web.tables import Column, Filter, Table, TableQuery, csv_cell, csv_response, guarded, words_of

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class State:
    """A state with the two things a tag needs."""

    label: str
    tone: str


class Leg(f.RowForm):
    """A flight."""

    start = StringField("From")
    end = StringField("To")
    day = f.DayField("Day")


class Nomination(f.BaseForm):
    """A form with every kind of field."""

    family_name = StringField("Family name", [f.Required("Write the family name as in the passport.")])
    post = StringField("Function")
    arrives_on = f.DayField("Arrives on", [f.Required()])
    leaves_on = f.DayField("Leaves on", [f.After("arrives_on")])
    own_share = f.MoneyField("Own contribution", [f.Required()], currency="USD")
    sex = RadioField("Sex, as in the passport", choices=[("f", "Female"), ("m", "Male"), ("x", "X")])
    needs = SelectMultipleField(
        "Support asked for",
        choices=[("t", "Ticket"), ("d", "Daily subsistence allowance"), ("e", "Terminal expenses")],
        option_widget=CheckboxInput(),
        widget=ListWidget(prefix_label=False),
    )
    language = SelectField("Language of letters", choices=[("en", "English"), ("fr", "Français")])
    reason = TextAreaField("Why the State could not attend otherwise", [f.Required()])
    note_verbale = f.UploadField("Note verbale", [f.Required()])
    legs = FieldList(FormField(Leg), "Journey", min_entries=2)
    truth = BooleanField("The particulars are true", [f.Required("Confirm that the particulars are true.")])
    version = f.VersionField()


TYPED = {
    "family_name": "  Ndayishimiye ",
    "post": "Director, National Commission on Small Arms",
    "arrives_on": "31 June 2028",
    "leaves_on": "2028-06-10",
    "own_share": "about 500",
    "sex": "f",
    "needs": ["t", "d"],
    "language": "fr",
    "legs-0-start": "Bujumbura",
    "legs-0-end": "New York",
    "legs-0-day": "2028-06-04",
    "version": "4",
}


def typed_form(**changes: Any) -> Nomination:
    """The form as sent and checked, with some answers changed."""
    return_form = Nomination(MultiDict({**TYPED, **changes}), meta={"csrf": False})
    return_form.validate()
    return return_form


def samples() -> SimpleNamespace:
    """Invented content for the whole style guide."""
    at = datetime(2028, 3, 16, 14, 5, tzinfo=UTC)
    states = [
        State("Waiting for certification", "waiting"),
        State("Selected", "done"),
        State("Not selected", "stopped"),
        State("Returned for completion", "attention"),
        State("Draft", "neutral"),
    ]
    names = (
        "Burundi", "Lao People’s Democratic Republic", "Saint Vincent and the Grenadines", "Timor-Leste",
        "Bolivia (Plurinational State of)", "Kiribati", "Lesotho", "Haiti", "Nepal", "Mauritania",
        "Vanuatu", "Chad",
    )  # fmt: skip
    rows = [
        SimpleNamespace(
            ref=f"APP-2028-{n:04d}",
            state=name,
            group=("African", "Asia-Pacific", "GRULAC")[n % 3],
            rank=n if n % 4 else None,
            received=date(2028, 2, 1 + n),
            cost=Money(318450 + 41207 * n, "USD"),
            status=states[n % 5],
        )
        for n, name in enumerate(names, 1)
    ]
    filters = [
        Filter("group", "Regional group", [("African", "African"), ("GRULAC", "GRULAC")]),
        Filter("status", "Status", [("selected", "Selected"), ("draft", "Draft")]),
        Filter("q", "State or reference"),
    ]
    columns = [
        Column("ref", "Reference", sortable=True),
        Column("state", "State", sortable=True),
        Column("group", "Group"),
        Column("received", "Received on", sortable=True),
        Column("rank", "Rank", numeric=True, sortable=True),
        Column("cost", "Estimate", numeric=True, sortable=True, currency="USD"),
        Column("status", "Status"),
    ]
    table = Table(
        "Applications for BMS10",
        columns,
        rows,
        filters=filters,
        total=132,
        base_url="/sponsorship/",
        totals={"cost": Money(sum(row.cost.minor for row in rows), "USD")},
        query=TableQuery("received", "desc", 2, 12, {"group": "African"}),
        row_url=lambda row: f"/sponsorship/{row.ref}",
        formats=("csv", "xlsx"),
    )
    empty_table = Table(
        "Offers that wait for an answer",
        columns[:3],
        [],
        empty_title="No offer is open",
        empty_text="Offers appear here once the approving officer has approved their obligation.",
        empty_action=("See the ranking", "/ranking"),
        anchor="offers",
    )
    chart = BarChart(
        "Where the money of 2028 stands",
        "USD",
        [
            Bar("Received", Money(41250000, "USD"), definition_id="def-received"),
            Bar("Reserved for awards", Money(18734055, "USD"), "hatch", "def-reserved"),
            Bar("Paid out", Money(9618210, "USD"), "dots", "def-spent"),
            Bar("Available", Money(12897735, "USD"), "outline", "def-available"),
        ],
        definitions=[
            Definition("def-received", "Received", "Deposits in the bank, at the rate of the day."),
            Definition("def-reserved", "Reserved", "Obligations not yet paid, support costs included."),
            Definition("def-spent", "Paid out", "Disbursements confirmed by the bank, less what came back."),
            Definition("def-available", "Available", "Received, less reserved and paid out."),
        ],
        as_of=at,
        zone="America/New_York",
        column="Position",
    )
    years = SeriesChart(
        "Received and paid out by year",
        "USD",
        [
            Group(
                str(year),
                [
                    Bar("Received", Money(received, "USD"), definition_id="def-received"),
                    Bar("Paid out", Money(paid, "USD"), "dots", definition_id="def-spent"),
                    Bar("Change of reserve", Money(received - paid - 4_000_000, "USD"), "outline"),
                ],
            )
            for year, received, paid in ((2026, 21_040_000, 15_730_925), (2027, 0, 12_116_480), (2028, 41_250_000, 0))
        ],
        as_of=at,
        zone="America/New_York",
        column="Year",
        key="years",
        note="Interim until the certifying officer has closed the year.",
    )
    events = [
        ("Offer sent to the Permanent Mission", "Certified and approved", "done", None),
        ("Obligation approved", "A. Ferreira, approving officer", "done", None),
        ("Returned for completion", "M. Okafor, screening", "attention", "The passport cannot be read."),
        ("Application received", "Permanent Mission of Burundi", "neutral", None),
    ]
    return SimpleNamespace(
        state=State("Call for applications open", "waiting"),
        states=states,
        lead="States consider how the Programme of Action on small arms and light weapons is carried out, "
        "under resolution 80/49.",
        saved="Your change has been recorded as version 5.",
        state_name="Lao People’s Democratic Republic",
        tabs=[
            SimpleNamespace(label="Overview", url="#", current=True),
            SimpleNamespace(label="Programme of work", url="#", current=False),
            SimpleNamespace(label="Documents", url="#", current=False, count=14),
            SimpleNamespace(label="Sponsorship", url="#", current=False),
        ],
        facts=[
            ("Dates", format_days(date(2028, 6, 5), date(2028, 6, 9))),
            ("Place", "United Nations Headquarters, New York, Conference Room 4"),
            ("Chair-designate", "H.E. Ms. Elena Marlowe (Costa Rica)"),
            ("Applications close", datetime(2028, 4, 14, 22, 0, tzinfo=UTC)),
            ("Sponsorship planned", Money(21000000, "USD"), "/change"),
        ],
        start=date(2028, 6, 5),
        end=date(2028, 6, 9),
        negative=Money(-123450, "USD"),
        as_of="16 March 2028, interim",
        received=Money(41250000, "USD"),
        reserved=Money(18734055, "USD"),
        spent=Money(9618210, "USD"),
        available=Money(12897735, "USD"),
        chart=chart,
        years=years,
        table=table,
        empty_table=empty_table,
        form=typed_form(),
        next_what="The mission accepts or turns down the offer.",
        next_who="Permanent Mission of Burundi",
        next_by=datetime(2028, 4, 3, 21, 0, tzinfo=UTC),
        timeline=[
            SimpleNamespace(at=at, title=title, actor=actor, tone=tone, note=note)
            for title, actor, tone, note in events
        ],
    )


def make_app() -> Flask:
    """A bare application with the templates and nothing else."""
    app = Flask("components", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.config.update(SECRET_KEY="test", TESTING=True)
    app.jinja_env.trim_blocks = False
    Babel(app)
    CSRFProtect(app)
    register_formats(app)
    return app


@pytest.fixture
def app() -> Iterator[Flask]:
    """The bare application, with a request under way."""
    app = make_app()
    with app.test_request_context("/"):
        yield app


def html(source: str, **context: Any) -> str:
    """A call of a macro, as markup without line breaks."""
    text = render_template_string("{% import 'components/ui.html' as ui %}" + source, **context)
    return " ".join(text.split())


def parsed(markup: str) -> Any:
    """The tree of a fragment; markup that a strict parser refuses fails the test."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parseFragment(markup)


# ---------- Signs and values ----------


def test_tag_differs_in_shape_and_word_for_each_tone(app: Flask) -> None:
    shapes = set()
    for tone in ("waiting", "done", "stopped", "attention", "neutral"):
        out = html("{{ ui.status_tag(s) }}", s=State("Selected", tone))
        assert f'class="tag {tone} ' in out
        assert "Selected" in out
        shapes.add(re.search("<svg.*</svg>", out)[0])  # type: ignore[index]
    assert len(shapes) == 5


def test_tag_refuses_an_unknown_tone(app: Flask) -> None:
    with pytest.raises(ValueError, match="Unknown tone"):
        html("{{ ui.status_tag(s) }}", s=State("Odd", "purple"))


def test_money_has_code_separators_and_true_minus(app: Flask) -> None:
    assert html("{{ ui.money(m) }}", m=Money(123450, "USD")) == '<bdi class="money">USD 1,234.50</bdi>'
    assert "USD \u22121,234.50" in html("{{ ui.money(m) }}", m=Money(-123450, "USD"))
    assert html("{{ ui.money(m, false) }}", m=Money(0, "USD")) == '<bdi class="money">0.00</bdi>'
    assert format_money(Money(1234567, "JPY")) == "JPY 1,234,567"
    assert format_money(Money(1234567, "KWD")) == "KWD 1,234.567"


def test_when_names_the_city_and_keeps_utc_for_machines(app: Flask) -> None:
    at = datetime(2026, 6, 16, 14, 0, tzinfo=UTC)
    out = html("{{ ui.when(at, 'America/New_York') }}", at=at)
    assert out == '<time datetime="2026-06-16T14:00:00Z">Tue 16 June 2026, 10:00 New York</time>'
    assert html("{{ ui.when(at, 'America/New_York', time=false) }}", at=at).endswith(
        ">Tue 16 June 2026</time>"
    )
    assert format_instant(at) == "Tue 16 June 2026, 14:00 UTC"
    assert format_instant(at, "No/Where").endswith("UTC")
    with pytest.raises(ValueError, match="time zone"):
        format_instant(datetime(2026, 6, 16))


def test_days(app: Flask) -> None:
    assert "16 June 2026" in html("{{ ui.day(d) }}", d=date(2026, 6, 16))
    assert "Tue 16 June 2026" in html("{{ ui.day(d, true) }}", d=date(2026, 6, 16))
    assert format_days(date(2026, 6, 1), date(2026, 6, 5)) == "1–5 June 2026"
    assert format_days(date(2026, 5, 29), date(2026, 6, 2)) == "29 May – 2 June 2026"
    assert format_days(date(2026, 12, 29), date(2027, 1, 3)) == "29 December 2026 – 3 January 2027"
    assert format_days(date(2026, 6, 1), date(2026, 6, 1)) == "1 June 2026"


@pytest.mark.parametrize("code", ["ar", "zh", "en", "fr", "ru", "es"])
def test_formats_work_in_all_six_languages(app: Flask, code: str) -> None:
    with force_locale(code):
        assert "2026" in format_day(date(2026, 6, 16), weekday=True)
        assert "2026" in format_days(date(2026, 6, 1), date(2026, 7, 5))
        assert "10:00" in format_instant(datetime(2026, 6, 16, 14, 0, tzinfo=UTC), "America/New_York")
        assert format_money(Money(100, "USD")).startswith("USD 1")


def test_reference_can_be_copied_only_with_a_script(app: Flask) -> None:
    out = html("{{ ui.reference('APP-2027-0042') }}")
    assert 'data-copy="APP-2027-0042"' in out
    assert re.search(r"<button[^>]* hidden>", out)
    assert "<button" not in html("{{ ui.reference('APP-2027-0042', copy=false) }}")


def test_placard_and_file_link(app: Flask) -> None:
    assert html("{{ ui.placard(n) }}", n="Chad & Co") == '<span class="placard">Chad &amp; Co</span>'
    out = html("{{ ui.file_link('Note verbale', '/f', 86000, 'PDF') }}")
    assert ">Note verbale</a>" in out
    assert "(PDF, 84 KB)" in out


# ---------- Facts and messages ----------


def test_summary_list_takes_any_kind_of_value(app: Flask) -> None:
    rows = [
        ("Amount", Money(0, "USD")),
        ("Day", date(2026, 6, 16)),
        ("Note", Markup("<b>x</b>")),
        ("Name", "<script>"),
        ("Empty", None),
        ("Function", "Director", "/change"),
    ]
    out = html("{{ ui.summary_list(rows) }}", rows=rows)
    parsed(out)
    for piece in ("USD 0.00", "16 June 2026", "<b>x</b>", "&lt;script&gt;", ">none<", 'href="/change"'):
        assert piece in out


def test_timeline_is_an_ordered_list(app: Flask) -> None:
    out = html("{{ ui.timeline(t, 'America/New_York') }}", t=samples().timeline)
    assert out.startswith('<ol class="timeline">')
    assert out.count("<li") == 4
    assert "A. Ferreira, approving officer" in out
    assert "The passport cannot be read." in out
    bare = [{"at": datetime(2026, 1, 1, tzinfo=UTC), "title": "Opened", "actor": None, "note": None}]
    assert "Opened" in html("{{ ui.timeline(t) }}", t=bare)


def test_next_step_says_who_and_by_when(app: Flask) -> None:
    by = datetime(2028, 4, 3, 21, 0, tzinfo=UTC)
    out = html("{{ ui.next_step('Answer the offer', 'Mission', by, 'America/New_York') }}", by=by)
    for piece in ("What happens next", "Who acts", "Mission", "By when", "17:00 New York"):
        assert piece in out
    assert "Mon 3 April 2028" in html("{{ ui.next_step('x', by=by) }}", by=date(2028, 4, 3))
    assert "Who acts" not in html("{{ ui.next_step('Nothing to do') }}")


@pytest.mark.parametrize(
    ("tone", "role"), [("info", "note"), ("success", "status"), ("warning", "note"), ("error", "alert")]
)
def test_notice_has_a_role(app: Flask, tone: str, role: str) -> None:
    out = html("{{ ui.notice(t, 'Title', 'Text') }}", t=tone)
    assert f'role="{role}"' in out
    assert "<svg" in out


def test_small_parts(app: Flask) -> None:
    out = html("{{ ui.figure('Available', m, 'def-a', 'interim') }}", m=Money(0, "USD"))
    assert '<a href="#def-a">Available</a>' in out
    assert "USD 0.00" in out
    assert 'aria-current="step"' in html("{{ ui.steps(['A', 'B'], 2) }}")
    assert 'aria-current="page"' in html("{{ ui.tabs(t) }}", t=samples().tabs)
    assert "What to do" in html("{{ ui.empty_state('Nothing', 'What to do') }}")
    assert 'id="def-a"' in html("{{ ui.definition_list(d) }}", d=[Definition("def-a", "A", "B")])
    assert ">Yes<" in html("{{ ui.definition_list([('A', 'Yes')]) }}")


def test_post_button_carries_a_token_and_its_fields(app: Flask) -> None:
    out = html("{{ ui.post_button('Withdraw', '/w', 'danger', {'version': 4}) }}")
    assert 'method="post" action="/w"' in out
    assert 'name="csrf_token" value="' in out
    assert 'name="version" value="4"' in out
    assert 'class="button danger"' in out


# ---------- Lists ----------


def test_table_has_caption_order_filters_pages_and_totals(app: Flask) -> None:
    out = html("{{ ui.data_table(t) }}", t=samples().table)
    parsed(out)
    for piece in (
        "Applications for BMS10",
        "13–24 of 132",
        'aria-sort="descending"',
        'aria-sort="none"',
        '<option value="African" selected>',
        'scope="row"',
        'href="/sponsorship/APP-2028-0001"',
        'Estimate <span class="unit">(USD)</span>',
        'aria-current="page"',
        "format=csv",
        "Total",
        "Clear filters",
    ):
        assert piece in out, piece
    assert ">3,596.57<" in out, "the currency stands in the header, not in the cells"


def test_table_without_rows_says_what_to_do(app: Flask) -> None:
    out = html("{{ ui.data_table(t) }}", t=samples().empty_table)
    assert "No offer is open" in out
    assert "<caption" in out
    assert "See the ranking" in out
    nothing = Table(
        "X", [Column("a", "A")], [], filters=[Filter("q", "Text")], query=TableQuery(values={"q": "z"})
    )
    assert "Nothing matches these filters" in html("{{ ui.data_table(t) }}", t=nothing)


def test_query_ignores_rubbish() -> None:
    filters = [Filter("group", "Group", [("a", "A")]), Filter("q", "Text")]
    args = {
        "sort": "; drop",
        "dir": "up",
        "page": "-3",
        "group": "b",
        "q": " x\x00 ",
        "format": "exe",
        "z": "1",
    }
    query = TableQuery.from_args(args, ["name"], filters)
    assert (query.sort, query.direction, query.page, query.values, query.format) == (
        None,
        "asc",
        1,
        {"q": "x"},
        None,
    )
    assert TableQuery.from_args({"page": "9" * 30}, [], []).page == 1
    assert TableQuery.from_args({"q": "y" * 500}, [], filters).values == {}


def test_query_url_keeps_state_and_starts_anew_after_a_change() -> None:
    query = TableQuery("name", "desc", 3, 50, {"q": "a b"})
    assert query.url() == "?q=a+b&sort=name&dir=desc&page=3"
    assert query.url(page=1) == "?q=a+b&sort=name&dir=desc"
    assert query.url(sort="day", dir="asc") == "?q=a+b&sort=day&dir=asc"
    assert query.url(q=None) == "?sort=name&dir=desc"
    assert (query.offset, query.limit, query.descending, query.filtered) == (100, 50, True, True)


def test_csv_streams_with_mark_and_guards_formulas(app: Flask) -> None:
    columns = [Column("name", "Name"), Column("cost", "Cost", currency="USD"), Column("day", "Day")]
    rows = [{"name": '=HYPERLINK("x")', "cost": Money(-123450, "USD"), "day": date(2026, 6, 16)}]
    response = csv_response(columns, iter(rows), "Reserve list – 2028")
    assert response.is_streamed
    body = b"".join(response.response)  # type: ignore[arg-type]
    assert body.startswith(b'\xef\xbb\xbf"Name","Cost (USD)","Day"\r\n')
    assert b'"\'=HYPERLINK(""x"")",-1234.50,2026-06-16\r\n' in body
    disposition = response.headers["Content-Disposition"]
    assert disposition.startswith("attachment; filename=")
    assert "filename*=UTF-8''Reserve%20list%20%E2%80%93%202028.csv" in disposition
    for risky in ("=1", "+1", "-x", "@a", "\tx", " =1", "\u00a0=1", "\u3000+1", "\ufeff=1", "\x0b@a", "\uff1d1+1"):
        assert guarded(risky).startswith("'")
    assert guarded("-5.20") == "-5.20"
    for risky, safe in (("a;=1+1", "a;'=1+1"), ("a\t@b;c", "a\t'@b;c"), ("a\n \u200e-1", "a\n' -1"),
                        ('a;"=1"', "a;'\"=1\""), ("a\r\n+1", "a\r\n'+1"), ("a;b; c", "a;b; c")):
        assert guarded(words_of(risky)) == safe
    assert csv_cell("a\u202e;\x1b=1") == "\"a;'=1\"" and csv_cell(None) == "" and csv_cell(Decimal("1E+3")) == "1000"


# ---------- Charts ----------


def test_chart_starts_at_zero_and_brings_its_table(app: Flask) -> None:
    chart = samples().chart
    out = html("{{ ui.bar_chart(c) }}", c=chart)
    for piece in (
        "Where the money of 2028 stands, USD",
        "412,500.00",
        "<table",
        'id="def-spent"',
        "<pattern",
    ):
        assert piece in out
    assert chart.scale.shape(chart.bars[0]).width == "100.00%"
    assert all(chart.scale.shape(bar).start == "0.00%" for bar in chart.bars)
    signed = BarChart("Change", "USD", [Bar("Up", Decimal(30)), Bar("Down", Decimal(-10))])
    assert (signed.scale.shape(signed.bars[1]).start, signed.scale.zero) == ("0.00%", "25.00%")
    assert "100.00%" not in html("{{ ui.bar_chart(c) }}", c=BarChart("None yet", "USD", [Bar("A", 0)]))
    with pytest.raises(TypeError):
        Bar("x", 0.1)  # type: ignore[arg-type]


def test_series_share_one_scale_and_one_table(app: Flask) -> None:
    chart = samples().years
    out = html("{{ ui.bar_chart(c, '/years.svg') }}", c=chart)
    parsed(out)
    assert [bar.label for bar in chart.series] == ["Received", "Paid out", "Change of reserve"]
    assert chart.rows[1] == ("2027", ["0.00", "121,164.80", "−161,164.80"])
    for piece in (
        '<p class="group" id="years-2">2027</p><ul class="bars" aria-labelledby="years-2">',
        '<th scope="row">2027</th>',
        '<a href="#def-received">Received</a>',
        "<bdi>−161,164.80</bdi>",
        '<a href="/years.svg" download>SVG</a>',
        "Interim until",
    ):
        assert piece in out.replace("</p> <ul", "</p><ul"), piece
    bars = {(label, bar.label): chart.scale.shape(bar) for label, group in chart.groups for bar in group}
    assert bars["2028", "Received"].width == f"{Decimal(41_250_000) / (41_250_000 + 16_116_480) * 100:.2f}%"
    assert bars["2027", "Received"].width == "0.00%"
    assert bars["2027", "Change of reserve"].start == "0.00%"
    assert bars["2028", "Received"].start == chart.scale.zero == "28.09%"
    lacking = SeriesChart("X", "USD", [Group("2027", [Bar("A", 1)]), Group("2028", [Bar("B", 2)])])
    assert lacking.rows == [("2027", ["1", None]), ("2028", [None, "2"])]
    assert "none" in html("{{ ui.bar_chart(c) }}", c=lacking)
    with pytest.raises(ValueError, match="same label"):
        SeriesChart("X", "USD", [Group("2027", [Bar("A", 1), Bar("A", 2)])]).rows  # noqa: B018
    assert html("{{ ui.bar_chart(c) }}", c=SeriesChart("None yet", "USD", []))


# ---------- Forms ----------


def test_fields_tie_labels_hints_and_errors(app: Flask) -> None:
    out = html("{{ ui.field(form.arrives_on, 'In New York.') }}", form=typed_form())
    parsed(out)
    assert '<label for="arrives_on">Arrives on</label>' in out
    assert 'aria-describedby="arrives_on-hint arrives_on-error"' in out
    assert 'aria-invalid="true"' in out
    assert 'value="31 June 2028"' in out, "what was typed stays"
    assert 'type="text"' in out, "a date input would hide what was typed"
    assert 'type="date"' in html("{{ ui.field(form.leaves_on) }}", form=typed_form())


def test_every_kind_of_field(app: Flask) -> None:
    form = typed_form()
    out = html("{% for f in form if f.name != 'csrf_token' %}{{ ui.field(f) }}{% endfor %}", form=form)
    parsed(out)
    for piece in (
        "<legend>Sex, as in the passport</legend>",
        'type="radio"',
        'type="checkbox"',
        "<textarea",
        "<select",
        'type="file"',
        'inputmode="decimal"',
        'value="about 500"',
        '<span class="affix">USD</span>',
        'name="legs-0-start"',
        'value="Bujumbura"',
        'type="hidden" value="4"',
        "PDF, JPG, PNG, up to 5 MB",
    ):
        assert piece in out, piece
    assert "(optional)" in html("{{ ui.field(form.post, optional=true) }}", form=form)


def test_error_summary_links_to_fields_and_shows_all_levels(app: Flask) -> None:
    form = typed_form(**{"legs-1-day": "soon"})
    f.add_error(form, None, "The call closed a minute ago.")
    f.add_error(form, "post", "Write the function in English or French.")
    f.add_error(form, "no_such_field", "Something else.")
    out = html("{{ ui.error_summary(form) }}", form=form)
    assert 'role="alert"' in out
    assert 'tabindex="-1"' in out
    for piece in (
        '<a href="#arrives_on">',
        '<a href="#legs-1-day">',
        '<a href="#post">',
        "The call closed a minute ago.",
        "Something else.",
        "Confirm that the particulars are true.",
    ):
        assert piece in out, piece
    assert html("{{ ui.error_summary(form) }}", form=Nomination(meta={"csrf": False})).strip() == ""


def test_radio_error_leads_to_the_first_choice(app: Flask) -> None:
    form = typed_form(sex="?")
    assert ("sex-0", "Choose one of the answers offered.") in f.error_items(form)


def test_strings_are_stripped_but_passwords_are_not(app: Flask) -> None:
    class Form(f.BaseForm):
        name = StringField("Name")
        secret = PasswordField("Password")
        lines = FieldList(StringField("Line"))

    form = Form(MultiDict({"name": " a ", "secret": " b ", "lines-0": " c "}), meta={"csrf": False})
    assert (form.name.data, form.secret.data, form.lines.data) == ("a", " b ", ["c"])


def test_signs_that_cannot_be_seen_are_taken_out_and_told(app: Flask) -> None:
    class Form(f.BaseForm):
        name = StringField("Name")
        share = f.MoneyField("Share")
        words = TextAreaField("Words")
        secret = PasswordField("Password")

    typed = {"name": "a\x07b\x00", "share": "1\x1b2x", "words": "one\ttwo\r\nthree", "secret": "p\x07"}
    form = Form(MultiDict(typed), meta={"csrf": False})
    assert not form.validate()
    assert (form.name.data, form.share._value(), form.words.data) == ("ab", "12x", "one\ttwo\r\nthree")
    assert form.secret.data == "p\x07" and not form.words.errors
    assert "cannot be seen" in form.name.errors[0] and "in figures" in form.share.errors[0]
    again = Form(MultiDict({"name": "ab"}), meta={"csrf": False})
    assert again.validate()


def test_no_sentence_of_wtforms_is_left() -> None:
    """Every sentence that WTForms can say has words of ours that say what to do."""
    import wtforms

    from core.web.form_words import WORDS

    folder = Path(wtforms.__file__).parent
    source = "".join(p.read_text() for p in (folder / "validators.py", *(folder / "fields").glob("*.py")))
    said = set(re.findall(r'gettext\(\s*"([^"]+)"', source))
    unused = {s for s in said if s.startswith((
        "Invalid IP", "Invalid Mac", "Invalid UUID", "Invalid value", "Date must", "This field cannot be edited",
        "This field is disabled", "Choices cannot", "Invalid field name", "Not a valid week"))}
    assert said - unused and said - unused <= set(WORDS)


@pytest.mark.parametrize(
    ("text", "minor", "advice"),
    [
        ("1,234.50", 123450, None),
        ("0", 0, None),
        ("-5", None, "without a sign"),
        ("1.005", None, "no smaller part than 0.01 USD"),
        ("five", None, "in figures, for example 1,250.00"),
        ("", None, "Fill in"),
    ],
)
def test_money_field_says_what_to_write(app: Flask, text: str, minor: int | None, advice: str | None) -> None:
    form = typed_form(own_share=text)
    assert form.own_share.data == (None if minor is None else Money(minor, "USD"))
    assert form.own_share._value() == text
    if advice:
        assert advice in form.own_share.errors[0]
    else:
        assert not form.own_share.errors


def test_money_field_takes_its_currency_from_another_field(app: Flask) -> None:
    class Form(f.BaseForm):
        currency = SelectField("Currency", choices=[("USD", "USD"), ("JPY", "JPY")])
        amount = f.MoneyField("Amount", currency_from="currency", allow_zero=False)

    form = Form(MultiDict({"currency": "JPY", "amount": "5,000"}), meta={"csrf": False})
    assert form.amount.data == Money(5000, "JPY")
    form = Form(MultiDict({"currency": "JPY", "amount": "0"}), meta={"csrf": False})
    assert not form.validate()
    assert "above zero" in form.amount.errors[0]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-06-16", date(2026, 6, 16)),
        ("16 June 2026", date(2026, 6, 16)),
        ("16 jun 2026", date(2026, 6, 16)),
        ("31 June 2026", None),
        ("06/07/2026", None),
        ("tomorrow", None),
    ],
)
def test_days_can_be_typed(app: Flask, text: str, day: date | None) -> None:
    assert f.parse_day(text) == day


@pytest.mark.parametrize("code", ["ar", "zh", "fr", "ru", "es"])
def test_days_can_be_typed_in_the_readers_language(app: Flask, code: str) -> None:
    with force_locale(code):
        assert f.parse_day(format_day(date(2026, 8, 16))) == date(2026, 8, 16)


def test_after_and_required_when(app: Flask) -> None:
    class Form(f.BaseForm):
        start = f.DayField("Opens on")
        end = f.DayField("Closes on", [f.After("start")])
        kind = StringField("Kind")
        why = StringField("Why", [f.RequiredWhen("kind", ("other",))])

    typed = {"start": "2026-06-16", "end": "2026-06-16", "kind": "other", "why": ""}
    form = Form(MultiDict(typed), meta={"csrf": False})
    assert not form.validate()
    assert form.end.errors == ["This must come after “Opens on” (16 June 2026)."]
    assert form.why.errors == ["Fill in: Why"]
    form = Form(MultiDict({**typed, "end": "2026-06-17", "kind": "usual"}), meta={"csrf": False})
    assert form.validate()


def test_uploads_and_versions(app: Flask) -> None:
    class Form(f.BaseForm):
        paper = f.UploadField("Paper", kinds=("pdf",), max_bytes=10)
        version = f.VersionField()

    def errors(name: str, content: bytes, version: str = "3") -> dict[str, list[str]]:
        data = MultiDict({"paper": FileStorage(io.BytesIO(content), name), "version": version})
        form = Form(data, meta={"csrf": False})
        form.validate()
        return dict(form.errors)

    assert errors("a.PDF", b"x") == {}
    assert "Choose another file" in errors("a.exe", b"x")["paper"][0]
    assert "empty" in errors("a.pdf", b"")["paper"][0]
    assert "too large" in errors("a.pdf", b"x" * 11)["paper"][0]
    assert "incomplete" in errors("a.pdf", b"x", "x")["version"][0]


# ---------- Pages ----------

ERRORS = ["403", "404", "409", "413", "429", "500", "error"]


def page(name: str, **context: Any) -> str:
    """A page, checked for what the content security policy forbids."""
    out = render_template(name, **context)
    html5lib.HTMLParser(strict=True).parse(out)
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:", out)
    assert not re.search(r"<script(?![^>]*\bsrc=)", out)
    assert "http://" not in out.replace("http://www.w3.org", "")
    return out


def test_style_guide_is_sound(app: Flask) -> None:
    out = page("styleguide.html", samples=samples(), is_demo=True, text_direction="rtl", locale_code="ar")
    assert '<html lang="ar" dir="rtl">' in out
    assert "<title>Tenth Biennial Meeting of States - Placard</title>" in out
    assert "<aside" in out
    assert "Demonstration" in out
    ids = re.findall(r'\sid="([^"]+)"', out)
    assert len(ids) == len(set(ids))
    assert out.count("<h1") == 1


@pytest.mark.parametrize("name", ERRORS)
def test_error_pages_stand_without_any_context(app: Flask, name: str) -> None:
    out = page(f"errors/{name}.html")
    assert "<h1>" in out
    assert "<aside" not in out
    assert 'href="#main"' in out


def test_stale_page_shows_what_changed(app: Flask) -> None:
    changes = [("Estimate", Money(100, "USD"), Money(200, "USD"))]
    out = page("errors/409.html", changes=changes, retry_url="/again")
    for piece in ("Someone has changed this", "USD 1.00", "USD 2.00", 'href="/again"'):
        assert piece in out


def test_header_and_footer_take_their_items(app: Flask) -> None:
    item = SimpleNamespace(label="Fund", url="/fund/", current=True)
    leave = SimpleNamespace(label="Sign out", url="/logout", current=False, method="post")
    out = page(
        "errors/error.html",
        title="Odd",
        nav_items=[item],
        account_items=[leave],
        footer_items=[item],
        signed_in_name="M. Okafor",
        languages=[("en", "English", "/?lang=en"), ("fr", "Français", "/?lang=fr")],
        locale_code="en",
    )
    for piece in (
        '<a href="/fund/" aria-current="page">Fund</a>',
        "M. Okafor",
        'action="/logout"',
        "Français",
    ):
        assert piece in out


def test_first_visit_is_light(app: Flask) -> None:
    css = (ROOT / "static/css/placard.css").read_bytes()
    js = (ROOT / "static/js/placard.js").read_bytes()
    assert len(css) < 36_000
    assert len(js) < 5_000
    assert len(css) + len(js) + len(page("styleguide.html", samples=samples()).encode()) < 100_000


def test_style_sheet_mirrors_and_stays_at_home() -> None:
    css = (ROOT / "static/css/placard.css").read_text()
    sided = (
        r"(?<![a-z-])(margin|padding|border)-(left|right)|(?<![a-z-])(left|right|float):\s*(left|right|\d)"
    )
    assert not re.search(sided, css)
    assert "url(" not in css
    assert "@import" not in css


def test_history_says_on_whose_word_placard_acted(app: Flask) -> None:
    from core import clock
    from core.events import History
    from core.web.timeline import timeline_items
    from sponsorship.contributions.transitions import CONTRIBUTION
    from sponsorship.gateways import inbox, stripe_events
    from sponsorship.gateways import routes as _names_them

    assert _names_them
    codes = (inbox.ACTOR.code, stripe_events.REPLAY.code, "system:agreements-ending", "public")
    history = [History(clock.real_now(), "contributions.contribution.open", code, None, "created", "checkout", None, {},
                       None) for code in codes]
    with app.test_request_context("/"):
        actors = [item.actor for item in timeline_items(history, CONTRIBUTION)]
    assert actors == ["Placard, as Stripe reported"] * 2 + ["Placard, by schedule", "A visitor"]
