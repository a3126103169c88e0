"""Spans of time and ends as people write them, and times as Omni writes them."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.errors import InputError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.lifetimes import parse_expiry, parse_lifetime, parse_time, show_time

NEW_YEAR = 1798761600
SINCE = 1000.0


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1800), ("12h", 43200), ("90d", 7776000), ("4w", 2419200)])
def test_spans(text, seconds):
    assert parse_lifetime(text, "lifetime") == seconds


@pytest.mark.parametrize("text", ["", "90", "d", "0d", "-1d", "1.5d", "90 d", "90D", "1y", "1d12h", "9999999d", "\u0663d"])
def test_what_is_no_span(text):
    with pytest.raises(InputError, match="lifetime: .* is no span of time; write a number with m, h, d or w, as in 90d"):
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


@pytest.mark.parametrize("text", ["", "soon", "2027", "2027-13-01", "2027-02-30", "01.01.2027", "2027-01-01T25:00:00Z", "2027-01-01T00:00Z", "1798761600"])
def test_what_is_no_end(text):
    with pytest.raises(InputError, match="expiry: .* is no end; write a lifetime as in 90d, a date as in 2027-03-01, or never"):
        parse_expiry(text, SINCE, "expiry")


def test_times_as_omni_writes_them():
    assert show_time(NEW_YEAR) == "2027-01-01T00:00:00Z"
    assert parse_time(show_time(NEW_YEAR)) == NEW_YEAR
