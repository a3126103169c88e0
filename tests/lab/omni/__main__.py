"""Command line of the lab Omni: ``python -m lab.omni --help``. Everything but ``serve`` also works while it runs."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import sys

from . import faults
from .accounts import ROLES, create_account
from .server import LabOmni
from .state import State, show_time

KEY_FILE = "service-account-key"


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parsed = parser().parse_args(arguments)
    try:
        parsed.run(parsed)
    except (OSError, KeyError, ValueError) as error:
        print(f"lab omni: {error}", file=sys.stderr)
        return 1
    return 0


def init(given: argparse.Namespace) -> None:
    """A new Omni with an Admin's key in ``service-account-key``."""
    state = State.create(given.state, address=given.address, machine_port=given.machine_port)
    write_key(state, KEY_FILE, create_account(state, "automation"))


def account(given: argparse.Namespace) -> None:
    """An account more; prints the file with its key."""
    state = State(given.state)
    print(write_key(state, f"{given.name}.key", create_account(state, given.name, given.role, given.lifetime)))


def write_key(state: State, name: str, key: str) -> pathlib.Path:
    """Keep a key where only this user reads it."""
    path = state.directory / name
    with open(path, "w", opener=lambda file, flags: os.open(file, flags, 0o600)) as file:
        file.write(key + "\n")
    return path


def token_create(given: argparse.Namespace) -> None:
    """Prints the new token."""
    state = State(given.state)
    print(state.create_token(given.name, show_time(state.clock() + given.lifetime) if given.lifetime is not None else ""))


def token_default(given: argparse.Namespace) -> None:
    """Prints the default token, or sets it."""
    state = State(given.state)
    if given.token:
        state.set_default_token(given.token)
    print(state.default_token())


def token_revoke(given: argparse.Namespace) -> None:
    """Revokes a token, or takes that back."""
    State(given.state).revoke_token(given.token, not given.undo)


def settings(given: argparse.Namespace) -> None:
    """Changes settings, given as name=JSON or name=text."""
    values = dict(pair.split("=", 1) for pair in given.values)
    State(given.state).set(**{name: _value(text) for name, text in values.items()})


def _value(text: str):
    try:
        return json.loads(text)
    except ValueError:
        return text


def machines(given: argparse.Namespace) -> None:
    """Prints the machines that have joined: UUID, MAC address, address, when they were last heard of."""
    state = State(given.state)
    for uuid, machine in state.read()["machines"].items():
        print(uuid, machine["mac"], machine["address"], show_time(machine["seen"]))


def requests(given: argparse.Namespace) -> None:
    """Prints how often each method was called."""
    print(json.dumps(State(given.state).request_counts()))


def fault(given: argparse.Namespace) -> None:
    """Has a fault happen to requests to come, or takes all back; prints those to come."""
    state = State(given.state)
    if given.kind == "none":
        faults.clear(state)
    elif given.kind != "list":
        details = {name: getattr(given, name) for name in ("status", "seconds", "events", "method", "skip", "times")}
        faults.add(state, faults.Fault(given.kind, **details))
    for left in faults.pending(state):
        print(json.dumps({name: value for name, value in vars(left).items() if value}))


def serve(given: argparse.Namespace) -> None:
    """Answers until it is told to end (SIGTERM, SIGINT). One line on standard output says that it listens."""
    omni = LabOmni(State(given.state), given.certificate, given.key, address=given.address, port=given.port, machine_port=given.machine_port)
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    with omni:
        print(f"lab omni: ready api={omni.endpoint} machine-api={omni.machine_url}", flush=True)
        signal.sigwait(ends)


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="python -m lab.omni", description="A stand-in for Omni, for tests.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=run.__doc__.splitlines()[0])
        added.set_defaults(run=run)
        added.add_argument("--state", required=True, type=pathlib.Path, metavar="DIR")
        return added

    new = command("init", init)
    new.add_argument("--address", required=True, help="address at which machines reach it")
    new.add_argument("--machine-port", type=int, default=8090)
    run = command("serve", serve)
    run.add_argument("--address", default="127.0.0.1")
    run.add_argument("--port", type=int, default=443)
    run.add_argument("--machine-port", type=int, default=8090)
    run.add_argument("--certificate", required=True, type=pathlib.Path)
    run.add_argument("--key", required=True, type=pathlib.Path)
    person = command("account", account)
    person.add_argument("name")
    person.add_argument("--role", choices=ROLES, default="Admin")
    person.add_argument("--lifetime", type=int, default=30 * 86400, help="of the key, in seconds; negative: expired")
    token = command("token-create", token_create)
    token.add_argument("name")
    token.add_argument("--lifetime", type=int, help="in seconds; negative: expired")
    command("token-default", token_default).add_argument("token", nargs="?")
    revoke = command("token-revoke", token_revoke)
    revoke.add_argument("token")
    revoke.add_argument("--undo", action="store_true")
    command("set", settings).add_argument("values", nargs="+", metavar="NAME=VALUE", help="as machine_api_url=grpc://10.77.0.5:8090")
    broken = command("fault", fault)
    broken.add_argument("kind", choices=[*faults.KINDS, "list", "none"], help="; ".join(f"{kind}: {text}" for kind, text in faults.KINDS.items()))
    broken.add_argument("--method", default="", help="only of this call, as Get; without, of any")
    broken.add_argument("--status", type=int, default=503)
    broken.add_argument("--seconds", type=float, default=0)
    broken.add_argument("--events", type=int, default=0)
    broken.add_argument("--skip", type=int, default=0, help="requests that go well before")
    broken.add_argument("--times", type=int, default=1, help="-1: until it is taken back")
    command("machines", machines)
    command("requests", requests)
    return top


if __name__ == "__main__":
    sys.exit(main())
