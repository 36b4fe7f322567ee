"""What the fund's papers have in common, and the statement as one."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _

from core.machines import State
from core.pdf import Block, Document, Facts, Note, TableBlock, inline
from core.web.formats import current_locale, format_instant
from core.web.tables import Column, Table
from sponsorship.letters.papers import issuer as issuer
from sponsorship.transparency import statement_tables as tables
from sponsorship.transparency.fund_files import stamp
from sponsorship.transparency.statements import Statement


def table_block(table: Table) -> TableBlock:
    """A table of a page on paper."""
    return TableBlock(table.caption, [_plain(column) for column in table.columns], table.rows, table.totals,
                      table.empty_title)


def _plain(column: Column) -> Column:
    """The same column with its value as a file has it: papers have no links."""
    def value(row: Any) -> Any:
        found = column.file_value(row)
        return found.label if isinstance(found, State) else found

    return Column(column.key, column.label, column.numeric, render=value, currency=column.currency)


def statement_reference(page: Statement) -> str:
    """STM/XZ/2026; with the days of a period that is no year; TO- and the last day where it has no first."""
    first, last = page.first, page.last
    if first is not None and (first.month, first.day, last.month, last.day, last.year) == (1, 1, 12, 31, first.year):
        return f"STM/{page.donor.code}/{first.year}"
    return f"STM/{page.donor.code}/{first:%Y%m%d}-{last:%Y%m%d}" if first else f"STM/{page.donor.code}/TO-{last:%Y%m%d}"


def statement_paper(page: Statement) -> Document:
    """The statement as an official paper, in the reader's language."""
    blocks: list[Block] = [
        Facts([(_("Donor"), page.donor.name), (_("Period, days by UTC"), tables.period_words(page)),
               (_("Read from the books"), format_instant(page.as_of, "UTC"))]),
        *(table_block(table) for table in (tables.account_table(page), *tables.sections(page))),
    ]
    if page.waiting:
        blocks.append(Note(_("%(amount)s more was paid and waits for acceptance; it is in no figure above.",
                             amount=inline(page.waiting))))
    blocks += [Note(f"{definition.term}: {definition.text}") for definition in tables.definitions(page)]
    return Document(
        reference=statement_reference(page), title=_("Statement of account"),
        language=str(current_locale()).replace("_", "-"), day=page.as_of.date(), blocks=blocks, issuer=issuer(),
        addressee=(page.donor.name,), footer=stamp(page.as_of),
        mark=_("Demonstration") if page.donor.is_demo else None,
    )
