# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking once for all hosts of a run. Ansible works on its hosts in processes of their own, which share nothing but files."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import typing as t

from ansible import constants as C
from ansible.plugins.action import ActionBase

_OF_ONE_HOST = ("ansible_facts", "deprecations", "exception", "invocation", "warnings")


def ask_once(question: t.Any, ask: t.Callable[[], dict]) -> dict:
    """The result of ``ask``, which is called by the first host with this question; all others get what it got, also a failure.

    ``question`` is anything that JSON can hold and must hold all that the answer depends on. Answers are kept in files for
    this process's user only, in the directory that Ansible makes for each run and removes at its end.
    """
    digest = hashlib.sha256(json.dumps(question, sort_keys=True, default=str).encode()).hexdigest()
    path = os.path.join(C.DEFAULT_LOCAL_TMP, f"answer-{digest}.json")
    with open(path + ".lock", "w", opener=_private, encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            with open(path, encoding="utf-8") as answer:
                return json.load(answer)
        except FileNotFoundError:
            result = ask()
        with open(path + ".new", "w", opener=_private, encoding="utf-8") as answer:
            json.dump({name: value for name, value in result.items() if name not in _OF_ONE_HOST and not name.startswith("_")}, answer)
        os.rename(path + ".new", path)
        return result


def question_of(action: ActionBase) -> dict:
    """All that the answer to a task depends on: what is asked, in which environment, and from where."""
    here = action._connection.transport == "local"
    return {
        "action": action._task.action,
        "arguments": action._task.args,
        "environment": action._task.environment,
        "from": "controller" if here else [action._connection.transport, action._play_context.remote_addr],
    }


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
