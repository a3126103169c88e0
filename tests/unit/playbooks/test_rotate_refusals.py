"""What rotate_join_token.yml refuses before it asks anybody anything."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys

import pytest
from support.modules import REPOSITORY

pytestmark = pytest.mark.thorough

NAMED = {"omni_matchbox_rotation_name": "berlin-2027-1"}
PASTED = ["siderolink.api=grpc://10.77.0.5:8090?jointoken=pasted"]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({}, "Name the new join token by omni_matchbox_rotation_name, such as berlin-2027-1."),
        ({**NAMED, "omni_matchbox_join_token": "pasted"}, "take them out, so that Omni is asked."),
        ({**NAMED, "omni_matchbox_kernel_params": PASTED}, "take them out, so that Omni is asked."),
        ({**NAMED, "omni_matchbox_join_token_name": "berlin-2026-4"}, "is berlin-2026-4; write the new name there first, berlin-2027-1."),
    ],
)
def test_what_the_inventory_decides_is_not_rotated(tmp_path, variables, message):
    local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    hosts = {"boot_hosts": {"hosts": {"boot1": {}}, "vars": {**local, **variables}}}
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"children": hosts}}))
    process = subprocess.run(
        [pathlib.Path(sys.executable).with_name("ansible-playbook"), "-i", "inventory.json", REPOSITORY / "playbooks/rotate_join_token.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "build/collections"), "ANSIBLE_HOME": str(tmp_path / "home")},
    )
    assert process.returncode != 0
    assert message in process.stdout
    assert "Look which join token machines boot with" not in process.stdout
    assert "pasted" not in process.stdout + process.stderr
