"""Proxy mode, the default: machines get their addresses from the DHCP server that a site has, and learn from the boot host how to boot."""

from __future__ import annotations

import dataclasses
import re

import pytest
from lab import foreign
from lab.run import Service
from lab.segment import ROUTER
from lab.site import Boot, Site, succeeded
from support import dhcp
from support.visitor import Visitor

DNSMASQ = "omni-matchbox-dnsmasq"


@dataclasses.dataclass
class Network:
    """A site whose boot host is not its DHCP server."""

    site: Site
    server: Service

    @property
    def boot_host(self):
        return self.site.hosts["boot1"]

    def journal(self) -> str:
        """What the boot host's dnsmasq has logged."""
        return self.boot_host.exec(["journalctl", "--unit", DNSMASQ, "--output=cat"]).stdout

    def assert_addressed_by_the_server(self, boot: Boot) -> None:
        """Address, router and name server are the foreign server's; the boot host has told how to boot and nothing else."""
        first, last = (int(address.rpartition(".")[2]) for address in (foreign.FIRST, foreign.LAST))
        assert first <= int(boot.join["address"].rpartition(".")[2]) <= last
        assert (boot.join["router"], boot.join["dns"]) == (ROUTER, ROUTER)
        assert re.search(rf"DHCPACK\(eth0\) {boot.join['address']} {boot.client.mac}", self.server.output)
        assert re.search(rf"PXE\(eth0\) .*{boot.client.mac}", self.journal())
        assert not re.search(r"DHCP(OFFER|ACK)", self.journal())


@pytest.fixture(scope="module")
def network(site):
    """The site after site.yml with no word about DHCP, beside a DHCP server that says nothing about booting."""
    site.inventory(site.variables())
    succeeded(site.converge())
    return Network(site, foreign.start(site.run, site.segment))


def test_a_bios_machine_boots_and_registers(network):
    boot = network.site.boot("bios", "bios")
    assert f"jointoken={network.site.omni.default_token()}" in " ".join(boot.cmdline)
    assert boot.join["accepted"]
    network.assert_addressed_by_the_server(boot)


@pytest.mark.parametrize("site", ["bookworm"], indirect=True)
def test_a_uefi_machine_boots_and_registers(network):
    """Its firmware fetches iPXE from the boot host, which it has learnt from port 4011."""
    boot = network.site.boot("uefi", "uefi")
    assert f"jointoken={network.site.omni.default_token()}" in " ".join(boot.cmdline)
    assert boot.join["accepted"]
    network.assert_addressed_by_the_server(boot)
    assert re.search(r"sent .*/packaged/snponly.efi to", network.journal())


def test_port_4011_names_ipxe_and_to_ipxe_the_script(network):
    visitor, address = Visitor(network.site.segment), network.boot_host.address
    assert visitor.proxy_program(address, dhcp.boot_options(7)) == "packaged/snponly.efi"
    assert visitor.proxy_program(address, dhcp.boot_options(7, more={dhcp.USER_CLASS: b"iPXE"})) == f"http://{address}/boot.ipxe"


def test_who_does_not_boot_gets_an_address_and_no_word_from_the_boot_host(network):
    offers = Visitor(network.site.segment).discover(dhcp.boot_options(None), [foreign.ADDRESS, network.boot_host.address], patience=2)
    assert offers.keys() == {foreign.ADDRESS}
    assert offers[foreign.ADDRESS].address
