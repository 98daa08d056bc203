#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# The main job in one command: installs what is missing, builds, and plays 600 frames of example/asteroids with
# framealloc and with the standard library's memory. Works on a bare Debian 12 machine, as root or with sudo.
#   tools/demo.sh [options of the program]     for example --frames 2000, or --help
set -euo pipefail

root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)"
build="$root/build/demo"

bash "$root/tools/setup.sh" demo

mkdir -p -- "$build"
log="$build/build.log"
if ! {
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=None "-DCMAKE_CXX_FLAGS=-O3 -DNDEBUG" \
        -DFRAMEALLOC_TESTS=OFF -DFRAMEALLOC_BENCHMARKS=OFF -DFRAMEALLOC_EXAMPLES=ON &&
        cmake --build "$build" --target asteroids
} >"$log" 2>&1; then
    grep -E 'error|FAILED' -A 5 -- "$log" >&2 || tail -n 40 -- "$log" >&2
    printf 'tools/demo.sh: the build failed; all of it is in %s\n' "$log" >&2
    exit 1
fi

# Later options win, so that the caller's choose other files or more frames. The program says what it wrote.
exec "$build/example/asteroids" --frames 600 --json "$build/asteroids.json" --svg "$build/asteroids.svg" "$@"
