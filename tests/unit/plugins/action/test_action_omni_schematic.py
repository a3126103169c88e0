"""A playbook that turns tokens, makes schematics and accounts, at full verbosity: no secret is seen, whatever fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.join import kernel_params
from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.omni.schematics import Customization, create_schematic
from support.modules import REPOSITORY
from support.secrets import holders, key_texts

pytestmark = pytest.mark.thorough

pytest_plugins = ["support.omni"]

MACHINE = "10001802-c798-4da7-a410-f09abb48c8d8"
PLAYBOOK = """
- hosts: all
  gather_facts: false
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  module_defaults:
    group/usableapps.omni_matchbox.omni:
      ca_path: "{{ omni_ca }}"
  tasks:
    - usableapps.omni_matchbox.omni_kernel_params:
      register: before
    - usableapps.omni_matchbox.omni_join_token:
        {name: berlin, expiry: 90d, default: true}
      run_once: true
    - usableapps.omni_matchbox.omni_kernel_params:
        served: "{{ before.kernel_params | join(' ') }}"
      register: after
      failed_when: after.served_matches
    - usableapps.omni_matchbox.omni_schematic:
        {talos_version: v1.11.4, extensions: [siderolabs/iscsi-tools]}
      register: image
      loop: [1]
    - ansible.builtin.assert:
        quiet: true
        that: image.results[0].schematic_id | length == 64
    - ansible.builtin.debug:
        msg: "image {{ image.results[0].image_key }} with {{ after.redacted[0] }}"
    - usableapps.omni_matchbox.omni_schematic:
        {talos_version: v1.11.4, join_token: "not-{{ before.kernel_params[0] | regex_search('[^=]*$') }}"}
      ignore_errors: true
    - usableapps.omni_matchbox.omni_join_token:
        {name: initial token, revoked: true}
      run_once: true
      ignore_errors: true
    - usableapps.omni_matchbox.omni_join_token_info:
    - usableapps.omni_matchbox.omni_service_account:
        {name: berlin, role: Reader, lifetime: "{{ item }}", key_path: "{{ key_file }}"}
      run_once: true
      loop: [31d, 365d]
      ignore_errors: true
    - usableapps.omni_matchbox.omni_service_account:
        {name: berlin, role: Reader, lifetime: 365d, renew_before: "{{ item }}", key_path: "{{ key_file }}"}
      run_once: true
      loop: [30d, 300d]
"""


@pytest.fixture
def shown(omni, tmp_path):
    """The folder with all that a run of the playbook left but the account's key: its output, Ansible's log and home."""
    omni.join(MACHINE)
    (tmp_path / "keys").mkdir()
    (tmp_path / "seen").mkdir()
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    variables = {"omni_ca": omni.ca_path, "key_file": str(tmp_path / "keys/berlin.key")}
    ansible_playbook = os.path.join(os.path.dirname(sys.executable), "ansible-playbook")
    with open(tmp_path / "seen/output", "w") as output:
        ended = subprocess.run(
            [ansible_playbook, "-i", "boot1,boot2,boot3", "play.yml", "-vvvv", "--diff", "--extra-vars", json.dumps(variables)],
            cwd=tmp_path,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
            env={
                **os.environ,
                "OMNI_ENDPOINT": omni.server.endpoint,
                "OMNI_SERVICE_ACCOUNT_KEY": omni.key,
                "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "build/collections"),
                "ANSIBLE_HOME": str(tmp_path / "seen/home"),
                "ANSIBLE_LOCALHOST_WARNING": "0",
                "ANSIBLE_LOG_PATH": str(tmp_path / "seen/log"),
                "ANSIBLE_RETRY_FILES_ENABLED": "1",
                "ANSIBLE_RETRY_FILES_SAVE_PATH": str(tmp_path / "seen"),
                "TMPDIR": str(tmp_path / "seen"),
            },
        )
    assert ended.returncode == 0, (tmp_path / "seen/output").read_text()
    return tmp_path / "seen"


def test_no_secret_is_seen_anywhere(omni, shown, tmp_path):
    customization = Customization(extensions=("siderolabs/iscsi-tools",))
    secrets = {
        "join token": list(omni.state.read()["tokens"]),
        "asking key": key_texts(omni.key),
        "new key": key_texts((tmp_path / "keys/berlin.key").read_text().strip()),
        "schematic id": [create_schematic(omni.client(), "1.11.4", "metal-amd64.iso", customization, kernel_params(omni.client()).args)],
    }
    assert holders(secrets, shown) == {}
    # The search would find them: where a key belongs, it does.
    assert set(holders(secrets, tmp_path / "keys")) == {str(tmp_path / "keys/berlin.key")}
    text = (shown / "output").read_text()
    for words in ("jointoken=sha256:", "is not known at https://", f"to be let in with ({MACHINE})", "is nearly all of the lifetime"):
        assert words in text
    assert os.stat(tmp_path / "keys/berlin.key").st_mode & 0o777 == 0o600


def test_three_hosts_make_one_schematic(omni, shown):
    assert shown.is_dir()
    assert omni.state.request_counts()["CreateSchematic"] == 1
