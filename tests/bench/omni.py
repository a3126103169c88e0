"""What asking Omni costs: a task beside a ping, a long list beside the least that gets it, a signature. Omni is the lab's stand-in."""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import multiprocessing
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

import requests
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.client import RESOURCES, OmniClient
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import list_resources
from lab import pki
from lab.omni.accounts import create_account
from lab.omni.server import LabOmni
from lab.omni.state import State
from lab.system import REPOSITORY, LabError

from .figures import Figure, ratios

PAIRS = 9
LIST_PAIRS = 7
MACHINES = 5000
SIGNATURES = 2000
TYPE = "MachineStatuses.omni.sidero.dev"
PLAY = """
- hosts: localhost
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"
  tasks:
    - name: The only task
      {}:
"""


def figures() -> Iterator[Figure]:
    """``omni_module_vs_ping``, ``omni_list_5000_vs_raw`` and ``omni_sign_us``, with what is behind the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        directory = pathlib.Path(folder)
        authority, _key = pki.authority(directory)
        certificate = pki.certificate(directory, ["127.0.0.1"])
        state = State.create(directory / "omni")
        key = create_account(state, "automation")
        yield from _module(directory, LabOmni(state, *certificate), key, authority)
        yield from _list(certificate, key, authority)
    account = ServiceAccount(key)
    yield Figure("omni_sign_us", "us", [_signature(account) for _run in range(5)], "goal: at most 500")


def _module(directory: pathlib.Path, omni: LabOmni, key: str, authority: pathlib.Path) -> Iterator[Figure]:
    """A play of one task, each by a new process."""
    plays = {}
    for name in ("ansible.builtin.ping", "usableapps.omni_matchbox.omni_kernel_params"):
        plays[name] = directory / f"{name}.yml"
        plays[name].write_text(PLAY.format(name))
    with omni:
        environment = {**os.environ, "OMNI_ENDPOINT": omni.endpoint, "OMNI_SERVICE_ACCOUNT_KEY": key, "SSL_CERT_FILE": str(authority)}
        pings, modules = [], []
        for _pair in range(PAIRS + 1):
            pings.append(_play(plays["ansible.builtin.ping"], environment))
            modules.append(_play(plays["usableapps.omni_matchbox.omni_kernel_params"], environment))
    # The first pair fills caches.
    yield Figure("omni_module_seconds", "s", modules[1:])
    yield Figure("omni_ping_seconds", "s", pings[1:])
    yield Figure("omni_module_vs_ping", "x", ratios(modules[1:], pings[1:]), "goal: at most 1.5")


def _play(path: pathlib.Path, environment: dict) -> float:
    line = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", str(path)]
    began = time.monotonic()
    process = subprocess.run(line, env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if process.returncode:
        raise LabError(f"{path.name} failed: {process.stdout[-500:]}{process.stderr[-500:]}")
    return seconds


def _list(certificate: tuple[pathlib.Path, pathlib.Path], key: str, authority: pathlib.Path) -> Iterator[Figure]:
    """From the same answer to the same objects, over connections that are kept. What Omni needs to make the answer is left out."""
    with _answering(certificate, _machines()) as endpoint:
        client = OmniClient(endpoint, ServiceAccount(key), ca_path=str(authority))
        session = requests.Session()
        ours, raw = [], []
        for _pair in range(LIST_PAIRS + 1):
            raw.append(_timed(lambda: _raw(session, endpoint, str(authority))))
            ours.append(_timed(lambda: list_resources(client, TYPE)))
    yield Figure("omni_list_5000_seconds", "s", ours[1:])
    yield Figure("omni_list_5000_vs_raw", "x", ratios(ours[1:], raw[1:]), "goal: at most 1.3")


def _raw(session: requests.Session, endpoint: str, authority: str) -> list[dict]:
    answer = session.post(f"{endpoint}/api{RESOURCES}List", json={"namespace": "default", "type": TYPE}, verify=authority, timeout=60)
    return [json.loads(item) for item in answer.json()["items"]]


def _timed(work) -> float:
    began = time.monotonic()
    found = work()
    seconds = time.monotonic() - began
    assert len(found) == MACHINES
    return seconds


def _machines() -> bytes:
    """The answer to a List of so many machines, each as a real Omni was recorded to describe one."""
    recorded = json.loads((REPOSITORY / "tests/recordings/omni/selectors.json").read_text())
    machine = json.loads(next(entry["response"]["items"][0] for entry in recorded if "mem >= 64GiB" in entry["case"]))
    items = []
    for number in range(MACHINES):
        machine["metadata"]["id"] = f"{number:08x}-c798-4da7-a410-f09abb48c8d8"
        items.append(json.dumps(machine, separators=(",", ":")))
    return gzip.compress(json.dumps({"items": items, "total": MACHINES}).encode())


@contextlib.contextmanager
def _answering(certificate: tuple[pathlib.Path, pathlib.Path], body: bytes) -> Iterator[str]:
    """The address of a server, in a process of its own, that gives this answer to everybody."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65536

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            for name, value in {"Content-Type": "application/json", "Content-Encoding": "gzip", "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    process = multiprocessing.get_context("fork").Process(target=server.serve_forever, daemon=True)
    process.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}"
    finally:
        process.terminate()
        process.join()
        server.server_close()


def _signature(account: ServiceAccount) -> float:
    """Microseconds for the headers of one request."""
    began = time.monotonic()
    for _number in range(SIGNATURES):
        account.signed_headers(RESOURCES + "List", {"runtime": "Omni"}, time.time())
    return (time.monotonic() - began) / SIGNATURES * 1e6
