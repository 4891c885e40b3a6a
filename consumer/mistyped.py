"""Variables of the environment that are no settings, but nearly the name of one (pure).

Others' variables stand there, too, so that none can be an error; and few of them come as near as a slip of the finger.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

# A letter or two wrong, left out or too many; more would meet the names of brokers, registries and collectors.
_CLOSE = 0.9
_LENGTHS = 2


def mistyped(environment: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """By variable that has a value and is no setting, in order, the setting whose name it nearly has.

    Args:
        names: every variable that is one of ours, in capitals.
    """
    known = set(names)
    found = {}
    for variable in sorted(environment.keys() - known):
        alike = (name for name in known if name[0] == variable[:1] and abs(len(name) - len(variable)) <= _LENGTHS)
        near = difflib.get_close_matches(variable, sorted(alike), 1, _CLOSE) if environment[variable] else []
        if near:
            found[variable] = near[0]
    return found
