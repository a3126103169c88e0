"""Data directories: what is in one, what every machine boots from it, and a site in two states that differ in every way."""

from __future__ import annotations

import json
import pathlib

from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.directory import load_profile, read_groups
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.model import Group
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.reader import UnreadableError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.script import ipxe_script
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.matchbox.select import Index

FOLDERS = ("profiles", "groups")


def contents(data: pathlib.Path) -> dict[str, str]:
    """Every file that the engine may read, by its path below the data directory."""
    return {str(file.relative_to(data)): file.read_text() for folder in FOLDERS for file in (data / folder).rglob("*")}


def boots(data: pathlib.Path, machines: list[dict[str, str]]) -> list[str | None]:
    """The script that each machine gets from what is on disk, as upstream answers it; ``None`` for 404."""
    index = Index(group for group in read_groups(str(data)).values() if isinstance(group, Group))
    chosen = [index.select(machine) for machine in machines]
    scripts = {group.profile: _script(data, group.profile) for group in chosen if group}
    return [scripts[group.profile] if group else None for group in chosen]


def _script(data: pathlib.Path, profile: str) -> str | None:
    try:
        boot = load_profile(str(data), profile).boot
    except UnreadableError:
        return None
    return ipxe_script(boot) if boot else None


def site(state: int, size: int) -> dict[str, list[dict]]:
    """The options ``profiles`` and ``groups`` of a site with ``size`` groups in its state 0 or 1.

    From one to the other, profiles change, come and go; groups come, go, move, change their selectors; files swap selectors and
    profiles swap their groups while both change.
    """
    profiles = [_profile(name, f"{name}{state}") for name in ("red", "blue", "gone added".split()[state])] + [_profile("kept", "kept")]
    groups = [{"id": "default", "profile": "red"}, _group("rack", ["red", "added"][state], domain="rack1")]
    groups.append(_group("arm", ["kept", "blue"][state], arch="arm64"))
    places = range(len(groups), size)
    return {"profiles": profiles, "groups": groups + [group for place in places for group in _groups(place, state)]}


def _groups(place: int, state: int) -> list[dict]:
    """The group of a place in a site: one of eight fates, or none in this state."""
    name, labels = f"m{place}", machine(place)
    mac, serial, uuid = ({label: labels[label]} for label in ("mac", "serial", "uuid"))
    swapped = {"serial": machine(place ^ 8 if state else place)["serial"] + "s"}
    fates = [
        [_group(name, "red", **mac)],
        [_group(name, ["red", "blue"][state], **mac)],
        [_group(name, ["blue", "red"][state], **uuid)],
        [] if state else [_group(name, "gone", **mac)],
        [_group(name, "added", **uuid)] if state else [],
        [_group(name, "kept", **[serial, uuid][state])],
        [_group(name, ["kept", "blue"][state], **swapped)],
        [_group(name, ["red", "kept"][state], **mac, **serial)],
    ]
    return fates[place % len(fates)]


def machine(place: int) -> dict[str, str]:
    """The labels of the machine that the group of a place is about."""
    return {
        "uuid": f"4c4c4544-0051-3510-8052-{place:012x}",
        "mac": f"52:54:00:00:{place // 256:02x}:{place % 256:02x}",
        "domain": ["", "rack1"][place % 2],
        "hostname": "",
        "serial": f"S{place}",
        "arch": ["x86_64", "arm64", "i386"][place % 3],
    }


def machines(size: int) -> list[dict[str, str]]:
    """The machines of a site with ``size`` groups, of some their neighbours too, and one that nobody has named."""
    named = [machine(place) for place in range(size + 8)]
    return [*named, *({**labels, "serial": labels["serial"] + "s"} for labels in named), {"arch": "x86_64"}]


def files(options: dict[str, list[dict]]) -> dict[str, str]:
    """The files of a site, as they are written."""
    return {f"{folder}/{thing['id']}.json": json.dumps(thing, indent=2) + "\n" for folder in FOLDERS for thing in options[folder]}


def _profile(name: str, content: str) -> dict:
    return {"id": name, "boot": {"kernel": f"/assets/{content}/vmlinuz", "initrd": [f"/assets/{content}/initramfs.xz"]}}


def _group(name: str, profile: str, **selector: str) -> dict:
    return {"id": name, "profile": profile, "selector": selector}
