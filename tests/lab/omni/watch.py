"""Streams of what happens to resources."""

from __future__ import annotations

import time
import typing as t

from . import lookup, resources, store
from .calls import Call

CREATED, UPDATED, DESTROYED, BOOTSTRAPPED = 1, 2, 3, 4
_INTERVAL = 0.005
_ALSO_WITHOUT_CHANGE = 1.0
"""Seconds after which resources are looked at even if nobody changed the state: some follow from the time."""


def watch(call: Call) -> t.Iterator[dict | None]:
    """Events as they happen, and ``None`` in between. What is wrong with the request is raised at once."""
    kind = lookup.kind_of(call, call.body, "read")
    return _events(call, kind, _now(call, kind))


def _events(call: Call, kind: resources.Kind, known: dict[str, dict]) -> t.Iterator[dict | None]:
    for item in known.values():
        yield _event(CREATED, len(known), item)
    yield {"event": {"event_type": BOOTSTRAPPED}, **({"total": len(known)} if known else {})}
    for worthwhile in _moments(call):
        yield None
        if not worthwhile:
            continue
        current = _now(call, kind)
        for resource_id in [old for old in known if old not in current]:
            yield _event(DESTROYED, len(current), known[resource_id])
        for resource_id, item in current.items():
            before = known.get(resource_id)
            if before is None:
                yield _event(CREATED, len(current), item)
            elif before["metadata"]["created"] != item["metadata"]["created"]:
                yield _event(DESTROYED, len(current), before)
                yield _event(CREATED, len(current), item)
            elif before != item:
                yield _event(UPDATED, len(current), item, before)
        known = current


def _now(call: Call, kind: resources.Kind) -> dict[str, dict]:
    call.content = call.state.read()
    call.asker = resources.Asker(call.asker.account, call.state.clock(), call.state.timestamp())
    store.settle(call.content, call.asker.now)
    return {item["metadata"]["id"]: item for item in lookup.selected(call, kind)}


def _moments(call: Call) -> t.Iterator[bool]:
    """Moments without end; whether it is worth looking again at each."""
    path, seen, looked = call.state.directory / "state.json", None, 0.0
    while True:
        status, now = path.stat(), time.monotonic()
        file = (status.st_ino, status.st_mtime_ns, status.st_size)
        worthwhile = file != seen or now - looked > _ALSO_WITHOUT_CHANGE
        if worthwhile:
            seen, looked = file, now
        yield worthwhile
        time.sleep(_INTERVAL)


def _event(event_type: int, total: int, item: dict, old: dict | None = None) -> dict:
    event = {"resource": lookup.compact(item), **({"old": lookup.compact(old)} if old else {}), "event_type": event_type}
    return {"event": event, **({"total": total} if total else {}), "sort_field_data": item["metadata"]["id"]}
