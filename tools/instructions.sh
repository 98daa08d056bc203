#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Counts instructions per operation with callgrind and prints lines `name count`, sorted by name.
#   tools/instructions.sh            -O3, for the default target, with $CXX (g++)
#
# Each loop runs with two lengths. The difference of the counts divided by the difference of the lengths, less the same of
# an empty loop, is one operation. `limit/` is what one writes by hand for one place, `peer/` are other allocators, those
# that are installed; `end_frame/` is one call. See perf/instructions/.
set -euo pipefail
export LC_ALL=C

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
build="$root/build/instructions"
compiler="${CXX:-g++}"

need() {
    command -v "$1" >/dev/null && return
    echo "tools/instructions.sh: '$1' is not installed; it comes with the package $2" >&2
    exit 3
}
need valgrind valgrind
need "$compiler" "g++"
if ! echo '#include <valgrind/callgrind.h>' | "$compiler" -E -x c++ - >/dev/null 2>&1; then
    echo "tools/instructions.sh: <valgrind/callgrind.h> is missing; it comes with the package valgrind" >&2
    exit 3
fi

mkdir -p "$build"
counts="$(mktemp -d "$build/run.XXXXXX")"
trap 'rm -rf "$counts"' EXIT

# The peers that are compiled in, where a program with them can be made. Debian has foonathan/memory in a folder of its own.
with_peers=(-isystem /usr/include/foonathan_memory -isystem "/usr/include/$("$compiler" -print-multiarch)/foonathan_memory")
makes_a_program() {  # HEADER OPTION...
    { printf '#include <%s>\n' "$1"; echo 'int main() {}'; } |
        "$compiler" -std=c++20 -x c++ - -o "$counts/probe" "${with_peers[@]}" "${@:2}" 2>/dev/null
}
if makes_a_program boost/pool/pool.hpp; then with_peers+=(-DFRAMEALLOC_PERF_BOOST); fi
if makes_a_program foonathan/memory/memory_stack.hpp -lfoonathan_memory; then
    with_peers+=(-DFRAMEALLOC_PERF_FOONATHAN -lfoonathan_memory)
fi

"$compiler" -std=c++20 -O3 -DNDEBUG -I"$root/perf" -I"$root/include" -I"$root/policies" \
    "$root"/perf/instructions/{instructions,facilities}.cpp -o "$counts/instructions" -pthread -ldl "${with_peers[@]}"

# Room for jemalloc's thread-local storage, which it wants to be static and has when it is loaded late.
export GLIBC_TUNABLES="${GLIBC_TUNABLES:+$GLIBC_TUNABLES:}glibc.rtld.optional_static_tls=8192"
if ! valgrind --tool=callgrind --callgrind-out-file="$counts/out" "$counts/instructions" >"$counts/log" 2>&1; then
    cat "$counts/log" >&2
    echo "tools/instructions.sh: the program failed under callgrind" >&2
    exit 1
fi
grep '^instructions: ' "$counts/log" >&2 || true

# One file per measurement: its name and length are in the line `desc: Trigger`, its instructions in `summary:`.
# In the order in which they were written.
mapfile -t outputs < <(printf '%s\n' "$counts"/out.* | sort -V)
awk '
    /^desc: Trigger: Client Request: / { name = $(NF - 1); turns = $NF }
    /^summary: / && name != "" { count[name, turns] = $2; seen[name] = 1; lengths[name] = lengths[name] " " turns; name = "" }
    function per_turn(n,   l) {
        split(lengths[n], l, " ")
        if (l[2] == "") return count[n, l[1]]
        return (count[n, l[2]] - count[n, l[1]]) / (l[2] - l[1])
    }
    END {
        for (n in seen) {
            floor = n ~ /^floor/ ? 0 : n ~ /^end_frame\// ? per_turn("floor_call") : n ~ /pair|free_list|begin_end/ ? per_turn("floor_pair") : per_turn("floor")
            text = sprintf("%.1f", per_turn(n) - floor)
            sub(/\.0$/, "", text)
            if (n !~ /^floor/) print n, text
        }
    }
' "${outputs[@]}" | sort
