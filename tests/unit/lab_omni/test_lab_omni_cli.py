"""The command line: a lab Omni of its own process, steered from another."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.client import OmniClient
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.errors import OmniError, PermissionDeniedError, UnreachableError
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.join import kernel_params
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.resources import list_resources

pytest_plugins = ["support.omni"]

TESTS = pathlib.Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(TESTS)}


def command(name: str, state: pathlib.Path, *arguments: str) -> str:
    line = [sys.executable, "-m", "lab.omni", name, "--state", str(state), *arguments]
    return subprocess.run(line, check=True, capture_output=True, text=True, env=ENVIRONMENT).stdout.strip()


@pytest.fixture
def served(tmp_path, omni_certificate):
    """State directory and endpoint of a lab Omni in a process of its own."""
    state = tmp_path / "omni"
    command("init", state, "--address", "10.77.0.5")
    certificate, key = omni_certificate
    options = ["--port", "0", "--machine-port", "0", "--certificate", str(certificate), "--key", str(key)]
    line = [sys.executable, "-m", "lab.omni", "serve", "--state", str(state), *options]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        words = process.stdout.readline().split()
        assert words[:3] == ["lab", "omni:", "ready"]
        yield state, words[3].removeprefix("api=")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_it_is_steered_while_it_runs(served, omni_pki):
    state, endpoint = served
    assert (state / "service-account-key").stat().st_mode & 0o777 == 0o600

    def client(path: pathlib.Path) -> OmniClient:
        return OmniClient(endpoint, ServiceAccount(path.read_text()), ca_path=str(omni_pki / "ca.crt"))

    admin = client(state / "service-account-key")
    first = command("token-default", state)
    assert kernel_params(admin).args[0] == f"siderolink.api=grpc://10.77.0.5:8090?jointoken={first}"

    second = command("token-create", state, "site-berlin", "--lifetime", "3600")
    assert command("token-default", state, second) == second
    command("set", state, "machine_api_url=grpc://10.77.0.6:8090", "enforce_grpc_tunnel=true")
    assert kernel_params(admin).args[0] == f"siderolink.api=grpc://10.77.0.6:8090?grpc_tunnel=true&jointoken={second}"

    command("token-revoke", state, first)
    states = {item["spec"]["name"]: item["spec"]["state"] for item in list_resources(admin, "JoinTokenStatuses.omni.sidero.dev")}
    assert states == {"initial token": 2, "site-berlin": 1}

    reader = client(pathlib.Path(command("account", state, "reader", "--role", "Reader")))
    with pytest.raises(PermissionDeniedError, match="has the role Reader, this needs Admin"):
        list_resources(reader, "JoinTokens.omni.sidero.dev")
    assert json.loads(command("requests", state)) == {"Get": 4, "GetMachineJoinConfig": 2, "List": 2}


def test_faults_are_steered_while_it_runs(served, omni_pki):
    state, endpoint = served
    client = OmniClient(endpoint, ServiceAccount((state / "service-account-key").read_text()), ca_path=str(omni_pki / "ca.crt"), sleep=lambda _seconds: None)
    assert json.loads(command("fault", state, "answer", "--status", "500", "--method", "List")) == {
        "kind": "answer",
        "status": 500,
        "method": "List",
        "times": 1,
    }
    kernel_params(client)
    with pytest.raises(OmniError, match="injected fault"):
        list_resources(client, "Machines.omni.sidero.dev")
    assert list_resources(client, "Machines.omni.sidero.dev") == []
    command("fault", state, "reset", "--times", "-1")
    with pytest.raises(UnreachableError):
        list_resources(client, "Machines.omni.sidero.dev")
    assert command("fault", state, "list") == '{"kind": "reset", "status": 503, "times": -1}'
    assert command("fault", state, "none") == ""
    assert list_resources(client, "Machines.omni.sidero.dev") == []


def test_a_mistake_is_one_line(tmp_path):
    command("init", tmp_path, "--address", "10.77.0.5")
    line = [sys.executable, "-m", "lab.omni", "set", "--state", str(tmp_path), "colour=blue"]
    process = subprocess.run(line, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert (process.returncode, process.stderr) == (1, "lab omni: 'no setting colour'\n")
