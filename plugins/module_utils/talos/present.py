# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What lies on a boot host: its images, and everything that names some of them."""

from __future__ import annotations

import os
import re
import typing as t

from ..common.errors import InputError, OmniMatchboxError
from .lock import STOCK, LockedImage
from .prune import image_folder, references, unused
from .stock import FILE_NAMES
from .version import ARCHITECTURES, Version

_TALOS = "talos"
_KEY = re.compile(r"[0-9a-f]{16}")
_STATE = ".omni-matchbox"  # what the collection keeps in a data directory beside the engine's files
_ENGINE_FOLDERS = ("profiles", "groups", "generic", "ignition", "cloud")


class UnknownReference(OmniMatchboxError):
    """A file names images in a way that cannot be followed."""


def present_images(root: str) -> list[LockedImage]:
    """The images below the assets, in order."""
    found = []
    for version in filter(_is_version, _names(os.path.join(root, _TALOS))):
        for key in [STOCK, *filter(_KEY.fullmatch, _names(os.path.join(root, _TALOS, version)))]:
            images = [LockedImage(version, architecture, key) for architecture in ARCHITECTURES]
            found += [image for image in images if any(map(os.path.isfile, image_files(root, image)))]
    return sorted(found)


def image_files(root: str, image: LockedImage) -> list[str]:
    """The paths of an image's files."""
    return [os.path.join(root, image_folder(image), name) for name in FILE_NAMES.values()]


def removable_images(root: str, data_path: str, wanted: dict[str, str], keep: int, rewritten: t.Iterable[str]) -> list[LockedImage]:
    """The images that :func:`.prune.unused` lets go.

    What is named is what the files of the boot engine in ``data_path`` name (but not profiles that are ``rewritten`` for classes), and what links
    below the assets lead to. :class:`UnknownReference` if that cannot be told.
    """
    present = present_images(root)
    if not present:
        return []
    written = set(_named_by_engine(root, data_path, set(rewritten)))
    named = written | {_real(root, path) for path in written} | set(_named_by_links(root))
    # Images may lie elsewhere, with a link in their place.
    return [image for image in unused(present, wanted, named, keep) if not any(_real(root, place) in named for place in _places(image))]


def _places(image: LockedImage) -> list[str]:
    folder = image_folder(image)
    return [folder, *(f"{folder}/{name}" for name in FILE_NAMES.values())]


def _named_by_engine(root: str, data_path: str, rewritten: set[str]) -> t.Iterator[str]:
    if not os.path.isdir(data_path):
        raise InputError(f"data_path: there is no folder {data_path}; without it nobody knows which images are in use")
    ours = {os.path.join(data_path, "profiles", f"{name}.json") for name in rewritten}
    for path in _engine_files(data_path, root):
        if path in ours:
            continue
        with open(path, encoding="utf-8", errors="replace") as file:
            found = references(file.read())
        if found is None:
            raise UnknownReference(f"{path} names assets, but not which")
        yield from found


def _engine_files(data_path: str, assets: str) -> t.Iterator[str]:
    """Every file that the boot engine may read. It follows names and links through folders: a group can name the profile ``../../lab/x``."""
    seen = {os.path.realpath(path) for path in (data_path, assets, os.path.join(data_path, _STATE))}
    for folder, folders, names in os.walk(data_path, followlinks=True, onerror=_raise):
        real: dict[str, str] = {}
        for name in sorted(folders, key=lambda name: (name not in _ENGINE_FOLDERS, name)):
            real.setdefault(os.path.realpath(os.path.join(folder, name)), name)
        folders[:] = [name for place, name in real.items() if place not in seen]
        seen.update(real)
        of_engine = os.path.relpath(folder, data_path).split(os.sep)[0] in _ENGINE_FOLDERS
        paths = [os.path.join(folder, name) for name in sorted(names) if of_engine or name.endswith(".json")]
        yield from filter(os.path.isfile, paths)


def _raise(error: OSError) -> t.NoReturn:
    raise error


def _named_by_links(root: str) -> t.Iterator[str]:
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                yield _real(root, os.path.relpath(path, root))


def _real(root: str, path: str) -> str:
    """Where a path below the assets leads."""
    return os.path.relpath(os.path.realpath(os.path.join(root, path)), os.path.realpath(root))


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_version(name: str) -> bool:
    try:
        return str(Version.parse(name)) == name
    except InputError:
        return False
