# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at files of images: is it there, is it one, is it the one that the lock or somebody's digest says.

A file that the lock knows is not read again as long as it has its size; :func:`look_at` says when the whole of it is.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import stat
import typing as t

from ..common.download import BLOCK
from ..common.errors import InputError, OmniMatchboxError
from .container import container_fault
from .files import ImageFile
from .formats import HEAD, image_fault
from .lock import LockedFile

MISSING = "is missing"


@dataclasses.dataclass(frozen=True)
class Look:
    """What was seen: why the file must be fetched (``None``: it is right), what it is (``None``: not known) and its status."""

    fault: str | None
    known: LockedFile | None = None
    status: os.stat_result | None = None


def look_at(root: str, file: ImageFile, locked: LockedFile | None, verify: bool) -> Look:
    """Look at the file below ``root``. All of it is read with ``verify``, and where the lock does not tell its digest or tells another than was given."""
    path = os.path.join(root, file.path)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{path} is no regular file; move it away, an image belongs there")
        with open(path, "rb") as present:
            if locked and locked.size not in (None, status.st_size):
                return Look(content_fault(file, present) or f"has {status.st_size} bytes, not {locked.size}")
            if locked and not verify and file.sha256 in (None, locked.sha256):
                fault = image_fault(file.kind, file.image.architecture, present.read(HEAD))
                return Look(fault, locked, status)
            return _read_all(file, locked, present, status)
    except FileNotFoundError:
        return Look(MISSING)
    except OSError as error:
        raise OmniMatchboxError(f"{path} cannot be read: {error.strerror}") from None


def _read_all(file: ImageFile, locked: LockedFile | None, present: t.BinaryIO, status: os.stat_result) -> Look:
    fault = content_fault(file, present)
    if fault:
        return Look(fault)
    found = _sha256(present)
    expected = file.sha256 or (locked.sha256 if locked else found)
    if found != expected:
        return Look(f"has the sha256 {found}, not {expected}")
    return Look(None, LockedFile(found, status.st_size), status)


def content_fault(file: ImageFile, content: t.BinaryIO) -> str | None:
    """Why the content is no such file, or not a whole one."""
    content.seek(0)
    return image_fault(file.kind, file.image.architecture, content.read(HEAD)) or container_fault(file.kind, content)


def _sha256(stream: t.BinaryIO) -> str:
    digest = hashlib.sha256()
    stream.seek(0)
    for block in iter(lambda: stream.read(BLOCK), b""):
        digest.update(block)
    return digest.hexdigest()
