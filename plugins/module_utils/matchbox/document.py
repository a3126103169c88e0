# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON as upstream's engine takes it, which is not quite as Python does. Pure.

* An object may repeat a key, and what that means depends on the field: objects are read as :class:`Members`.
* Numbers keep their spelling until it is known whether their size matters.
* A byte that is no UTF-8, and half of a surrogate pair, become U+FFFD. A byte order mark is an error, and so are NaN and Infinity.
* Nesting may be 10,000 deep, so nothing here recurses.
"""

from __future__ import annotations

import contextlib
import json
import re

MAX_DEPTH = 10_000

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LITERAL = re.compile(r"true|false|null")
_LITERALS = {"true": True, "false": False, "null": None}
_SURROGATE = re.compile("[\ud800-\udfff]")


class Members(list):
    """An object: ``(key, value)`` pairs in the order of the document."""


class Number(str):
    """A number as it is spelled."""

    __slots__ = ()


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


_PYTHON = json.JSONDecoder(object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=_refuse)
# Containers that cannot be nested too deep for it, however they are.
_FEW = 200


def parse(data: bytes) -> object:
    """The one value in ``data``; ``ValueError`` if it is not exactly one."""
    text = data.decode("ascii") if data.isascii() else _SURROGATE.sub("\ufffd", data.decode("utf-8", "surrogateescape"))
    if "\\u" not in text and text.count("{") + text.count("[") < _FEW:
        # What Python's own parser, which is faster, takes and means is then the same. What it refuses is read again to say why.
        with contextlib.suppress(ValueError):
            return _PYTHON.decode(text)
    return _parse(text)


def _parse(text: str) -> object:
    containers: list[list] = []
    keys: list[str] = []
    index = 0
    while True:
        value, index = _value(text, _skip(text, index))
        if isinstance(value, list):
            if len(containers) == MAX_DEPTH:
                raise ValueError(f"more than {MAX_DEPTH} levels deep")
            index = _skip(text, index)
            if text[index : index + 1] != _closing(value):
                containers.append(value)
                index = _next(text, index, value, keys)
                continue
            index += 1
        index = _skip(text, index)
        while containers:
            container = containers[-1]
            container.append((keys.pop(), value) if isinstance(container, Members) else value)
            if text[index : index + 1] == ",":
                index = _next(text, _skip(text, index + 1), container, keys)
                break
            if text[index : index + 1] != _closing(container):
                raise ValueError(f"expected ',' or '{_closing(container)}' at character {index}")
            value = containers.pop()
            index = _skip(text, index + 1)
        else:
            if index != len(text):
                raise ValueError(f"something follows the document at character {index}")
            return value


def _skip(text: str, index: int) -> int:
    return _SPACE.match(text, index).end()


def _closing(container: list) -> str:
    return "}" if isinstance(container, Members) else "]"


def _next(text: str, index: int, container: list, keys: list[str]) -> int:
    """Where the next value of ``container`` begins; of an object, after its key, which goes on ``keys``."""
    if not isinstance(container, Members):
        return index
    if text[index : index + 1] != '"':
        raise ValueError(f"expected a key in double quotes at character {index}")
    key, index = _string(text, index)
    index = _skip(text, index)
    if text[index : index + 1] != ":":
        raise ValueError(f"expected ':' at character {index}")
    keys.append(key)
    return index + 1


def _value(text: str, index: int) -> tuple[object, int]:
    """The value at ``index`` and where it ends; of a list or object an empty one and where its content begins."""
    first = text[index : index + 1]
    if first == '"':
        return _string(text, index)
    if first == "{":
        return Members(), index + 1
    if first == "[":
        return [], index + 1
    number = _NUMBER.match(text, index)
    if number:
        return Number(number.group()), number.end()
    literal = _LITERAL.match(text, index)
    if literal:
        return _LITERALS[literal.group()], literal.end()
    raise ValueError(f"expected a value at character {index}")


def _string(text: str, index: int) -> tuple[str, int]:
    value, end = json.decoder.scanstring(text, index + 1, True)
    return value if value.isascii() else _SURROGATE.sub("\ufffd", value), end
