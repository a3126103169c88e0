# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do about the refusals of Omni, by their gRPC code and words. Pure.

Those that depend on the account or on the clock are composed in :mod:`.errors`.
"""

from __future__ import annotations

import re

_ANY = None

# The first that fits counts: gRPC code, part of Omni's words, what to do.
_HINTS = tuple(
    (code, re.compile(words), hint)
    for code, words, hint in (
        (9, "EULA", "accept it in Omni's UI, or start Omni with --eula-accept-name and --eula-accept-email"),
        (9, "", "bring Omni or the machine into that state first, then run again"),
        (_ANY, "missing runtime metadata", "something in between, as a reverse proxy, drops headers; let pass those that begin with Grpc-Metadata-"),
        (7, "no access is permitted", "this Omni does not know the type, or keeps it to itself; check its spelling, as in Clusters.omni.sidero.dev"),
        (7, "access is permitted", "Omni keeps such resources itself; change what they follow from"),
        (5, "^Not Found$", "this Omni has no such call; is it older than 1.4?"),
        (5, "doesn't exist", "check the id, and that the namespace is the one that its type belongs to"),
        (6, "already exists", "choose another id, or change the one that is there"),
        (6, "update conflict", "somebody else changed it meanwhile; run again"),
        (_ANY, "unknown field", "check the spelling, and that this version of Omni has that field"),
        (_ANY, "invalid value for|invalid character", "check its type: Omni takes large integers as strings and durations like 3600s"),
        (_ANY, "failed to sort", "sort by id, created or updated"),
        (_ANY, "must be specified in query", "give a selector, as in omni.sidero.dev/cluster = name"),
        (3, "identifier after", "write a selector like: rack = r1, !spare"),
        (3, "", "nothing was changed; correct what was asked for"),
        (8, "", "Omni asks for fewer requests; run fewer jobs at a time"),
        (12, "for list", "resources of this type are not listed; ask for one by its id"),
        (14, "machine", "check that the machine is powered on and connected to Omni"),
        (14, "", "check that Omni and what it depends on are up, then run again"),
    )
)


def hint_for(code: int, words: str) -> str:
    """What to do about a refusal; empty where Omni's words are all that is known."""
    return next((hint for known, part, hint in _HINTS if known in (_ANY, code) and part.search(words)), "")
