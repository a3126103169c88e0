"""Fixtures of the unit tests."""

from __future__ import annotations

import pytest
from support.modules import ModuleRunner


@pytest.fixture
def modules(tmp_path):
    """Runs real module files in processes of their own; watches ``tmp_path`` for what check mode must not touch."""
    return ModuleRunner(watched=tmp_path)
