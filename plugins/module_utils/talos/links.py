# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folders that classes name themselves: links to the files of an image, such as ``talos/vmlinuz`` to ``talos/v1.11.4/vmlinuz``."""

from __future__ import annotations

import dataclasses
import os
import posixpath

from ..common.errors import InputError
from .stock import FILE_NAMES


@dataclasses.dataclass(frozen=True)
class Link:
    """A relative link to an image's file, which takes the place of one to ``before``."""

    path: str
    target: str
    before: str | None


def plan_links(root: str, images: list[dict], files: set[str]) -> list[Link]:
    """The links that are not as they should be; ``files`` are the paths of images. A file that is no link is never replaced."""
    targets: dict[str, str] = {}
    for image in images:
        for name in FILE_NAMES.values() if image["link"] else ():
            path = f"{image['link']}/{name}"
            target = posixpath.relpath(f"{image['path']}/{name}", image["link"])
            if path in files or targets.setdefault(path, target) != target:
                raise InputError(f"images: {path} is wanted twice, as a link to {target} and as something else; give them paths of their own")
    links = [Link(path, target, _target(root, path)) for path, target in targets.items()]
    return [link for link in links if link.before != link.target]


def _target(root: str, path: str) -> str | None:
    """Where the link leads that is at ``path`` now, if any."""
    place = os.path.join(root, path)
    if os.path.lexists(place) and not os.path.islink(place):
        raise InputError(f"{place} is no link but was put there by somebody; move it away, a link to the wanted version belongs there")
    return os.readlink(place) if os.path.islink(place) else None
