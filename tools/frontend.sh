#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# What each public header costs a translation unit: seconds of front-end time, the median of five runs less that of an
# empty file, and the lines that are left after preprocessing. Sorted by time.
#   tools/frontend.sh [HEADER...]      with $CXX (g++); without arguments all of include/framealloc/ and policies/
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

headers=("$@")
if [[ ${#headers[@]} -eq 0 ]]; then
    mapfile -t headers < <(cd "$root/include" && ls framealloc/*.hpp; cd "$root/policies" && ls framealloc/*/*.hpp)
fi

# seconds FILE: the median of five.
seconds() {
    local TIMEFORMAT=%U
    for _ in 1 2 3 4 5; do
        { time "$compiler" "${flags[@]}" -fsyntax-only "$1" 2>"$work/errors"; } 2>>"$work/times"
    done
    sort -n "$work/times" | sed -n 3p
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
