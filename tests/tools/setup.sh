#!/usr/bin/env bash
# Makes all that the tests and the demo need: distribution packages, build/venv, build/collections.
#   setup.sh          everything (root, Debian 12 or 13)
#   setup.sh python   only build/venv and build/collections (no root)
# Each step is skipped when it is already done, so this costs nothing the second time.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

# Left: the package that has it. Right: why.
packages=(
    python3-venv          # the controller
    systemd-container     # systemd-nspawn: boot hosts with a real systemd
    mmdebstrap            # their base systems
    openssh-client        # Ansible's way into them
    iproute2              # network namespaces, bridge, taps
    nftables              # the segment's way out
    slirp4netns           # the same
    dnsmasq-base          # router advertisements and the foreign DHCP server of the tests
    qemu-system-x86 ovmf ipxe ipxe-qemu seabios   # machines that boot from the network
    qemu-system-arm qemu-efi-aarch64              # the same on arm64
    busybox-static kmod cpio xz-utils             # the initramfs of the Talos stand-in
    openssl               # certificates of the lab
    unzip                 # one collection out of the ansible package
    shellcheck            # ansible-test
    wrk                   # the client of the engine's measurements
    faketime              # a controller whose clock is off
    curl                  # what the demo suggests, to look around
    git ca-certificates procps
)

say() { printf '%s\n' "setup: $*" >&2; }

distribution_packages() {
    local missing
    missing=$(for name in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
    done)
    [ -n "$missing" ] || return 0
    [ "$(id -u)" = 0 ] || { say "needs root to install: ${missing//$'\n'/ }"; exit 1; }
    say "installing ${missing//$'\n'/ }"
    apt-get -qq update
    # shellcheck disable=SC2086 # a list
    DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o Dpkg::Use-Pty=0 install --no-install-recommends $missing >/dev/null
}

# The stamp holds what was installed: another requirements file or Python makes the environment anew.
virtual_environment() {
    local want
    want=$(cat tests/requirements.txt; python3 --version)
    [ "$(cat build/venv/stamp 2>/dev/null)" = "$want" ] && return
    say "making build/venv"
    rm -rf build/venv
    mkdir -p build
    python3 -m venv build/venv
    build/venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
    printf '%s\n' "$want" >build/venv/stamp
}

# The repository is worked on where it is cloned; Ansible finds it under the path it wants through a link.
collections() {
    local root=build/collections/ansible_collections wheel
    mkdir -p $root/usableapps
    ln -sfn ../../../.. $root/usableapps/omni_matchbox
    [ ! -e $root/ansible/posix/MANIFEST.json ] || return 0
    say "fetching the collection ansible.posix"
    build/venv/bin/pip download --quiet --disable-pip-version-check --no-deps --dest build/download ansible==12.3.0
    wheel=$(echo build/download/ansible-*.whl)
    unzip -q -o "$wheel" 'ansible_collections/ansible/posix/*' -d build/collections
    rm -rf build/download
}

# In somebody else's checkout nothing could be made, only half of it removed.
if [ ! -w . ]; then
    say "nothing was done: this checkout belongs to $(stat -c %U .), so run make as $(stat -c %U .)"
    exit 1
fi
case ${1:-all} in
    all) distribution_packages; virtual_environment; collections;;
    python) virtual_environment; collections;;
    *) sed -n '2,5s/^# \?//p' "$0"; exit 2;;
esac
