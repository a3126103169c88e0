"""Spans of time and ends as people write them, and times as Omni writes them."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.lifetimes import (
    parse_expiry,
    parse_lifetime,
    parse_time,
    renewed_end,
    show_time,
)

NEW_YEAR = 1798761600
SINCE = 1000.0


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("12h", 43200), ("90d", 7776000), ("4w", 2419200)])
def test_spans(text, seconds):
    assert parse_lifetime(text, "lifetime") == seconds


@pytest.mark.parametrize("text", ["", "90", "d", "0d", "-1d", "1.5d", "90 d", "90D", "1y", "1d12h", "9999999d", "\u0663d"])
def test_what_is_no_span(text):
    with pytest.raises(InputError, match="lifetime: .* is no span of time; write a number with m, h, d or w, as in 90d"):
        parse_lifetime(text, "lifetime")


@pytest.mark.parametrize("text", ["36501d", "999999w"])
def test_a_span_whose_end_no_calendar_has(text):
    with pytest.raises(InputError, match=f"lifetime: {text} is more than a hundred years; write less"):
        parse_lifetime(text, "lifetime")


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("never", None),
        ("1h", SINCE + 3600),
        ("2027-01-01", NEW_YEAR),
        ("2027-01-01T00:00:00Z", NEW_YEAR),
        ("2027-01-01 00:00:00", NEW_YEAR),
        ("2027-01-01T01:00:00+01:00", NEW_YEAR),
        ("2027-01-01T00:00:00.123456789Z", NEW_YEAR),
    ],
)
def test_ends(text, end):
    assert parse_expiry(text, SINCE, "expiry") == end


ENDS_BEYOND_THE_CALENDAR = ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"]


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2027", "2027-13-01", "2027-02-30", "01.01.2027", "2027-01-01T25:00:00Z", "2027-01-01T00:00Z", "1798761600", *ENDS_BEYOND_THE_CALENDAR],
)
def test_what_is_no_end(text):
    with pytest.raises(InputError, match="expiry: .* is no end; write a lifetime as in 90d, a date as in 2027-03-01, or never"):
        parse_expiry(text, SINCE, "expiry")


def test_times_as_omni_writes_them():
    assert show_time(NEW_YEAR) == "2027-01-01T00:00:00Z"
    assert parse_time(show_time(NEW_YEAR)) == NEW_YEAR


@pytest.mark.parametrize(
    ("now", "lifetimes"),
    [(9900, 1), (9900.999, 1), (9901, 1), (10000, 1), (10999, 1), (11100 - 0.001, 1), (11100, 2), (20000, 9)],
    ids=str,
)
def test_a_renewal_moves_the_end_by_whole_lifetimes(now, lifetimes):
    """Of an end at 10,000, by 1,200 seconds each, to be more than 100 away: the clock counts only where one more is needed."""
    end = renewed_end(10000, now, 1200, 100)
    assert end == 10000 + 1200 * lifetimes
    assert end - 1200 <= now + 100 < end
