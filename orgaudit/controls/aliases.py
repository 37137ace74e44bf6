"""The former ids of controls, which registers, framework files, settings and runs may still name."""

ALIASES: dict[str, str] = {}
"""The present id of each control by a former one.

To rename a control, change its name in the code and in the framework files, and add the pair here, below earlier ones.
Earlier pairs of the same control get the new id too, because an alias is resolved once. No pair is ever removed, and no
former id is given to another control.
"""


def resolve(control_id: str) -> str:
    """Return the present id of a control that was renamed; any other id or pattern is returned as it is."""
    return ALIASES.get(control_id, control_id)


def first_id(control_id: str) -> str:
    """Return the earliest id of a control, which the fingerprints of its findings keep."""
    for former, present in ALIASES.items():
        if present == control_id:
            return former
    return control_id
