# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it takes for files to be there after a power failure."""

from __future__ import annotations

import os


def sync_folder(path: str) -> None:
    """Bring to disk what was made, renamed and removed in a folder; the files' own contents need an ``fsync`` of their own before."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
