import io
import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

from orgaudit.errors import ConfigError, ExitCode
from orgaudit.settings import syntax
from orgaudit.settings.documents import Document, load, nearest, read, validate
from orgaudit.settings.syntax import KeyPath


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    rate: int
    name: str = ""


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    inner: Inner
    items: tuple[Inner, ...] = ()
    dates: tuple[str, ...] = ()


def written(tmp_path: Path, name: str, text: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


TOML = '''a = 1
"b.c".d = """
[x]
y = 1"""  # text, not a table
[t]
k = [
 "]", # ]
 1
]
z.q = 3
[[t.arr]]
n = 1

[[t.arr]]
n = 2
[t.arr.sub]
m = {x = 1}
[[t.arr.deep]]
v = 'it''s' '''.replace("'it''s'", "'''it's'''")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 1),
        (("b.c", "d"), 2),
        (("t",), 5),
        (("t", "k"), 6),
        (("t", "k", 1), 6),
        (("t", "z", "q"), 10),
        (("t", "arr", 0), 11),
        (("t", "arr", 0, "n"), 12),
        (("t", "arr", 1, "n"), 15),
        (("t", "arr", 1, "sub", "m", "x"), 17),
        (("t", "arr", 1, "deep", 0, "v"), 19),
        (("nowhere",), None),
    ],
)
def test_toml_keys_have_their_lines(tmp_path: Path, path: KeyPath, line: int | None) -> None:
    assert read(written(tmp_path, "f.toml", TOML)).line(path) == line


@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.text(st.characters(codec="ascii", exclude_characters="\x7f", min_codepoint=32), min_size=1),
        ),
        max_size=8,
        unique_by=lambda pair: pair[1],
    )
)
def test_toml_lines_point_at_the_key_however_it_is_written(
    tmp_path_factory: pytest.TempPathFactory, tables: list[tuple[bool, str]]
) -> None:
    """Whatever quoting, brackets or hashes a name holds, the line is the one where its key stands."""
    text = ""
    expected: dict[KeyPath, int] = {}
    for is_array, name in tables:
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        line = text.count("\n") + 1
        text += f"[[{quoted}]]\n" if is_array else f"[{quoted}]\n"
        text += f'value = {quoted} # {name}\nmany = ["[", {quoted},\n "#"]\n'
        place: KeyPath = (name, 0) if is_array else (name,)
        expected |= {place: line, (*place, "value"): line + 1, (*place, "many"): line + 2}
    document = read(written(tmp_path_factory.mktemp("t"), "f.toml", text))
    assert document.data == tomllib.loads(text)
    assert {place: document.line(place) for place in expected} == expected


def test_yaml_keys_and_items_have_their_lines(tmp_path: Path) -> None:
    document = read(written(tmp_path, "f.yaml", "a: 1\nb:\n  - x\n  - c: 2\n    d: {e: 3}\n"))
    assert [document.line(path) for path in [("a",), ("b", 0), ("b", 1, "d", "e"), ("b", 1, "missing")]] == [1, 3, 5, 4]


def test_yaml_is_read_as_plain_data(tmp_path: Path) -> None:
    text = "date: 2025-02-03\nno_date: 2025-02-30\nno: no\nnone: ~\nflag: true\ntext: '1'\nrate: 1.5\nempty:\n"
    data = read(written(tmp_path, "f.yaml", text)).data
    assert str(data.pop("date")) == "2025-02-03"
    assert data == {
        "no_date": "2025-02-30", "no": "no", "none": None, "flag": True, "text": "1", "rate": 1.5, "empty": None
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "twice, first on line 1"),
        ("a: &x [1]\nb:\n  - *x\n", 3, "aliases"),
        ("a: &x\n  b: *x\n", 2, "aliases"),
        ("a: !!python/object:os.system x\n", 1, "tag"),
        ("a: !foo [1]\n", 1, "tag"),
        ("a: {? [1] : 2}\n", 1, "plain text"),
        ("b: 1\n<<: {a: [1, {c: 2}]}\n", 2, "plain text"),
        ("a: 1\na: {b: [1, {c: 2}], d: 3}\ne: 4\n", 2, "twice, first on line 1"),
    ],
)
def test_yaml_that_is_more_than_plain_data_is_a_flaw(tmp_path: Path, text: str, line: int | None, words: str) -> None:
    [(_, problem)] = read(written(tmp_path, "f.yaml", text)).flaws
    assert problem.line == line
    assert words in problem.message


def test_what_follows_a_flaw_is_read(tmp_path: Path) -> None:
    text = "a: 1\na: {b: [1, {c: 2}], d: 3}\n? [x, {y: z}]\n: {u: v}\nb: !foo {c: 1}\nc: &n 1\nd: *n\ne: last\n"
    document = read(written(tmp_path, "f.yaml", text))
    assert document.data == {"a": 1, "b": None, "c": 1, "d": None, "e": "last"}
    assert [problem.line for _, problem in document.flaws] == [2, 3, 5, 7]


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.dates() | st.text()


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20))
def test_both_parsers_of_yaml_read_the_same(tmp_path_factory: pytest.TempPathFactory, data: object) -> None:
    stream = io.StringIO()
    reference = YAML(typ="safe", pure=True)
    reference.default_flow_style = False  # what it writes in flow style, it cannot always read itself
    reference.dump(data, stream)
    document = read(written(tmp_path_factory.mktemp("y"), "f.yaml", stream.getvalue()))
    assert document.data == reference.load(stream.getvalue())
    assert document.flaws == ()


def test_yaml_is_read_where_there_is_no_libyaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: 1\nb: [x, {c: 2025-02-03}]\na: 2\n"
    fast = read(written(tmp_path, "f.yaml", text))
    monkeypatch.setattr(syntax, "_LIBYAML", None)
    assert read(written(tmp_path, "f.yaml", text)) == fast
    assert fast.data == {"a": 1, "b": ["x", {"c": date(2025, 2, 3)}]}


@pytest.mark.parametrize("text", ["a: [:0, b]\n", "a: b\u2028c\n", "a: x\x85y\nb: &n 1\nc: 0o17\nd: on\n"])
def test_yaml_1_2_is_read_where_libyaml_knows_only_1_1(tmp_path: Path, text: str) -> None:
    document = read(written(tmp_path, "f.yaml", text))
    assert document.data == YAML(typ="safe", pure=True).load(text)


def test_a_bomb_of_aliases_stays_small(tmp_path: Path) -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))
    document = read(written(tmp_path, "f.yaml", "l0: &l0 lol\n" + levels))
    assert document.data["l29"] == [None] * 9
    assert len(document.flaws) == 29 * 9


@pytest.mark.parametrize(
    ("name", "content", "line", "words"),
    [
        ("f.toml", "a = 1\na = 2\n", 2, "overwrite"),
        ("f.toml", "a = 1\n\nb = \n", 3, "not valid TOML"),
        ("f.toml", 'a = """', 1, "not valid TOML"),
        ("f.yaml", "a: [1,\nb: 2\n", 3, "not valid YAML"),
        ("f.yaml", "a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("f.yaml", "a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        ("f.yaml", "a: \x00\n", None, "not valid YAML"),
        ("f.yaml", b"a: 1\nb: \xff\n", 2, "UTF-8"),
        ("f.toml", b"a = 1\nb = '\xe9'\n", 2, "UTF-8"),
        ("f.yaml", "[" * 100_000, 1, "nested too deeply"),
        ("f.toml", "a = " + "[" * 100_000, None, "nested too deeply"),
    ],
)
def test_what_cannot_be_parsed_is_one_error_with_its_line(
    tmp_path: Path, name: str, content: str | bytes, line: int | None, words: str
) -> None:
    path = written(tmp_path, name, content)
    with pytest.raises(ConfigError, match=words) as raised:
        read(path)
    assert (raised.value.file, raised.value.line) == (str(path), line)
    assert raised.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("name", ["none.yaml", "none.toml", ""])
def test_what_cannot_be_opened_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read(tmp_path / name)


def test_every_problem_is_told_with_line_key_and_mend(tmp_path: Path) -> None:
    text = "inner:\n  rat: 1\nitems:\n  - rate: x\n    name: 3.10\n  - 7\nitmes: []\n"
    with pytest.raises(ConfigError) as raised:
        load(written(tmp_path, "f.yaml", text), Outer)
    lines = str(raised.value).replace(str(tmp_path), "").splitlines()
    assert lines == [
        "/f.yaml:1: inner.rate: is missing; add it",
        "/f.yaml:2: inner.rat: unknown key; did you mean rate?",
        "/f.yaml:4: items[0].rate: 'x' is not a whole number; write one without quotes, such as 30",
        "/f.yaml:5: items[0].name: 3.1 is a number where text is expected; put it in quotes",
        "/f.yaml:6: items[1]: must be a table of keys and values; write keys, each with its value",
        "/f.yaml:7: itmes: unknown key; did you mean items?",
    ]


@pytest.mark.parametrize(("text", "words"), [("inner: {rate: 1, rate: 2}\n", "twice"), ("", "inner: is missing")])
def test_a_flaw_or_an_empty_file_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        load(written(tmp_path, "f.yaml", text), Outer)
    assert raised.value.key.startswith("inner")


def test_a_part_of_a_document_is_validated_in_its_place() -> None:
    document = Document(file="f", data={"many": [{"rate": 1}, {"rate": "?"}]}, lines={("many", 1): 9})
    assert validate(document, Inner, ("many", 0)) == Inner(rate=1)
    found = validate(document, Inner, ("many", 1))
    assert isinstance(found, list)
    assert [(problem.line, problem.key) for problem in found] == [(9, "many[1].rate")]


@pytest.mark.parametrize(
    ("word", "known", "remedy"),
    [
        ("rat", ["rate", "burst"], "did you mean rate?"),
        ("x", ["b", "a"], "known: a, b"),
        ("x", map(str, range(99)), ""),
    ],
)
def test_an_unknown_word_gets_the_nearest_or_the_few(word: str, known: Iterable[str], remedy: str) -> None:
    assert nearest(word, known) == remedy
