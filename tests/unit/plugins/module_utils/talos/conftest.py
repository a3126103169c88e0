"""A boot host's assets and what is wanted of them."""

from __future__ import annotations

import dataclasses
import pathlib

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.download import Access
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.assets import Plan, Wanted, plan_assets
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.fetching import have_assets
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.files import image_to_have
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.talos.source import Source
from lab.downloads import TALOS_RELEASES


@dataclasses.dataclass
class BootHost:
    """``root`` are its assets, ``release_url`` where it fetches."""

    root: pathlib.Path
    release_url: str
    timeout: int = 5

    def wanted(self, *images: dict, **options: object) -> Wanted:
        """The images (by default v1.11.4), as a task would want them."""
        return Wanted(str(self.root), [image_to_have(_complete(image)) for image in images or ({},)], self.release_url, **options)

    def plan(self, *images: dict, **options: object) -> Plan:
        """What is to be done."""
        return plan_assets(self.wanted(*images, **options), self.source)

    def have(self, *images: dict, lock_seconds: float = 5, **options: object) -> Plan:
        """Do it."""
        return have_assets(self.wanted(*images, **options), self.source, check=False, lock_seconds=lock_seconds)

    @property
    def source(self) -> Source:
        """One that has not been asked anything."""
        return Source(Access(timeout=self.timeout))


def _complete(image: dict) -> dict:
    return {"version": "v1.11.4", "architecture": "amd64", **image}


@pytest.fixture
def assets(tmp_path):
    """The assets folder, empty."""
    folder = tmp_path / "assets"
    folder.mkdir()
    return folder


@pytest.fixture
def host(assets, server):
    """A boot host that fetches from the download server."""
    return BootHost(assets, f"{server.url}/{TALOS_RELEASES}")


@pytest.fixture
def fetched(host, assets, server):
    """The folder of v1.11.4, with its files in place; the server has forgotten the requests."""
    host.have()
    server.requests.clear()
    return assets / "talos/v1.11.4"
