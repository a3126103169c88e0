"""Groups of processes that can be ended as a whole, however they were started and whatever became of their parents.

On a machine with cgroup2 alone a group is one directory. Where cgroup2 lies beside v1 (hybrid) it is one in each of the two trees
that a systemd inside wants; processes are ended through the cgroup2 one.
"""

from __future__ import annotations

import contextlib
import os
import pathlib

from .system import LabError, eventually

ROOT = pathlib.Path("/sys/fs/cgroup")

# Run by sh: enters the groups whose cgroup.procs are named in ENTER, then becomes the command.
# If a group is gone, the run has been cleaned meanwhile and the command must not start.
ENTER = 'for procs in $ENTER; do echo $$ >"$procs" || exit 1; done; unset ENTER; exec "$@"'


def trees(root: pathlib.Path = ROOT) -> list[pathlib.Path]:
    """Where groups are made; the first is the cgroup2 tree."""
    if (root / "cgroup.controllers").exists():
        return [root]
    if (root / "unified/cgroup.controllers").exists():
        return [tree for tree in (root / "unified", root / "systemd") if tree.is_dir()]
    raise LabError(f"no cgroup2 tree at {root} or {root}/unified: the lab needs one to find its processes again")


def create(group: str) -> None:
    """Makes a group; one that exists stays as it is."""
    for tree in trees():
        (tree / group).mkdir(exist_ok=True)


def entering(group: str, argv: list[str]) -> tuple[list[str], dict[str, str]]:
    """A command line that enters ``group`` before it becomes ``argv``, and the environment variable it needs."""
    return ["sh", "-c", ENTER, "sh", *argv], {"ENTER": " ".join(str(tree / group / "cgroup.procs") for tree in trees())}


def named(prefix: str) -> list[str]:
    """The groups whose name begins with ``prefix``."""
    return sorted({path.name for tree in trees() for path in tree.glob(f"{prefix}*") if path.is_dir()})


def processes(group: str) -> list[int]:
    """The processes in a group and in the groups below it."""
    found = []
    for directory, _folders, _files in os.walk(trees()[0] / group):
        with contextlib.suppress(OSError):
            found += [int(pid) for pid in pathlib.Path(directory, "cgroup.procs").read_text().split()]
    return found


def populated(group: str) -> bool:
    """Whether a process runs in the group or below it."""
    try:
        return "populated 1" in (trees()[0] / group / "cgroup.events").read_text()
    except OSError:
        return False


def kill(group: str) -> None:
    """Ends every process of the group and removes it; a process that was just entering the group is ended with the others."""
    if not eventually(lambda: _removed(group), timeout=10, pause=0.01):
        raise LabError(f"the processes of the cgroup {group} do not end: {', '.join(map(str, processes(group)))}")


def _removed(group: str) -> bool:
    with contextlib.suppress(OSError):
        (trees()[0] / group / "cgroup.kill").write_text("1")
    for tree in trees():
        for directory, _folders, _files in os.walk(tree / group, topdown=False):
            with contextlib.suppress(OSError):  # busy: a process is still ending
                os.rmdir(directory)
    return not any((tree / group).exists() for tree in trees())
