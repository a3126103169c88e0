"""How long a run of site.yml takes that has nothing to do."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

from lab.run import Run
from lab.site import DHCP, Site, recap, succeeded

from .figures import Figure, ratios

PAIRS = 5


def figures() -> Iterator[Figure]:
    """``site_noop_vs_ping``: both by a new process on the controller, over an ssh connection that is kept."""
    with Run() as run:
        site = Site(run).up({"boot1": "bookworm"})
        site.inventory(site.variables(**DHCP))
        succeeded(site.converge())
        noops, pings = [], []
        for _pair in range(PAIRS + 1):
            pings.append(_seconds(lambda: succeeded(site.ansible("ansible", "boot_hosts", "-m", "ansible.builtin.ping", stdout=subprocess.PIPE))))
            noops.append(_seconds(lambda: _nothing_to_do(site)))
    # The first pair opens the connection and fills caches.
    noops, pings = noops[1:], pings[1:]
    yield Figure("site_noop_seconds", "s", noops)
    yield Figure("ping_seconds", "s", pings)
    yield Figure("site_noop_vs_ping", "x", ratios(noops, pings), "goal: at most 12")


def _nothing_to_do(site: Site) -> None:
    process = succeeded(site.converge())
    assert recap(process)["boot1"]["changed"] == 0, process.stdout


def _seconds(work) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
