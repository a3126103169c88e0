"""The ports of a boot host as others see them: what is served answers, whatever else is there stays as it was.

Three hosts side by side: one without a firewall, one with firewalld, one with nftables rules of its owner's.
"""

from __future__ import annotations

import ssl

import firewalls
import pytest
from firewalls import BANNED, CHAIN_SCRIPT, FIREWALLS, NAMES, OWNERS_HIDDEN_PORT, OWNERS_PORT, SERVED, BootHosts, certificate, packaged
from kinds import IPXE, OVER_HTTP, PROGRAMS, expected
from lab import foreign
from lab.segment import NETWORK, ROUTER
from lab.site import DHCP, TALOS_VERSION, recap, succeeded
from lab.system import eventually
from lone import alone
from support import dhcp, plays
from support.tftp import TftpError
from support.visitor import Visitor

KERNEL = f"/assets/talos/{TALOS_VERSION}/vmlinuz"


@pytest.fixture(
    scope="module",
    params=[("bookworm", "trixie", "bookworm"), pytest.param(("trixie", "bookworm", "trixie"), marks=pytest.mark.slow)],
    ids="-".join,
)
def fresh(request, lab_run):
    """The hosts with their firewalls and their owner's services, before site.yml has run."""
    yield firewalls.make(lab_run, request.param)
    lab_run.clean()
    lab_run.start()


@pytest.fixture(scope="module")
def closed(fresh):
    """All of site.yml but the role firewall."""
    fresh.site.inventory(fresh.site.variables(dnsmasq_ping=False))
    succeeded(fresh.site.converge("--skip-tags", "firewall"))
    return fresh


def test_the_firewalls_keep_everybody_out(closed):
    assert closed.answering("open") == SERVED
    for name in FIREWALLS:
        assert closed.answering(name, patience=0.5) == {"ssh"}


@pytest.fixture(scope="module")
def opened(closed):
    """The role firewall, first as a prediction; what it said and what it then did."""
    return closed, *plays.predicted_and_done(closed.site, "--tags", "firewall", "--limit", "firewalld,nftables")


@pytest.fixture(scope="module")
def boot_hosts(opened):
    """The hosts after site.yml, in proxy mode, the default."""
    return opened[0]


def test_the_opening_is_predicted_exactly(opened):
    _hosts, predicted, done = opened
    assert {host for host, _task in done} == set(FIREWALLS)
    assert predicted == done


@pytest.mark.parametrize("name", NAMES)
def test_what_is_served_gets_through_each_firewall(boot_hosts, name):
    assert boot_hosts.answering(name) == SERVED


@pytest.mark.parametrize("name", NAMES)
def test_no_other_tcp_port_lets_anybody_in(boot_hosts, name):
    scan = boot_hosts.visitor.scan(boot_hosts.address(name))
    seen = {22, 80, 443, OWNERS_PORT}
    if name == "open":
        assert scan.open == {*seen, OWNERS_HIDDEN_PORT}
        assert not scan.silent, "not every port was asked"
    else:
        assert scan.open == seen


def test_only_what_is_served_listens_beyond_the_host_itself(boot_hosts):
    lines = boot_hosts.hosts["open"].exec(["ss", "-Hlntu"]).stdout.splitlines()
    sockets = {(line.split()[0], line.split()[4]) for line in lines}
    beyond = {(protocol, int(place.rpartition(":")[2])) for protocol, place in sockets if not place.startswith(("127.", "[::1]"))}
    owners = {("tcp", 22), ("tcp", OWNERS_PORT), ("tcp", OWNERS_HIDDEN_PORT)}
    assert beyond == owners | {("tcp", 80), ("tcp", 443), ("udp", 67), ("udp", 69), ("udp", 4011)}
    assert ("tcp", "127.0.0.1:8080") in sockets


def test_the_owners_rules_survive_and_whom_he_banned_stays_out(boot_hosts):
    rules = boot_hosts.hosts["nftables"].exec(["nft", "list", "ruleset"]).stdout.splitlines()
    ours = [place for place, line in enumerate(rules) if "omni-matchbox" in line]
    owners = [place for place, line in enumerate(rules) if "by the owner" in line]
    assert len(ours) == len(owners) == 2
    banned = Visitor(boot_hosts.site.segment, "banned", BANNED)
    address = boot_hosts.address("nftables")
    with pytest.raises(TimeoutError):
        banned.get(address, "/boot.ipxe")
    assert banned.get(boot_hosts.address("open"), "/boot.ipxe").status == 200
    zone = boot_hosts.hosts["firewalld"].exec(["firewall-cmd", "--list-all"]).stdout
    assert f"ports: {OWNERS_PORT}/tcp\n" in zone
    for name in NAMES:
        assert boot_hosts.visitor.get(boot_hosts.address(name), "/", port=OWNERS_PORT).status == 200


@pytest.mark.parametrize("path", ["/boot.ipxe", "/boot.ipxe.0"])
def test_port_80_gives_the_chain_script(boot_hosts, path):
    for method in ("GET", "HEAD"):
        reply = boot_hosts.visitor.get(boot_hosts.address("open"), path, method=method)
        assert (reply.status, reply.body) == (200, CHAIN_SCRIPT if method == "GET" else b"")
        assert (reply.headers["content-type"], reply.headers["content-length"]) == ("text/plain; charset=utf-8", str(len(CHAIN_SCRIPT)))


def test_port_80_gives_a_machine_its_script(boot_hosts):
    reply = boot_hosts.visitor.get(boot_hosts.address("open"), "/ipxe?uuid=&mac=52-54-00-12-34-56&domain=&hostname=&serial=&arch=x86_64")
    lines = reply.body.decode().splitlines()
    assert (reply.status, lines[0], lines[-1]) == (200, "#!ipxe", "boot")
    assert lines[1].startswith(f"kernel {KERNEL} initrd=initramfs.xz talos.platform=metal ")
    assert boot_hosts.site.omni.default_token() in lines[1]


def test_assets_come_whole_and_in_parts_also_while_the_engine_is_down(boot_hosts):
    """By nginx alone, with sendfile."""
    host, visitor = boot_hosts.hosts["open"], boot_hosts.visitor
    content = (host.root / "var/lib/matchbox" / KERNEL.lstrip("/")).read_bytes()
    assert "sendfile on;" in host.exec(["nginx", "-T"]).stdout.partition("location ^~ /assets/ {")[2].partition("}")[2]
    host.exec(["systemctl", "stop", "matchbox"])
    try:
        assert visitor.get(host.address, "/boot.ipxe").status == 502
        whole = visitor.get(host.address, KERNEL)
        assert (whole.status, whole.headers["content-type"], whole.headers["accept-ranges"]) == (200, "application/octet-stream", "bytes")
        assert whole.body == content
        part = visitor.get(host.address, KERNEL, headers={"Range": f"bytes=1000000-{len(content)}"})
        assert (part.status, part.headers["content-range"]) == (206, f"bytes 1000000-{len(content) - 1}/{len(content)}")
        assert part.body == content[1000000:]
        same = visitor.get(host.address, KERNEL, headers={"If-None-Match": whole.headers["etag"]})
        assert (same.status, same.body) == (304, b"")
    finally:
        host.exec(["systemctl", "start", "matchbox"])


@pytest.mark.parametrize("path", ["/assets/", "/assets/talos/", f"/assets/talos/{TALOS_VERSION}/"])
def test_folders_are_not_listed(boot_hosts, path):
    reply = boot_hosts.visitor.get(boot_hosts.address("open"), path)
    assert reply.status == 403
    assert b"v1." not in reply.body
    assert b"vmlinuz" not in reply.body


def test_hidden_files_are_not_there(boot_hosts):
    host = boot_hosts.hosts["open"]
    for name in (".hidden", "talos/.hidden", ".folder/file", "shown"):
        host.write(f"/var/lib/matchbox/assets/{name}", "content")
        reply = boot_hosts.visitor.get(host.address, f"/assets/{name}")
        assert (name, reply.status) == (name, 200 if name == "shown" else 404)


BOOT_PATHS = ["/boot.ipxe", "/ipxe?mac=52-54-00-12-34-56", "/grub", "/metadata", KERNEL, "/programs/packaged/snponly.efi"]
ELSEWHERE = ["/", "/index.html", "/ipxe/", "/healthz", "/profiles/talos.json", "/assets/../profiles/talos.json", "/assets/%2e%2e/profiles/talos.json"]


@pytest.mark.parametrize("path", BOOT_PATHS)
def test_boot_paths_answer_machines_and_send_browsers_to_port_443(boot_hosts, path):
    address = boot_hosts.address("open")
    assert boot_hosts.visitor.get(address, path).status == 200
    assert boot_hosts.visitor.get(address, path, headers={"Accept": "*/*", "User-Agent": "iPXE/1.21.1"}).status == 200
    assert_sent_to_443(boot_hosts, path, {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})


@pytest.mark.parametrize("path", ELSEWHERE)
def test_anything_else_is_sent_to_port_443(boot_hosts, path):
    assert_sent_to_443(boot_hosts, path, {})


def assert_sent_to_443(boot_hosts: BootHosts, path: str, headers: dict) -> None:
    address = boot_hosts.address("open")
    reply = boot_hosts.visitor.get(address, path, headers=headers)
    assert (reply.status, reply.headers["location"]) == (308, f"https://{address}{path}")


@pytest.mark.parametrize("name", NAMES)
def test_port_443_shows_a_page_with_a_certificate_for_name_and_address(boot_hosts, name):
    host = boot_hosts.hosts[name]
    for called in (host.address, host.name):
        reply = boot_hosts.visitor.get_securely(called, "/", certificate(host), address=host.address)
        assert (reply.status, reply.headers["content-type"]) == (200, "text/html")
        assert reply.body.startswith(b"<!doctype html>")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        boot_hosts.visitor.get_securely("other", "/", certificate(host), address=host.address)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1")
def test_port_443_speaks_tls_1_2_and_1_3_only(boot_hosts):
    address, shake_hands = boot_hosts.address("open"), boot_hosts.visitor.shake_hands
    assert shake_hands(address, ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    assert shake_hands(address, ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
        with pytest.raises(ssl.SSLError, match="alert protocol version"):
            shake_hands(address, version)


@pytest.mark.parametrize("program", ["undionly.kpxe", "snponly.efi"])
def test_tftp_gives_ipxe_byte_for_byte(boot_hosts, program):
    for host in boot_hosts.hosts.values():
        assert boot_hosts.visitor.fetch(host.address, f"packaged/{program}") == packaged(host, program)


@pytest.mark.parametrize(
    "name", ["../dnsmasq/leases", "packaged/../../../../../etc/os-release", "/etc/os-release", "../../../../etc/os-release", "packaged", "no-such-file"]
)
def test_tftp_gives_nothing_else(boot_hosts, name):
    with pytest.raises(TftpError):
        boot_hosts.visitor.fetch(boot_hosts.address("open"), name)


@pytest.mark.parametrize("name", ["open", "firewalld"])
@pytest.mark.parametrize("architecture", PROGRAMS)
def test_a_proxy_gives_each_kind_of_machine_its_ipxe(boot_hosts, name, architecture):
    host = boot_hosts.hosts[name]
    assert boot_hosts.visitor.proxy_program(host.address, dhcp.boot_options(architecture)) == expected(host, architecture)


@pytest.mark.parametrize("ipxe", IPXE.values(), ids=IPXE)
@pytest.mark.parametrize("architecture", [0, 7, 9, 11])
def test_a_proxy_gives_ipxe_the_script_and_never_itself(boot_hosts, architecture, ipxe):
    host = boot_hosts.hosts["open"]
    assert boot_hosts.visitor.proxy_program(host.address, dhcp.boot_options(architecture, more=ipxe)) == f"http://{host.address}/boot.ipxe"


def test_a_proxy_gives_no_address_and_ignores_who_does_not_boot(boot_hosts):
    servers = {host.address for host in boot_hosts.hosts.values()}
    offers = boot_hosts.visitor.discover(dhcp.boot_options(0), servers)
    assert offers.keys() == servers
    assert {offer.address for offer in offers.values()} == {""}
    assert boot_hosts.visitor.discover(dhcp.boot_options(None), servers, patience=1) == {}
    assert boot_hosts.visitor.discover(dhcp.boot_options(16, vendor="HTTPClient"), servers, patience=1) == {}


def test_the_second_run_changes_nothing(boot_hosts):
    run = succeeded(boot_hosts.site.converge("--tags", "gateway,firewall,dnsmasq"))
    assert {name: counts["changed"] for name, counts in recap(run).items()} == dict.fromkeys(NAMES, 0)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("nftables", "systemctl reload nftables"),
        ("nftables", "systemctl restart nftables"),
        ("nftables", "reboot"),
        ("firewalld", "firewall-cmd --reload"),
        ("firewalld", "systemctl restart firewalld"),
        ("firewalld", "reboot"),
    ],
)
def test_the_openings_come_back(boot_hosts, name, command):
    host = boot_hosts.hosts[name]
    if command == "reboot":
        host.reboot()
    else:
        host.exec(command.split())
    assert eventually(lambda: boot_hosts.answering(name) == SERVED, 60), boot_hosts.answering(name)
    with pytest.raises(OSError, match="timed out|No route to host"):
        boot_hosts.visitor.get(host.address, "/", port=OWNERS_HIDDEN_PORT)


@pytest.mark.parametrize("name", FIREWALLS)
def test_a_machine_boots_through_each_firewall(boot_hosts, name):
    with alone(boot_hosts.site, name):
        server = foreign.start(boot_hosts.site.run, boot_hosts.site.segment)
        boot = boot_hosts.site.boot(name, "bios")
        server.stop()
    assert f"jointoken={boot_hosts.site.omni.default_token()}" in " ".join(boot.cmdline)
    assert boot.join["accepted"]
    assert f"http://{boot_hosts.address(name)}/boot.ipxe" in boot.client.console


@pytest.fixture(scope="module")
def in_dhcp_mode(boot_hosts, tmp_path_factory):
    """The same hosts with DHCP of their own, and an iPXE for arm64 that was brought; what was predicted and what was done."""
    brought = tmp_path_factory.mktemp("brought") / "ipxe-arm64.efi"
    brought.write_bytes(b"MZ brought")
    site = boot_hosts.site
    site.inventory(site.variables(**DHCP, dnsmasq_ping=False, dnsmasq_network_boot_programs=[str(brought)]))
    return boot_hosts, *plays.predicted_and_done(site, "--tags", "firewall,dnsmasq")


def test_the_switch_to_dhcp_is_predicted_exactly(in_dhcp_mode):
    _hosts, predicted, done = in_dhcp_mode
    assert {host for host, _task in done} == set(NAMES)
    assert predicted == done


@pytest.mark.parametrize("name", NAMES)
def test_dhcp_mode_closes_port_4011(in_dhcp_mode, name):
    hosts = in_dhcp_mode[0]
    assert hosts.answering(name, patience=1) == SERVED - {"proxy"}
    assert ":4011 " not in hosts.hosts[name].exec(["ss", "-Hlnu"]).stdout
    if name == "nftables":
        assert "4011" not in hosts.hosts[name].exec(["nft", "list", "ruleset"]).stdout
    if name == "firewalld":
        assert "4011" not in hosts.hosts[name].exec(["firewall-cmd", "--info-service=omni-matchbox"]).stdout


@pytest.mark.parametrize("architecture", [*PROGRAMS, *OVER_HTTP])
def test_dhcp_gives_each_kind_of_machine_an_address_and_its_ipxe(in_dhcp_mode, architecture):
    hosts = in_dhcp_mode[0]
    over_http = architecture in OVER_HTTP
    offers = hosts.visitor.discover(dhcp.boot_options(architecture, vendor="HTTPClient" if over_http else "PXEClient"), addresses(hosts))
    for address, offer in offers.items():
        program = {**PROGRAMS, **OVER_HTTP}[architecture].replace("packaged/ipxe-arm64", "ipxe-arm64")
        assert offer.file == (f"http://{address}/programs/{program}" if over_http and program else program)
        assert offer.address.startswith(f"{NETWORK}.1")
        assert (offer.options[dhcp.ROUTER], offer.options[dhcp.NAME_SERVER]) == (ip(ROUTER), ip(ROUTER))
        if program and over_http:
            assert offer.options[dhcp.VENDOR_CLASS] == b"HTTPClient"
        elif program:
            assert offer.next_server == address
    assert offers.keys() == addresses(hosts)


@pytest.mark.parametrize("ipxe", IPXE.values(), ids=IPXE)
@pytest.mark.parametrize("architecture", [0, 7, 11, 16])
def test_dhcp_gives_ipxe_the_script_and_never_itself(in_dhcp_mode, architecture, ipxe):
    hosts = in_dhcp_mode[0]
    offers = hosts.visitor.discover(dhcp.boot_options(architecture, more=ipxe), addresses(hosts))
    assert {address: offer.file for address, offer in offers.items()} == {address: f"http://{address}/boot.ipxe" for address in addresses(hosts)}


def test_a_program_that_was_brought_comes_by_tftp_and_http(in_dhcp_mode):
    hosts = in_dhcp_mode[0]
    for host in hosts.hosts.values():
        assert hosts.visitor.fetch(host.address, "ipxe-arm64.efi") == b"MZ brought"
        assert hosts.visitor.get(host.address, "/programs/ipxe-arm64.efi").body == b"MZ brought"
        assert hosts.visitor.get(host.address, "/programs/packaged/snponly.efi").body == packaged(host, "snponly.efi")
        assert hosts.visitor.get(host.address, "/programs/").status == 403


def test_a_machine_whose_firmware_boots_over_http_registers(in_dhcp_mode):
    hosts = in_dhcp_mode[0]
    with alone(hosts.site, "open"):
        boot = hosts.site.boot("over-http", "http")
    assert boot.cmdline
    assert boot.join["accepted"]


SSH_ONLY = [
    "iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
    "iptables -A INPUT -p tcp --dport 22 -j ACCEPT",
    "iptables -A INPUT -j REJECT",
]


@pytest.mark.parametrize(
    ("firewall", "on", "off"),
    [("ufw", ["ufw allow 22/tcp", "ufw --force enable"], "ufw --force disable"), ("iptables", SSH_ONLY, "iptables --flush INPUT")],
    ids=["ufw", "iptables"],
)
def test_a_firewall_that_is_not_ours_to_write_stops_the_run_before_it_changes_anything(in_dhcp_mode, firewall, on, off):
    hosts = in_dhcp_mode[0]
    host = hosts.hosts["open"]
    host.exec(["apt-get", "-qq", "-y", "install", "--no-install-recommends", "ufw"])
    for command in on:
        host.exec(command.split())
    run = hosts.site.converge("--limit", "open")
    host.exec(off.split())
    assert f"{firewall} keeps machines out of open, and this role does not write its rules. Open tcp 80, 443 and udp 67, 69 there" in run.stdout
    assert {name: count for name, count in recap(run)["open"].items() if name in ("changed", "failed")} == {"changed": 0, "failed": 1}


def addresses(hosts: BootHosts) -> set[str]:
    return {host.address for host in hosts.hosts.values()}


def ip(address: str) -> bytes:
    return bytes(map(int, address.split(".")))
