"""The header words of people's registers: which column is which key, and which row names the columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from orgaudit.register.exchange.days import text_of
from orgaudit.spreadsheet.cells import CellValue

HeaderRow = Mapping[int, CellValue]
"""The cells of a row that may name the columns, by column."""

_WORDS = {
    "title": "title|exception|exception title|exception name|risk title|risk name|issue title|finding title|summary|"
    "subject|headline|short description|name|exceptions|what",
    "type": "type|exception type|kind|category|exception category|treatment|risk treatment|response|risk response|"
    "disposition",
    "justification": "justification|business justification|business reason|justification for exception|reason|"
    "reason for exception|rationale|risk rationale|acceptance rationale|why|business case|business need|"
    "reason for acceptance",
    "owner": "owner|risk owner|exception owner|owner name|responsible|responsible person|accountable|assignee|"
    "assigned to|contact|point of contact|poc|owner email|owner e mail|owned by|team|responsible team",
    "requested_by": "requested by|requester|requestor|requester name|raised by|submitted by|reported by|applicant",
    "approved_by": "approved by|approver|approver name|risk approver|accepted by|sign off|sign off by|signed off by|"
    "authorised by|authorized by|approval|authorizing official",
    "approved_on": "approved on|approval date|date approved|date of approval|accepted on|acceptance date|"
    "date accepted|sign off date|signed off on|decision date",
    "ticket": "ticket|ticket id|ticket no|ticket number|ticket ref|jira|jira id|jira key|jira ticket|jira issue|"
    "jira link|servicenow|snow ticket|issue|issue id|issue key|case|change|change ticket|change request|change number|"
    "rfc|reference|ref|reference number|exception id|exception no|exception number|risk id|risk no|risk number|"
    "risk ref|poam id|poa m id|finding id",
    "starts_on": "starts on|start|start date|valid from|effective date|effective from|effective|from|in force from|"
    "accepted from|begin|begin date|first day",
    "expires_on": "expires on|expiry|expiry date|expires|expire date|expiration|expiration date|exception expiry|"
    "risk expiry|valid until|valid to|valid till|until|end|end date|accepted until|exception end date|last day|"
    "due|due date|target date|target completion date|scheduled completion date|remediation date|to",
    "controls": "controls|control|control id|control ids|control name|check|check id|checks|rule|rule id|rule name|"
    "config rule|finding|findings|policy|policy id|requirement|test id|security control",
    "accounts": "account ids|account id|aws account id|aws account ids|aws accounts|aws account|accounts|account|"
    "account number|account numbers|aws account number|account no|affected accounts|affected account|account name|"
    "account names|aws account name",
    "ous": "ous|ou|ou path|organizational unit|organizational units|organisational unit|organization unit",
    "regions": "regions|region|aws region|aws regions|affected regions|affected region",
    "resources": "resources|resource|resource arn|resource arns|arn|arns|resource id|resource ids|affected resource|"
    "affected resources|asset|assets|asset id|asset identifier|affected asset|affected assets|resource name",
    "compensating_controls": "compensating controls|compensating control|compensating measures|mitigation|mitigations|"
    "mitigating controls|mitigating control|mitigating factors|mitigation plan|mitigating measures",
    "evidence": "evidence|evidence link|links|link|url|attachment|attachments|supporting documents|documentation",
    "risk_statement": "risk statement|risk|risk description|description of risk|impact|business impact|description|"
    "exception description|details|consequence",
    "review_by": "review by|review date|next review|next review date|date of next review|review due|review on|"
    "reassessment date|review",
    "max_findings": "max findings|maximum findings|number of findings|findings count|no of findings|count",
    "comments": "comments|comment|notes|note|remarks|remark|additional information",
}
"""What registers call a key, best first. Nothing here adjusts a severity: a rating of risk is not one of a control."""

_RANKS = {word: (key, rank) for key, words in _WORDS.items() for rank, word in enumerate(words.split("|"))}

_SIGNIFICANT = {
    **dict.fromkeys(("until", "expires", "expiry", "expiration"), "expires_on"),
    **dict.fromkeys(("owner", "responsible"), "owner"),
    **dict.fromkeys(("justification", "reason", "rationale"), "justification"),
    **dict.fromkeys(("control", "controls", "check", "rule"), "controls"),
    **dict.fromkeys(("account", "accounts"), "accounts"),
    **dict.fromkeys(("region", "regions"), "regions"),
    **dict.fromkeys(("resource", "resources", "arn"), "resources"),
    **dict.fromkeys(("ticket", "jira"), "ticket"),
}
"""Words that show what a column is, wherever they are in a header that shows it no other way."""

_ABOUT = frozenset(
    {
        *("number", "count", "no", "of", "total", "type", "kind", "status", "state", "title", "description"),
        *("severity", "rating", "score", "level", "email", "phone", "class", "approver", "approved", "approval"),
        *("reviewer", "previous", "old", "original", "extended"),
    }
)
"""Words with which a header is about something else than its significant word."""

_TITLES = ("risk", "risk description", "description", "exception description", "finding", "issue", "details")
"""What may name a row where no column does: a header, best first."""

_MOST_ABOVE = 100
"""How many rows that hold anything are searched for the header."""

_LONGEST = 200
"""How much of a cell is searched for header words."""

_MOST_WORDS = 6
"""How many words a header has; a longer text is an entry's."""

_ENOUGH = 3
_FEW = 2


def words_of(header: str) -> str:
    """Return a header in plain lower-case words: without signs, numbers in front, and what is in brackets."""
    header = header[:_LONGEST]
    text = re.sub(r"\((s|es)\)", r"\1", header)
    text = re.sub(r"\([^)]*\)|\[[^\]]*\]", " ", text) if not re.fullmatch(r"[(\[].*[)\]]", text.strip()) else text
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).casefold()
    return re.sub(r"^\d+ (?=\D)", "", re.sub(r"[^a-z0-9]+", " ", text).strip())


def guess(headers: Sequence[str]) -> dict[str, str]:
    """Return a key for each header that reads like one; a key is given once, to the header that says it best."""
    words = {header: words_of(header) for header in headers}
    best: dict[str, tuple[int, str]] = {}
    for header, text in words.items():
        if text in _RANKS:
            key, rank = _RANKS[text]
            if key not in best or rank < best[key][0]:
                best[key] = (rank, header)
    found = {header: key for key, (_, header) in best.items()}
    for header, text in words.items():
        parts = set(text.split())
        keys = {_SIGNIFICANT[word] for word in parts & _SIGNIFICANT.keys()}
        if len(keys) == 1 and not (text in _RANKS or parts & _ABOUT or keys & {*found.values()}):
            found[header] = keys.pop()
    if "title" not in found.values():
        named = [header for text in _TITLES for header in headers if words[header] == text]
        found |= dict.fromkeys(named[:1], "title")
    return {header: found[header] for header in headers if header in found}


def score(row: HeaderRow) -> int:
    """Return for how many keys a row has a header word."""
    texts = [text for column, text in titles(row).items() if isinstance(row[column], str)]
    short = [text for text in dict.fromkeys(texts) if len(text.split()) <= _MOST_WORDS]
    return len(set(guess(short).values()))


def is_second_header(row: HeaderRow) -> bool:
    """Return whether a row below the header names columns anew, which few entries look like."""
    said = {_RANKS[text][0] for cell in row.values() if isinstance(cell, str) and (text := words_of(cell)) in _RANKS}
    return len(said) >= max(_ENOUGH, len(row) - 1)


def find_header(rows: Mapping[int, HeaderRow], named: Collection[str] = ()) -> int | None:
    """Return the row that names the columns: the first that has all names given, or has the most header words.

    None where no row has enough of them, or holds anything below it.
    """
    numbers = sorted(rows)[: _MOST_ABOVE + 1]
    candidates = [number for number in numbers if number != max(rows)][:_MOST_ABOVE]
    if named:
        for number in candidates:
            if set(named) <= set(titles(rows[number]).values()):
                return number
    narrow = all(len(row) == 1 for row in rows.values())
    found = [it for it in candidates if _is_enough(score(rows[it]), len(rows[it])) or (narrow and score(rows[it]))]
    return max(found, key=lambda number: score(rows[number]), default=None)


def titles(row: HeaderRow) -> dict[int, str]:
    """Return the headers of a row by column, each on one line."""
    return {column: " ".join(text_of(cell).split()) for column, cell in row.items()}


def _is_enough(score: int, cells: int) -> bool:
    return score >= _ENOUGH or (score >= _FEW and _FEW * score >= cells)
