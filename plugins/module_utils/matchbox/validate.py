# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes profiles and groups from what people wrote, and refuses what upstream would misread. Pure.

Upstream's own reader is lenient where that hurts: a group it cannot read is skipped, and its machines boot the default. So what
is written to disk has to pass here first. Errors name the object, the field and what to write instead; they show no value of a
kernel argument, since one of them holds the join token.
"""

from __future__ import annotations

import math
import re

from ..common.errors import InputError
from .model import LABELS, Boot, Group, Profile, hardware_address
from .steps import MEANWHILE

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
# A file name has 255 letters; .json and what stands before the id of an intermediate go off.
_ID_LETTERS = 200
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# What iPXE takes for the end of a command, if it is a word of its own. A word that begins with # begins a comment.
_SEPARATORS = (";", "&&", "||")
_REFERENCES = ("generic_id", "ignition_id", "cloud_id")
# Architectures by other names than iPXE's.
_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "aarch64": "arm64"}
_DEPTH = 50


def valid_profile(data: object, place: str, *, variables: bool = False) -> Profile:
    """The profile in ``data``, which has upstream's schema; ``None`` is as good as absent.

    ``place`` is where it was written, for an error about its id. With ``variables`` texts of its boot may hold iPXE's ``${...}``.
    """
    fields = _object(data, place, ("id", "name", "boot", *_REFERENCES))
    where = f"profile {valid_id(fields, 'id', place)}"
    boot = fields.get("boot")
    return Profile(
        id=fields["id"],
        name=_text(fields, "name", where),
        boot=None if boot is None else _boot(boot, where, variables),
        **{field: valid_id(fields, field, where) if field in fields else "" for field in _REFERENCES},
    )


def valid_group(data: object, place: str) -> Group:
    """The group in ``data``, which has upstream's schema; ``None`` is as good as absent. ``place`` as in :func:`valid_profile`."""
    fields = _object(data, place, ("id", "name", "profile", "selector", "metadata"))
    where = f"group {valid_id(fields, 'id', place)}"
    metadata = fields.get("metadata", {})
    _check_metadata(metadata, f"{where}: metadata")
    if "request" in metadata:
        raise InputError(f"{where}: metadata.request is replaced by what a machine sends; give it another name")
    return Group(
        id=fields["id"],
        name=_text(fields, "name", where),
        profile=valid_id(fields, "profile", where),
        selector=_selector(fields.get("selector", {}), f"{where}: selector"),
        metadata=metadata,
    )


def _object(data: object, where: str, known: tuple) -> dict:
    """``data`` without the fields that are ``None``."""
    if not isinstance(data, dict):
        raise InputError(f"{where}: is {_shown(data)}; write a dictionary with the fields {', '.join(known)}")
    unknown = [str(field) for field in data if field not in known]
    if unknown:
        raise InputError(f"{where}: unknown field {unknown[0]!r}; known are {', '.join(known)}")
    return {field: value for field, value in data.items() if value is not None}


def valid_id(fields: dict, field: str, where: str) -> str:
    """An id; it is a file's name too."""
    if field not in fields:
        raise InputError(f"{where}: {field} is missing; give an id such as 'talos'")
    value = fields[field]
    if not isinstance(value, str):
        raise InputError(f"{where}: {field} is {_shown(value)}; write it as text, in quotes")
    if not _ID.fullmatch(value):
        raise InputError(f"{where}: {field} {value!r} is no id; begin with a letter or digit, go on with letters, digits, '.', '_' and '-'")
    if len(value) > _ID_LETTERS:
        raise InputError(f"{where}: {field} {value[:20]}... has {len(value)} letters; write at most {_ID_LETTERS}, it is a file's name")
    if value.startswith(MEANWHILE):
        raise InputError(f"{where}: {field} {value!r} begins with {MEANWHILE}, which is kept for what is there during a run; choose another")
    return value


def _text(fields: dict, field: str, where: str) -> str:
    """A text for people, on one line."""
    value = fields.get(field, "")
    if not isinstance(value, str):
        raise InputError(f"{where}: {field} is {_shown(value)}; write it as text, in quotes")
    if _CONTROL.search(value):
        raise InputError(f"{where}: {field} has a line break or another control character; write it on one line")
    return value


def _boot(data: object, where: str, variables: bool) -> Boot:
    fields = _object(data, f"{where}: boot", ("kernel", "initrd", "args"))
    kernel = fields.get("kernel", "")
    _check_boot_text(kernel, f"{where}: boot.kernel", variables)
    if " " in kernel:
        raise InputError(f"{where}: boot.kernel has a blank; give the URL or path alone, arguments belong into boot.args")
    lists = {}
    for field in ("initrd", "args"):
        lists[field] = fields.get(field, [])
        if not isinstance(lists[field], list):
            raise InputError(f"{where}: boot.{field} is {_shown(lists[field])}; write a list of texts")
        for number, item in enumerate(lists[field], 1):
            _check_boot_text(item, f"{where}: boot.{field} number {number}", variables)
    return Boot(kernel, **lists)


def _check_boot_text(value: object, where: str, variables: bool) -> None:
    """What becomes part of a line of a script must not end the line, the command or the words that follow it."""
    if not isinstance(value, str):
        raise InputError(f"{where} is {_shown(value)}; write it as text, in quotes")
    where += f" ({value.partition('=')[0]}=...)" if re.match(r"[A-Za-z0-9._-]+=", value) else ""
    if not value.strip():
        raise InputError(f"{where} is empty; give a value or leave it out")
    if _CONTROL.search(value):
        raise InputError(f"{where} has a line break or another control character; write it on one line")
    for word in value.split():
        if word in _SEPARATORS:
            raise InputError(f"{where} has the word {word}, where iPXE ends the command; take it out")
        if word.startswith("#"):
            raise InputError(f"{where} has a word that begins with #, where iPXE begins a comment; take it out")
    if value.endswith("\\"):
        raise InputError(f"{where} ends with a backslash, with which iPXE goes on in the next line; take it out")
    if "${" in value and not variables:
        raise InputError(f"{where} has ${{...}}, which iPXE replaces; only profiles that are given whole may use that")


def _selector(data: object, where: str) -> dict[str, str]:
    """The selectors, a MAC address as ``aa:bb:cc:dd:ee:ff``."""
    if not isinstance(data, dict):
        raise InputError(f"{where} is {_shown(data)}; write a dictionary such as {{mac: '52:54:00:12:34:56'}}")
    for key, value in data.items():
        if not isinstance(key, str) or not key or "=" in key or _CONTROL.search(key):
            raise InputError(f"{where} has the key {key!r}; name a label that machines send, such as mac, uuid or serial")
        if key.lower() in LABELS and key not in LABELS:
            raise InputError(f"{where}.{key} never matches; write it in lower case, {key.lower()}, as machines send it")
        _check_selector_value(key, value, f"{where}.{key}")
    return {key: hardware_address(value) if key == "mac" else value for key, value in data.items()}


def _check_selector_value(key: str, value: object, where: str) -> None:
    if not isinstance(value, str):
        example = "'52:54:00:12:34:56'" if key == "mac" else "text, in quotes"
        raise InputError(f"{where} is {_shown(value)}; write it as {example}")
    if not value:
        raise InputError(f"{where} is empty, which selects machines that do not send it; give a value or leave it out")
    if _CONTROL.search(value):
        raise InputError(f"{where} has a line break or another control character; write it on one line")
    if key == "mac" and (hardware_address(value) is None or not re.search(r"[:.-]", value)):
        raise InputError(f"{where} {value!r} is no MAC address that every Matchbox reads; write it as '52:54:00:12:34:56'")
    if key == "uuid" and not _UUID.fullmatch(value):
        _refuse_uuid(value, where)
    if key == "arch" and value != _architecture(value):
        raise InputError(f"{where} {value!r} never matches; to iPXE it is {_architecture(value)!r}")


def _architecture(value: str) -> str:
    """iPXE's own name of an architecture."""
    return _ARCHITECTURES.get(value.lower(), value.lower())


def _refuse_uuid(value: str, where: str) -> None:
    if _UUID.fullmatch(value.lower()):
        raise InputError(f"{where} {value!r} never matches; machines send it in lower case, write '{value.lower()}'")
    raise InputError(f"{where} {value!r} is no UUID, so it never matches; write it as '4c4c4544-0051-3510-8052-b4c04f4e3333'")


def _check_metadata(value: object, where: str, depth: int = 0) -> None:
    """Metadata is printed as ``KEY=value`` lines, so no text in it may hold a line break."""
    if depth > _DEPTH:
        raise InputError(f"{where[:80]}... is more than {_DEPTH} levels deep; write it flatter")
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise InputError(f"{where} has the key {key!r}; write it as text, in quotes")
            if _CONTROL.search(key):
                raise InputError(f"{where} has a key with a line break or another control character; write it on one line")
            _check_metadata(inner, f"{where}.{key}", depth + 1)
    elif depth == 0:
        raise InputError(f"{where} is {_shown(value)}; write a dictionary")
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            _check_metadata(inner, f"{where} number {number}", depth + 1)
    elif isinstance(value, str):
        if _CONTROL.search(value):
            raise InputError(f"{where} has a line break or another control character; write it on one line")
    elif isinstance(value, (int, float)):
        _check_number(value, where)
    elif value is not None:
        raise InputError(f"{where} is {_shown(value)}; write a text, number, true, false, null, list or dictionary")


def _check_number(value: int | float, where: str) -> None:
    """Numbers are kept in 64 bits with a floating point."""
    try:
        exact = math.isfinite(value) and float(value) == value
    except OverflowError:
        exact = False
    if not exact:
        raise InputError(f"{where} is a number that Matchbox cannot keep; write it as text, in quotes")


def _shown(value: object) -> str:
    """A value of the wrong type in words; YAML turns unquoted texts into numbers, dates and truth values."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    return {str: "a text", list: "a list", dict: "a dictionary"}.get(type(value), f"a {type(value).__name__}")
