"""Ends a process at one of its calls into the file system, and looks at what is there after each of them."""

from __future__ import annotations

import contextlib
import os
import typing as t

CALLS = ("open", "mkdir", "chmod", "chown", "fsync", "rename", "unlink", "rmdir")


def killed_after(count: int, work: t.Callable[[], object]) -> bool:
    """Run ``work`` in a process that ends at its ``count``-th call into the file system, before that call; whether it came so far."""
    child = os.fork()
    if child:
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, 9), "the run failed before it could be killed"
        return status == 9
    left = count

    def counted(call: t.Callable) -> t.Callable:
        def counting(*args: object, **options: object) -> object:
            nonlocal left
            if left == 0:
                os._exit(9)
            left -= 1
            return call(*args, **options)

        return counting

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
    try:
        work()
        os._exit(0)
    finally:
        os._exit(1)


@contextlib.contextmanager
def watched(look: t.Callable[[str], None]) -> t.Iterator[None]:
    """Calls ``look`` with the path after each rename and removal of a file."""

    def looking(call: t.Callable) -> t.Callable:
        def changing(*paths: str, **options: object) -> None:
            call(*paths, **options)
            look(paths[-1])

        return changing

    calls = {name: getattr(os, name) for name in ("rename", "unlink")}
    for name, call in calls.items():
        setattr(os, name, looking(call))
    try:
        yield
    finally:
        for name, call in calls.items():
            setattr(os, name, call)
