#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What each public header costs a translation unit: seconds of front-end time, the median of some runs less that of an
# empty file, and the lines that are left after preprocessing. Sorted by time.
#   tools/frontend.sh [--runs N] [HEADER...]    with $CXX (g++), N odd (5); without headers all public ones
set -euo pipefail
export LC_ALL=C

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
compiler="${CXX:-g++}"
if ! command -v "$compiler" >/dev/null; then
    echo "tools/frontend.sh: '$compiler' is not installed" >&2
    exit 3
fi
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
flags=(-std=c++20 -I"$root/include" -I"$root/policies")

runs=5
if [[ "${1:-}" == --runs ]]; then
    runs="${2:-}"
    if [[ ! "$runs" =~ ^[0-9]*[13579]$ ]]; then
        echo "tools/frontend.sh: --runs is '$runs'; expected an odd number, so that there is a median" >&2
        exit 2
    fi
    shift 2
fi
headers=("$@")
if [[ ${#headers[@]} -eq 0 ]]; then
    mapfile -t headers < <(for base in include policies; do
        (cd "$root/$base" && find framealloc -name '*.hpp' -not -path '*/detail/*')
    done | sort)
fi

# seconds FILE: the median.
seconds() {
    local TIMEFORMAT=%U
    for ((run = 0; run < runs; run++)); do
        { time "$compiler" "${flags[@]}" -fsyntax-only "$1" 2>"$work/errors"; } 2>>"$work/times"
    done
    sort -n "$work/times" | sed -n "$(((runs + 1) / 2))p"
    rm "$work/times"
}

: >"$work/empty.cpp"
empty="$(seconds "$work/empty.cpp")"
for header in "${headers[@]}"; do
    echo "#include <$header>" >"$work/one.cpp"
    if ! "$compiler" "${flags[@]}" -fsyntax-only "$work/one.cpp" 2>"$work/errors"; then
        cat "$work/errors" >&2
        echo "tools/frontend.sh: <$header> does not compile by itself" >&2
        exit 1
    fi
    lines="$("$compiler" "${flags[@]}" -E -P "$work/one.cpp" | wc -l)"
    awk -v t="$(seconds "$work/one.cpp")" -v e="$empty" -v l="$lines" -v h="$header" \
        'BEGIN { printf "%6.2f s %7d lines  %s\n", t - e, l, h }'
done | sort -rn
