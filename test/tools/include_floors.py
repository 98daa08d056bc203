#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reads every #include edge of the tree and fails where an arrow points up, or where a system is asked for by name outside
its one place.

    include_floors.py ROOT            checks the tree
    include_floors.py ROOT --self-test   puts wrong edges into a copy of what it has read, and expects to find them
"""
import pathlib
import re
import sys

# The floors, from the ground up; the first pattern that matches a file's name decides. A file includes what lies on its own
# floor or below. Names are those a user writes: framealloc/...
FLOORS = [
    # 5  everything that uses the library from outside: the kit, what joins foreign libraries, programs
    (5, r"framealloc/(testing|integration)/"),
    (5, r"(src|example|tools|test|perf)/"),
    # 4  facilities, which know the public interface only
    (4, r"framealloc/(object_pool|streaming|handle|group|promotion|containers|scratch)/"),
    (4, r"framealloc/(allocator|ambient_allocator|cache_aligned|current_instance|describe|explain|frame_ptr|heap_backend|numa_alloc|performance_metrics|shared_alloc|report|tag_budgets)\.hpp"),
    # 3  what composes policies and machinery to an allocator
    (3, r"framealloc/(smart_alloc|smart_alloc_debug|smart_alloc_guarded|smart_alloc_sampled|smart_alloc_hardened|basic_smart_alloc|frame_scope|phase|tag_scope|charged_tag_scope|trace|contracts)\.hpp"),
    # 0  the words everything is said in, and the integers, rings and system calls that policies are made of
    (0, r"framealloc/detail/platform/"),
    (0, r"framealloc/detail/(bits|atomic|ring|construct|call_site|counted_frames|frame_journal|phase_log|places|call_stack|object_state|sanitizer|memory_tools|strictness|owner_allowance|tag_hooks|tag_table|budget_node)\.hpp"),
    (0, r"framealloc/(backend_result|layout|sizes|intent|fault|fault_code|failure|config|frame_chunk|chunk_stack|checkpoint|policy|stats|verification|"
        r"operation_counters|numa|version|frame_stats|frame_summary|promotion_counts|intent_shares|monotonic_clock|phase_stats|profiler|"
        r"size_class_stats|thread_stats|budget_limits|tag|tag_usage|explanation|observer|leak_report|trace_options|allocation_budget|allocation_baseline|checked|guarded)\.hpp"),
    (0, r"framealloc/diagnostics/(sink|strict_mode)\.hpp"),
    # 2  machinery: knows concepts, never a policy. The verbs belong to it, since a thread's state has them.
    (2, r"framealloc/detail/"),
    (2, r"framealloc/(frame_verbs|pool_verbs|heap_verbs|region_verbs|box)\.hpp"),
    (2, r"framealloc/diagnostics/(context|emit|macros)\.hpp"),
    # 1  policies
    (1, r"framealloc/(arena|backend|budget|diagnostics|pool|sync)/"),
]
FAMILIES = ("arena", "backend", "budget", "diagnostics", "pool", "sync")
# Tests of one piece of machinery against its definition, which no behaviour shows as exactly.
MACHINERY_TESTS = {"test/unit/hot_path_arithmetic.cpp", "test/unit/numa_text.cpp"}

# What only detail/platform may ask: which system this is, and what it offers.
SYSTEM_TEST = re.compile(r"^\s*#\s*(?:el)?if(?:def|ndef)?\b.*\b(__linux__|__unix__|__APPLE__|__MACH__|__FreeBSD__|_WIN32|_WIN64|_MSC_VER|"
                         r"__ANDROID__|__EMSCRIPTEN__)\b")
SYSTEM_HEADER = re.compile(r'^\s*#\s*include\s*<(unistd\.h|pthread\.h|sched\.h|sys/.*|windows\.h|mach/.*|dlfcn\.h)>')
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def floor_of(name):
    for floor, pattern in FLOORS:
        if re.match(pattern, name):
            return floor
    return None


def family_of(name):
    """Which family a policy is of; diagnostics/ has other things than policies, too."""
    return next((f for f in FAMILIES if name.startswith(f"framealloc/{f}/")), None) if floor_of(name) == 1 else None


def read(root):
    """Name as written in an #include -> (path, lines). Programs have their path as their name."""
    files = {}
    for base in ("include", "policies"):
        for path in sorted((root / base).rglob("*.hpp")):
            files[path.relative_to(root / base).as_posix()] = (path, path.read_text().splitlines())
    for base in ("src", "example", "tools", "test/unit", "test/conformance", "test/pairwise", "test/stress"):
        for path in sorted((root / base).rglob("*.[ch]pp")):
            files[path.relative_to(root).as_posix()] = (path, path.read_text().splitlines())
    return files


def check(files):
    faults = []
    edges = {}
    for name, (path, lines) in files.items():
        floor = floor_of(name)
        if floor is None:
            faults.append(f"{path}: stands on no floor; add it to FLOORS")
            continue
        ours = name.startswith("framealloc/")
        on_platform = name.startswith("framealloc/detail/platform/")
        for number, line in enumerate(lines, 1):
            where = f"{path}:{number}"
            if ours or name.startswith("src/"):
                if SYSTEM_TEST.match(line) and not on_platform:
                    faults.append(f"{where}: asks which system this is; only detail/platform/ does")
                if SYSTEM_HEADER.match(line) and not on_platform:
                    faults.append(f"{where}: includes a header of the system; only detail/platform/ does")
            found = INCLUDE.match(line)
            if not found or not found.group(1).startswith("framealloc/"):
                continue
            target = found.group(1)
            if target not in files:
                faults.append(f"{where}: includes {target}, which is not there")
                continue
            edges.setdefault(name, []).append(target)
            if floor_of(target) is not None and floor_of(target) > floor:
                faults.append(f"{where}: floor {floor} includes {target} on floor {floor_of(target)}")
            family, other = family_of(name), family_of(target)
            if family and other and family != other:
                faults.append(f"{where}: a policy of {family} includes one of {other}")
            if floor == 2 and other:
                faults.append(f"{where}: the machinery includes a policy, {target}")
            if not ours and not name.startswith("src/") and name not in MACHINERY_TESTS and "/detail/" in target:
                faults.append(f"{where}: includes {target}; what is in detail/ is nobody else's")
    faults += cycles(edges)
    return faults


def cycles(edges):
    faults, done = [], set()

    def visit(name, trail):
        if name in trail:
            faults.append("a circle of includes: " + " -> ".join(trail[trail.index(name):] + [name]))
        elif name not in done:
            for target in edges.get(name, []):
                visit(target, trail + [name])
            done.add(name)

    for name in list(edges):
        visit(name, [])
    return faults


def self_test(files):
    wrong = {
        "framealloc/layout.hpp": ("#include <framealloc/smart_alloc.hpp>", "floor 0 includes"),
        "framealloc/arena/fixed.hpp": ("#include <framealloc/backend/system.hpp>", "includes one of backend"),
        "framealloc/pool/none.hpp": ("#include <framealloc/detail/slab.hpp>", "floor 1 includes"),
        "framealloc/detail/core.hpp": ("#include <framealloc/sync/lock_free.hpp>", "the machinery includes a policy"),
        "framealloc/sizes.hpp": ("#ifdef _WIN32", "asks which system"),
        "framealloc/fault.hpp": ("#if defined(__linux__)", "asks which system"),
        "framealloc/box.hpp": ("#include <sys/mman.h>", "a header of the system"),
        "framealloc/budget/none.hpp": ("#include <framealloc/budget/no_such.hpp>", "which is not there"),
        "framealloc/testing/pool.hpp": ("#include <framealloc/testing/pool.hpp>", "a circle of includes"),
    }
    missed = 0
    for name, (line, expected) in wrong.items():
        path, lines = files[name]
        spoiled = dict(files)
        spoiled[name] = (path, lines + [line])
        if not any(expected in fault for fault in check(spoiled)):
            print(f"not found: {line} in {name}")
            missed += 1
    spoiled = dict(files)
    spoiled["example/wrong.cpp"] = (pathlib.Path("example/wrong.cpp"), ["#include <framealloc/detail/core.hpp>"])
    spoiled["framealloc/nowhere.hpp"] = (pathlib.Path("nowhere.hpp"), [])
    found = check(spoiled)
    for expected in ("nobody else's", "stands on no floor"):
        if not any(expected in fault for fault in found):
            print(f"not found: {expected}")
            missed += 1
    return missed


def main():
    files = read(pathlib.Path(sys.argv[1]))
    if len(files) < 50:
        sys.exit(f"only {len(files)} files under {sys.argv[1]}: this is not the tree")
    if "--self-test" in sys.argv[2:]:
        sys.exit(1 if self_test(files) else 0)
    faults = check(files)
    print("\n".join(faults) if faults else f"{len(files)} files: no arrow points up")
    sys.exit(1 if faults else 0)


main()
