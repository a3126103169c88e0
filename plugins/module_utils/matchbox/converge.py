# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules that write a data directory share: one run, from what is wanted to the task's result."""

from __future__ import annotations

import os

from ansible.module_utils.basic import AnsibleModule

from ..boot.kernel_args import redact
from ..common.argspec import ArgumentSpec
from .store import Plan, Store
from .wanted import Wanted

DATA_SPEC = ArgumentSpec(
    options={"data_path": {"type": "path", "default": "/var/lib/matchbox"}, "mode": {"type": "raw", "default": "0640"}},
    add_file_common_args=True,
)
JOIN_ARGS_SPEC = ArgumentSpec(options={"join_args": {"type": "list", "elements": "str", "no_log": True}})


def converge(module: AnsibleModule, wanted: Wanted, *, scope: str = "", purge: str = "none") -> dict:
    """Make the data directory hold what is wanted; the task's result. ``scope`` and ``purge`` as in :meth:`.Store.plan`."""
    store = Store(module.params["data_path"], lambda path: _set_attributes(module, path))
    with store.locked(missing_is_empty=module.check_mode):
        plan = store.plan(wanted, scope=scope, purge=purge)
        if not module.check_mode:
            store.apply(plan)
        diff = _file_diffs(store, plan)
        for key in plan.unchanged:
            attributes = {"before_header": store.file(key), "after_header": store.file(key)}
            if _set_attributes(module, store.file(key), attributes):
                diff.append(attributes)
    return {
        "changed": plan.changed or bool(diff),
        "diff": diff,
        "written": [change.key for change in plan.changes if not change.removes],
        "removed": [change.key for change in plan.changes if change.removes],
    }


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
    return [{"before_header": path, "after_header": path, "before": redact(before or ""), "after": redact(after or "")} for path, before, after in texts]
