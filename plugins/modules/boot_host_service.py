#!/usr/bin/python
# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: boot_host_service
short_description: The files of a service and the systemd unit that reads them
version_added: 0.1.0
description:
  - Puts a set of files in place and starts, restarts or reloads the unit that reads them, in one task.
  - Whether the unit has read its files is computed from the host, not remembered by handlers. So a run that was interrupted
    after it had written a file, and before it restarted the unit, is finished by the next run.
  - The run ends only when the unit is really up. If it does not come up, the former files are put back, a unit that ran before
    runs with them again, and the error holds what the unit logged.
  - Check mode works on a host that has nothing yet, neither packages nor users nor directories, and names every file that the
    run then writes.
author:
  - The usableapps.omni_matchbox founders (@usableapps)
attributes:
  check_mode:
    description: Tells exactly what the run then changes. O(files[].validate) is passed over while its program is not installed.
    support: full
  diff_mode:
    description: Shows contents, owners and modes of files, and what happens to the unit. Of secrets it shows a short hash.
    support: full
  platform:
    description: Linux with systemd 247 or later.
    platforms: linux
    support: full
options:
  files:
    description:
      - What has to be there. Exactly one of O(files[].content), O(files[].link), O(files[].directory) and O(files[].secret) says what it is.
      - Directories that are not named here have to exist already.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The absolute path.
        type: path
        required: true
      content:
        description: The text of a file. A mapping or a list is written as JSON.
        type: raw
      link:
        description: The target of a symbolic link.
        type: str
      directory:
        description: Whether it is a directory.
        type: bool
      secret:
        description: Whether it is a file with a secret in it. Its text is in O(secrets), and no output shows it.
        type: bool
      mode:
        description: The mode as a quoted octal number. V(0644) for files and V(0755) for directories if it is not given.
        type: str
      owner:
        description: The name of the user whom it belongs to.
        type: str
        default: root
      group:
        description: The name of the group which it belongs to.
        type: str
        default: root
      validate:
        description:
          - A command that examines new content before anything is changed; C(%s) in it stands for a file with the content.
        type: list
        elements: str
  secrets:
    description: The texts of secret files by path.
    type: dict
  absent:
    description: Files and links to remove.
    type: list
    elements: path
    default: []
  unit:
    description: The systemd unit that reads the files. Without it, only the files are taken care of.
    type: str
  enabled:
    description: Whether the unit is started with the host.
    type: bool
    default: true
  state:
    description: Whether the unit runs. A unit is stopped before its files are changed.
    type: str
    choices: [started, stopped]
    default: started
  on_change:
    description: How a running unit gets to read changed files. When the unit file itself changes, it is restarted in any case.
    type: str
    choices: [restart, reload]
    default: restart
  reads:
    description:
      - More files that the unit reads and that other tasks write, such as a certificate. When one of them is newer than what the unit
        has read, the unit is restarted or reloaded.
      - In check mode a change that another task only predicts is not seen.
    type: list
    elements: path
    default: []
  validate_after:
    description:
      - A command that examines the files when they are in place and before the unit reads them, such as C(nginx -t).
        If it fails, the former files are put back.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: DHCP and TFTP
  usableapps.omni_matchbox.boot_host_service:
    unit: omni-matchbox-dnsmasq
    files:
      - path: /etc/omni-matchbox
        directory: true
      - path: /etc/omni-matchbox/dnsmasq.conf
        content: "{{ lookup('ansible.builtin.template', 'dnsmasq.conf.j2') }}"
        validate: [dnsmasq, --test, "--conf-file=%s"]
      - path: /etc/systemd/system/omni-matchbox-dnsmasq.service
        content: "{{ lookup('ansible.builtin.template', 'dnsmasq.service.j2') }}"

- name: A site of nginx
  usableapps.omni_matchbox.boot_host_service:
    unit: nginx
    on_change: reload
    files:
      - path: /etc/nginx/conf.d/omni-matchbox.conf
        content: "{{ lookup('ansible.builtin.template', 'gateway.conf.j2') }}"
    reads:
      - /etc/omni-matchbox/tls/certificate.pem
    validate_after: [nginx, -t]

- name: No more DHCP
  usableapps.omni_matchbox.boot_host_service:
    unit: omni-matchbox-dnsmasq
    state: stopped
    enabled: false
    absent:
      - /etc/systemd/system/omni-matchbox-dnsmasq.service
      - /etc/omni-matchbox/dnsmasq.conf
"""

RETURN = r"""
action:
  description: >-
    What happened to the unit, or would in check mode: V(start), V(restart), V(reload), V(stop), V(reset-failed) or empty.
  returned: success
  type: str
  sample: reload
paths:
  description: The paths that were changed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/etc/nginx/conf.d/omni-matchbox.conf]
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils.common.argspec import ArgumentSpec
from ..module_utils.common.run import run_module
from ..module_utils.host.files import KINDS
from ..module_utils.host.service import Service

FILE = {
    "path": {"type": "path", "required": True},
    "content": {"type": "raw"},
    "link": {"type": "str"},
    "directory": {"type": "bool"},
    "secret": {"type": "bool", "no_log": False},
    "mode": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "validate": {"type": "list", "elements": "str"},
}
SPEC = ArgumentSpec(
    options={
        "files": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": FILE,
            "mutually_exclusive": [KINDS],
            "required_one_of": [KINDS],
        },
        "secrets": {"type": "dict", "no_log": True},
        "absent": {"type": "list", "elements": "path", "default": []},
        "unit": {"type": "str"},
        "enabled": {"type": "bool", "default": True},
        "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
        "on_change": {"type": "str", "choices": ["restart", "reload"], "default": "restart"},
        "reads": {"type": "list", "elements": "path", "default": []},
        "validate_after": {"type": "list", "elements": "str", "default": []},
    }
)


def work(module: AnsibleModule) -> dict:
    service = Service(module.params)
    plan = service.plan()
    service.validate(plan, lenient=module.check_mode)
    if plan.changed and not module.check_mode:
        service.apply(plan)
    return {"changed": plan.changed, "diff": plan.diff, "action": plan.unit.action, "paths": [change.path for change in plan.files]}


def main() -> None:
    run_module(SPEC, work)


if __name__ == "__main__":
    main()
