# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values in the specifications of Omni's resources: what is the same though it is written otherwise. Pure.

Omni leaves out what is ``false``, 0, empty text, an empty list or an empty object. It writes integers of 64 bits as texts and enumerations as numbers.
"""

from __future__ import annotations

import re
import typing as t

from ..common.errors import InputError

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)")


def same(has: t.Any, wanted: t.Any) -> bool:
    """Whether two values are one to Omni."""
    return _plain(has) == _plain(wanted)


def merged(has: dict, wanted: dict) -> dict:
    """``has`` with what is in ``wanted`` put in, objects within objects too; ``None`` takes a field out. Lists are replaced."""
    result = dict(has)
    for name, value in wanted.items():
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict) and isinstance(has.get(name), dict):
            result[name] = merged(has[name], value)
        elif not (name in has and same(has[name], value)):
            result[name] = without_nulls(value)
    return result


def without_nulls(value: t.Any) -> t.Any:
    """A value without the fields that are ``None``, which Omni would refuse in a specification."""
    if isinstance(value, dict):
        return {name: without_nulls(part) for name, part in value.items() if part is not None}
    return [without_nulls(part) for part in value] if isinstance(value, list) else value


def fulfils(has: t.Any, condition: t.Any) -> bool:
    """Whether all of ``condition`` is in ``has``, objects within objects too; a field that Omni left out is ``false``, 0 or empty."""
    if isinstance(condition, dict):
        has = has if isinstance(has, dict) else {}
        return all(fulfils(has.get(name), part) for name, part in condition.items())
    return same(has, condition)


def check_enumerations(has: t.Any, wanted: t.Any, path: str = "spec") -> None:
    """Raise :class:`InputError` where a name is wanted of what Omni keeps as a number: it could never be seen to be the same."""
    if isinstance(has, dict) and isinstance(wanted, dict):
        for name, value in wanted.items():
            check_enumerations(has.get(name), value, f"{path}.{name}")
    elif isinstance(has, int) and not isinstance(has, bool) and isinstance(wanted, str) and wanted and not _INTEGER.fullmatch(wanted):
        raise InputError(f"{path}: Omni keeps a number here, which is {has} now; write a number instead of {wanted!r}")


def _plain(value: t.Any) -> t.Any:
    """A value in one form: without what stands for nothing, integers as numbers; ``None`` for nothing."""
    if isinstance(value, dict):
        parts = {name: _plain(part) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part is not None} or None
    if isinstance(value, list):
        return [_plain(part) for part in value] or None
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if value is True:
        return "true"
    return value or None
