"""A lab Omni for tests. Test modules ask for it with ``pytest_plugins = ["support.omni"]``."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest
import requests
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.auth import ServiceAccount
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.client import OmniClient
from lab import pki
from lab.omni import faults
from lab.omni.accounts import create_account
from lab.omni.server import LabOmni
from lab.omni.state import State


@dataclasses.dataclass
class OmniForTest:
    """A running lab Omni with the key of an Admin."""

    server: LabOmni
    ca_path: str
    key: str

    @property
    def state(self) -> State:
        """What it knows; changes count at once."""
        return self.server.state

    @property
    def params(self) -> dict:
        """The connection options of a module."""
        return {"endpoint": self.server.endpoint, "service_account_key": self.key, "ca_path": self.ca_path}

    def client(self, key: str = "", **options) -> OmniClient:
        """A client; it does not really wait. ``options`` are those of :class:`OmniClient`."""
        options = {"ca_path": self.ca_path, "timeout": 10, "sleep": lambda _seconds: None, **options}
        return OmniClient(self.server.endpoint, ServiceAccount(key or self.key), **options)

    def fail(self, kind: str, **details) -> None:
        """Have the lab Omni a fault for the next request; ``details`` are those of :class:`lab.omni.faults.Fault`."""
        faults.add(self.state, faults.Fault(kind, **details))

    @property
    def faults(self) -> list[faults.Fault]:
        """The faults that are still to come."""
        return faults.pending(self.state)

    def join(self, machine_id: str, token: str = "") -> None:
        """Have a machine join with a token, by default the default one."""
        fields = {"token": token or self.state.default_token(), "uuid": machine_id, "mac": "52:54:00:00:00:01", "address": "10.5.0.10", "router": "10.5.0.1"}
        body = "\n".join(f"{name}={value}" for name, value in {**fields, "talos_version": "1.11.4", "cmdline": "talemu=1"}.items())
        assert requests.post(self.server.machine_url + "/lab/join", data=body, timeout=10).status_code == 200


@pytest.fixture(scope="session")
def omni_pki(tmp_path_factory) -> pathlib.Path:
    """A directory with the lab's authority (``ca.crt``)."""
    directory = tmp_path_factory.mktemp("omni-pki")
    pki.authority(directory)
    return directory


@pytest.fixture(scope="session")
def omni_certificate(omni_pki) -> tuple[pathlib.Path, pathlib.Path]:
    """Certificate and key of a server at 127.0.0.1."""
    return pki.certificate(omni_pki, ["127.0.0.1"])


@pytest.fixture
def make_omni(tmp_path_factory, omni_pki, omni_certificate):
    """Starts lab Omnis; each call makes another one."""
    running = []

    def make(**settings) -> OmniForTest:
        state = State.create(tmp_path_factory.mktemp("omni"), **settings)
        running.append(LabOmni(state, *omni_certificate).start())
        return OmniForTest(running[-1], str(omni_pki / "ca.crt"), create_account(state, "automation"))

    yield make
    for server in running:
        server.stop()


@pytest.fixture
def omni(make_omni) -> OmniForTest:
    """One lab Omni."""
    return make_omni()
