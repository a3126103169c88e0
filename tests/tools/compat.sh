#!/usr/bin/env bash
# The collection with the oldest and the newest ansible-core, each on a controller of its own in the lab, side by side.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
exec python -m pytest -n 2 --dist loadgroup tests/compat "$@"
