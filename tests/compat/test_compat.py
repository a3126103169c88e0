"""The oldest and the newest ansible-core that the collection supports do what the one of build/venv does, without a warning."""

from __future__ import annotations

import re

import pytest
from controller import Controller, Core
from lab.run import Run
from lab.segment import NETWORK
from lab.site import DHCP, Site, recap, succeeded

# 2.17 reaches hosts with at most Python 3.12, which leaves out Debian 13; 2.21 needs 3.12, which leaves out Debian 12.
CORES = [Core("2.17.14", "bookworm", "3.11"), Core("2.21.5", "trixie", "3.13")]

# The rest of the unit tests runs code that knows nothing of Ansible.
UNITS = [f"tests/unit/plugins/{part}" for part in ("action", "filter", "modules", "module_utils/common", "module_utils/host", "plugin_utils")]


@pytest.fixture(scope="module", params=[pytest.param(core, marks=pytest.mark.xdist_group(core.version), id=core.version) for core in CORES])
def controller(request):
    """A site with a controller and a boot host of the same Debian release."""
    core = request.param
    with Run() as run:
        site = Site(run).up({"boot1": core.suite})
        host = site.add_host("controller", core.suite, f"{NETWORK}.10").wait()
        yield Controller(site, host, core).install()


@pytest.fixture(scope="module")
def converged(controller):
    """What the controller's first run of site.yml printed."""
    return succeeded(controller.converge(controller.site.variables(**DHCP)))


def warnings(process) -> list[str]:
    """What a run warned of, deprecated or not."""
    return [line for line in process.stdout.splitlines() if re.search(r"\[(DEPRECATION )?WARNING\]", line)]


def test_unit_tests(controller):
    succeeded(controller.run("python", "-m", "pytest", "-n", "2", "--dist", "loadfile", *UNITS))


def test_a_boot_host_is_made_without_a_warning(controller, converged):
    assert f"ansible-playbook [core {controller.core.version}]" in controller.run("ansible-playbook", "--version").stdout
    assert recap(converged)["boot1"]["changed"] > 0
    assert warnings(converged) == []


def test_the_usual_controller_finds_nothing_to_change(controller, converged):
    controller.site.inventory(controller.site.variables(**DHCP), hosts={"boot1": {}})
    process = succeeded(controller.site.converge(environment={"ANSIBLE_DEPRECATION_WARNINGS": "true"}))
    assert recap(process)["boot1"]["changed"] == 0
    assert warnings(process) == []
