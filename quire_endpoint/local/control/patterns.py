"""How does Python read the regular expressions of the AWS service models, which are Java's?"""

from __future__ import annotations

import functools
import re

_SPACES = r" \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"

_CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\d", r"\p{Z}": _SPACES}
"""Those that the operations of this room use, as parts of a set: letters are \\w, since every set that names
them has digits and the underscore too."""


@functools.cache
def compiled(java: str) -> re.Pattern[str]:
    """To be matched against the whole value, as AWS does."""
    for theirs, ours in _CLASSES.items():
        java = java.replace(theirs, ours)
    return re.compile(java)
