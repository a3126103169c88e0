# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads profiles and groups exactly as upstream does, whatever it is that somebody wrote. Pure.

Keys count in any case, and repeated ones act in the order of the document: a text or a list replaces the earlier one, while
``selector``, ``metadata`` and ``boot`` merge. ``null`` leaves a text as it was and clears everything else. A value of the wrong type
anywhere in a known field spoils the whole file; unknown fields may hold anything.
"""

from __future__ import annotations

import functools
import math
import typing as t

from ..common.errors import OmniMatchboxError
from .document import Members, Number, parse
from .model import Boot, Group, Profile, hardware_address

# Letters outside ASCII that upstream takes for the same as a letter of a key.
_FOLDED = str.maketrans({"\u017f": "s", "\u212a": "k"})


class UnreadableError(OmniMatchboxError):
    """A file that upstream skips. The message says why; whoever has its name puts it in front."""


# What is in a file, or why that cannot be read.
Content = t.Union[bytes, UnreadableError]


def shown(name: str) -> str:
    """A file name or path on one line: what cannot be printed becomes ``\\n`` or, if it is no UTF-8 either, ``\\xff``."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def read_group(data: bytes) -> Group:
    """The group in a file's content. ``{}`` and ``null`` are good groups: they select every machine and boot nothing."""
    fields = _GROUP.object({}, _document(data), "the file")
    selector = {key: _address(key, value) for key, value in fields.pop("selector", {}).items()}
    return Group(selector=selector, **fields)


def read_profile(data: bytes) -> Profile:
    """The profile in a file's content."""
    fields = _PROFILE.object({}, _document(data), "the file")
    boot = fields.pop("boot", None)
    profile = Profile(boot=None if boot is None else Boot(**boot), **fields)
    if not profile.id:
        raise UnreadableError("it has no id")
    return profile


def _document(data: bytes) -> object:
    try:
        return parse(data)
    except ValueError as error:
        raise UnreadableError(f"no JSON: {error}") from error


class _Fields:
    """Reads the known fields of an object."""

    def __init__(self, texts: tuple = (), lists: tuple = (), merged: dict | None = None) -> None:
        self.readers = {**dict.fromkeys(texts, _text), **dict.fromkeys(lists, _texts), **(merged or {})}

    def object(self, before: dict, value: object, name: str) -> dict:
        """The fields in ``value``, added to those in ``before``."""
        fields = dict(before)
        for key, inner in _members(value, name):
            field = key if key in self.readers else field_name(key)
            if field in self.readers:
                fields[field] = self.readers[field](fields.get(field), inner, field)
        return {field: inner for field, inner in fields.items() if inner is not None}


def field_name(key: str) -> str:
    """The field that a key stands for."""
    folded = key.translate(_FOLDED)
    return folded.lower() if folded.isascii() else key


def _members(value: object, name: str) -> Members:
    if value is None:
        return Members()
    if not isinstance(value, Members):
        raise UnreadableError(f"{name} is no object")
    return value


def _text(before: str | None, value: object, name: str) -> str | None:
    if value is None:
        return before
    if not isinstance(value, str) or isinstance(value, Number):
        raise UnreadableError(f"{name} is no text")
    return value


def _texts(before: list[str] | None, value: object, name: str) -> list[str] | None:
    """A list of texts. ``null`` in it is what the earlier list of the same name had at that place."""
    if value is None:
        return None
    if not isinstance(value, list) or isinstance(value, Members):
        raise UnreadableError(f"{name} is no list")
    before = before or []
    return [_text(before[place] if place < len(before) else "", item, f"{name}[{place}]") for place, item in enumerate(value)]


def _boot(before: dict | None, value: object, name: str) -> dict | None:
    return None if value is None else _BOOT.object(before or {}, value, name)


def _selector(before: dict | None, value: object, name: str) -> dict | None:
    if value is None:
        return None
    return {**(before or {}), **{key: _text("", inner, f"{name}.{shown(key)}") for key, inner in _members(value, name)}}


def _address(key: str, value: str) -> str:
    """A selector's value; under ``mac`` in any case, the address as labels have it."""
    if key.lower() != "mac":
        return value
    address = hardware_address(value)
    if address is None:
        raise UnreadableError(f"selector.{key} is no MAC address")
    return address


def _metadata(before: dict | None, value: object, name: str) -> dict | None:
    if value is None:
        return None
    return {**(before or {}), **_plain(_members(value, name), name)}


def _plain(document: Members, name: str) -> dict:
    """The document as dictionaries and lists, numbers as 64-bit floating point. Of equal keys the last counts."""
    top: list[dict] = []
    waiting = [(document, top.append)]
    while waiting:
        value, keep = waiting.pop()
        if isinstance(value, Members):
            members: dict = {}
            keep(members)
            waiting += [(inner, functools.partial(members.__setitem__, key)) for key, inner in reversed(value)]
        elif isinstance(value, list):
            items: list = []
            keep(items)
            waiting += [(inner, items.append) for inner in reversed(value)]
        elif isinstance(value, Number):
            number = float(value)
            if math.isinf(number):
                raise UnreadableError(f"{name} holds a number that is too large")
            keep(number)
        else:
            keep(value)
    return top[0]


_BOOT = _Fields(texts=("kernel",), lists=("initrd", "args"))
_PROFILE = _Fields(texts=("id", "name", "generic_id", "ignition_id", "cloud_id"), merged={"boot": _boot})
_GROUP = _Fields(texts=("id", "name", "profile"), merged={"selector": _selector, "metadata": _metadata})
