#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Installs what is missing on a Debian 12 machine, as root or with sudo; says nothing when nothing is.
#   tools/setup.sh demo    what tools/demo.sh needs
#   tools/setup.sh [all]   what the tests need, too
set -euo pipefail

list="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)/packages.txt"

fail() {
    printf 'tools/setup.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

# The packages of one section of the list, or of all of them.
packages_of() {
    awk -v wanted="$1" '
        { sub(/#.*/, ""); gsub(/[ \t\r]/, "") }
        /^\[.*\]$/ { section = substr($0, 2, length($0) - 2); next }
        $0 != "" && (wanted == "all" || wanted == section)' "$list"
}

is_installed() {
    [[ "$(dpkg-query --show --showformat '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

what="${1:-all}"
if [[ $# -gt 1 ]] || [[ "$what" != demo && "$what" != all ]]; then
    fail "the arguments are '$*'; expected 'demo' or 'all'" 2
fi
[[ -r "$list" ]] || fail "$list cannot be read; it lists what to install and belongs to the project"

mapfile -t packages < <(packages_of "$what")
[[ ${#packages[@]} -gt 0 ]] || fail "$list names no package for '$what'; restore the file"
if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    fail "this is no Debian system (dpkg-query and apt-get are not there); install what corresponds to: ${packages[*]}"
fi

missing=()
for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ "$(id -u)" == 0 ]]; then
    as_root=(env)
elif command -v sudo >/dev/null; then
    as_root=(sudo env)
else
    fail "not root, and there is no sudo; ask an administrator to install: ${missing[*]}"
fi

printf 'tools/setup.sh: installing %s\n' "${missing[*]}"
log="$(mktemp)"
trap 'rm -f -- "$log"' EXIT
if ! { "${as_root[@]}" apt-get -qq update && "${as_root[@]}" DEBIAN_FRONTEND=noninteractive \
    apt-get -qq install --yes --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail "apt-get failed, as shown above; still wanted: ${missing[*]}"
fi
