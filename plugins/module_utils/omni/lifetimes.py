# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long tokens and keys are good for: as people write it, and as Omni writes times. Times are seconds since the epoch."""

from __future__ import annotations

import datetime
import re

from ..common.errors import InputError

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LONGEST = 36500 * 86400
_LIFETIME = re.compile(r"([1-9][0-9]{0,5})([mhdw])")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?)?")


def show_time(epoch: float) -> str:
    """Seconds since the epoch as ``2026-11-24T06:22:43Z``."""
    return datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_lifetime(text: str, option: str) -> int:
    """Seconds for ``90d``, ``12h``, ``4w``, ``30m``; an :class:`InputError` that names the ``option`` for anything else."""
    match = _LIFETIME.fullmatch(text)
    if not match:
        raise InputError(f"{option}: {text!r} is no span of time; write a number with m, h, d or w, as in 90d")
    seconds = int(match.group(1)) * _UNITS[match.group(2)]
    if seconds > _LONGEST:
        raise InputError(f"{option}: {text} is more than a hundred years; write less")
    return seconds


def is_soon(end: float | None, now: float, within: str | None, option: str) -> bool:
    """Whether ``end`` is no farther away than ``within``, a lifetime as people write it in ``option``; without one, nothing is soon."""
    seconds = parse_lifetime(within, option) if within else 0
    return bool(seconds) and end is not None and end - now <= seconds


def renewed_end(end: float, now: float, lifetime: int, spare: int) -> float:
    """``end`` moved on by as many lifetimes (seconds) as it takes, usually one, to be more than ``spare`` seconds after ``now``.

    It follows from the end that was, and not from the moment at which somebody looks: a preview tells the very end that the run sets.
    """
    return end + lifetime * (int((now + spare - end) // lifetime) + 1)


def parse_time(text: str) -> float:
    """A time as Omni writes it (``2026-11-24T06:22:43Z``), or a date, which means its first moment in UTC; else :class:`ValueError`."""
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError(text)
    date, clock, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z") else zone
    try:
        return datetime.datetime.fromisoformat(f"{date}T{clock or '00:00:00'}{offset}").astimezone(datetime.timezone.utc).timestamp()
    except OverflowError:
        raise ValueError(text) from None


def parse_expiry(text: str, since: float, option: str) -> float | None:
    """When something made at ``since`` ends: after a lifetime, at a date or time, or ``never``, which is ``None``."""
    if text == "never":
        return None
    if is_lifetime(text):
        return since + parse_lifetime(text, option)
    try:
        return parse_time(text)
    except ValueError:
        raise InputError(f"{option}: {text!r} is no end; write a lifetime as in 90d, a date as in 2027-03-01, or never") from None


def is_lifetime(text: str) -> bool:
    """Whether an expiry is written as a span of time and not as a date."""
    return bool(_LIFETIME.fullmatch(text))
