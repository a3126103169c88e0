# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine takes without a word and treats otherwise than it looks. Pure.

Of one file that can be read: :mod:`.findings` looks at all of them together. No text shows a kernel argument, which may hold a token.
"""

from __future__ import annotations

import collections
import dataclasses
import re
import typing as t

from ..common.errors import InputError
from .document import Members, parse
from .model import LABELS, Group, Profile
from .reader import field_name
from .validate import valid_profile

_GROUP = ("id", "name", "profile", "selector", "metadata")
_PROFILE = ("id", "name", "boot", "generic_id", "ignition_id", "cloud_id")
_BOOT = ("kernel", "initrd", "args")
_MERGED = ("selector", "metadata", "boot")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Labels that iPXE puts into its request as they are, and what then does not arrive as it is.
_PLAIN_LABELS = ("domain", "hostname", "serial")
_UNSAFE = re.compile(r"[;&+%#]")


def unmatchable(content: bytes, group: Group) -> t.Iterator[str]:
    """Why no machine is in the group, whatever other groups there are."""
    for key, value in group.selector.items():
        if key not in LABELS and key.lower() in LABELS:
            yield f"selector.{key} never matches; machines send {key.lower()}"
        elif key == "uuid" and value != value.lower():
            yield f"selector.uuid {value} never matches; machines send it in lower case"
    for key, value in _raw_selector(content):
        if key == "mac" and isinstance(value, str) and not re.search("[:.-]", value):
            yield f"selector.mac {value} has no separators, and most builds of Matchbox then skip the group; write it as 52:54:00:12:34:56"


def group_surprises(content: bytes, group: Group) -> t.Iterator[str]:
    """What surprises in a group's file."""
    yield from _spelling(parse(content), _GROUP)
    for key, times in collections.Counter(key for key, value in _raw_selector(content)).items():
        if times > 1:
            yield f"selector.{key} is there {times} times; the last one counts"
    if not group.selector and not group.profile:
        yield "has neither selector nor profile, so it is the group of every machine and boots none"
    yield from _selector(group.selector)
    yield from _metadata(group.metadata)


def profile_surprises(content: bytes, profile: Profile) -> t.Iterator[str]:
    """What surprises in a profile's file: above all, what the modules of the collection would not have written."""
    yield from _spelling(parse(content), _PROFILE)
    if profile.boot is None:
        yield "has no boot, so its machines get 404 for their script"
    fields = {field: value for field, value in dataclasses.asdict(profile).items() if value}
    try:
        valid_profile({**fields, "id": "x"}, "", variables=True)
    except InputError as error:
        yield str(error).removeprefix("profile x: ")


def _spelling(document: object, known: tuple, prefix: str = "") -> t.Iterator[str]:
    """Keys that are not as they should be."""
    times: collections.Counter = collections.Counter()
    for key, value in _members(document):
        field = field_name(key)
        if field not in known:
            yield f"{prefix}{key} is no field that Matchbox knows, so it counts for nothing; known are {', '.join(known)}"
            continue
        times[field] += 1
        if key != field:
            yield f"{prefix}{key} counts as {prefix}{field}"
        if field == "boot":
            yield from _spelling(value, _BOOT, "boot.")
    for field, number in times.items():
        if number > 1:
            yield f"{prefix}{field} is there {number} times; " + ("they are merged" if field in _MERGED else "the last one counts")


def _members(value: object) -> Members:
    return value if isinstance(value, Members) else Members()


def _raw_selector(content: bytes) -> list[tuple[str, object]]:
    """The selectors as they are spelled."""
    return [pair for key, value in _members(parse(content)) if field_name(key) == "selector" for pair in _members(value)]


def _selector(selector: dict[str, str]) -> t.Iterator[str]:
    for key, value in selector.items():
        unsafe = key in _PLAIN_LABELS and _UNSAFE.search(value)
        if not value:
            yield f"selector.{key} is empty, so it selects the machines that do not send it"
        elif unsafe:
            yield f"selector.{key} holds {unsafe.group()}, which iPXE sends as it is; what arrives is another value"
        if key.lower() not in LABELS:
            yield f"selector.{key} matches only requests that were told to send it; after /boot.ipxe machines send {', '.join(LABELS)}"
    for key, times in collections.Counter(key.lower() for key in selector).items():
        if times > 1:
            yield f"selector.{key} is there {times} times, spelled differently; which of them /metadata tells is left to chance"


def _metadata(metadata: dict) -> t.Iterator[str]:
    if "request" in metadata:
        yield "metadata.request is replaced by what the machine sends; give it another name"
    for top, value in metadata.items():
        yield from dict.fromkeys(f"metadata.{top} {text}" for text in _in_metadata(top, value))


def _in_metadata(name: str, value: object) -> t.Iterator[str]:
    """What surprises in a value and, however deep, below it."""
    waiting = [(name, value)]
    while waiting:
        key, inner = waiting.pop()
        if len(key.upper()) != len(key):
            yield "has a letter in a name that has no capital of one letter; /metadata tells it as it is"
        if isinstance(inner, dict):
            waiting += inner.items()
        elif inner is None or isinstance(inner, list):
            yield "has null or a list, which /metadata leaves out"
        elif isinstance(inner, float) and inner and not 1e-4 <= abs(inner) < 1e6:
            yield "has a number that /metadata tells in the form 1e+06; write it as text"
        elif isinstance(inner, str) and _CONTROL.search(inner):
            yield "has a line break or another control character, so that /metadata tells more than one line or cannot be read"
