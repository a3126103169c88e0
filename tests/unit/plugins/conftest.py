"""Fixtures of tests that download."""

from __future__ import annotations

import pytest
from lab.downloads import Downloads
from support import images


@pytest.fixture
def mirror(tmp_path_factory):
    """A folder with the Talos releases v1.11.4 (both architectures) and v1.12.0 as GitHub has them, outside what check mode must not touch."""
    root = tmp_path_factory.mktemp("mirror")
    for number, (version, architecture) in enumerate([("v1.11.4", "amd64"), ("v1.11.4", "arm64"), ("v1.12.0", "amd64")]):
        images.release(root, version, architecture, images.kernel(architecture, seed=number), images.initramfs(seed=number + 10))
    return root


@pytest.fixture
def server(mirror):
    """A download server that has them."""
    with Downloads(mirror) as running:
        yield running
