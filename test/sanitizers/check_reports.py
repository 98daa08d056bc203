#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the programs of this folder under a tool, and compares what it reports with what stands in their sources: see
cases.hpp. Every wrong program is reported at its line, every right one is silent.

    check_reports.py TOOL PROGRAM WORK_DIR SOURCE...   TOOL is asan, tsan, or the path of valgrind
    check_reports.py --self-test                       expects to find each way in which a report may be wrong
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

FUNCTION = re.compile(r"^\[\[gnu::noinline\]\] void (\w+)\(")
NAME_IN_TABLE = re.compile(r"FRAMEALLOC_CASE\((\w+)\)")
FRAME = re.compile(r"(\w+\.cpp):(\d+)")
NUMBER_OF_CASES = 20  # of each kind, at least: wrong ones that the tool sees, and right ones


class Case:
    def __init__(self, name):
        self.name = name
        self.expected = {}  # tool, or tool(assembly) -> kind
        self.place = None  # file, line

    def kind(self, tool, assembly):
        return self.expected.get(f"{tool}({assembly})", self.expected.get(tool, "silent"))


def read_cases(sources):
    """The cases by name. A comment stands in the case's own function, or in the one before it, which it calls."""
    cases = {}
    for source in sources:
        text = pathlib.Path(source).read_text().splitlines()
        tabled = set(NAME_IN_TABLE.findall("\n".join(text)))
        pending = None
        for number, line in enumerate(text, 1):
            function = FUNCTION.match(line)
            if function:
                name = function.group(1)
                if name in tabled:
                    cases[name] = Case(name)
                    if pending:
                        cases[name].expected, cases[name].place = pending
                    pending, current = None, cases[name]
                else:
                    current = None
            if "//! " in line:
                expected = dict(part.strip().split(": ", 1) for part in line.split("//! ", 1)[1].split("|"))
                place = (pathlib.Path(source).name, number)
                if current is None:
                    pending = (expected, place)
                else:
                    current.expected, current.place = expected, place
    return cases


def find_fault(case, tool, assembly, status, report, errors):
    """What is wrong with what a run has said, or None."""
    kind = case.kind(tool, assembly)
    if kind == "silent":
        if status == 0 and not report.strip() and not errors.strip():
            return None
        return f"ended with {status} and should be silent"
    if re.match(r"FA\d", kind):  # named by the allocator itself
        return None if kind in errors and not report.strip() else f"should be named {kind}, and ended with {status}"
    if kind not in report:
        return f"should be reported as '{kind}', and ended with {status}"
    if status not in (23, -signal.SIGSEGV):  # where nothing is any more
        return f"is reported, and ends with {status}"
    families = {case.place[0], "frames.cpp", "pools.cpp", "heap.cpp", "leaks.cpp", "threads.cpp"}
    places = [(name, int(line)) for name, line in FRAME.findall(report[report.index(kind):]) if name in families]
    if tool == "tsan" and case.place in places:  # of two accesses, either may come first
        return None
    if not places or places[0] != case.place:
        where = "%s:%d" % places[0] if places else "nowhere"
        return f"should be reported at {case.place[0]}:{case.place[1]}, and is at {where}"
    return None


def run(tool, command, work, assembly):
    """(case, status, report, errors) of each case of an assembly."""
    directory = work / assembly
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    environment = dict(os.environ)
    common = f"exitcode=23:log_path={directory}/report"
    environment["ASAN_OPTIONS"] = common + ":detect_leaks=1:handle_segv=1"
    environment["TSAN_OPTIONS"] = common
    if tool == "valgrind":
        command = [command[0], "-q", "--leak-check=full", "--errors-for-leak-kinds=definite", "--error-exitcode=23",
                   "--num-callers=30", f"--log-file={directory}/report.%p", *command[1:]]
    done = subprocess.run([*command, assembly, str(directory)], capture_output=True, text=True, env=environment, timeout=300)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} {assembly} ended with {done.returncode}\n{done.stderr}")
    for line in done.stdout.splitlines():
        name, process, status = line.split()
        texts = []
        for file in (directory / f"report.{process}", directory / f"{process}.err"):
            texts.append(file.read_text(errors="replace") if file.exists() else "")
        yield name, int(status), *texts


def check(tool, command, work, sources):
    cases = read_cases(sources)
    assemblies = subprocess.run([command[-1], "--list"], capture_output=True, text=True, check=True).stdout.split()
    failures = runs = 0
    wrong, right = set(), set()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = dict(zip(assemblies, pool.map(lambda a: list(run(tool, command, work, a)), assemblies)))
    for assembly in assemblies:
        for name, status, report, errors in results[assembly]:
            runs += 1
            case = cases[name]
            (right if not case.expected else wrong if case.kind(tool, assembly) != "silent" else set()).add(name)
            fault = find_fault(case, tool, assembly, status, report, errors)
            if fault:
                failures += 1
                print(f"{assembly}: {name} {fault}\n{(report + errors)[:3000]}")
    print(f"{tool}: {runs} runs, {len(wrong)} wrong programs and {len(right)} right ones, {failures} failures")
    missing = set(cases) - wrong - right - {n for n, c in cases.items() if c.expected}
    if missing:
        print("never run: " + ", ".join(sorted(missing)))
    enough = tool == "tsan" or (len(wrong) >= NUMBER_OF_CASES and len(right) >= NUMBER_OF_CASES)
    if not enough:
        print(f"fewer than {NUMBER_OF_CASES} of a kind")
    return failures == 0 and not missing and enough and runs > 0 and bool(wrong) and bool(right)


def self_test():
    case = Case("wrong")
    case.expected, case.place = {"asan": "use-after-poison", "asan(tags)": "FA210"}, ("frames.cpp", 7)
    right = Case("right")
    good = "use-after-poison\n #0 cases.hpp:40\n #1 wrong frames.cpp:7\n #2 main main.cpp:1\n"
    accepted = [(case, "lock_free", 23, good, ""), (case, "tags", 0, "", "[framealloc][FA210] error"),
                (right, "tags", 0, "", "")]
    refused = [(case, "lock_free", 0, "", ""), (case, "lock_free", 0, good, ""),
               (case, "lock_free", 23, good.replace(":7", ":8"), ""), (case, "lock_free", 23, "heap-use-after-free\n", ""),
               (case, "lock_free", 23, "use-after-poison\n", ""), (case, "tags", 23, good, ""),
               (right, "tags", 23, good, ""), (right, "tags", 1, "", ""), (right, "tags", 0, "", "[framealloc][FA210] error")]
    found = [find_fault(c, "asan", assembly, status, report, errors)
             for c, assembly, status, report, errors in accepted + refused]
    wrong = [f for f in found[:len(accepted)] if f] + [r for r, f in zip(refused, found[len(accepted):]) if not f]
    print("\n".join(str(w) for w in wrong) or "each way is found")
    return not wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        return 0 if self_test() else 1
    tool, program, work, *sources = sys.argv[1:]
    name = "valgrind" if "valgrind" in pathlib.Path(tool).name else tool
    command = [tool, program] if name == "valgrind" else [program]
    return 0 if check(name, command, pathlib.Path(work), sources) else 1


if __name__ == "__main__":
    sys.exit(main())
