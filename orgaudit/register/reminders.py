"""The mails to the owners whose exceptions need something, each with the owner's own entries as a workbook."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from io import BytesIO

from orgaudit.register import mails
from orgaudit.register.apply import AppliedRegister
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.load import Register
from orgaudit.register.notices import Notice, Notices
from orgaudit.register.workbook import export
from orgaudit.register.workbook.export import Computed
from orgaudit.register.workbook.instructions import Readers
from orgaudit.settings.people import People


def computed_of(applied: AppliedRegister, *, matched: bool = False) -> dict[str, Computed]:
    """Return what a workbook shows beside the entries, by id; unless `matched`, it is unknown what they cover."""
    computed = {
        row.id: Computed(
            row.state, row.days_left, applied.tally.covered[row.id] if matched else None, row.amendment != ""
        )
        for row in applied.exceptions()
    }
    return computed | {row.id: Computed(row.state, row.days_left) for row in applied.attested().rows}


def messages(
    notices: Notices, register: Register, on: date, sender: mails.Sender, people: People
) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, message) for each owner with an address; raises ValueError for a sender without one.

    Raises ConfigError where the register's file cannot be read.
    """
    editor = RegisterEditor.open(register.path)
    computed = computed_of(AppliedRegister(register, (), on))

    def workbook(notice: Notice) -> bytes:
        content = BytesIO()
        readers = Readers(notice.heading, mails.ids_of(editor, notice.owner, people.person), sender.approvers)
        export.write(content, editor, computed, on, readers)
        return content.getvalue()

    yield from mails.mails(notices, on, sender, workbook)
