"""What the lab Omni knows: a directory with one JSON file, read anew for every request, so that anybody may change it.

``state.json``      accounts (public halves), join tokens, machines, resources that clients wrote, settings
``faults.json``     what is to go wrong (:mod:`.faults`)
``requests.jsonl``  one line for each API request: time, method, type, account, status
``access.log``      one line for each answer over HTTPS, as a web server writes it
``joins.jsonl``     one line for each machine that tried to join, with the token as it came (this file is the stand-in's own, mode 0600)
``omni.log``        what Omni would log
"""

from __future__ import annotations

import collections
import contextlib
import copy
import datetime
import fcntl
import json
import os
import pathlib
import secrets
import string
import time

TOKEN_LENGTH = 44
TALOS_VERSIONS = ["1.10.8", "1.11.4", "1.11.5", "1.12.0"]
NEVER = "1970-01-01T00:00:00Z"
"""When something was changed that never was."""


class State:
    """The state directory. ``clock`` gives seconds since the epoch: the lab Omni's own time."""

    def __init__(self, directory: pathlib.Path | str, clock=time.time):
        self.directory = pathlib.Path(directory)
        self.clock = clock

    @classmethod
    def create(cls, directory: pathlib.Path | str, *, address: str = "127.0.0.1", machine_port: int = 8090, clock=time.time) -> State:
        """A new Omni that nobody has joined: one token, the default; no account yet."""
        state = cls(directory, clock)
        state.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        token, now = new_token(), state.timestamp()
        state._write(
            {
                "instance_name": "lab-omni",
                "created": now,
                "machine_api_url": f"grpc://{address}:{machine_port}",
                "wireguard_endpoint": f"{address}:50180",
                "events_port": 8091,
                "logs_port": 8092,
                "enforce_grpc_tunnel": False,
                "image_factory_base_url": "https://factory.talos.dev",
                # With the authority of an Image Factory, schematics are really made there.
                "image_factory_ca": "",
                "eula_accepted": True,
                # Omni takes minutes to notice that a machine is gone.
                "disconnect_after": 210,
                "accounts": [],
                "tokens": {token: {"name": "initial token", "created": now, "updated": now, "version": 2}},
                "default_token": {"token_id": token, "created": now, "updated": now, "version": 1},
                "machines": {},
                "talos_versions": TALOS_VERSIONS,
                # What clients wrote, by type, then by namespace and id.
                "resources": {},
                # Seconds until controllers have let go of what is torn down, and until a machine has told what it is.
                "controllers_take": 0.1,
                "details_after": 0,
            }
        )
        return state

    def read(self) -> dict:
        """All of it, as it is now. Changing what is returned changes nothing."""
        return json.loads((self.directory / "state.json").read_text())

    @contextlib.contextmanager
    def change(self):
        """The content to be changed in place; nobody else changes it meanwhile, and a raised error leaves all as it was."""
        with open(self.directory / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            content = self.read()
            before = copy.deepcopy(content)
            yield content
            if content != before:
                self._write(content)

    def _write(self, content: dict) -> None:
        new = self.directory / "state.json.new"
        with open(new, "w", opener=_private) as file:
            json.dump(content, file, indent=1)
        new.replace(self.directory / "state.json")

    def append(self, name: str, record: dict | str) -> None:
        """Add a line to one of the logs; a line is one write, so that lines of several threads do not mix."""
        text = record if isinstance(record, str) else json.dumps(record)
        with open(self.directory / name, "a", opener=_private) as file:
            file.write(text + "\n")

    def records(self, name: str) -> list[dict]:
        """The lines of ``requests.jsonl`` or ``joins.jsonl``, oldest first."""
        path = self.directory / name
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def request_counts(self) -> dict[str, int]:
        """How often each method was called, under its short name (``GetMachineJoinConfig``)."""
        return dict(collections.Counter(record["method"].rpartition("/")[2] for record in self.records("requests.jsonl")))

    def timestamp(self) -> str:
        """Now, as Omni writes times."""
        return show_time(self.clock())

    def log(self, message: str, **fields) -> None:
        """A line in Omni's log."""
        self.append("omni.log", {"ts": self.timestamp(), "msg": message, **fields})

    # What an administrator does.

    def create_token(self, name: str = "", expiration_time: str = "") -> str:
        """A new join token; ``expiration_time`` as Omni writes times. Name and time are not checked, as in Omni 1.4."""
        token, now = new_token(), self.timestamp()
        record = {"name": name, "created": now, "updated": now, "version": 2}
        if expiration_time:
            record["expiration_time"] = expiration_time
        with self.change() as content:
            content["tokens"][token] = record
        return token

    def revoke_token(self, token: str, revoked: bool = True) -> None:
        """Revoke a token, also the default one, or take that back."""
        with self.change() as content:
            content["tokens"][token]["revoked"] = revoked
            touch(content["tokens"][token], self.timestamp())

    def set_default_token(self, token: str) -> None:
        """Make ``token`` the one that is given to whoever asks for none."""
        with self.change() as content:
            content["default_token"]["token_id"] = token
            touch(content["default_token"], self.timestamp())

    def default_token(self) -> str:
        """The token that is given to whoever asks for none."""
        return self.read()["default_token"]["token_id"]

    def set(self, **settings) -> None:
        """Change settings: machine_api_url, enforce_grpc_tunnel, eula_accepted, disconnect_after, ports ..."""
        with self.change() as content:
            unknown = settings.keys() - content.keys()
            if unknown:
                raise KeyError(f"no setting {unknown.pop()}")
            content.update(settings)


def touch(record: dict, now: str) -> None:
    """Count a change of a resource, as Omni does."""
    record["version"] += 1
    record["updated"] = now


def new_token() -> str:
    """A join token of Omni's form: base62."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _place in range(TOKEN_LENGTH))


def token_state(token: dict, now: float) -> int:
    """1 active, 2 revoked, 3 expired."""
    if token.get("revoked"):
        return 2
    return 3 if "expiration_time" in token and parse_time(token["expiration_time"]) <= now else 1


def show_time(epoch: float) -> str:
    """``2026-11-24T06:22:43Z``"""
    return datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> float:
    """Seconds since the epoch of a time as Omni takes it."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
