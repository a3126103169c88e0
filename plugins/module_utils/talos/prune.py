# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images nothing boots any more. Pure: whoever calls has read the folders.

When in doubt an image stays: a reference need not be in a field that boots something, and one that cannot be followed keeps all images.
"""

from __future__ import annotations

import json
import re
import typing as t
import urllib.parse

from .lock import STOCK, LockedImage
from .stock import custom_folder, stock_folder
from .version import Version

_PATH = re.compile(r"(?:assets/+|(?=talos/))([^\s\"'?#<>,;|&)]*)")
# What is filled in later, by iPXE, GRUB or a template, so that nobody knows now where it leads.
_VARIABLE = re.compile(r"\$|\{\{")
_TALOS = "talos/"
_OF_ALL = ("", "talos")


def image_folder(image: LockedImage) -> str:
    """Where an image lies below the assets."""
    if image.image == STOCK:
        return stock_folder(image.version, image.architecture)
    return custom_folder(image.version, image.image, image.architecture)


def references(content: str) -> set[str] | None:
    """The paths below the assets that a file of the boot engine (of whatever kind) names; ``None`` if it may name any: what is added to a folder, or
    stands for a variable, nobody can tell.
    """
    found: set[str] = set()
    for text in (content, *_texts(content)):
        for match in _PATH.finditer(urllib.parse.unquote(text.replace("\\/", "/"))):
            path, known = match.group(1), _VARIABLE.split(match.group(1))[0]
            if _normal(path) in _OF_ALL or (known != path and (known.startswith(_TALOS) or _TALOS.startswith(known))):
                return None
            # No file is called otherwise.
            if path.isprintable():
                found.add(_normal(path))
    return found


def _normal(path: str) -> str:
    """Without what leads nowhere: ``//``, ``.`` and ``..``."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _texts(content: str) -> t.Iterator[str]:
    """All texts in a JSON document; none if it is no such document."""
    try:
        waiting = [json.loads(content)]
    except (ValueError, RecursionError):
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            yield value


def unused(present: t.Iterable[LockedImage], wanted: dict[str, str], named: t.Iterable[str], keep: int) -> list[LockedImage]:
    """The images of ``present`` that may go.

    ``wanted`` are the folders of images that classes boot, each with its version; ``named`` the paths below the assets that anything on the boot
    host names, with links followed. Of the ``keep`` newest versions, those of classes among them, nothing goes.
    """
    present, named = list(present), set(named)
    versions = sorted({image.version for image in present} | set(wanted.values()), key=Version.parse)
    newest = set(versions[len(versions) - min(keep, len(versions)) :])
    return [image for image in present if image.version not in newest and image_folder(image) not in wanted and not _is_named(image_folder(image), named)]


def _is_named(folder: str, named: set[str]) -> bool:
    """Whether a file of the image, its folder or one around it is named; ``talos``, where all are, says nothing of one of them."""
    around = {folder.rpartition("/")[0], folder.rpartition("/")[0].rpartition("/")[0], folder} - {"", "talos"}
    return any(path in around or path.rpartition("/")[0] == folder for path in named)
