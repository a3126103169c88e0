"""A UEFI machine on arm64 boots from a boot host with Debian 13, the first release that has iPXE for it."""

from __future__ import annotations

import pytest
from lab.site import DHCP, TALOS_VERSION, Site, succeeded

pytestmark = pytest.mark.slow


def test_an_arm64_machine_boots_and_registers(lab_run):
    site = Site(lab_run).up({"boot1": "trixie"})
    site.publish(TALOS_VERSION, "arm64")
    classes = {"arm": {"version": TALOS_VERSION, "architecture": "arm64"}}
    site.inventory(site.variables(**DHCP, omni_matchbox_classes=classes))
    succeeded(site.converge())
    boot = site.boot("arm64", "arm64", timeout=300)
    assert f"jointoken={site.omni.default_token()}" in " ".join(boot.cmdline)
    assert "console=ttyAMA0" in boot.cmdline
    assert (boot.join["talos_version"], boot.join["accepted"]) == (TALOS_VERSION, True)
    assert f"/assets/talos/{TALOS_VERSION}/arm64/vmlinuz" in boot.client.console
    assert "ipxe-arm64.efi" in site.hosts["boot1"].exec(["journalctl", "--unit=omni-matchbox-dnsmasq", "--output=cat"]).stdout
