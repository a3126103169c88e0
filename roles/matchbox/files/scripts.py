# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of a profile, as answers."""

from __future__ import annotations

from http_answer import NOT_FOUND, Answer, content_type
from omni_matchbox_core.matchbox.model import Profile
from omni_matchbox_core.matchbox.script import grub_script, ipxe_script

RENDER = {b"/ipxe": ipxe_script, b"/grub": grub_script}


def script(page: bytes, profile: Profile) -> Answer:
    """What ``page`` answers the machines of a profile."""
    if profile.boot is None:
        return NOT_FOUND
    body = RENDER[page](profile.boot).encode()
    return Answer(200, body, content_type(body))
