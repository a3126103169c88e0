#!/usr/bin/env bash
# Checks the reference documentation of modules, filters and roles and makes pages of it: build/docs/index.html. Needs no network.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs dependent --disallow-unknown-collection-refs .

rm -rf build/docs
(umask 022 && mkdir -p build/docs/source) # antsibull-docs wants that nobody else can write there
antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --dest-dir build/docs/source usableapps.omni_matchbox

# What is not found are labels of Ansible's own documentation; those of the collection were checked above.
sphinx-build --quiet --fail-on-warning --isolated --builder html --define suppress_warnings=ref.ref \
    --define extensions=sphinx_antsibull_ext --define html_theme=alabaster --define pygments_style=ansible \
    --define project=usableapps.omni_matchbox --define default_role=any --define highlight_language=YAML+Jinja \
    build/docs/source build/docs
rm -rf build/docs/source build/docs/.doctrees
