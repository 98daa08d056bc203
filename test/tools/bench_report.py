#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""tools/bench_report.py on figures that were made up, and on files that are none; tools/bench.sh on wrong arguments.

    bench_report.py ROOT                  checks
    bench_report.py ROOT --sample FILE    writes the made-up figures of every workload, to look at the picture
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.dont_write_bytecode = True

MALLOCS = {"mimalloc": 10.0, "jemalloc": 14.0, "tcmalloc": 11.0, "tbb": 13.0, "glibc": 30.0}
OURS = {"framealloc_scope": 1.1, "framealloc_local": 1.2, "framealloc_single": 1.15, "framealloc": 1.5, "framealloc_checked": 9.0}
FRAMES = {"limit": 1.0, "thread_limit": 1.3, **OURS, **MALLOCS, "pmr": 3.8, "foonathan": 2.9}
POOLS = {**FRAMES, "framealloc_by_address": 3.0, "boost_pool": 1.05, "pmr": 25.0}
THREADS = {"framealloc": 0.6, "framealloc_local": 0.55, **{name: r / 11 for name, r in MALLOCS.items()}}
CONTAINERS = {"limit": 1.0, "framealloc_scope": 1.02, "framealloc": 1.05, "foonathan": 1.1, "pmr": 1.4, **{n: r / 8 for n, r in MALLOCS.items()}}
MEMORY = {"framealloc": 1.3, "framealloc_fine": 1.15, **{name: 1 + r / 50 for name, r in MALLOCS.items()}}
WORKLOADS = {
    **{w: (FRAMES, 0.27) for w in ("frame_equal_16", "frame_equal_64", "frame_sizes", "frame_sizes_and_alignments",
                                   "frame_written", "frame_batch_array")},
    **{w: (POOLS, 0.9) for w in ("pool_one_alive", "pool_100_alive", "pool_10000_alive", "pool_random")},
    **{w: (THREADS, 5.0) for w in ("producer_consumer", "producer_consumer_untouched", "larson_2", "larson_4", "mstress_2",
                                   "mstress_4", "thread_storm")},
    "attach_detach": ({"framealloc": 1.1, "mimalloc": 1.15, "glibc": 1.2}, 900.0),
    **{w: (CONTAINERS, 6.3) for w in ("containers_vector", "containers_unordered_map", "containers_flat_map",
                                      "containers_flat_hash_map")},
    "frame_tail": (FRAMES, 1250.0),
    **{f"latency_{w}": (THREADS, 30.0) for w in ("frame_alloc", "end_frame", "pool_alloc", "pool_refill", "cross_thread_free",
                                                 "heap")},
    **{w: (MEMORY, 20.0) for w in ("memory_random_lifetimes", "memory_stream", "thread_attach_memory",
                                   "remote_frees_one_producer", "remote_frees_swapping", "remote_frees_sleeping_owner",
                                   "remote_frees_churn")},
}
COUNTERS = {
    **{w: {"p99_ns": 40.0, "p999_ns": 300.0} for w in WORKLOADS if w.startswith("latency")},
    **{w: {"peak_over_live_bytes": 2e7} for w in WORKLOADS if w.startswith("remote_frees")},
    "frame_tail": {"p50_us": 1.2, "p99_us": 1.5, "p999_us": 3.0, "max_us": 90.0, "backend_calls": 0.0},
    "memory_random_lifetimes": {"resident_over_live": 1.0, "after_free_ratio": 3.0, "kept_bytes": 4e5},
    "memory_stream": {"peak_resident_bytes": 1e6},
    "thread_storm": {"resident_growth_bytes": 2e4},
    "thread_attach_memory": {"resident_growth_bytes": 9e3, "attach_only_bytes": 5e3},
}


def run_of(name, time, counters, repetition):
    return {"name": name, "run_name": name, "run_type": "iteration", "repetitions": 9, "repetition_index": repetition,
            "threads": 1, "iterations": 1000, "real_time": 1000 * time, "cpu_time": 1000 * time, "time_unit": "ns",
            "items_per_second": 1e9 / time, **counters}


def made_up():
    """All workloads and their contenders, nine times, with noise that is the same each time."""
    noise = random.Random(1)
    runs = []
    for workload, (contenders, scale) in WORKLOADS.items():
        for contender, ratio in contenders.items():
            for repetition in range(9):
                shaken = ratio * (1 + abs(noise.gauss(0, 0.04)))
                counters = {c: value * shaken for c, value in COUNTERS.get(workload, {}).items()}
                runs.append(run_of(f"{workload}/{contender}/iterations:7/real_time", scale * shaken, counters, repetition))
    return {"context": {"date": "2026-11-21T19:30:00+00:00", "load_avg": [0.1]}, "benchmarks": runs}


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def file(self, content, name="in.json"):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def measured(self, runs):
        return measured.read([self.file({"benchmarks": runs})])

    def report(self, *arguments):
        return subprocess.run([ROOT / "tools" / "bench_report.py", "--output", self.folder / "out", *arguments],
                              capture_output=True, text=True)


class Names(Case):
    def test_what_google_benchmark_appends_is_taken_off(self):
        for appended in ("", "/iterations:300", "/real_time", "/manual_time", "/process_time", "/threads:4", "/repeats:9",
                         "/min_time:0.500", "/iterations:1/repeats:2/real_time/threads:2"):
            self.assertEqual(measured.split_name("larson_2/mimalloc" + appended), ("larson_2", "mimalloc"))

    def test_who_is_no_contender_is_compared_with_nobody(self):
        for name in ("end_frame/2", "begin_and_end", "numa/pair/one_instance", "frame_equal_16/", "/limit"):
            self.assertIsNone(measured.split_name(name))


class Summaries(Case):
    def test_time_is_that_of_an_item_and_quartiles_lie_around_it(self):
        s = self.measured([run_of("w/limit", t, {}, i) for i, t in enumerate([5, 1, 3, 2, 4])]).summary("w", "limit", "time")
        self.assertEqual([round(x, 6) for x in (s.least, s.lower, s.median, s.upper, s.most)], [1, 2, 3, 4, 5])
        self.assertEqual(s.repetitions, 5)

    def test_time_without_items_is_that_of_a_turn_in_nanoseconds(self):
        run = {"name": "w/limit", "real_time": 2.5, "time_unit": "us"}
        self.assertEqual(self.measured([run]).summary("w", "limit", "time").median, 2500)

    def test_a_time_of_nothing_is_zero_and_what_is_no_number_is_no_counter(self):
        run = {"name": "w/limit", "real_time": 0, "time_unit": "ns", "items_per_second": float("inf"), "kept_bytes": float("nan")}
        found = self.measured([run]).figures("w", "limit")
        self.assertEqual((list(found.by_metric), found.by_metric["time"].median), (["time"], 0))

    def test_aggregates_are_passed_over(self):
        runs = [run_of("w/limit", 1, {}, 0), {**run_of("w/limit_mean", 9, {}, 0), "run_name": "w/limit", "run_type": "aggregate"}]
        self.assertEqual(self.measured(runs).summary("w", "limit", "time").most, 1)

    def test_who_has_failed_has_no_figures_and_says_why(self):
        failed = {"name": "w/jemalloc", "error_occurred": True, "error_message": "not here", "real_time": 0, "time_unit": "ns"}
        found = self.measured([run_of("w/jemalloc", 1, {}, 0), failed]).figures("w", "jemalloc")
        self.assertEqual((found.by_metric, found.error), ({}, "not here"))


class Targets(Case):
    def verdict(self, runs, of="limit", kind="ratio", metric="time", at_most=1.5):
        return targets.judge(targets.Target("w", "framealloc", at_most, kind, of, metric), self.measured(runs))

    def pair(self, own, other, name="limit"):
        return [run_of("w/framealloc", own, {"kept_bytes": own}, 0), run_of(f"w/{name}", other, {}, 0)]

    def test_a_ratio_is_met_up_to_its_bound(self):
        self.assertEqual(self.verdict(self.pair(3, 2)).line(), "target w/framealloc met 1.5")
        self.assertEqual(self.verdict(self.pair(3.2, 2)).line(), "target w/framealloc missed 1.6")

    def test_what_is_more_is_counted_from_the_other(self):
        self.assertEqual(self.verdict(self.pair(5, 3), kind="more", at_most=2).line(), "target w/framealloc met 2")
        self.assertEqual(self.verdict(self.pair(5, 2), kind="more", at_most=2).line(), "target w/framealloc missed 3")

    def test_a_counter_is_judged_as_it_is(self):
        line = self.verdict(self.pair(5, 1), kind="absolute", metric="kept_bytes", at_most=5).line()
        self.assertEqual(line, "target w/framealloc/kept_bytes met 5")

    def test_the_fastest_peer_is_the_measure_and_the_limit_is_none(self):
        runs = [*self.pair(2.2, 1), run_of("w/glibc", 4, {}, 0), run_of("w/tbb", 2, {}, 0)]
        self.assertEqual(self.verdict(runs, of="any peer", at_most=1).line(), "target w/framealloc missed 1.1")

    def test_within_the_spread_of_the_fastest_peer_nobody_is_behind(self):
        runs = [run_of(f"w/{who}", t, {}, i) for who, of_who in (("framealloc", (2, 2.1, 2.2)), ("tbb", (1.9, 2, 2.2)))
                for i, t in enumerate(of_who)]
        self.assertTrue(self.verdict(runs, of="any peer", at_most=1).met)

    def test_what_was_not_measured_is_never_met(self):
        lines = [
            self.verdict([]).line(),
            self.verdict([run_of("w/limit", 1, {}, 0)]).line(),
            self.verdict([run_of("w/framealloc", 1, {}, 0)]).line(),
            self.verdict(self.pair(1, 1), metric="p50_us").line(),
            self.verdict([run_of("w/framealloc", 1, {}, 0)], of="any peer").line(),
            self.verdict([run_of("w/framealloc", 1, {"p50_us": 1}, 0), run_of("w/limit", 1, {"p50_us": 0}, 0)], metric="p50_us").line(),
        ]
        self.assertEqual([line for line in lines if not line.startswith("target w/framealloc")], [])
        self.assertEqual([line for line in lines if " unmeasured " not in line], [])

    def test_every_target_has_a_workload_that_is_drawn_and_a_known_contender(self):
        for target in targets.TARGETS:
            self.assertIn(target.workload, panels.workloads())
            self.assertIn(target.contender, measured.OURS)
            self.assertIn(target.of, {*measured.CONTENDERS, targets.ANY_PEER})
        names = [target.name for target in targets.TARGETS]
        self.assertEqual(len(names), len(set(names)))


class Reports(Case):
    def test_everything_that_was_measured_is_reported_and_drawn(self):
        run = self.report(self.file(made_up()))
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        lines = run.stdout.splitlines()[-len(targets.TARGETS):]
        self.assertEqual([line for line in lines if line.split()[2] not in ("met", "missed")], [])
        written = json.loads((self.folder / "out" / "results.json").read_text())
        self.assertEqual(set(written["workloads"]), set(WORKLOADS))
        self.assertEqual(written["workloads"]["pool_random"]["contenders"]["glibc"]["time"]["repetitions"], 9)
        tables = (self.folder / "out" / "results.md").read_text()
        self.assertEqual([w for w in WORKLOADS if f"## {w}" not in tables], [])
        drawn = xml.etree.ElementTree.parse(self.folder / "out" / "results.svg").getroot()
        texts = ["".join(t.itertext()) for t in drawn.iter("{http://www.w3.org/2000/svg}text")]
        self.assertEqual([p.title for p in panels.PANELS if p.title not in texts], [])
        self.assertEqual(list(drawn.iter("{http://www.w3.org/2000/svg}script")), [])

    def test_nothing_is_drawn_beside_its_sheet(self):
        self.report(self.file(made_up()))
        drawn = xml.etree.ElementTree.parse(self.folder / "out" / "results.svg").getroot()
        width, height = float(drawn.get("width")), float(drawn.get("height"))
        for key, end in (("x", width), ("x1", width), ("x2", width), ("cx", width), ("y", height), ("cy", height)):
            self.assertEqual([e.get(key) for e in drawn.iter() if e.get(key) and not 0 <= float(e.get(key)) <= end], [])

    def test_one_workload_alone_is_a_report(self):
        run = self.report(self.file({"benchmarks": [run_of("pool_random/glibc", 3, {}, 0), run_of("alone", 3, {}, 0)]}))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("target frame_equal_16/framealloc unmeasured frame_equal_16 was not run", run.stdout)
        self.assertIn("`alone`", run.stdout)

    def test_a_workload_that_nobody_has_named_yet_has_a_table(self):
        run = self.report(self.file({"benchmarks": [run_of("brand_new/glibc", 3, {}, 0)]}))
        self.assertIn("## brand_new", run.stdout)

    def test_zero_bytes_have_a_place_on_the_axis(self):
        runs = [run_of("memory_random_lifetimes/framealloc", 3, {"kept_bytes": 0}, 0)]
        self.assertEqual(self.report(self.file({"benchmarks": runs})).returncode, 0)

    def test_a_missed_or_unmeasured_target_fails_only_where_it_is_asked_to(self):
        path = self.file({"benchmarks": [run_of("pool_random/glibc", 3, {}, 0)]})
        self.assertEqual((self.report(path).returncode, self.report("--strict", path).returncode), (0, 1))

    def test_what_is_no_result_is_refused_with_a_reason(self):
        alien = {"benchmarks": [{"name": "w/limit", "real_time": 1, "time_unit": "years"}]}
        for content, said in (("{", "no JSON"), ([], "no list"), ({"benchmarks": []}, "no benchmark"), (alien, "'years'")):
            run = self.report(self.file(content))
            self.assertEqual(run.returncode, 2)
            self.assertIn(said, run.stderr)
        self.assertIn("cannot be read", self.report(self.folder / "nowhere.json").stderr)
        self.assertIn("cannot be written", subprocess.run(
            [ROOT / "tools" / "bench_report.py", "--output", self.file("", "taken"), self.file(made_up())],
            capture_output=True, text=True).stderr)


class Plans(Case):
    NAMES = "numa/pair/own<2>/8\npool_random/glibc/real_time\nframe_equal_16/limit\nnew_one/pmr\nend/framealloc\nnew_one/tbb\nframe_equal_16/tbb\nalone\n"

    def plan(self, *arguments, names=NAMES):
        run = subprocess.run([ROOT / "tools" / "bench" / "plan.py", "--seconds", "60", "--repetitions", "9", *arguments],
                             input=names, capture_output=True, text=True)
        return run, [line.split("\t") for line in run.stdout.splitlines()]

    def test_a_process_for_each_workload_and_one_for_the_rest(self):
        _, lines = self.plan()
        self.assertEqual([line[:3] for line in lines], [
            ["frame_equal_16", "2", "^frame_equal_16/"], ["pool_random", "1", "^pool_random/"], ["new_one", "2", "^new_one/"],
            ["others", "3", "^(numa/pair/own<2>/8|alone|end/framealloc)$"]])

    def test_all_processes_together_fit_into_the_time(self):
        names = "".join(f"w{i}/{c}\n" for i in range(30) for c in measured.CONTENDERS)
        _, lines = self.plan("--seconds", "600", names=names)
        self.assertLessEqual(sum(int(n) * (1.4 * int(times) + 1) * float(least) for _, n, _, times, least in lines), 605)

    def test_workloads_can_be_chosen_by_name_or_first_words_and_one_that_is_not_there_is_named(self):
        self.assertEqual([line[0] for line in self.plan("pool_random")[1]], ["pool_random"])
        self.assertEqual([line[0] for line in self.plan("pool")[1]], ["pool_random"])
        both = "stream/tbb\nstream_untouched/tbb\n"
        self.assertEqual([line[0] for line in self.plan("--", "stream", names=both + both.replace("tbb", "pmr"))[1]], ["stream"])
        run, lines = self.plan("pool_rand")
        self.assertEqual((lines, run.returncode), ([], 1))
        run, lines = self.plan("pool_rondom")
        self.assertEqual(lines, [])
        self.assertIn("'pool_rondom'; expected some of: frame_equal_16 pool_random new_one others", run.stderr)
        self.assertNotEqual(run.returncode, 0)


class Script(Case):
    def bench(self, *arguments):
        return subprocess.run([ROOT / "tools" / "bench.sh", *arguments], capture_output=True, text=True)

    def test_help_is_all_that_help_does(self):
        run = self.bench("--help")
        self.assertEqual(run.returncode, 0)
        for option in ("--quick", "--only", "--keep-going", "--output"):
            self.assertIn(option, run.stdout)

    def test_wrong_arguments_are_refused_before_anything_is_built(self):
        for arguments, said in ((["--fast"], "'--fast'"), (["--only"], "--only"), (["--only", "--quick"], "--only"),
                                (["--output"], "--output"), (["--output", ""], "--output"), (["larson_2"], "'larson_2'")):
            run = self.bench(*arguments)
            self.assertEqual((run.returncode, run.stdout), (2, ""))
            self.assertIn(said, run.stderr)


class Runs(Case):
    """tools/bench.sh from end to end, in a tree of its own, with a program that only plays what it has measured."""

    PROGRAM = """#!/usr/bin/env bash
for argument; do
    case "$argument" in
        --benchmark_list_tests=*) printf '%s\\n' pool_random/glibc pool_random/framealloc frame_equal_16/limit; exit ;;
        --benchmark_filter=^pool_random/) played=pool_random ;;
        --benchmark_out=*) out="${argument#*=}" ;;
    esac
done
[[ -n "${played:-}" ]] || { echo broken >&2; exit 3; }
[[ "$GLIBC_TUNABLES" == *optional_static_tls=8192 && -z "${FRAMEALLOC_PERF_SMOKE:-}" ]] || exit 4
cp "${0%/*}/played.json" "$out"
"""

    def executable(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def setUp(self):
        super().setUp()
        self.root = self.folder / "a tree"
        shutil.copytree(ROOT / "tools" / "bench", self.root / "tools" / "bench")
        for script in ("bench.sh", "bench_report.py"):
            shutil.copy2(ROOT / "tools" / script, self.root / "tools")
        self.executable(self.root / "tools" / "setup.sh", "#!/bin/sh\n")
        self.executable(self.folder / "bin" / "cmake", "#!/bin/sh\n")
        program = self.root / "build" / "release" / "perf" / "framealloc_perf"
        self.executable(program, self.PROGRAM)
        runs = [run_of(f"pool_random/{who}", t, {}, i) for who, t in (("glibc", 3), ("framealloc", 1)) for i in range(9)]
        (program.parent / "played.json").write_text(json.dumps({"benchmarks": runs}))

    def bench(self, *arguments):
        path = f"{self.folder / 'bin'}:{os.environ['PATH']}"
        return subprocess.run([self.root / "tools" / "bench.sh", *arguments], capture_output=True, text=True,
                              env={**os.environ, "PATH": path, "FRAMEALLOC_PERF_SMOKE": "1"})

    def test_a_workload_is_measured_and_the_targets_are_the_last_lines(self):
        run = self.bench("--only", "pool_random")
        self.assertEqual(run.returncode, 0, run.stderr)
        lines = run.stdout.splitlines()[-len(targets.TARGETS):]
        self.assertEqual([line for line in lines if not line.startswith("target ")], [])
        self.assertTrue((self.root / "build" / "perf" / "results.svg").is_file())

    def test_a_workload_that_fails_ends_the_run(self):
        run = self.bench()
        self.assertEqual((run.returncode, run.stdout), (1, ""))
        self.assertIn("broken", run.stderr)
        self.assertIn("frame_equal_16 failed", run.stderr)

    def test_or_is_left_out_and_said_at_the_end(self):
        run = self.bench("--keep-going", "--output", str(self.folder / "out"))
        self.assertEqual(run.returncode, 1)
        self.assertIn("target pool_random/framealloc unmeasured limit was not measured in pool_random", run.stdout)
        self.assertIn("failed and left out: frame_equal_16", run.stderr)

    def test_an_unknown_workload_is_named(self):
        run = self.bench("--only", "pool_rondom")
        self.assertEqual(run.returncode, 2)
        self.assertIn("'pool_rondom'", run.stderr)

    def test_strictness_is_passed_on(self):
        self.assertEqual(self.bench("--strict", "--only", "pool_random").returncode, 1)



if __name__ == "__main__":
    ROOT = pathlib.Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(ROOT / "tools"))
    from bench import measured, panels, targets

    if sys.argv[2:3] == ["--sample"]:
        pathlib.Path(sys.argv[3]).write_text(json.dumps(made_up()))
    else:
        unittest.main(argv=sys.argv[:1])
