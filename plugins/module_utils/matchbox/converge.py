# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that write a data directory share: one run, from what is wanted to the task's result."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule

from ..boot.kernel_args import redact
from ..common.secrets import redacted
from .preview import differences, shown
from .store import Plan, Store
from .wanted import Wanted


def converge(module: AnsibleModule, wanted: Wanted, *, scope: str = "", purge: str = "none") -> dict:
    """Make the data directory hold what is wanted; the task's result. ``scope`` and ``purge`` as in :meth:`.Store.plan`."""
    store = Store(module.params["data_path"], lambda path: _set_attributes(module, path))
    with store.locked(missing_is_empty=module.check_mode):
        plan = store.plan(wanted, scope=scope, purge=purge)
        if not module.check_mode:
            store.apply(plan)
        diff = _file_diffs(store, plan)
        diff += _attribute_diffs(module, [store.file(key) for key in plan.unchanged])
    moved = differences(plan.before, plan.after) if plan.changes else []
    if moved:
        diff.append(_diff("what machines boot", shown(moved, past=True), shown(moved, past=False)))
    return {
        "changed": plan.changed or bool(diff),
        "diff": diff,
        **redacted({"machines": [difference.result() for difference in moved]}),
        "written": [change.key for change in plan.changes if not change.removes],
        "removed": [change.key for change in plan.changes if change.removes],
    }


def _attribute_diffs(module: AnsibleModule, paths: list[str]) -> list[dict]:
    """One entry for each file whose owner, group or mode is set. What is right for one file is right for all that have the same."""
    alike = not module.selinux_enabled() and not module.params["attributes"]
    right: set[tuple[int, int, int]] = set()
    diffs = []
    for path in paths:
        status = os.lstat(path)
        has = status.st_mode, status.st_uid, status.st_gid
        if has in right:
            continue
        attributes = {"before_header": path, "after_header": path}
        if _set_attributes(module, path, attributes):
            diffs.append(attributes)
        elif alike:
            right.add(has)
    return diffs


def _set_attributes(module: AnsibleModule, path: str, diff: dict | None = None) -> bool:
    """Whether owner, group or mode of a file differ (and, except in check mode, no longer do).

    A file belongs to the group of the data directory, which is the engine's, unless the task names another.
    """
    wanted = module.load_file_common_arguments(module.params, path=path)
    if wanted["group"] is None:
        wanted["group"] = str(os.stat(module.params["data_path"]).st_gid)
    return module.set_fs_attributes_if_different(wanted, False, diff=diff)


def _file_diffs(store: Store, plan: Plan) -> list[dict]:
    """One entry a file, named by its path, tokens by their hash. The manifest is shown if nothing else changes."""
    texts = [(store.file(change.key), change.before, change.after) for change in plan.changes]
    if not texts and plan.changed:
        texts = [(store.manifest_path, plan.manifests[0].text(), plan.manifests[-1].text())]
    return [_diff(path, before or "", after or "") for path, before, after in texts]


def _diff(name: str, before: str, after: str) -> dict:
    return {"before_header": name, "after_header": name, "before": redact(before), "after": redact(after)}
