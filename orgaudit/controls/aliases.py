"""The former ids of controls, which registers, framework files, settings and runs may still name."""

ALIASES: dict[str, str] = {}
"""The present id of each control by a former one.

An id is part of every finding's fingerprint and of what people write, so it changes only where it is wrong. To rename a
control, change its name and its framework files, and add the pair here. A pair stays for ever, is resolved once, so
that pairs from an earlier renaming have to name the present id too, and its former id is never given to another
control.
"""


def resolve(control_id: str) -> str:
    """Return the present id of a control that was renamed; any other id or pattern is returned as it is."""
    return ALIASES.get(control_id, control_id)
