#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
#
# Measures every workload with every allocator, draws the picture and says which targets are met.
#   tools/bench.sh                      all of it, in less than 15 minutes
#   tools/bench.sh --quick              three short repetitions each, in about two minutes: to see that it works
#   tools/bench.sh --only WORKLOAD...   some of it: `larson_2`, or `larson` for all of larson_*; `others` is what compares nobody
# Options:
#   --keep-going     goes on where a workload fails, and fails at the end
#   --output DIR     writes results.json, results.md and results.svg there (build/perf)
#   --strict         fails when a target is missed or was not measured
# Everybody in a workload is measured in one process, in an order that is drawn anew for each repetition. The last lines are
# `target NAME met|missed FIGURE`, or `target NAME unmeasured REASON`. See docs/performance.md.
set -euo pipefail
export LC_ALL=C

root="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)"
build="$root/build/release"
program="$build/perf/framealloc_perf"
# Room for jemalloc's thread-local storage, which it wants to be static and has when it is loaded late.
export GLIBC_TUNABLES="${GLIBC_TUNABLES:+$GLIBC_TUNABLES:}glibc.rtld.optional_static_tls=8192"

# Smaller work is for tests, and who has a process of its own is told so by the one that starts it.
unset FRAMEALLOC_PERF_SMOKE FRAMEALLOC_PERF_ALONE

fail() {
    printf 'tools/bench.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}
help() { sed -n '4,${/^#/!q; s/^# \{0,1\}//; p}' "${BASH_SOURCE[0]}"; }

seconds=480  # of measuring; building, and what has its own number of turns, comes on top
repetitions=9
output="$root/build/perf"
keep_going=
only=()
report=()
while [[ $# -gt 0 ]]; do
    case "$1" in
        --help | -h) help; exit ;;
        --quick) seconds=60 repetitions=3; shift ;;
        --keep-going) keep_going=yes; shift ;;
        --strict) report+=(--strict); shift ;;
        --output)
            [[ -n "${2:-}" && "${2:-}" != --* ]] || fail "--output is '${2:-}'; expected a folder to write to" 2
            output="$2"; shift 2 ;;
        --only)
            shift
            while [[ $# -gt 0 && "$1" != --* ]]; do only+=("$1"); shift; done
            [[ ${#only[@]} -gt 0 ]] || fail "--only names no workload; expected at least one, for example --only pool_random" 2 ;;
        *) fail "there is no option '$1'; expected --quick, --only WORKLOAD..., --keep-going, --output DIR, --strict or --help" 2 ;;
    esac
done

"$root/tools/setup.sh" all
mkdir -p -- "$output/raw" || fail "'$output' cannot be made; expected a folder to write to; name another one with --output"
# Results of an earlier run must not be taken for this one's.
rm -f -- "$output"/raw/*.json "$output"/raw/*.log

say() { printf '== %s (%d s so far)\n' "$1" "$SECONDS" >&2; }

say "building"
log="$output/build.log"
if ! { cd -- "$root" && cmake --preset release && cmake --build "$build" --target framealloc_perf; } >"$log" 2>&1; then
    grep -E 'error|FAILED' -A 5 -- "$log" | head -60 >&2 || tail -n 40 -- "$log" >&2
    fail "the build failed; all of it is in $log"
fi
[[ -x "$program" ]] || fail "there is no $program; Google Benchmark seems to be missing: install libbenchmark-dev"

"$program" --benchmark_list_tests=true >"$output/raw/names.txt"
"$root/tools/bench/plan.py" --seconds "$seconds" --repetitions "$repetitions" -- "${only[@]}" \
    <"$output/raw/names.txt" >"$output/raw/plan.txt" || exit 2

failed=()
number=0
processes="$(wc -l <"$output/raw/plan.txt")"
while IFS=$'\t' read -r name benchmarks filter times least; do
    number=$((number + 1))
    say "$number of $processes: $name, $benchmarks x $times"
    raw="$output/raw/$name"
    if ! "$program" "--benchmark_filter=$filter" "--benchmark_repetitions=$times" "--benchmark_min_time=$least" \
        --benchmark_enable_random_interleaving=true --benchmark_out_format=json "--benchmark_out=$raw.json" \
        >"$raw.log" 2>&1 </dev/null; then
        tail -n 20 -- "$raw.log" >&2
        rm -f -- "$raw.json"
        [[ -n "$keep_going" ]] || fail "$name failed; all it said is in $raw.log; --keep-going leaves it out"
        failed+=("$name")
    fi
    grep -o "ERROR OCCURRED: .*" -- "$raw.log" | sort -u | sed 's/^ERROR OCCURRED: /   left out: /' >&2 || true
done <"$output/raw/plan.txt"

shopt -s nullglob
measured=("$output"/raw/*.json)
[[ ${#measured[@]} -gt 0 ]] || fail "nothing was measured: ${failed[*]} failed"
say "report"
status=0
"$root/tools/bench_report.py" --output "$output" --build "$build" "${report[@]}" "${measured[@]}" || status=$?
if [[ ${#failed[@]} -gt 0 ]]; then
    fail "failed and left out: ${failed[*]}; what they said is in $output/raw"
fi
exit "$status"
