import io
import re
import zipfile
from datetime import date
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, ZipFile

import pytest
from openpyxl import Workbook, load_workbook

from orgaudit.errors import ConfigError
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.workbook import export
from orgaudit.register.workbook.columns import BASE_SHEET
from orgaudit.register.workbook.read import read
from orgaudit.spreadsheet.guard import MIB
from tests.spreadsheet.packing import MAIN, TEXTS, replace, rows, sheet, with_texts, within_bounds

pytestmark = pytest.mark.usefixtures("within_bounds")
__all__ = ["within_bounds"]

SHEET = "xl/worksheets/sheet2.xml"
"""The exceptions, behind the instructions."""


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    register = tmp_path / "exceptions.yaml"
    register.write_text("exceptions:\n  - id: EXC-2025-0001\n    title: One\n")
    path = tmp_path / "register.xlsx"
    with path.open("wb") as file:
        export.write(file, RegisterEditor.open(register), {}, date(2025, 2, 1))
    return path


def refused(path: Path, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))


def test_an_untouched_workbook_is_read(workbook: Path) -> None:
    assert read(workbook).lines["exceptions"][0].id == "EXC-2025-0001"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is not a workbook"),
        (b"PK\x03\x04 and no more", "is not a workbook"),
        (b"id,title\n1,2\n", "is not a workbook; save it as .xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512), "protected by a password"),
    ],
)
def test_what_is_no_workbook(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)
    refused(path, words)


def test_a_missing_file_and_a_directory(tmp_path: Path) -> None:
    refused(tmp_path / "none.xlsx", "is not a file")
    refused(tmp_path, "is not a file")


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file:
        file.truncate(33 * MIB)
    refused(path, "larger than 32 MB")


def test_a_zip_of_other_things(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with ZipFile(path, "w") as file:
        file.writestr("word/document.xml", "<x/>")
    refused(path, "has no _rels/.rels; save it as .xlsx")


def test_a_bomb_of_one_part(workbook: Path) -> None:
    replace(workbook, SHEET, lambda _: bytes(65 * MIB))
    refused(workbook, "would unpack to over 64 MB")


def test_a_bomb_of_many_parts(workbook: Path) -> None:
    with ZipFile(workbook, "a", ZIP_DEFLATED) as file:
        for number in range(10):
            file.writestr(f"xl/media/{number}.png", bytes(10 * MIB))
    refused(workbook, "would unpack to over 96 MB")


def test_a_part_packed_too_tightly(workbook: Path) -> None:
    replace(workbook, "xl/media/1.png", lambda _: bytes(40 * MIB))
    refused(workbook, "over 200 times its size")


def test_a_bomb_that_lies_about_its_size(workbook: Path) -> None:
    replace(workbook, SHEET, lambda _: f"<worksheet {MAIN}>".encode() + b" " * (60 * MIB))
    content = bytearray(workbook.read_bytes())
    size = (60 * MIB + len(f"<worksheet {MAIN}>")).to_bytes(4, "little")
    content = content.replace(size, (5000).to_bytes(4, "little"))
    workbook.write_bytes(content)
    refused(workbook, "is damaged")


def test_too_many_parts(workbook: Path) -> None:
    with ZipFile(workbook, "a") as file:
        for number in range(1_001):
            file.writestr(f"x{number}", b"")
    refused(workbook, "parts, and no workbook has over 1000")


def test_an_unusual_packing(workbook: Path) -> None:
    replace(workbook, SHEET, lambda content: content, ZIP_LZMA)
    refused(workbook, "packed as no spreadsheet program does it")


def test_an_encrypted_part(workbook: Path) -> None:
    replace(workbook, SHEET, lambda content: content, ZIP_STORED)
    content = bytearray(workbook.read_bytes())
    for match in re.finditer(b"PK\x01\x02", bytes(content)):
        content[match.start() + 8] |= 1
    workbook.write_bytes(content)
    refused(workbook, "protected by a password")


@pytest.mark.parametrize(
    "part",
    [
        SHEET,
        "xl/workbook.xml",
        "xl/_rels/workbook.xml.rels",
        "xl/styles.xml",
        TEXTS,
        "_rels/.rels",
        "[Content_Types].xml",
    ],
)
@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_document_type(workbook: Path, part: str, declaration: str, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?>{declaration}<x>&e;</x>'
    if part == TEXTS:
        with_texts(workbook, b"")
    replace(workbook, part, lambda _: text.encode(encoding))
    refused(workbook, "declares a document type")


def test_a_million_rows(workbook: Path) -> None:
    cell = '<c r="B{0}"><v>{0}</v></c>'
    replace(workbook, SHEET, lambda _: rows(1_000_000, cell))
    refused(workbook, "would unpack|Exceptions!B20001: no more than 20,000 rows are read")


def test_rows_past_the_last(workbook: Path) -> None:
    replace(workbook, SHEET, lambda _: rows(30_000, '<c r="B{0}"><v>{0}</v></c>'))
    refused(workbook, "Exceptions!B20001: no more than 20,000 rows are read; clear the rest")


def test_rows_that_are_empty_do_no_harm(workbook: Path) -> None:
    end = b"</sheetData>"
    empty = b'<row r="1048576" ht="12.8" customHeight="false"></row>'
    replace(workbook, SHEET, lambda content: content.replace(end, empty * 1_000 + end))
    assert len(read(workbook).lines["exceptions"]) == 1


def test_too_many_cells_and_columns(workbook: Path) -> None:
    cells = "".join("<c><v>1</v></c>" for _ in range(200))
    replace(workbook, SHEET, lambda _: rows(3_001, cells), ZIP_STORED)
    refused(workbook, "no more than 600,000 cells are read")
    replace(workbook, SHEET, lambda _: rows(1, '<c r="XFD{0}"><v>1</v></c>'))
    refused(workbook, "Exceptions!XFD1: no more than 200 columns are read")


def test_too_many_texts(workbook: Path) -> None:
    with_texts(workbook, f"<sst {MAIN}>".encode() + b"<si/>" * 700_000 + b"</sst>", ZIP_STORED)
    refused(workbook, "has over 600000 texts")


def test_one_endless_tag(workbook: Path) -> None:
    noise = "".join(chr(97 + (index * index // 7) % 26) for index in range(4 * MIB))
    replace(workbook, SHEET, lambda _: f'<worksheet a="{noise}'.encode())
    refused(workbook, "a tag that is too long")


@pytest.mark.parametrize(
    "content",
    [
        b"<worksheet",
        b"\xff\xfe\x00",
        b"<?xml version='1.0' encoding='ebcdic-nonsense'?><a/>",
        b"<a><row r='99999999999999999999'><c r='ZZZZ1'><v>1</v></c></row></a>",
        sheet("<row r='99999999999999999999'><c r='ZZZZ1'><v>1</v></c></row>"),
        b"<a><row><c><v>1</v></c></row></a>",
        sheet("<row r='0'><c><v>1</v></c></row>"),
        sheet("<row><c t='s'><v>999999</v></c></row>"),
        sheet("<row><c t='s'><v>x</v></c></row>"),
        sheet("<row><c><v>nan</v></c></row>"),
        sheet("<row><c><v>1e999</v></c></row>"),
        sheet("<row><c t='d'><v>soon</v></c></row>"),
    ],
)
def test_a_damaged_sheet(workbook: Path, content: bytes) -> None:
    replace(workbook, SHEET, lambda _: content)
    refused(workbook, "is damaged")


def test_a_workbook_of_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = Workbook()
    book.save(path)
    refused(path, "has no hidden sheet 'orgaudit', so it is not a register's workbook")


@pytest.mark.parametrize("sheet", ["Exceptions", "Attestations", BASE_SHEET])
def test_a_sheet_is_missing(workbook: Path, sheet: str) -> None:
    book = load_workbook(workbook)
    del book[sheet]
    book.save(workbook)
    refused(workbook, f"sheet '{sheet}'")


@pytest.mark.parametrize(
    ("cell", "value", "words"),
    [
        ("A1", "x", "is not what orgaudit wrote"),
        ("B1", "9", "another version"),
        ("C6", "{}", "was changed"),
        ("A6", None, "was changed"),
    ],
)
def test_the_hidden_sheet_was_changed(workbook: Path, cell: str, value: str | None, words: str) -> None:
    book = load_workbook(workbook)
    book[BASE_SHEET][cell] = value
    book.save(workbook)
    refused(workbook, words)


@pytest.mark.parametrize(
    ("cell", "value", "words"),
    [
        ("F3", "Titel", "Exceptions!F3: Titel is not a column"),
        ("F3", "Type", "Exceptions!G3: Type is not a column of a register, or occurs twice"),
        ("F3", None, "the columns Title are missing"),
        ("BZ5", "lost", "Exceptions!BZ5: stands in a column without a title"),
        ("F4", "=HYPERLINK(1)", "Exceptions!F4: holds a formula"),
        ("F4", "#N/A", "Exceptions!F4: shows the error #N/A"),
    ],
)
def test_the_sheet_is_not_as_it_was_written(workbook: Path, cell: str, value: str | None, words: str) -> None:
    book = load_workbook(workbook)
    book["Exceptions"][cell] = value
    book.save(workbook)
    refused(workbook, words)


def test_macros_and_links_are_left_alone(workbook: Path) -> None:
    replace(workbook, "xl/vbaProject.bin", lambda _: b"\xd0\xcf\x11\xe0 no macro is read")
    replace(workbook, "xl/externalLinks/externalLink1.xml", lambda _: b"<!DOCTYPE x><x/>")
    assert len(read(workbook).lines["exceptions"]) == 1


def test_a_relation_that_leads_out_of_the_file(workbook: Path) -> None:
    def out(content: bytes) -> bytes:
        return content.replace(b"/xl/worksheets/sheet1.xml", b"../../../../../../etc/passwd")

    replace(workbook, "xl/_rels/workbook.xml.rels", out)
    refused(workbook, "has no .*etc/passwd")


def test_any_damage_is_told_plainly(workbook: Path) -> None:
    whole = workbook.read_bytes()
    for at in range(0, len(whole), max(1, len(whole) // 150)):
        broken = bytearray(whole)
        broken[at] ^= 0xFF
        workbook.write_bytes(broken)
        try:
            read(workbook)
        except ConfigError as error:
            assert str(workbook) in str(error)  # noqa: PT017 - most, but not all damage is seen
    for length in range(0, len(whole), len(whole) // 20):
        workbook.write_bytes(whole[:length])
        refused(workbook, "xlsx")


def test_the_checks_see_what_python_would_unpack(workbook: Path) -> None:
    with ZipFile(io.BytesIO(workbook.read_bytes())) as file:
        assert {part.compress_type for part in file.infolist()} == {zipfile.ZIP_DEFLATED}
