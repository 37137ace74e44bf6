import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.spreadsheet.text import displayed, one_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("a\x9b2Jb", "ab"),
        ("\x1b]0;a window's title\x07shown", "shown"),
        ("\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]an end that never comes", "an end that never comes"),
        ("\x1bcreset", "reset"),
        ("one\r\ntwo\rthree\nfour\tfive", "one\ntwo\nthree\nfour\tfive"),
        ("a\x00b\x85c\u2028d\u2029e", "a b c d e"),
        ("\u202egpj.exe\u2066\u200b\ufeff", "gpj.exe"),
        ("\U000e0041\U000e0042", ""),
        ("👩\u200d🚒 Größe 东京", "👩\u200d🚒 Größe 东京"),
        ("\ud800", "\ufffd"),
        ("=cmd|'/c calc'!A1", "=cmd|'/c calc'!A1"),
    ],
)
def test_what_is_displayed(text: str, expected: str) -> None:
    assert displayed(text) == expected
    assert one_line(text) == " ".join(expected.split())


@given(st.text(st.characters()))
def test_nothing_is_left_that_is_acted_on_and_not_shown(text: str) -> None:
    left = {unicodedata.category(it) for it in displayed(text) if it not in "\n\t\u200c\u200d"}
    assert not left & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert displayed(displayed(text)) == displayed(text)
    assert len(one_line(text).splitlines()) <= 1
    if text.isprintable():
        assert displayed(text) == text
