"""Bad input and a host with something in the way: one line says what is wrong, where and what to do, and nothing is changed."""

from __future__ import annotations

import contextlib
import json
import pwd
import re
import subprocess

import pytest
from lab.clock import shifted
from lab.downloads import TALOS_RELEASES
from lab.hosts import Host
from lab.segment import ROUTER
from lab.site import DHCP, DOWNLOADS_NAME, TALOS_VERSION, Site, recap
from lab.system import REPOSITORY, eventually
from overlay import overlay

ASSETS = "/var/lib/matchbox/assets"
BOOT_FIREWALL_ONLY = ("--tags", "firewall")  # preflight, and of the roles the one with nothing to do here: enough to see that nothing is refused


@pytest.fixture(scope="module")
def refusing(lab_run):
    """A site with ``boot1``, which nobody has touched and nothing may touch, and ``boot2``, on which people run things of their own."""
    site = Site(lab_run).up({"boot1": "bookworm", "boot2": "trixie"})
    boot2 = site.hosts["boot2"]
    boot2.exec(["apt-get", "-qq", "update"])
    boot2.exec(["apt-get", "-qq", "-y", "install", "--no-install-recommends", "dnsmasq", "nginx-light"])
    boot2.exec(["systemctl", "disable", "--now", "dnsmasq", "nginx"])
    boot2.exec(["ip", "link", "add", "eth1", "type", "veth", "peer", "name", "far"])
    boot2.exec(["ip", "addr", "add", "192.0.2.1/24", "dev", "eth1"])
    boot2.exec(["ip", "link", "set", "eth1", "up"])
    return site


def converge(site: Site, variables: dict, *words: str, host: str = "boot1", **options) -> subprocess.CompletedProcess:
    """A run for one host that changes nothing on it, which is seen on the host and not only told by the run."""
    site.inventory(site.variables(**{**DHCP, **variables}), {host: {}})
    before = overlay(site.hosts[host])
    process = site.converge(*words, **options)
    assert overlay(site.hosts[host]) == before
    assert "Traceback" not in process.stdout
    return process


def refusal(site: Site, variables: dict, *, host: str = "boot1", **options) -> str:
    """The one line with which the run ends."""
    process = converge(site, variables, host=host, **options)
    assert process.returncode != 0, process.stdout
    counts = recap(process)[host]
    assert (counts["changed"], counts["failed"], counts["unreachable"]) == (0, 1, 0), process.stdout
    (failure,) = re.findall(r"^fatal: \[.*?\]: FAILED! => (.*)$", process.stdout, re.MULTILINE)
    message = json.loads(failure)["msg"]
    assert "\n" not in message
    return message


def accepted(site: Site, variables: dict, *words: str, host: str = "boot2") -> str:
    """What a run prints that goes on to the end."""
    process = converge(site, variables, *(words or BOOT_FIREWALL_ONLY), host=host)
    assert process.returncode == 0, process.stdout
    return process.stdout


def talos(**settings) -> dict:
    return {"omni_matchbox_classes": {"talos": {"version": TALOS_VERSION, **settings}}}


def machines(*settings: dict) -> dict:
    return {"omni_matchbox_machines": {f"m{number}": machine for number, machine in enumerate(settings, 1)}}


LOOSE_VERSION = "write v1.11.4, v1.11 for its newest patch, or omni for the newest that Omni supports"
NOT_ALIGNED = "class talos: Omni does not support Talos v1.99.0; it supports v1.10.8, v1.11.5, v1.12.0; or set omni_matchbox_alignment: warn"
MISSING_CLASS = f"Talos v1.99.0 for amd64 (class talos) is not there: https://{DOWNLOADS_NAME}/{TALOS_RELEASES}/v1.99.0/vmlinuz-amd64 does not exist"
NO_WAY_OUT = "without it a machine would get an address and no way out; set it, or leave addresses to the server that is there"
RANGE = DHCP["omni_matchbox_dhcp_range"]

VARIABLES = {
    "a garbled key": (
        {"omni_matchbox_service_account_key": "bm9uc2Vuc2U="},
        "service-account key: it is no base64 of JSON with name and pgp_key, or cut off; give",
    ),
    "nobody at the address of Omni": (
        {"omni_matchbox_endpoint": f"https://{ROUTER}"},
        f"at https://{ROUTER}: Connection refused; check that Omni runs, that endpoint names its host and port, and firewall and proxy in between",
    ),
    "Omni's name is not known": (
        {"omni_matchbox_endpoint": "https://nowhere.lab.example"},
        "at https://nowhere.lab.example: Name or service not known; check that Omni runs, that endpoint names its host",
    ),
    "an authority that nobody trusts": (
        {"omni_matchbox_ca_path": ""},
        "its certificate is not accepted: unable to get local issuer certificate",
        "set option ca_path to the PEM file of the authority that signed Omni's certificate",
    ),
    "a Talos version that Omni does not support": (talos(version="v1.99.0"), NOT_ALIGNED),
    "a Talos version that there is not": (
        {**talos(version="v1.99.0"), "omni_matchbox_alignment": "warn"},
        MISSING_CLASS,
        "correct the version, or release_url if it is a mirror that lacks it",
    ),
    "a version without quotes": (talos(version=1.11), "class talos: 1.11 is a number in YAML (1.10 would become 1.1); write it in quotes"),
    "a minor version that there is not": (talos(version="v1.99"), "class talos: v1.99: there is no such version; Omni supports v1.10.8, v1.11.5, v1.12.0"),
    "no version at all": (talos(version="latest"), f"class talos: 'latest' is no Talos version; {LOOSE_VERSION}"),
    "no classes": ({"omni_matchbox_classes": {}}, "omni_matchbox_classes is empty, so no machine would boot anything; give at least one class"),
    "half of a MAC address": (machines({"mac": "52:54:00:12"}), "machine m1: '52:54:00:12' is no MAC address; write it as '52:54:00:12:34:56'"),
    "a MAC address without quotes": (machines({"mac": 525400123456}), "machine m1: the MAC address was read as the number 525400123456; put it in quotes"),
    "two machines with one MAC address": (
        machines({"mac": "52:54:00:12:34:56"}, {"mac": "52-54-00-12-34-56"}),
        "machine m2: mac 52:54:00:12:34:56 is that of machine m1 too; correct one of them",
    ),
    "a machine of an unknown class": (
        machines({"mac": "52:54:00:12:34:56", "class": "storage"}),
        "machine m1: there is no class 'storage'; known are talos",
    ),
    "an interface that there is not": ({"omni_matchbox_interface": "eth7"}, "this host has no interface eth7, it has eth0: set omni_matchbox_interface"),
    "DHCP without a range": ({"omni_matchbox_dhcp_range": {}}, f"DHCP needs omni_matchbox_dhcp_range with start and end: {NO_WAY_OUT}"),
    "DHCP without a router": ({"omni_matchbox_dhcp_router": ""}, f"DHCP needs omni_matchbox_dhcp_router: {NO_WAY_OUT}"),
    "DHCP without a name server": ({"omni_matchbox_dhcp_name_servers": []}, f"DHCP needs omni_matchbox_dhcp_name_servers: {NO_WAY_OUT}"),
    "a range elsewhere": (
        {"omni_matchbox_dhcp_range": {"start": "192.168.1.100", "end": "192.168.1.199"}},
        "omni_matchbox_dhcp_range: 192.168.1.100 to 192.168.1.199 is not in 10.77.0.0/24, the network of eth0: choose addresses there",
    ),
    "a range from back to front": (
        {"omni_matchbox_dhcp_range": {"start": RANGE["end"], "end": RANGE["start"]}},
        "omni_matchbox_dhcp_range: its start 10.77.0.199 comes after its end 10.77.0.100: exchange them",
    ),
    "a router elsewhere": (
        {"omni_matchbox_dhcp_router": "192.168.1.1"},
        "omni_matchbox_dhcp_router: 192.168.1.1 is not in 10.77.0.0/24, so machines there cannot reach it",
    ),
    "an archive that nothing proves": (
        {"matchbox_install_method": "archive", "matchbox_archive": "/srv/matchbox.tar.gz"},
        "archive_sha256: nothing proves the archive; give its SHA-256 digest, or its signature with archive_signature",
    ),
    "a program that there is not, with gRPC but no certificates": (
        {"matchbox_install_method": "binary", "matchbox_binary": "/srv/matchbox", "matchbox_rpc_address": "0.0.0.0:8081"},
        "matchbox_binary: there is no file '/srv/matchbox' on the controller; give the absolute path of the program",
        "matchbox_rpc_address: gRPC is served with mTLS only, and there is no file on the controller for matchbox_rpc_ca, matchbox_rpc_cert, matchbox_rpc_key",
    ),
    "gRPC of the embedded engine": (
        {"matchbox_rpc_address": "0.0.0.0:8081"},
        "matchbox_rpc_address: there is no gRPC with matchbox_install_method embedded; leave it empty, or choose another method",
    ),
    "an image that may be another tomorrow": (
        {"matchbox_install_method": "container", "matchbox_container_image": "quay.io:443/poseidon/matchbox"},
        "matchbox_container_image: 'quay.io:443/poseidon/matchbox' may be another image tomorrow; give a tag with a version, or a digest",
    ),
    "podman without quadlet": (
        {"matchbox_install_method": "container"},
        "matchbox_install_method is container, which needs podman 4.4 or later (quadlet makes the unit), and this host has only 4.3.1",
        "take a host with Debian 13 or later, or choose another matchbox_install_method",
    ),
    "a Matchbox of one's own that there is not": (
        {"matchbox_install_method": "none"},
        "matchbox_install_method is none, and this host has no directory /var/lib/matchbox and no group matchbox: install Matchbox, or give its",
    ),
    "a certificate without its key": (
        {"gateway_certificate": "/etc/ssl/boot1.pem"},
        "gateway_certificate is set and gateway_certificate_key is not: set both, or neither and a self-signed certificate is made",
    ),
}


@pytest.mark.parametrize("case", VARIABLES)
def test_variables_that_cannot_be_meant(refusing, case):
    variables, *texts = VARIABLES[case]
    message = refusal(refusing, variables)
    for text in texts:
        assert text in message


def test_a_minor_version_is_the_newest_that_omni_supports_and_the_factory_has(refusing):
    """Of the two that the lab Omni supports, the lab Image Factory has one, which is then looked for as an image."""
    accepted(refusing, talos(version="v1.11"), host="boot1")


def test_a_key_that_omni_does_not_know(refusing):
    key = refusing.account("stranger")
    with refusing.omni.change() as content:
        content["accounts"] = [account for account in content["accounts"] if account["name"] != "stranger"]
    message = refusal(refusing, {"omni_matchbox_service_account_key": key})
    assert "at https://omni.lab.example: this Omni does not accept the key of service account stranger (fingerprint " in message
    assert "check with omnictl serviceaccount list, new key: omnictl serviceaccount renew stranger" in message
    assert key not in message


def test_a_key_that_has_expired(refusing):
    message = refusal(refusing, {"omni_matchbox_service_account_key": refusing.account("former", "--lifetime=-1")})
    assert re.match(r"service-account key of former: it expired at \S+, and it is \S+ by the clock of \S+; make a new one \(omnictl serv", message)


@pytest.mark.parametrize("offset", ["+10m", "-10m"])
def test_a_controller_whose_clock_is_off(refusing, offset):
    message = refusal(refusing, {}, environment=shifted(offset))
    assert re.match(r"the clocks are \d+ seconds apart, it is \S+ \S+ UTC on this host and \S+ \S+ UTC on the controller: set the one that is wr", message)


@pytest.mark.parametrize("library", ["requests", "pysequoia"])
def test_a_controller_without_a_library(refusing, library, tmp_path):
    (tmp_path / f"{library}.py").write_text("raise ImportError('not installed')\n")
    message = refusal(refusing, {}, environment={"PYTHONPATH": str(tmp_path)})
    python = r"\S+/bin/python\S*"
    assert re.match(rf"{python} lacks {library}, needed to talk to Omni; install with: {python} -m pip install pysequoia requests$", message)


def test_no_space_for_images(refusing):
    boot1 = refusing.hosts["boot1"]
    boot1.exec(["mkdir", "-p", ASSETS])
    boot1.exec(["mount", "-t", "tmpfs", "-o", "size=1m", "images", ASSETS])
    try:
        message = refusal(refusing, {})
    finally:
        boot1.exec(["umount", ASSETS])
        boot1.exec(["rmdir", "--parents", "--ignore-fail-on-non-empty", ASSETS])
    assert re.match(rf"{ASSETS}: the images need \d+\.\d MB, 1\.0 MB are free; make room or choose another assets_path$", message)


@contextlib.contextmanager
def distribution(host: Host, text: str):
    """Has a host say that it is another one."""
    own = (host.root / "usr/lib/os-release").read_text()
    host.write("/usr/lib/os-release", text)
    try:
        yield
    finally:
        host.write("/usr/lib/os-release", own)


def test_another_distribution_is_refused_unless_that_is_wanted(refusing):
    with distribution(refusing.hosts["boot2"], 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22.0\nPRETTY_NAME="Alpine Linux v3.22"\n'):
        message = refusal(refusing, {}, host="boot2")
        output = accepted(refusing, {"omni_matchbox_allow_untested": True}, "--check")
    assert message.startswith("boot hosts are tested with Debian 12 and 13, and this one runs Alpine Linux v3.22: take one of these, or set omni_matchbox_al")
    assert "[WARNING]: Alpine Linux v3.22 was not tested as a boot host" in output


def test_of_a_derivative_of_debian_a_warning_is_given(refusing):
    with distribution(refusing.hosts["boot2"], 'NAME=Ubuntu\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nPRETTY_NAME="Ubuntu 24.04.1 LTS"\n'):
        output = accepted(refusing, {})
    assert "[WARNING]: Ubuntu 24.04.1 LTS was not tested as a boot host (Debian 12 and 13 were)" in " ".join(output.split())


@contextlib.contextmanager
def running(host: Host, units: dict[str, list], listening: list[str]):
    """Starts units on a host and waits until ``listening`` (as ``udp 0.0.0.0:67``) is there."""
    for unit, argv in units.items():
        host.exec(["systemd-run", "--quiet", f"--unit={unit}", *argv] if argv else ["systemctl", "start", unit])
    try:
        assert eventually(lambda: set(listening) <= sockets(host), timeout=20), sockets(host)
        yield
    finally:
        host.exec(["systemctl", "stop", *units])


def sockets(host: Host) -> set[str]:
    lines = [line.split() for line in host.exec(["ss", "-Hlntu"]).stdout.splitlines()]
    return {f"{line[0]} {line[4]}" for line in lines}


def udp(port: int) -> list[str]:
    """The command of a program that listens there."""
    return ["python3", "-c", f"import socket, time; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', {port})); time.sleep(600)"]


def web(port: int, address: str = "0.0.0.0") -> list[str]:
    """The command of a web server that is not nginx."""
    return ["python3", "-m", "http.server", "--bind", address, "--directory", "/srv", str(port)]


def test_ports_that_somebody_else_has(refusing):
    """A DHCP server, web servers: each is told with process, pid and unit, in the same one line."""
    boot2 = refusing.hosts["boot2"]
    boot2.write("/etc/dnsmasq.d/house.conf", "port=0\ndhcp-range=10.77.0.50,10.77.0.60,1h\n")
    units = {"dnsmasq": [], "tftpd": udp(69), "apache2": web(80), "caddy": web(443), "tomcat": web(8080, "127.0.0.1")}
    listening = ["udp 0.0.0.0:67", "udp 0.0.0.0:69", "tcp 0.0.0.0:80", "tcp 0.0.0.0:443", "tcp 127.0.0.1:8080"]
    with running(boot2, units, listening):
        message = refusal(refusing, {}, host="boot2")
    boot2.exec(["rm", "/etc/dnsmasq.d/house.conf"])
    taken = [
        r"tcp port 80 \(booting over HTTP\) is taken on 0\.0\.0\.0 by python3 \(pid \d+, apache2\.service\)",
        r"tcp port 443 \(browsers\) is taken on 0\.0\.0\.0 by python3 \(pid \d+, caddy\.service\)",
        r"tcp port 8080 \(the boot engine\) is taken on 127\.0\.0\.1 by python3 \(pid \d+, tomcat\.service\)",
        r"udp port 67 \(DHCP\) is taken on 0\.0\.0\.0 by dnsmasq \(pid \d+, dnsmasq\.service\)",
        r"udp port 69 \(TFTP\) is taken on 0\.0\.0\.0 by python3 \(pid \d+, tftpd\.service\)",
    ]
    advice = r": stop it \(systemctl disable --now \w+\.service\) or let it listen elsewhere"
    assert re.fullmatch("; ".join(text + advice for text in taken), message)


def test_ports_that_our_own_services_have(refusing):
    units = {"nginx": [], "matchbox": web(8080, "127.0.0.1"), "omni-matchbox-dnsmasq": udp(67)}
    with running(refusing.hosts["boot2"], units, ["tcp 0.0.0.0:80", "tcp 127.0.0.1:8080", "udp 0.0.0.0:67"]):
        accepted(refusing, {})


def test_another_site_of_nginx(refusing):
    boot2 = refusing.hosts["boot2"]
    boot2.write("/etc/nginx/conf.d/wiki.conf", "server { listen 80; listen 443; server_name wiki.example.com; return 200; }\n")
    with running(boot2, {"nginx": []}, ["tcp 0.0.0.0:80", "tcp 0.0.0.0:443"]):
        accepted(refusing, {})
    boot2.exec(["rm", "/etc/nginx/conf.d/wiki.conf"])


def test_a_dhcp_server_of_another_interface(refusing):
    boot2 = refusing.hosts["boot2"]
    boot2.write("/etc/dnsmasq.d/other.conf", "port=0\ninterface=eth1\nexcept-interface=lo\nbind-interfaces\ndhcp-range=192.0.2.50,192.0.2.60,1h\n")
    with running(boot2, {"dnsmasq": []}, ["udp 0.0.0.0%eth1:67"]):
        accepted(refusing, {})
    boot2.exec(["rm", "/etc/dnsmasq.d/other.conf"])


def test_the_demo_without_root():
    nobody = pwd.getpwnam("nobody")
    process = subprocess.run(
        ["make", "demo"], cwd=REPOSITORY, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], capture_output=True, text=True, check=False
    )
    assert process.returncode != 0
    (line,) = [line for line in (process.stdout + process.stderr).splitlines() if not line.startswith("make")]
    assert "as root" in line
