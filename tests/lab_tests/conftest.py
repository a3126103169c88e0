"""Fixtures of the tests that run playbooks against hosts of the lab."""

from __future__ import annotations

import pytest
from lab import bases
from lab.run import Run
from lab.site import Site


@pytest.fixture(scope="module")
def lab_run():
    """A run of the lab for one test module."""
    with Run() as run:
        yield run


@pytest.fixture(scope="module", params=bases.SUITES)
def site(request, lab_run):
    """A site with one fresh boot host, ``boot1``, of each Debian release in turn."""
    site = Site(lab_run).up({"boot1": request.param})
    yield site
    lab_run.clean()
    lab_run.start()
