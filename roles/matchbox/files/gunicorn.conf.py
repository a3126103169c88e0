# Copyright: Contributors to the usableapps.omni_matchbox collection
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How gunicorn runs the embedded boot engine, wherever it does: ``gunicorn --config gunicorn.conf.py --bind ADDRESS:PORT``."""

from __future__ import annotations

import os

chdir = os.path.dirname(os.path.abspath(__file__))
wsgi_app = "engine:application"
# What cannot be imported ends the start, instead of worker after worker.
preload_app = True
# One process: it holds the index once, and its figures are those of the engine.
workers = 1
threads = 8
# Upstream takes lines of a request up to a megabyte.
limit_request_line = 0
# The worker shows that it is alive by touching a file, which must not wait for a disk.
worker_tmp_dir = "/dev/shm"


def post_worker_init(worker):
    """Begin what goes on beside the requests, in the process that answers them."""
    worker.wsgi.start()
