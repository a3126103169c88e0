"""How long a machine takes from power on to its registration, beside the least that boots one.

Two boot hosts on one segment, of which one at a time answers DHCP: ours, as site.yml makes it, and one with a dnsmasq and an nginx that
were configured by hand with what is in ``minimal``. Both serve the same kernel, initramfs and kernel arguments. The segment has router
advertisements, and neither dnsmasq pings an address before it offers it.
"""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

from lab.run import Run
from lab.site import DHCP, TALOS_VERSION, Site, succeeded

from .figures import Figure, ratios

PAIRS = 5
GOALS = {"bios": "goal: at most 0.7", "uefi": "goal: at most 0.85"}
OURS, MINIMAL = "boot1", "boot2"
ASSETS = f"/var/lib/matchbox/assets/talos/{TALOS_VERSION}"


def figures() -> Iterator[Figure]:
    """``boot_vs_minimal_bios`` and ``boot_vs_minimal_uefi``, and the seconds behind them."""
    with Run() as run:
        site = Site(run).up({OURS: "bookworm", MINIMAL: "bookworm"})
        site.inventory(site.variables(**DHCP, dnsmasq_ping=False), {OURS: {}})
        succeeded(site.converge())
        _configure_minimal(site)
        for firmware, goal in GOALS.items():
            ours, minimal = [], []
            for pair in range(PAIRS):
                # The one that goes first has no advantage in the next pair.
                for name in (OURS, MINIMAL) if pair % 2 else (MINIMAL, OURS):
                    (ours if name == OURS else minimal).append(_boot(site, name, f"{firmware}{pair}{name}", firmware))
            yield Figure(f"boot_{firmware}_seconds", "s", ours)
            yield Figure(f"boot_minimal_{firmware}_seconds", "s", minimal)
            yield Figure(f"boot_vs_minimal_{firmware}", "x", ratios(ours, minimal), goal)


def _boot(site: Site, host: str, name: str, firmware: str) -> float:
    """A new machine (new MAC address) that only ``host`` answers."""
    services = {OURS: "omni-matchbox-dnsmasq", MINIMAL: "minimal-dnsmasq"}
    for other, service in services.items():
        site.hosts[other].exec(["systemctl", "start" if other == host else "stop", service])
    boot = site.boot(name, firmware)
    assert boot.join and boot.join["accepted"], boot.client.console[-2000:]
    return boot.seconds


def _configure_minimal(site: Site) -> None:
    """Everything in one static script, the files copied from our host."""
    ours, host = site.hosts[OURS], site.hosts[MINIMAL]
    host.exec(["apt-get", "-y", "-qq", "install", "--no-install-recommends", "dnsmasq-base", "nginx-light", "ipxe"])
    script = site.segment.exec(["curl", "-sf", f"http://{ours.address}/ipxe"], capture_output=True, text=True).stdout
    host.write("/var/www/html/boot.ipxe", script.replace("/assets/talos/", "/talos/"))
    for name in ("vmlinuz", "initramfs.xz"):
        host.write(f"/var/www/html/talos/{TALOS_VERSION}/{name}", (ours.root / ASSETS.lstrip("/") / name).read_bytes())
    configuration = (pathlib.Path(__file__).parent / "minimal/dnsmasq.conf").read_text()
    host.write("/etc/minimal-dnsmasq.conf", configuration.replace("BOOT_HOST", host.address))
    unit = "[Service]\nExecStart=/usr/sbin/dnsmasq --keep-in-foreground --conf-file=/etc/minimal-dnsmasq.conf --pid-file=\n"
    host.write("/etc/systemd/system/minimal-dnsmasq.service", unit)
    host.exec(["systemctl", "daemon-reload"])
