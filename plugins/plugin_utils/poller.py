# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module on a host in the background and looks now and then how far it is.

The module keeps a file with its state (:func:`..module_utils.common.progress.progress_file`). That is a short command to read; asking Ansible
whether the module has ended starts a program on the host, so it is asked rarely, and at once when the file is gone.
"""

from __future__ import annotations

import json
import shlex
import time
import typing as t

from ansible.plugins.action import ActionBase

LONGEST = 24 * 3600
"""Seconds after which the host ends the module."""
_ASK_EVERY = 10
_OF_THE_JOB = ("ansible_job_id", "finished", "invocation", "results_file", "started", "stderr", "stderr_lines", "stdout", "stdout_lines")


def run_and_watch(action: ActionBase, arguments: dict, task_vars: dict, state_path: str, heard: t.Callable[[dict], object]) -> dict:
    """The result of the action's module, run with ``arguments``. ``heard`` is called with what the file ``state_path`` says meanwhile."""
    job = _started(action, arguments, task_vars)
    if "ansible_job_id" not in job:
        return job
    seen, second = False, 0
    while True:
        time.sleep(1)
        second += 1
        state = _state(action, state_path)
        if state is not None:
            heard(state)
        # A short run may have made the file and removed it in between.
        if state is None and (seen or second == 1) or second % _ASK_EVERY == 0:
            result = _status(action, job, task_vars, "status")
            if result.get("finished"):
                _status(action, job, task_vars, "cleanup")
                return {name: value for name, value in result.items() if name not in _OF_THE_JOB}
        seen = state is not None


def _started(action: ActionBase, arguments: dict, task_vars: dict) -> dict:
    """What Ansible says of a module that goes on in the background. That is a property of tasks, so the task has it for a moment."""
    task = action._task
    before, task.async_val = task.async_val, LONGEST
    try:
        return action._execute_module(module_args=arguments, task_vars=task_vars, wrap_async=True)
    finally:
        task.async_val = before


def _status(action: ActionBase, job: dict, task_vars: dict, mode: str) -> dict:
    folder = action._remote_expand_user(action.get_shell_option("async_dir", default="~/.ansible_async"))
    arguments = {"jid": job["ansible_job_id"], "mode": mode, "_async_dir": folder}
    result = action._execute_module(module_name="ansible.legacy.async_status", module_args=arguments, task_vars=task_vars)
    # A module that could not be run at all has no more than that.
    return {**result, "finished": 1} if result.get("failed") else result


def _state(action: ActionBase, path: str) -> dict | None:
    """``None`` if there is none, or if it is just being written."""
    answer = action._low_level_execute_command(f"cat {shlex.quote(path)}")
    try:
        return json.loads(answer["stdout"]) if answer["rc"] == 0 else None
    except ValueError:
        return None
