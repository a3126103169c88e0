"""Mounts of a run."""

from __future__ import annotations

import contextlib
import pathlib
import re

from .system import LabError, command

NSPAWN = pathlib.Path("/run/systemd/nspawn")


def targets() -> list[str]:
    """Where anything is mounted, innermost first."""
    lines = pathlib.Path("/proc/self/mounts").read_text().splitlines()
    return sorted((re.sub(r"\\(\d{3})", lambda code: chr(int(code[1], 8)), line.split()[1]) for line in lines), reverse=True)


def below(directory: pathlib.Path) -> list[str]:
    """The mounts below a directory, innermost first."""
    return [target for target in targets() if target.startswith(f"{directory}/")]


def of_hosts(label: str) -> list[str]:
    """What systemd-nspawn mounted outside for the hosts whose label on the machine matches the pattern ``label``."""
    return [target for target in targets() if re.match(rf"{NSPAWN}/[^/]+/{label}(/|$)", target)]


def unmount(target: str) -> None:
    """Unmounts, at once for new users and in the end for those that still hold it; also forgets systemd-nspawn's lock on it."""
    with contextlib.suppress(OSError):
        status = pathlib.Path(target).stat()
        (NSPAWN / f"locks/inode-{status.st_dev}:{status.st_ino}").unlink()
    try:
        command("umount", target)
    except LabError:
        command("umount", "--lazy", target)
