"""The main job: site.yml makes a boot host, and machines that are powered on boot from it and register with Omni."""

from __future__ import annotations

import pytest
from lab.site import DHCP, recap, succeeded

KERNEL_ARGS = "talos.platform=metal console=tty0 init_on_alloc=1 slab_nomerge= pti=on consoleblank=0 printk.devkmsg=on selinux=1".split()


@pytest.fixture(scope="module")
def converged(site):
    """The site after its first run, in DHCP mode."""
    site.inventory(site.variables(**DHCP))
    succeeded(site.converge())
    return site


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_a_machine_boots_and_registers(converged, firmware):
    boot = converged.boot(f"dhcp-{firmware}", firmware)
    assert set(KERNEL_ARGS) <= set(boot.cmdline)
    for parameter in ("siderolink.api=", "talos.events.sink=", "talos.logging.kernel="):
        assert len([arg for arg in boot.cmdline if arg.startswith(parameter)]) == 1
    assert boot.join["accepted"]
    assert boot.join["token"] == converged.omni.default_token()
    assert (boot.join["router"], boot.join["dns"]) == ("10.77.0.1", "10.77.0.1")
    assert boot.join["address"].startswith("10.77.0.1")


def test_the_second_run_changes_nothing(converged):
    assert recap(succeeded(converged.converge()))["boot1"]["changed"] == 0


def test_after_a_rotation_the_next_boot_carries_the_new_token(converged):
    old = converged.omni.default_token()
    new = converged.omni.create_token("second")
    converged.omni.set_default_token(new)
    succeeded(converged.converge("--tags", "talos_boot"))
    converged.omni.revoke_token(old)
    boot = converged.boot("rotated", "bios")
    assert boot.join["accepted"]
    assert boot.join["token"] == new


def test_a_machine_with_a_wrong_token_is_refused_visibly(converged):
    """The token is revoked after the profile was written: what a machine says then, and what Omni says of it."""
    token = converged.omni.default_token()
    converged.omni.revoke_token(token)
    try:
        boot = converged.boot("refused", "bios")
    finally:
        converged.omni.revoke_token(token, False)
    assert boot.join is not None
    assert not boot.join["accepted"]
    assert "refused: " in boot.client.console
    assert boot.client.uuid in (converged.omni.directory / "omni.log").read_text()
    assert boot.client.uuid not in converged.omni.read()["machines"]
