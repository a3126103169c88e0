"""The command line of the lab.

A lab that is up stays up until ``down``; commands name it by ``--run`` or mean the one of this checkout.
"""

from __future__ import annotations

import argparse
import subprocess
import time

from . import owners, talos_standin
from .clients import Client
from .firmware import FIRMWARES
from .hosts import Host
from .run import Run, clean_dead
from .segment import NETWORK, Segment
from .site import Site
from .system import LabError, eventually, require, say


def up(options: argparse.Namespace, run: Run) -> int:
    """Makes the segment and the hosts; what is up stays as it is."""
    site = Site(run.start())
    if not site.segment.is_up:
        run.clean()  # of one that was made half-way, or before the machine was restarted
        run.start()
        site.segment.up()
    up_already = {host.name for host in Host.all(run, site.segment) if host.is_up}
    starting = [site.add_host(name, options.suite, address) for name, address in options.host if name not in up_already]
    for host in starting:
        host.wait()
    return status(options, run)


def site(_options: argparse.Namespace, run: Run) -> int:
    """Adds a lab Omni and a download server, and prints the path of an inventory of the hosts.

    Playbooks with that inventory work on the segment: lab run segment ansible-playbook -i INVENTORY PLAYBOOK
    """
    made = Site(run)
    made.hosts = {host.name: host for host in Host.all(run, _segment(run))}
    if not made.is_up:
        made.start_omni()
        made.start_downloads()
    connection = {
        "ansible_control_path_dir": str(run.sockets),
        "ansible_ssh_common_args": "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR",
        "ansible_pipelining": True,
    }
    print(made.inventory(made.variables(**connection, omni_matchbox_service_account_key=made.service_account_key)))
    return 0


def boot(options: argparse.Namespace, run: Run) -> int:
    """Turns a machine on and shows how far it comes until it has registered.

    A name that was booted before is the same machine again.
    """
    segment = _segment(run)
    known = {client.name: client for client in Client.all(run, segment)}.get(options.name)
    mac, uuid = options.mac or (known and known.mac), options.uuid or (known and known.uuid)
    client = Client(run, segment, options.name, options.firmware, mac=mac, uuid=uuid, memory=options.memory).power_on()
    began, shown = time.monotonic(), []
    say(f"{client.name} is on ({client.firmware_name}, {client.mac}, {client.uuid}), console: {client.console_path}")
    eventually(lambda: not client.is_on or _show(client, shown) or client.gave_up or talos_standin.outcome(client.console), options.timeout)
    _show(client, shown)
    result = talos_standin.outcome(client.console)
    print(f"{client.name} {client.firmware_name} {time.monotonic() - began:.1f} s: {result or client.gave_up or 'did not register'}")
    if not result:
        client.off()
    return 0 if result and result.startswith("joined") else 1


def _show(client: Client, shown: list[str]) -> None:
    """Prints what is new on the way of a boot and adds it to ``shown``."""
    for line in client.milestones[len(shown) :]:
        say(f"{client.name}: {line}")
        shown.append(line)


def console(options: argparse.Namespace, run: Run) -> int:
    """Prints the console of a machine or host."""
    for path in (run.state / "clients" / options.name / "console", run.state / "hosts" / options.name / "console"):
        if path.exists():
            print(path.read_text(errors="replace"))
            return 0
    raise LabError(f"no console of '{options.name}' in the run {run.name}")


def run_in_host(options: argparse.Namespace, run: Run) -> int:
    """Runs a command in a host, or on the segment if the host is called ``segment``."""
    segment = _segment(run)
    if options.host == "segment":
        return segment.exec(options.argv, check=False).returncode
    host = next((host for host in Host.all(run, segment) if host.name == options.host), None)
    if not host:
        raise LabError(f"no host '{options.host}' in the run {run.name}")
    return subprocess.run(host.command(options.argv), check=False).returncode


def status(_options: argparse.Namespace, run: Run) -> int:
    """Prints the hosts and machines of the lab."""
    segment = _segment(run)
    print(f"{'lab':8} {run.name}, {NETWORK}.0/24, {run.state}")
    for host in Host.all(run, segment):
        print(f"{'host':8} {host.name} {host.address} {host.suite} {host.state or 'down'}")
    for client in Client.all(run, segment):
        power = "on" if client.is_on else "off"
        result = talos_standin.outcome(client.console) or "did not register"
        print(f"{'machine':8} {client.name} {client.firmware_name} {client.mac} {client.uuid} {power}, {result}")
    return 0


def down(_options: argparse.Namespace, run: Run) -> int:
    """Removes the lab, also one that was killed half-way."""
    run.clean()
    return 0


def clean(options: argparse.Namespace, run: Run) -> int:
    """Removes the lab and everything of runs whose owner is gone."""
    run.clean()
    for name in clean_dead(run.cache):
        say(f"removed what was left of the run {name}")
    return 0


def _segment(run: Run) -> Segment:
    segment = Segment(run)
    if not run.started or not segment.is_up:
        raise LabError(f"the lab {run.name} is not up: 'make lab-up'")
    return segment


def _run(text: str) -> str:
    return owners.default_name(owners.cache_directory(), text[1:]) if text.startswith("+") else text


def _host(text: str) -> tuple[str, str]:
    name, _equals, address = text.partition("=")
    if not name or not address.startswith(f"{NETWORK}."):
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME={NETWORK}.NUMBER")
    return name, address


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    description = "Boot hosts, a network segment and machines that boot from it, all on this machine."
    result = argparse.ArgumentParser(prog="lab", description=description)
    result.add_argument("--run", type=_run, metavar="NAME", help="the lab meant (default: the one of this checkout; +NAME: one more of it)")
    verbs = result.add_subparsers(required=True, metavar="COMMAND")

    def verb(name: str, work) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=work.__doc__.partition("\n")[0], description=work.__doc__)
        made.set_defaults(work=work)
        return made

    made = verb("up", up)
    made.add_argument("--suite", default="bookworm", help="Debian release of the hosts (default: bookworm)")
    host = {"type": _host, "action": "append", "default": [], "metavar": "NAME=ADDRESS"}
    made.add_argument("--host", **host, help="a host to boot; may be repeated")
    made = verb("boot", boot)
    made.add_argument("name")
    made.add_argument("--firmware", choices=FIRMWARES, default="bios")
    made.add_argument("--timeout", type=float, default=120, metavar="SECONDS")
    made.add_argument("--memory", type=int, metavar="MIB")
    made.add_argument("--mac")
    made.add_argument("--uuid")
    verb("console", console).add_argument("name")
    made = verb("run", run_in_host)
    made.add_argument("host")
    made.add_argument("argv", nargs=argparse.REMAINDER, metavar="COMMAND")
    for name, work in (("site", site), ("status", status), ("down", down), ("clean", clean)):
        verb(name, work)
    return result


def main(argv: list[str] | None = None) -> int:
    """Runs one command; what is wrong is said in a line."""
    options = parser().parse_args(argv)
    try:
        require(())
        return options.work(options, Run(options.run, kept=True))
    except LabError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
