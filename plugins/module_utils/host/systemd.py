# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks systemd about a unit and tells it what :mod:`.units` has planned."""

from __future__ import annotations

import contextlib
import json
import os
import time
import typing as t

from ..common.errors import OmniMatchboxError
from .commands import check, run
from .units import PROPERTIES, UnitState, parse_show, stamp_text, telling_lines

STAMPS = "/run/omni-matchbox"
PROOF_SECONDS = 1.0  # how long a process of an unproven type has to live to count as started


class Unit:
    """One unit of this host's systemd, and the stamp of what it has read."""

    def __init__(self, name: str, stamps: str = STAMPS):
        self.name = name
        self._stamp = os.path.join(stamps, f"{name}.loaded")

    def show(self) -> UnitState:
        """How the unit is now."""
        return parse_show(check("systemctl", "show", "--timestamp=us+utc", f"--property={','.join(PROPERTIES)}", "--", self.name))

    def tell(self, verb: str) -> None:
        """``start``, ``stop``, ``enable`` … the unit and wait until systemd has done it."""
        check("systemctl", "--no-ask-password", verb, "--", self.name)

    def stamp(self) -> str:
        """What the stamp says, or nothing."""
        try:
            with open(self._stamp, encoding="utf-8") as file:
                return file.read()
        except OSError:
            return ""

    def write_stamp(self, files: t.Mapping[str, t.Any] | None) -> None:
        """Note that the unit's present invocation has read ``files``, or (None) that files are being changed."""
        os.makedirs(os.path.dirname(self._stamp), 0o755, exist_ok=True)
        staged = self._stamp + ".new"
        with open(staged, "w", encoding="utf-8") as file:
            file.write(stamp_text(self.show(), files))
        os.replace(staged, self._stamp)

    def load(self, action: str) -> None:
        """``start``, ``restart`` or ``reload`` the unit; OmniMatchboxError with what it logged if it is not up afterwards."""
        since, former = time.time(), "" if action == "reload" else self.show().invocation
        # So that earlier failures do not count against systemd's limit of starts. It fails for a unit that is not loaded.
        run("systemctl", "reset-failed", "--", self.name)
        output = run("systemctl", "--no-ask-password", "reload-or-restart" if action == "reload" else action, "--", self.name)
        if output.code or not self._stays_up():
            raise OmniMatchboxError(f"{self.name} did not {action}: {self._reason(since, former) or output.complaint or 'it logged nothing'}")

    def _stays_up(self) -> bool:
        """Whether the unit runs, and its process is still the same after a moment where systemd cannot know more."""
        first = self.show()
        until = time.monotonic() + (0 if first.proven else PROOF_SECONDS)
        state = first
        while state.running and state.invocation == first.invocation:
            if time.monotonic() >= until:
                return True
            time.sleep(0.1)
            state = self.show()
        return False

    def _reason(self, since: float, former: str) -> str:
        run("journalctl", "--sync")
        output = run("journalctl", f"--unit={self.name}", f"--since=@{since:.6f}", "--output=json", "--no-pager", "--lines=50")
        entries = []
        for line in output.out.splitlines():
            with contextlib.suppress(ValueError):
                entries.append(json.loads(line))
        return " | ".join(telling_lines(entries, former))


def reread_units() -> None:
    """Have systemd read unit files again."""
    check("systemctl", "daemon-reload")


def identities(paths: t.Iterable[str]) -> dict[str, list[int] | None]:
    """Path to ``[inode, change time in ns]`` of what lies there, None for nothing. A link changes with what it points to."""
    return {path: _identity(path) for path in paths}


def _identity(path: str) -> list[int] | None:
    try:
        link = os.lstat(path)
    except OSError:
        return None
    try:
        file = os.stat(path)
    except OSError:
        file = link
    return [file.st_ino, max(file.st_ctime_ns, link.st_ctime_ns)]
