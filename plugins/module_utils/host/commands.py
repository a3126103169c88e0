# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the programs of a boot host."""

from __future__ import annotations

import os
import subprocess
import typing as t

from ..common.errors import OmniMatchboxError


class CommandMissing(OmniMatchboxError):
    """The program is not installed (on an untouched host, in check mode, that is no error)."""


class Output(t.NamedTuple):
    """What a program said; ``code`` is its exit status."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """What it said on standard error, else on standard output, in one line."""
        return " | ".join(line.strip() for line in (self.err.strip() or self.out.strip()).splitlines() if line.strip())


def run(*argv: str) -> Output:
    """What ``argv`` said, whatever its exit status, in English and with the administrator's programs on the path."""
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/local/sbin:/usr/sbin:/sbin"
    try:
        process = subprocess.run(argv, capture_output=True, check=False, stdin=subprocess.DEVNULL, env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"})
    except FileNotFoundError:
        raise CommandMissing(f"the program {argv[0]} is not installed on this host") from None
    return Output(process.returncode, process.stdout.decode(errors="replace"), process.stderr.decode(errors="replace"))


def check(*argv: str) -> str:
    """What ``argv`` printed; OmniMatchboxError with its complaint if it fails."""
    output = run(*argv)
    if output.code:
        raise OmniMatchboxError(f"{' '.join(argv)} failed: {output.complaint or f'exit status {output.code}'}")
    return output.out
