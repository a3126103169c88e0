"""Faults that the lab Omni can be told to have, in the order in which they were added.

They are kept in ``faults.json`` beside the state, so that whoever steers the lab Omni can add some while it runs.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import typing as t

from .state import State

KINDS = {
    "answer": "another answer, and nothing done (status, body, headers)",
    "reset": "the connection is reset before anything is done",
    "reset-after": "it is reset when all is done, before the answer",
    "delay": "the answer comes late (seconds)",
    "truncate": "the connection breaks within the answer; of a stream, after some events (events)",
}
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 429: 8, 500: 2, 503: 14}


@dataclasses.dataclass
class Fault:
    """What goes wrong for ``times`` requests (-1: for all), after ``skip`` that go well; ``method`` is a short name as Get, empty for any."""

    kind: str
    status: int = 0
    body: str = ""
    headers: dict = dataclasses.field(default_factory=dict)
    seconds: float = 0
    events: int = 0
    method: str = ""
    skip: int = 0
    times: int = 1

    @property
    def text(self) -> str:
        """The body of an answer; one that Omni could have written if none was given."""
        return self.body or json.dumps({"code": CODES.get(self.status, 2), "message": "injected fault"})


def add(state: State, *faults: Fault) -> None:
    """Have these faults after all that are there already."""
    unknown = [fault.kind for fault in faults if fault.kind not in KINDS]
    if unknown:
        raise ValueError(f"no fault {unknown[0]}; there are {', '.join(KINDS)}")
    with _changed(state) as pending:
        pending += [dataclasses.asdict(fault) for fault in faults]


def clear(state: State) -> None:
    """Have none any more."""
    with _changed(state) as pending:
        pending.clear()


def pending(state: State) -> list[Fault]:
    """Those that are still to come."""
    with _changed(state) as left:
        return [Fault(**fault) for fault in left]


def take(state: State, method: str) -> Fault | None:
    """The fault of this request, if it has one."""
    with _changed(state) as left:
        for fault in left:
            if fault["method"] in ("", method.rpartition("/")[2]):
                return _use(left, fault)
    return None


def _use(left: list[dict], fault: dict) -> Fault | None:
    if fault["skip"]:
        fault["skip"] -= 1
        return None
    if fault["times"] > 0:
        fault["times"] -= 1
    if fault["times"] == 0:
        left.remove(fault)
    return Fault(**fault)


@contextlib.contextmanager
def _changed(state: State) -> t.Iterator[list[dict]]:
    """The list to be changed in place. An empty file is an empty list."""
    with open(state.directory / "faults.json", "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        before = file.read()
        content = json.loads(before or "[]")
        yield content
        after = json.dumps(content)
        if after != (before or "[]"):
            file.truncate(0)
            file.write(after)
