"""A play over several boot hosts: versions are found out once, from the locks of all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from lab.factory import Factory
from support.modules import REPOSITORY

pytestmark = pytest.mark.thorough

pytest_plugins = ["support.omni"]

PLAYBOOK = """
- hosts: all
  gather_facts: false
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - usableapps.omni_matchbox.talos_lock_info:
        assets_path: "{{ root }}/{{ inventory_hostname }}"
        site: "{{ omni_endpoint }}"
      register: talos_boot_host
    - usableapps.omni_matchbox.talos_image_info:
        endpoint: "{{ omni_endpoint }}"
        service_account_key: "{{ omni_key }}"
        ca_path: "{{ omni_ca }}"
        factory_url: "{{ factory_url }}"
        classes: {talos: {version: v1.11, kernel_args: [a]}, next: {version: omni}}
        boot_hosts: "{{ dict(known | map(attribute='inventory_hostname') | zip(known | map(attribute='talos_boot_host'))) }}"
      vars:
        known: "{{ ansible_play_hosts | map('extract', hostvars) | selectattr('talos_boot_host', 'defined') | list }}"
      delegate_to: localhost
      register: images
    - ansible.builtin.debug:
        msg: "{{ {'talos': {'version': 'v1.11', 'kernel_args': ['a']}} | combine(images.classes, recursive=true) | to_json }}"
"""


@pytest.fixture
def play(omni, tmp_path):
    """Runs the playbook with three boot hosts, of which the first has a lock."""
    (tmp_path / "boot1/talos").mkdir(parents=True)
    (tmp_path / "boot1/talos/images.lock").write_text(json.dumps({"versions": {"v1.11": "v1.11.4"}}))
    (tmp_path / "play.yml").write_text(PLAYBOOK)
    variables = {"root": str(tmp_path), "omni_endpoint": omni.server.endpoint, "omni_key": omni.key, "omni_ca": omni.ca_path}

    def run(**more) -> subprocess.CompletedProcess:
        (tmp_path / "variables.json").write_text(json.dumps({**variables, **more}))
        return subprocess.run(
            [sys.executable, "-m", "ansible.cli.playbook", "-i", "boot1,boot2,boot3", "-e", f"@{tmp_path / 'variables.json'}", str(tmp_path / "play.yml")],
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "build/collections"), "ANSIBLE_LOCAL_TEMP": str(tmp_path / "local")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_once_for_all_hosts(play, omni, tmp_path):
    with Factory(tmp_path / "factory", listed=["v1.11.5", "v1.12.0"]) as factory:
        ran = play(factory_url=factory.url)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert ran.stdout.count('\\"talos\\": {\\"version\\": \\"v1.11.4\\"') == 3, ran.stdout
        assert ran.stdout.count('\\"version\\": \\"v1.12.0\\"') == 3
        assert (omni.state.request_counts(), len(factory.requests)) == ({"List": 1}, 2)


def test_hosts_that_disagree_stop_all_of_them(play, omni, tmp_path):
    (tmp_path / "boot3/talos").mkdir(parents=True)
    (tmp_path / "boot3/talos/images.lock").write_text(json.dumps({"versions": {"v1.11": "v1.11.5"}}))
    ran = play(factory_url="")
    assert ran.returncode != 0
    assert ran.stdout.count("class talos: v1.11 means v1.11.4 on boot1 and v1.11.5 on boot3; say what it means in omni_matchbox_images_lock") >= 3
    assert omni.state.request_counts() == {}
