# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one machine gets, and why. Pure: :mod:`.view` says from which groups and profiles."""

from __future__ import annotations

import typing as t
import urllib.parse

from ..boot.identity import IDENTITIES
from ..common.errors import InputError
from .findings import FIRST_OF
from .model import LABELS, Boot, Group, Profile
from .reader import UnreadableError, shown
from .script import grub_script, ipxe_script, metadata
from .select import labels, matches, precedence

SCRIPTS: dict[str, t.Callable[[Boot], str]] = {"ipxe": ipxe_script, "grub": grub_script}


def request_query(params: dict) -> bytes:
    """The query of the machine that ``params`` describes: as iPXE sends it after /boot.ipxe, with all six labels, and then ``labels``."""
    sent = {label: params[label] or "" for label in LABELS}
    for label, read in IDENTITIES.items():
        if sent[label]:
            sent[label] = read(sent[label], label)
    sent["mac"] = sent["mac"].replace(":", "-")
    for label, value in params["labels"].items():
        if label in LABELS:
            raise InputError(f"labels.{label}: every machine sends this one; give it as {label}")
        if not isinstance(value, str):
            raise InputError(f"labels.{label}: is no text; write it in quotes")
    return urllib.parse.urlencode({**sent, **params["labels"]}).encode()


def answer(query: bytes, groups: t.Mapping[str, Group], load: t.Callable[[str], Profile], loader: str) -> dict:
    """What a machine gets that sends ``query``, as a task returns it.

    ``groups`` are by file name, in the order of the files; ``load`` finds the profile that a group names, or raises
    :class:`.UnreadableError`. ``loader`` is a key of :data:`SCRIPTS`.
    """
    found = labels(query)
    matching = sorted(((name, group) for name, group in groups.items() if matches(group, found)), key=lambda item: precedence(item[1]), reverse=True)
    result = {
        "labels": {label: value for label, value in found.items() if value},
        "group": None,
        "groups": [{"id": shown(name), "selector": group.selector, "profile": group.profile} for name, group in matching],
        "profile": None,
        "script": None,
        "metadata": [],
    }
    if not matching:
        return {**result, "reason": "No group matches, and none is that of every machine."}
    name, group = matching[0]
    profile, obstacle = _profile(group, load)
    script = SCRIPTS[loader](profile.boot) if profile and profile.boot else None
    lines = metadata(group, found, query).split("\n")[:-1]
    reason = why(matching, len(groups)) + obstacle
    return {**result, "group": shown(name), "profile": group.profile or None, "script": script, "metadata": lines, "reason": reason}


def why(matching: list[tuple[str, Group]], loaded: int) -> str:
    """Why the first of the groups that match a machine wins; ``loaded`` groups there are in all."""
    (name, group), *others = matching
    size, text = precedence(group)
    if not others:
        return f"Group {shown(name)} is the only one that matches."
    rival, (rival_size, rival_text) = shown(others[0][0]), precedence(others[0][1])
    if size > rival_size:
        return f"Group {shown(name)} has the most selectors of the {len(matching)} groups that match: {text}."
    if text != rival_text:
        return f"Groups {shown(name)} and {rival} have equally many selectors; {text} is later in the alphabet than {rival_text}."
    wins = f"with more than {FIRST_OF} groups Matchbox may take either" if loaded > FIRST_OF else "its name is the first"
    return f"Group {shown(name)} selects the same as group {rival} does; {wins}."


def _profile(group: Group, load: t.Callable[[str], Profile]) -> tuple[Profile | None, str]:
    """The profile of a group, and what is in the way of its script."""
    try:
        profile = load(group.profile)
    except UnreadableError as error:
        named = f"Its profile {group.profile} is not there: {error}" if group.profile else "It names no profile"
        return None, f" {named}; the machine gets 404, no other group takes it."
    return profile, "" if profile.boot else f" Its profile {group.profile} has no boot; the machine gets 404."
