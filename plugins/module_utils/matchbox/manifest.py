# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who manages which object of a data directory. Pure.

A *scope* is a name under which somebody keeps objects there; what a scope wrote, and only that, it may remove again.
"""

from __future__ import annotations

import json
import re
import typing as t

from ..common.errors import OmniMatchboxError

# Keys become paths of files that are removed.
_KEY = re.compile(r"(profiles|groups)/[A-Za-z0-9][A-Za-z0-9._-]*")


class Manifest:
    """Scope → the keys (``profiles/talos``) of the objects that it manages. Never changed in place."""

    def __init__(self, scopes: t.Mapping[str, t.Iterable[str]] | None = None) -> None:
        self.scopes = {scope: frozenset(keys) for scope, keys in (scopes or {}).items() if keys}

    @classmethod
    def parse(cls, content: bytes, path: str) -> Manifest:
        """The manifest in a file's content."""
        try:
            scopes = json.loads(content)["scopes"]
            if all(_KEY.fullmatch(key) for keys in scopes.values() for key in keys):
                return cls(scopes)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            pass
        raise OmniMatchboxError(f"{path} is damaged; remove it (nothing that is in the data directory now will then be purged as managed)")

    def text(self) -> str:
        """The file's content."""
        scopes = {scope: sorted(keys) for scope, keys in sorted(self.scopes.items())}
        return json.dumps({"scopes": scopes}, indent=2) + "\n"

    def of(self, scope: str) -> frozenset[str]:
        return self.scopes.get(scope, frozenset())

    def only_of(self, scope: str) -> frozenset[str]:
        """What no other scope manages too."""
        others = (keys for name, keys in self.scopes.items() if name != scope)
        return self.of(scope).difference(*others)

    def with_scope(self, scope: str, keys: t.Iterable[str]) -> Manifest:
        """This manifest with the scope managing exactly ``keys``."""
        return Manifest({**self.scopes, scope: frozenset(keys)})

    def without(self, keys: t.Iterable[str]) -> Manifest:
        """This manifest with nobody managing ``keys``."""
        gone = frozenset(keys)
        return Manifest({scope: managed - gone for scope, managed in self.scopes.items()})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manifest) and self.scopes == other.scopes

    __hash__ = None
