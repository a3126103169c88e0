#!/usr/bin/env bash
# ansible-test sanity on the tree as it is, with what is not committed yet and without an ignore file. Arguments are handed on:
#   sanity.sh --test validate-modules plugins/modules/matchbox_sync.py
# Everything it makes lies in build/sanity, the environments of the single tests too.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

oldest=9 newest=13 # of the Python 3 that ansible-test of this ansible-core and the collection know
sanity=$PWD/build/sanity
venv=$PWD/build/venv
tree=$sanity/ansible_collections/usableapps/omni_matchbox

# ansible-test finds out from its place what it tests and from git which files count: a link or a folder that git ignores will not do.
copy_of_the_tree() {
    rm -rf "$tree"
    mkdir -p "$tree"
    git ls-files -z --cached --others --exclude-standard --deduplicate |
        while IFS= read -rd '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
        tar -c --null --files-from=- | tar -x -C "$tree"
    git -C "$tree" init --quiet
}

# Every Python of the machine that counts, under one path and by its own name: those found first may be no more than a shim.
pythons() {
    local minor python
    rm -rf "${sanity:?}/bin"
    mkdir -p "$sanity/bin"
    for minor in $(seq $oldest $newest); do
        for python in $(type -ap "python3.$minor") "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$minor".*/bin/python3."$minor"; do
            if "$python" -c 'import ensurepip, venv' 2>/dev/null; then
                ln -s "$python" "$sanity/bin/python3.$minor"
                break
            fi
        done
    done
}

# ansible-test would download pip for its environments from a server of its own; Python brings one.
# It hands none of pip's variables on either, so what they and the user's configuration say is written where pip will find it.
pip_of_python() {
    local cache=$sanity/home/.ansible/test/cache version
    version=$("$venv/bin/python" -c '
from types import SimpleNamespace
from ansible_test._internal.python_requirements import get_venv_packages
print(get_venv_packages(SimpleNamespace(version=""))["pip"])')
    mkdir -p "$cache"
    echo 'import subprocess, sys; subprocess.run([sys.executable, "-m", "ensurepip"], stdout=subprocess.DEVNULL, check=True)' \
        >"$cache/get_pip_${version//./_}.py"
    mkdir -p "$sanity/home/.config/pip"
    "$venv/bin/pip" config list | sed -nE "s/^(:env:|global)\.(.*)='(.*)'$/\2 = \3/p" |
        awk -F ' = ' 'BEGIN { print "[global]\nquiet = 1" } !seen[$1]++ { gsub(/\\n/, "\n    "); print }' >"$sanity/home/.config/pip/pip.conf"
}

copy_of_the_tree
pythons
pip_of_python
cd "$tree"
export HOME=$sanity/home PATH=$venv/bin:$sanity/bin:/usr/bin:/bin
unset ANSIBLE_COLLECTIONS_PATH PYTHONPATH
exec ansible-test sanity --color no "$@"
