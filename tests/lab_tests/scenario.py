"""Makes a run with everything the lab has and says each step, for the tests that kill it on the way: scenario.py RUN CACHE."""

from __future__ import annotations

import sys

from lab import foreign
from lab.clients import Client
from lab.hosts import Host
from lab.run import Run
from lab.segment import Segment


def done(step: str) -> None:
    print(step, flush=True)


run = Run(sys.argv[1], sys.argv[2]).start()
done("run")
segment = Segment(run).up()
done("segment")
foreign.start(run, segment)
done("dhcp")
host = Host(run, segment, "boot1", "10.77.0.11").start()
done("host")
Client(run, segment, "m1", "bios").power_on()
done("machine")
host.wait()
host.exec(["systemd-run", "--unit=other", "sleep", "600"])
segment.exec(["sh", "-c", "echo command; sleep 600"])
