# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock file of a boot host: reading and writing it, and which versions lie beside it."""

from __future__ import annotations

import os

from ..common.errors import InputError, OmniMatchboxError
from .lock import LOCK_PATH, Lock, read_lock
from .staging import move
from .version import Version


def lock_of(assets: str) -> Lock:
    """The lock of the images below ``assets``, empty if there is none; :class:`InputError` for one that was spoiled by hand."""
    path = os.path.join(assets, LOCK_PATH)
    try:
        with open(path, encoding="utf-8") as file:
            return read_lock(file.read(), path)
    except FileNotFoundError:
        return Lock()
    except UnicodeDecodeError:
        raise InputError(f"{path}: this is no text; remove it to trust what is there now") from None
    except OSError as error:
        raise OmniMatchboxError(f"{path} cannot be read: {error.strerror}") from None


def write_lock(assets: str, lock: Lock, staging: str) -> None:
    """Replace the lock of the images below ``assets``; ``staging`` is a folder on the same file system, for the new file until it is whole."""
    staged = os.path.join(staging, "images.lock")
    with open(staged, "w", encoding="utf-8") as file:
        file.write(lock.text())
        file.flush()
        os.fsync(file.fileno())
    os.chmod(staged, 0o644)
    move(staged, os.path.join(assets, LOCK_PATH))


def versions_below(assets: str) -> list[str]:
    """The versions that have a folder, in order."""
    try:
        names = os.listdir(os.path.join(assets, os.path.dirname(LOCK_PATH)))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [str(version) for version in sorted(filter(None, map(_version, names)))]


def _version(name: str) -> Version | None:
    try:
        return Version.parse(name)
    except InputError:
        return None
