"""One run of the module matchbox_sync, with its input on standard input; the result tells how long it took, from parsed arguments on."""

from __future__ import annotations

import time

from ansible_collections.usableapps.omni_matchbox.plugins.module_utils.common.run import run_module
from ansible_collections.usableapps.omni_matchbox.plugins.modules import matchbox_sync


def work(module) -> dict:
    began = time.perf_counter()
    result = matchbox_sync.work(module)
    return {"seconds": time.perf_counter() - began, "changed": result["changed"], "written": len(result["written"])}


run_module(matchbox_sync.SPEC, work)
