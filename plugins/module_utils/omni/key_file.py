# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that holds a service account's key, readable by its owner only.

A new key is written beside it before Omni hears of it and takes its place once Omni has accepted it. So no key is ever lost
between the two: what a run that was cut short left behind, the next one finds and uses.
"""

from __future__ import annotations

import dataclasses
import os
import stat

from ..common.errors import InputError, OmniMatchboxError
from .account_key import read_key

MODE = 0o600


@dataclasses.dataclass(frozen=True)
class HeldKey:
    """What a file says of the key in it; the key itself stays there. ``mode`` is the file's."""

    name: str
    fingerprint: str
    mode: int


class KeyFile:
    """The file at ``path``, and the one beside it for a key that Omni may not know yet."""

    def __init__(self, path: str):
        self.path = path
        self.beside = path + ".new"

    def held(self) -> HeldKey | None:
        """What the file holds, ``None`` if there is none; :class:`InputError` if that is no key, or no key could be written there."""
        folder = os.path.dirname(self.path) or "."
        if not os.path.isdir(folder):
            raise InputError(f"key_path: there is no folder {folder} for the key; make it or name another path")
        if not os.access(folder, os.W_OK):
            raise InputError(f"key_path: the folder {folder} cannot be written to; name another path")
        try:
            return _read(self.path)
        except InputError:
            raise InputError(f"key_path: {self.path} holds something else than a service-account key; name another path or remove it") from None

    def left_beside(self) -> HeldKey | None:
        """What a run that was cut short left; ``None`` if nothing that can be used."""
        try:
            return _read(self.beside)
        except InputError:
            return None

    def put_beside(self, key: str) -> None:
        """Write a new key, safely on disk, where it harms nobody if Omni does not take it."""
        try:
            self.drop_beside()
            with open(self.beside, "x", opener=_private, encoding="ascii") as file:
                file.write(key + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OmniMatchboxError(f"key_path: cannot write {self.beside}: {error.strerror}") from None

    def take_over(self) -> None:
        """Put the new key in the old one's place."""
        os.chmod(self.beside, MODE)
        os.replace(self.beside, self.path)

    def drop_beside(self) -> None:
        """Remove a key that Omni did not take."""
        if os.path.lexists(self.beside):
            os.unlink(self.beside)

    def protect(self) -> None:
        """Have nobody but the owner read it."""
        os.chmod(self.path, MODE)

    def remove(self) -> None:
        """Remove the key, and what was left beside it."""
        self.drop_beside()
        if os.path.lexists(self.path):
            os.unlink(self.path)


def _read(path: str) -> HeldKey | None:
    try:
        with open(path, encoding="ascii") as file:
            text, mode = file.read(), stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise InputError(f"{path} cannot be read as a key") from None
    name, key = read_key(text)
    return HeldKey(name, key.extract_certificate().fingerprint.lower(), mode)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, MODE)
