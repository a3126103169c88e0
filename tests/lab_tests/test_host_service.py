"""boot_host_service and boot_host_info in hosts with a real systemd. As root."""

from __future__ import annotations

import json
import re

import pytest
from hostmodules import HostModules
from lab import bases
from lab.hosts import Host
from lab.run import Run
from lab.segment import Segment

MODULE = "boot_host_service"
PACKAGES = ("dnsmasq-base", "nginx-light", "firewalld", "netbase")

DNSMASQ_CONF = "/etc/lab/dnsmasq.conf"
DNSMASQ_UNIT = "/etc/systemd/system/lab-dnsmasq.service"
DNSMASQ = f"""[Unit]
Description=DHCP of the lab
[Service]
Type=exec
ExecStart=/usr/sbin/dnsmasq --keep-in-foreground --conf-file={DNSMASQ_CONF}
[Install]
WantedBy=multi-user.target
"""
PROXY = "port=0\ninterface=eth0\nbind-dynamic\ndhcp-range=10.77.0.0,proxy,255.255.255.0\n"
TFTP = PROXY + "enable-tftp\ntftp-root=/srv\n"

SITE = "/etc/nginx/conf.d/lab.conf"
CERTIFICATE = "/etc/lab/certificate.pem"

DIES = "[Service]\nExecStart=sh -c 'sleep 0.3; echo it cannot go on; exit 1'\nRestart=always\n[Install]\nWantedBy=multi-user.target\n"
KILL = ["sh", "-c", "kill -9 $PPID"]
FIREWALL_SERVICE = '<?xml version="1.0" encoding="utf-8"?>\n<service><port protocol="udp" port="69"/></service>\n'


@pytest.fixture(scope="module")
def run():
    with Run() as run:
        yield run


@pytest.fixture(scope="module")
def untouched(run):
    """A host of each suite without any of the packages; they boot side by side."""
    segment = Segment(run).up()
    hosts = [Host(run, segment, suite, f"10.77.0.{number}", suite=suite).start() for number, suite in enumerate(bases.SUITES, 11)]
    return {host.suite: HostModules(host.wait()) for host in hosts}


@pytest.fixture(scope="module", params=bases.SUITES)
def modules(request, untouched):
    """Runs modules in a host with the packages."""
    modules = untouched[request.param]
    preview(modules)
    modules.host.exec(["apt-get", "-qq", "update"])
    modules.host.exec(["apt-get", "-qq", "-y", "install", "--no-install-recommends", *PACKAGES])
    return modules


def preview(modules: HostModules) -> None:
    """Before the packages are there, check mode names every file."""
    for options in (dnsmasq(PROXY), nginx("anything")):
        result = modules.run(MODULE, options, check=True)
        named = [part["after_header"] for part in result["diff"]]
        unit = f"unit {options['unit']}.service"
        assert (set(named), named[-1]) == ({entry["path"] for entry in options["files"]} | {unit}, unit)
        assert result["diff"][-1] | {"before": "stopped, disabled\n", "after": "started, enabled\n"} == result["diff"][-1]


def dnsmasq(configuration: str, unit: str = DNSMASQ, **values) -> dict:
    files = [
        {"path": "/etc/lab", "directory": True},
        {"path": DNSMASQ_CONF, "content": configuration, "validate": ["dnsmasq", "--test", "--conf-file=%s"]},
        {"path": DNSMASQ_UNIT, "content": unit},
    ]
    return {"unit": "lab-dnsmasq", "files": files, **values}


NO_DNSMASQ = {"unit": "lab-dnsmasq", "state": "stopped", "enabled": False, "absent": [DNSMASQ_CONF, DNSMASQ_UNIT]}


def nginx(answer: str, **values) -> dict:
    files = [{"path": SITE, "content": f"server {{ listen 8080; return 200 '{answer}'; }}\n"}]
    return {"unit": "nginx", "on_change": "reload", "files": files, "validate_after": ["nginx", "-t"], "reads": [CERTIFICATE], **values}


def state(modules: HostModules, unit: str) -> dict:
    """Some properties of a unit."""
    properties = "ActiveState,UnitFileState,MainPID,NeedDaemonReload,LoadState"
    lines = modules.host.exec(["systemctl", "show", f"--property={properties}", unit]).stdout.splitlines()
    return dict(line.partition("=")[::2] for line in lines)


def served(modules: HostModules) -> str:
    """What nginx answers to a new connection."""
    code = "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:8080/').read().decode())"
    return modules.host.exec(["python3", "-c", code]).stdout.strip()


def failure(modules: HostModules, options: dict) -> str:
    result = modules.run(MODULE, options)
    assert result.get("failed"), result
    assert "\n" not in result["msg"]
    return result["msg"]


def interrupted(modules: HostModules, options: dict) -> None:
    """A run that is killed when its files are in place and the unit has not read them."""
    modules.start(MODULE, {**options, "validate_after": KILL}).communicate()


@pytest.fixture
def running_dnsmasq(modules):
    """dnsmasq runs with PROXY; gives its process."""
    modules.run(MODULE, dnsmasq(PROXY))
    yield state(modules, "lab-dnsmasq")["MainPID"]
    modules.run(MODULE, NO_DNSMASQ)


@pytest.fixture
def running_nginx(modules):
    """nginx answers ``old``; gives its main process."""
    modules.run(MODULE, nginx("old"))
    assert served(modules) == "old"
    return state(modules, "nginx")["MainPID"]


def test_a_service_is_made_and_removed_again(modules):
    result = modules.converge(MODULE, dnsmasq(PROXY))
    assert (result["action"], result["paths"]) == ("start", ["/etc/lab", DNSMASQ_CONF, DNSMASQ_UNIT])
    found = state(modules, "lab-dnsmasq")
    assert (found["ActiveState"], found["UnitFileState"]) == ("active", "enabled")
    result = modules.converge(MODULE, NO_DNSMASQ)
    assert (result["action"], result["paths"]) == ("stop", [DNSMASQ_CONF, DNSMASQ_UNIT])
    found = state(modules, "lab-dnsmasq")
    assert (found["ActiveState"], found["LoadState"]) == ("inactive", "not-found")
    assert not modules.host.exec(["find", "/etc/systemd/system", "-name", "lab-*"]).stdout


def test_a_changed_file_restarts_the_unit(modules, running_dnsmasq):
    assert modules.converge(MODULE, dnsmasq(TFTP))["action"] == "restart"
    assert state(modules, "lab-dnsmasq")["MainPID"] != running_dnsmasq
    assert ":69 " in modules.host.exec(["ss", "-Hlnu"]).stdout


def test_a_changed_unit_file_is_read_again(modules, running_dnsmasq):
    changed = dnsmasq(PROXY, DNSMASQ.replace("DHCP of the lab", "another"), on_change="reload")
    assert modules.converge(MODULE, changed)["action"] == "restart"
    assert state(modules, "lab-dnsmasq")["NeedDaemonReload"] == "no"


def test_a_unit_file_that_somebody_else_changed_is_read_again(modules, running_dnsmasq):
    drop_in = "/etc/systemd/system/lab-dnsmasq.service.d/lab.conf"
    modules.host.write(drop_in, "[Service]\nNice=5\n")
    try:
        assert modules.converge(MODULE, dnsmasq(PROXY))["diff"][0]["before"] == "started, enabled, unit file not read again\n"
        assert state(modules, "lab-dnsmasq")["MainPID"] == running_dnsmasq
    finally:
        modules.host.exec(["rm", drop_in])


def test_a_reload_keeps_the_process(modules, running_nginx):
    assert modules.converge(MODULE, nginx("new"))["action"] == "reload"
    assert (state(modules, "nginx")["MainPID"], served(modules)) == (running_nginx, "new")


def test_what_a_program_refuses_is_never_put_in_place(modules, running_dnsmasq):
    message = modules.refuse(MODULE, dnsmasq(PROXY + "nonsense\n"))
    assert message.endswith(f"does not accept the new {DNSMASQ_CONF}, nothing was changed: dnsmasq: bad option at line 5 of {DNSMASQ_CONF}")


def test_what_is_refused_in_place_is_taken_back(modules, running_nginx):
    message = failure(modules, nginx("'; nonsense; '"))
    assert message.startswith("'nginx -t' finds fault: ")
    assert 'unknown directive "nonsense"' in message
    assert message.endswith("; the former files are back in place")
    assert served(modules) == "old"
    assert not modules.converge(MODULE, nginx("old"))["changed"]


def test_a_unit_that_does_not_come_up_runs_with_the_former_files_again(modules, running_dnsmasq):
    taker = "import socket, time; s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 69)); print(flush=True); time.sleep(600)"
    modules.host.exec(["systemd-run", "--quiet", "--unit=taker", "--service-type=exec", "python3", "-c", taker])
    try:
        message = failure(modules, dnsmasq(TFTP))
        assert re.match(r"lab-dnsmasq.service did not restart: dnsmasq: failed to create listening socket for [\d.]+: Address already in use", message)
        assert message.endswith("; the former files are back in place and lab-dnsmasq.service runs with them")
        assert state(modules, "lab-dnsmasq")["ActiveState"] == "active"
        assert not modules.converge(MODULE, dnsmasq(PROXY))["changed"]
        (problem,) = info(modules, [{"protocol": "udp", "port": 69, "purpose": "TFTP"}])["problems"]
        assert re.match(r"udp port 69 \(TFTP\) is taken on 0.0.0.0 by python3 \(pid \d+, taker.service\): stop it \(systemctl disable --now tak", problem)
    finally:
        modules.host.exec(["systemctl", "stop", "taker"])


def test_of_a_new_unit_that_does_not_come_up_nothing_is_left(modules):
    path = "/etc/systemd/system/lab-dies.service"
    message = failure(modules, {"unit": "lab-dies", "files": [{"path": path, "content": DIES}]})
    assert message == "lab-dies.service did not start: it cannot go on; the former files are back in place"
    found = state(modules, "lab-dies")
    assert (found["LoadState"], found["ActiveState"]) == ("not-found", "inactive")
    assert not modules.host.exec(["find", "/etc/systemd/system", "-name", "lab-dies*"]).stdout


def test_an_interrupted_change_is_finished_by_the_next_run(modules, running_nginx):
    interrupted(modules, nginx("new"))
    assert served(modules) == "old"
    result = modules.converge(MODULE, nginx("new"))
    assert (result["action"], result["paths"], served(modules)) == ("reload", [], "new")


def test_an_interrupted_change_of_a_unit_file_is_finished_by_the_next_run(modules, running_dnsmasq):
    changed = dnsmasq(PROXY, DNSMASQ.replace("DHCP of the lab", "another"), on_change="reload")
    interrupted(modules, changed)
    result = modules.converge(MODULE, changed)
    assert (result["action"], result["paths"]) == ("restart", [])
    assert state(modules, "lab-dnsmasq")["NeedDaemonReload"] == "no"


def test_an_interrupted_removal_is_finished_by_the_next_run(modules, running_nginx):
    extra = "/etc/nginx/conf.d/extra.conf"
    both = nginx("old", files=[*nginx("old")["files"], {"path": extra, "content": "server { listen 8081; return 200; }\n"}])
    modules.run(MODULE, both)
    modules.host.exec(["systemctl", "restart", "nginx"])  # so that no note of ours says what it has read
    interrupted(modules, nginx("old", absent=[extra]))
    assert ":8081 " in modules.host.exec(["ss", "-Hlnt"]).stdout
    result = modules.converge(MODULE, nginx("old", absent=[extra]))
    assert (result["action"], result["paths"]) == ("reload", [])


def test_what_somebody_else_has_read_in_is_not_read_in_again(modules, running_nginx):
    interrupted(modules, nginx("new"))
    modules.host.exec(["systemctl", "restart", "nginx"])
    assert not modules.converge(MODULE, nginx("new"))["changed"]
    interrupted(modules, nginx("newer"))
    modules.host.reboot()
    assert served(modules) == "newer"
    assert not modules.converge(MODULE, nginx("newer"))["changed"]
    # A file that is newer than the unit, without any note of ours: the boot has started it.
    modules.host.exec(["touch", SITE])
    assert modules.converge(MODULE, nginx("newer"))["action"] == "reload"


def test_a_file_that_another_task_wrote_is_read_in(modules, running_nginx):
    modules.host.write(CERTIFICATE, "renewed")
    assert modules.converge(MODULE, nginx("old"))["action"] == "reload"


def test_a_masked_unit_is_refused(modules):
    modules.host.exec(["systemctl", "mask", "--now", "nginx"])
    try:
        assert "nginx.service is masked on this host" in modules.refuse(MODULE, nginx("masked"))
    finally:
        modules.host.exec(["systemctl", "unmask", "nginx"])


def test_firewalld_reads_a_service_in(modules):
    modules.host.exec(["systemctl", "start", "firewalld"])
    path = "/etc/firewalld/services/lab.xml"
    options = {"unit": "firewalld", "on_change": "reload", "files": [{"path": path, "content": FIREWALL_SERVICE}]}
    assert modules.converge(MODULE, options)["action"] == "reload"
    assert "ports: 69/udp" in modules.host.exec(["firewall-cmd", "--info-service=lab"]).stdout
    assert info(modules)["firewall"]["backends"] == ["firewalld"]
    modules.host.exec(["systemctl", "stop", "firewalld"])
    assert info(modules)["firewall"]["backends"] == []


def test_no_journal_holds_a_secret(modules):
    secret = {"path": "/etc/lab/token", "secret": True, "mode": "0600"}
    modules.converge(MODULE, {"files": [{"path": "/etc/lab", "directory": True}, secret], "secrets": {secret["path"]: "one very\nhidden text\n"}})
    journal = modules.host.exec(["journalctl", "--output=cat"]).stdout
    assert "/etc/lab/token" in journal, "the module does not log its options, so nothing is proven"
    assert "very" not in journal
    assert "hidden text" not in journal


def info(modules: HostModules, ports: list | None = None) -> dict:
    return modules.run("boot_host_info", {"interface": "eth0", "ports": ports or []})


def test_a_socket_that_systemd_holds_is_named_by_its_unit(modules):
    modules.host.write("/etc/systemd/system/lab-tftp.socket", "[Socket]\nListenDatagram=0.0.0.0:69\n")
    modules.host.write("/etc/systemd/system/lab-tftp.service", "[Service]\nExecStart=sleep 600\n")
    modules.host.exec(["systemctl", "daemon-reload"])
    modules.host.exec(["systemctl", "start", "lab-tftp.socket"])
    try:
        (problem,) = info(modules, [{"protocol": "udp", "port": 69}])["problems"]
        assert problem.startswith("udp port 69 is taken on 0.0.0.0 by systemd (pid 1, lab-tftp.socket): stop it (systemctl disable --now lab-tftp.socket)")
        assert info(modules, [{"protocol": "udp", "port": 69, "allowed": ["lab-tftp.socket"]}])["problems"] == []
    finally:
        modules.host.exec(["systemctl", "stop", "lab-tftp.socket"])


def test_a_host_is_described(modules):
    result = info(modules, [{"protocol": "tcp", "port": 22, "allowed": ["ssh"]}])
    assert result["interface"]["addresses"] == [{"address": modules.host.address, "prefix": 24}]
    assert (result["systemd"], result["distribution"]["codename"]) == ({"present": True, "running": True}, modules.host.suite)
    assert result["problems"] == [], json.dumps(result)
