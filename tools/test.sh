#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Builds and tests everything, with both builds and both compilers: one command on a bare Debian 12 machine.
#   tools/test.sh            all of it
#   tools/test.sh STEP...    some of it: noexcept asan tsan b2 dev, or clang: the second compiler without sanitizers
# The last lines are ctest's summary of the `dev` build, which has every test by itself.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cd "$root"

all=(noexcept asan tsan b2 dev)
known=("${all[@]}" clang)  # the sanitizers' builds are clang's as well
steps=("${@:-${all[@]}}")
for step in "${steps[@]}"; do
    if [[ ! " ${known[*]} " == *" $step "* ]]; then
        echo "tools/test.sh: no step '$step'; expected some of: ${known[*]}" >&2
        exit 2
    fi
done

"$root/tools/setup.sh" all

say() { printf '\n== %s (%d s so far)\n' "$1" "$SECONDS"; }

# Configures, builds and tests a preset; quiet unless something fails.
preset() {
    local log="build/$1.log"
    mkdir -p build
    if ! { cmake --preset "$1" && cmake --build --preset "$1"; } >"$log" 2>&1; then
        grep -E 'error|warning|FAILED' -A 5 "$log" | head -60 || tail -60 "$log"
        echo "tools/test.sh: the build '$1' failed; all of it is in $log" >&2
        exit 1
    fi
    ctest --preset "$1"
}

for step in "${steps[@]}"; do
    case "$step" in
        dev)
            say "g++, every header alone"
            mkdir -p build
            if ! { cmake --preset dev && cmake --build build/dev --target all_verify_interface_header_sets; } \
                >build/headers.log 2>&1; then
                grep -E 'error' -A 5 build/headers.log | head -60
                echo "tools/test.sh: a header does not compile alone; all of it is in build/headers.log" >&2
                exit 1
            fi
            say "what each public header costs a translation unit"
            tools/frontend.sh --runs 1
            say "g++, every test by itself"
            preset dev
            ;;
        noexcept) say "g++ without exceptions and run-time type information"; preset noexcept ;;
        asan) say "clang 19: AddressSanitizer, LeakSanitizer, UndefinedBehaviorSanitizer"; preset asan ;;
        tsan) say "clang 19: ThreadSanitizer"; preset tsan ;;
        clang) say "clang 19 without sanitizers"; preset clang ;;
        b2)
            say "b2"
            mkdir -p build
            if ! b2 toolset=gcc -j2 >build/b2.log 2>&1; then
                grep -E 'error|failed' -A 5 build/b2.log | head -60
                echo "tools/test.sh: b2 failed; all of it is in build/b2.log" >&2
                exit 1
            fi
            grep -c '^\*\*passed\*\*' build/b2.log | sed 's/$/ tests passed/' || true
            ;;
    esac
done
