"""The lab for real: hosts, a machine that boots from one, and cleaning after a killed run. As root."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import types

import boothost
import pytest
from lab import bases, cli, foreign, mounts, namespaces, pki, talos_standin
from lab.clients import Client
from lab.hosts import Host
from lab.run import Run, clean_dead
from lab.segment import Segment
from lab.system import LabError, eventually

HERE = pathlib.Path(__file__).parent
API = "10.77.0.5"
JOIN = "siderolink.api=grpc://{host}:8090?more=1&jointoken={token}&last=x"


@pytest.fixture(scope="module")
def run():
    with Run() as run:
        yield run


@pytest.fixture(scope="module")
def segment(run):
    segment = Segment(run).up()
    segment.add_name("api.lab.test", API)
    return segment


@pytest.fixture(scope="module")
def hosts(run, segment):
    """A host of each suite; they boot side by side and trust the lab's authority."""
    authority, _key = pki.authority(run.state / "pki")
    files = {"/usr/local/share/ca-certificates/lab.crt": authority.read_text(), "/etc/motd": b"\xff binary"}
    hosts = {}
    for number, suite in enumerate(bases.SUITES, 11):
        hosts[suite] = Host(run, segment, suite, f"10.77.0.{number}", suite=suite, files=files).start()
    for host in hosts.values():
        host.wait()
    return hosts


@pytest.fixture(scope="module", params=bases.SUITES)
def host(request, hosts):
    return hosts[request.param]


@pytest.fixture(scope="module")
def boot_host(hosts):
    boothost.install(hosts["bookworm"])
    return hosts["bookworm"]


@pytest.fixture(scope="module")
def api(run, segment):
    """The machine API; ``calls(uuid)`` gives what a machine has posted, ``calls(uuid, path)`` what it has posted there."""
    endpoint = segment.endpoint("api", API)
    service = run.service("api", [sys.executable, HERE / "collector.py", 8090], namespace=endpoint.namespace)

    def calls(uuid, path=""):
        posts = [json.loads(line) for line in service.output.splitlines()]
        return [post for post in posts if post["uuid"] == uuid and path in post["path"]]

    return types.SimpleNamespace(calls=calls)


def test_a_host_is_the_release_it_should_be_and_has_its_name(host):
    assert f"VERSION_CODENAME={host.suite}\n" in host.exec(["cat", "/etc/os-release"]).stdout
    assert host.exec(["hostname"]).stdout.strip() == host.name
    assert host.exec(["systemctl", "--failed", "--plain", "--no-legend"]).stdout == ""


def test_commands_get_input_and_arguments_as_they_are_given(host):
    words = ["sh", "-c", 'x=1; echo "$x ${x} $1"; cat', "sh", "%n $HOME ${HOME} $$ 'a  b'"]
    assert host.exec(words, stdin="input\n").stdout == "1 1 %n $HOME ${HOME} $$ 'a  b'\ninput\n"


def test_a_failing_command_says_what_and_why(host):
    with pytest.raises(LabError, match=rf"^{host.name}: cat /nothing: exit status 1: .*cat: /nothing: No such file"):
        host.exec(["cat", "/nothing"])
    assert host.exec(["sh", "-c", "exit 7"], check=False).returncode == 7


def test_a_host_cannot_set_the_clock(host):
    assert host.exec(["date", "-s", "2001-01-01"], check=False).returncode != 0


def test_hosts_reach_each_other_by_ssh_with_the_key_of_the_lab(run, segment, host):
    options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
    ssh = ["ssh", "-i", bases.ssh_key(run), *(f"-o{option}" for option in options), f"root@{host.address}", "hostname"]
    assert segment.exec(ssh, capture_output=True, text=True).stdout.strip() == host.name


def test_names_of_the_segment_are_known_everywhere(segment, host):
    look_up = ["getent", "hosts", "api.lab.test"]
    assert host.exec(look_up).stdout.split() == [API, "api.lab.test"]
    assert segment.exec(look_up, capture_output=True, text=True).stdout.split() == [API, "api.lab.test"]


def test_files_are_there_and_the_lab_authority_is_trusted(run, host):
    assert (host.root / "etc/motd").read_bytes() == b"\xff binary"
    certificate, _key = pki.certificate(run.state / "pki", ["omni.lab.test"])
    host.write("/tmp/server.crt", certificate.read_text())
    check = "import ssl; print(any('lab authority' in str(ca) for ca in ssl.create_default_context().get_ca_certs()))"
    assert host.exec(["python3", "-c", check]).stdout.strip() == "True"


def test_a_reboot_keeps_address_and_files(host):
    host.write("/root/kept", "yes")
    started = host.exec(["cat", "/proc/1/stat"]).stdout.split()[21]
    host.reboot()
    assert host.state == "running"
    assert host.exec(["cat", "/proc/1/stat"]).stdout.split()[21] != started
    assert host.exec(["cat", "/root/kept"]).stdout == "yes"
    assert host.address in host.exec(["ip", "-4", "addr", "show", "eth0"]).stdout


def test_the_second_host_does_not_download_what_the_first_did(run, segment, boot_host):
    boot_host.down()
    again = Host(run, segment, "again", "10.77.0.20").up()
    again.exec(["apt-get", "-qq", "update"])
    downloads = again.exec(["apt-get", "--print-uris", "-qq", "-y", *boothost.INSTALL]).stdout
    assert downloads == ""
    boothost.install(boot_host.up())


def test_a_bios_machine_boots_and_registers_by_name(run, segment, boot_host, api):
    boothost.serve(boot_host, talos_standin.of_version(run, "v1.11.4"), JOIN.format(host="api.lab.test", token="v2%3Aa%2Bb%3D"))
    machine = Client(run, segment, "m1", "bios").power_on()
    machine.wait(120)
    (post,) = api.calls(machine.uuid)
    assert talos_standin.outcome(machine.console) == f"joined api.lab.test {machine.uuid}"
    assert machine.milestones[0].startswith("SeaBIOS")
    assert f"http://{boot_host.address}/initramfs.xz... ok" in machine.milestones
    assert post["token"] == "v2:a+b="
    assert post["mac"] == machine.mac
    assert post["address"].startswith("10.77.0.1")
    assert (post["router"], post["dns"], post["talos_version"]) == ("10.77.0.1", "10.77.0.1", "v1.11.4")
    assert JOIN.format(host="api.lab.test", token="v2%3Aa%2Bb%3D") in post["cmdline"]


@pytest.mark.parametrize("firmware", ["uefi", "http"])
def test_a_uefi_machine_boots_and_registers(run, segment, boot_host, api, firmware):
    boothost.serve(boot_host, talos_standin.build(run), JOIN.format(host=API, token="secret"))
    machine = Client(run, segment, firmware, firmware).power_on()
    machine.wait(120)
    assert [post["token"] for post in api.calls(machine.uuid)] == ["secret"], machine.console


@pytest.mark.slow
def test_an_arm64_machine_boots_and_registers(run, segment, hosts, boot_host, api):
    trixie = hosts["trixie"]  # the only release with an iPXE for arm64
    trixie.exec(["apt-get", "-qq", "update"])
    trixie.exec(["sh", "-c", "cd /root; apt-get -qq download ipxe; dpkg-deb -x ipxe_*.deb ."])
    shutil.copy(trixie.root / "root/usr/lib/ipxe/ipxe-arm64.efi", boot_host.root / "srv/tftp")
    images = talos_standin.build(run, "arm64")
    boothost.serve(boot_host, images, JOIN.format(host=API, token="secret"), console="ttyAMA0")
    machine = Client(run, segment, "arm64", "arm64").power_on()
    machine.wait(180)
    assert [post["token"] for post in api.calls(machine.uuid)] == ["secret"], machine.console


def test_a_machine_stays_until_it_is_refused(run, segment, boot_host, api):
    boothost.serve(boot_host, talos_standin.build(run), JOIN.format(host=API, token="leave") + " lab.stay")
    machine = Client(run, segment, "m1", "bios").power_on()
    machine.wait(120)
    assert [post["path"] for post in api.calls(machine.uuid)] == ["/lab/join", "/lab/seen"]
    assert talos_standin.outcome(machine.console) == "refused: not wanted here"


def test_a_machine_with_another_dhcp_server_is_refused(run, segment, boot_host, api):
    boothost.serve(boot_host, talos_standin.build(run), JOIN.format(host=API, token="refused"), dhcp=boothost.PROXY)
    dhcp = foreign.start(run, segment)
    machine = Client(run, segment, "m2", "bios").power_on()
    machine.wait(120)
    dhcp.stop()
    (post,) = api.calls(machine.uuid)
    assert 150 <= int(post["address"].rpartition(".")[2]) <= 199
    assert talos_standin.outcome(machine.console) == "refused: not wanted here"


def test_a_machine_that_does_not_boot_is_turned_off_and_shown(run, segment):
    machine = Client(run, segment, "alone", "bios").power_on()
    eventually(lambda: "SeaBIOS" in machine.console, 30)
    with pytest.raises(LabError, match=r"(?s)^the machine alone is still on after 0 s; its console ends:\n.*SeaBIOS"):
        machine.wait(0)
    assert not machine.is_on


def test_a_name_cannot_be_used_by_two_processes(run):
    start = f"from lab.run import Run; Run({run.name!r}, {str(run.cache)!r}).start()"
    with python("-c", start, stderr=subprocess.PIPE) as process:
        assert f"LabError: the run {run.name} is in use" in process.stderr.read()
    assert run.started


def test_the_command_line_makes_a_lab_that_stays_until_it_is_taken_down(run, capfd):
    other = Run(f"{run.name}c", kept=True)
    lab = ["--run", other.name]
    assert cli.main([*lab, "up", "--suite", "trixie", "--host", "boot1=10.77.0.11"]) == 0
    assert clean_dead() == []
    assert cli.main([*lab, "up", "--host", "boot2=10.77.0.12"]) == 0
    assert cli.main([*lab, "run", "boot1", "ping", "-c1", "-W2", "10.77.0.12"]) == 0
    assert cli.main([*lab, "run", "segment", "false"]) == 1
    assert cli.main([*lab, "boot", "m1", "--timeout", "2"]) == 1
    assert cli.main([*lab, "status"]) == 0
    printed = capfd.readouterr().out
    assert "boot1 10.77.0.11 trixie running" in printed
    assert "boot2 10.77.0.12 bookworm running" in printed
    assert cli.main([*lab, "console", "m1"]) == 0
    assert "SeaBIOS" in capfd.readouterr().out
    assert cli.main([*lab, "down"]) == 0
    assert nothing_left(other)


@pytest.mark.parametrize("later", [0, 0.03, 0.1, 0.3])
@pytest.mark.parametrize("step", ["run", "segment", "dhcp", "host", "machine", "command"])
def test_a_killed_run_leaves_nothing(step, later, run):
    killed = Run(f"{run.name}k", run.cache)
    kill_scenario(killed, step, later)
    assert killed.state.exists()
    if step != "run":
        assert {left.split()[0] for left in killed.leftovers()} >= {"cgroup", "namespace", "directory"}
    killed.clean()
    assert nothing_left(killed)


def test_the_next_start_removes_a_killed_run_and_no_other(run, segment):
    killed = Run(f"{run.name}k", run.cache)
    kill_scenario(killed, "command")
    assert {left.split()[0] for left in killed.leftovers()} == {"cgroup", "mount", "namespace", "directory"}
    with Run(f"{run.name}n", run.cache):
        assert nothing_left(killed)
        assert segment.is_up


@pytest.mark.slow
@pytest.mark.parametrize("moment", [2, 12])
def test_a_base_system_that_was_interrupted_is_made_anew(moment, tmp_path, run):
    killed = Run(f"{run.name}b", tmp_path)
    make = f"from lab import bases, run; bases.base(run.Run({killed.name!r}, {str(tmp_path)!r}).start(), 'bookworm')"
    with python("-c", make) as process:
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
    assert len(list(tmp_path.glob("base/*.new"))) == 1, "it was killed before it began or after it was ready"
    killed.clean()
    assert nothing_left(killed)
    assert mounts.below(tmp_path) == []
    with Run(f"{run.name}b", tmp_path) as again:
        base = bases.base(again, "bookworm")
        assert (base / "usr/sbin/sshd").exists()
        assert [path.name for path in (tmp_path / "base").iterdir()] == [base.name]
        shutil.rmtree(base)  # it is large, and pytest keeps its directories


def python(*argv: object, **options: object) -> subprocess.Popen:
    """A Python process that finds the lab."""
    return subprocess.Popen([sys.executable, *argv], env={**os.environ, "PYTHONPATH": str(HERE.parent)}, text=True, **options)


def kill_scenario(run: Run, step: str, later: float = 0) -> None:
    """Lets another process make a whole lab and kills it some seconds after it has done a step."""
    with python(HERE / "scenario.py", run.name, run.cache, stdout=subprocess.PIPE) as process:
        assert f"{step}\n" in iter(process.stdout.readline, ""), f"it ended before {step}"
        time.sleep(later)
        process.send_signal(signal.SIGKILL)


def nothing_left(run: Run) -> bool:
    """No trace of a run by its name: cgroups, namespaces, mounts, directories, processes."""
    assert run.leftovers() == []
    assert not run.state.exists()
    assert not [path for path in namespaces.NAMED.glob("*") if path.name.startswith(run.name)]
    assert eventually(lambda: not processes_of(run), 5), processes_of(run)
    return True


def processes_of(run: Run) -> list[str]:
    """The processes that name the run on their command line or in their environment."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            text = (path / "cmdline").read_bytes() + (path / "environ").read_bytes()
        except OSError:
            continue
        if f"{run.name}-".encode() in text or f"/{run.name}/".encode() in text:
            found.append(text.decode(errors="replace"))
    return found
