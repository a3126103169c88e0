"""Programs that see another time than this machine."""

from __future__ import annotations

import os

# The program `faketime` itself refuses to start where a killed one with the same process id left its semaphore; the library goes on.
LIBRARY = "/usr/$LIB/faketime/libfaketime.so.1"


def shifted(offset: str) -> dict[str, str]:
    """What a program's environment gets so that its clock is off by ``offset`` (``-30d``, ``+10m``)."""
    return {"LD_PRELOAD": LIBRARY, "FAKETIME": offset}


def environment(offset: str, **more: str) -> dict[str, str]:
    """The environment of this process, and :func:`shifted`."""
    return {**os.environ, **shifted(offset), **more}
