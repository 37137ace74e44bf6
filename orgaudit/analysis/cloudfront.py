"""The buckets of a distribution, and which of its origins are reached over plain HTTP."""

from __future__ import annotations

from orgaudit.facts.cloudfront import Distribution


def buckets_of(distribution: Distribution) -> list[str]:
    """Return the names of the buckets that are origins; raises NotSeenError where the origins were not seen."""
    return sorted({origin.bucket for origin in distribution.origins.value if origin.bucket})


def plain_origins(distribution: Distribution) -> list[str]:
    """Return, as clauses, the custom origins that are reached over plain HTTP, and why.

    An origin that follows the viewer's protocol is, where a behavior that leads to it serves plain HTTP, by itself or
    through an origin group. Raises NotSeenError where origins were not seen, or behaviors or groups that decide.
    """
    custom = [origin for origin in distribution.origins.value if origin.protocol]
    plain = [f"{origin.domain} is reached over HTTP only" for origin in custom if origin.protocol == "http-only"]
    following = [origin for origin in custom if origin.protocol == "match-viewer"]
    if not following:
        return plain
    open_paths: dict[str, list[str]] = {}
    groups = distribution.groups.value
    for behavior in distribution.behaviors.value:
        if behavior.viewers == "allow-all":
            for origin in groups.get(behavior.target, (behavior.target,)):
                open_paths.setdefault(origin, []).append(behavior.path)
    return plain + [
        f"{origin.domain} follows the viewer, and the paths {', '.join(open_paths[origin.id])} serve plain HTTP"
        for origin in following
        if origin.id in open_paths
    ]
