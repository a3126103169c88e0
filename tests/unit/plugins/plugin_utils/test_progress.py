"""Lines about long work: often enough, and not too often."""

from __future__ import annotations

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.plugin_utils.progress import Report, waiting
from lab.system import eventually


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def report(clock, states, *, every=1.0, total=100_000_000):
    """The lines of a report that hears that so many bytes are done, a second apart."""
    lines = []
    made = Report("boot1: images", lines.append, clock)
    for done in states:
        clock.now += every
        made.heard({"done": done, "total": total, "part": "vmlinuz"})
    made.finished()
    return lines


def test_what_a_line_says(clock):
    assert report(clock, [0, 25_000_000, 26_000_000, 50_000_000]) == [
        "boot1: images: 25 % of 100 MB, 25 MB/s, 3 s left (vmlinuz)",
        "boot1: images: 50 % of 100 MB, 12 MB/s, 4 s left (vmlinuz)",
        "boot1: images: 100 MB in 4 s",
    ]


def test_a_fast_one_says_a_line_for_each_tenth(clock):
    assert len(report(clock, range(0, 100_000_001, 1_000_000), every=0.05)) == 10 + 1


def test_a_slow_one_says_a_line_every_five_seconds(clock):
    assert len(report(clock, range(0, 61_000, 1000))) == 60 // 5 + 1


def test_one_that_does_not_get_on(clock):
    assert report(clock, [5_000_000] * 6)[0] == "boot1: images: 5 % of 100 MB, 0.0 MB/s, unknown time left (vmlinuz)"


def test_what_was_there_at_the_beginning_is_not_what_came(clock):
    """A download that is taken up does not seem to be fast."""
    assert report(clock, [60_000_000, 80_000_000])[0] == "boot1: images: 80 % of 100 MB, 20 MB/s, 1 s left (vmlinuz)"


@pytest.mark.parametrize(("total", "line"), [(0, "6.0 MB, 1.0 MB/s (vmlinuz)"), (100_000_000_000, "0 % of 100000 MB, 1.0 MB/s, 27.8 h left (vmlinuz)")])
def test_totals_that_are_not_known_or_are_large(clock, total, line):
    assert report(clock, range(1_000_000, 7_000_000, 1_000_000), total=total)[0] == f"boot1: images: {line}"


def test_who_has_nothing_to_say_says_nothing(clock):
    assert report(clock, []) == []


def test_who_waits_is_told_that_it_goes_on():
    lines = []
    with waiting("the image", lines.append, seconds=0.01):
        assert eventually(lambda: len(lines) > 2, timeout=10)
    said = len(lines)
    assert lines[0] == "the image: 0 s so far"
    assert not eventually(lambda: len(lines) > said, timeout=0.1)
    with waiting("nothing", lines.append):
        pass
    assert len(lines) == said
