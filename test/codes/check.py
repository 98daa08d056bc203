#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the program of each code and compares what it reports with golden/<code>.txt, and the pages in docs/codes with what the
table, the programs and the golden texts make of them.

    check.py PROGRAMS ROOT               checks
    check.py PROGRAMS ROOT --update      writes the golden texts and the pages instead
    check.py PROGRAMS ROOT --self-test   expects to find what is wrong in spoiled copies

Addresses, thread names and signatures, which differ from run to run or from compiler to compiler, are masked; source lines are
counted from the begin of the code's program, as its page shows it. Where the programs know no lines, because they were built
without debugging information or without libdw, places are not compared, and nothing can be written.
"""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

GROUPS = {
    "0": "Frames", "1": "The adapter to an engine", "2": "Threads, frees and blocks", "3": "Limits and memory",
    "4": "Handles, streaming, groups and scratch arenas", "5": "Object pools", "9": "The library itself and its configuration",
}
MADE_BY = "<!-- Made by test/codes/check.py of include/framealloc/fault_code.hpp and test/codes: change those. -->\n\n"


UNKNOWN = "?"
PLACE = re.compile(r"^  ([a-z ]*\b(?:at|by)): (.*)$", re.M)


def line_of(code, text, line):
    """Which line of the code's program is line `line` of the file that has all of them; 0 where it is none of it."""
    begin, end = re.search(rf"^PROGRAM\({code}\) \{{\n.*?^\}}", text, re.M | re.S).span()
    first, last = text.count("\n", 0, begin) + 1, text.count("\n", 0, end) + 1
    return line - first if first < line <= last else 0


def place_of(code, text, place):
    """A place as it is compared: its line in the code's program, and UNKNOWN for one without a line. Null for one elsewhere."""
    # What libdw and what std::source_location know.
    found = re.search(r"\((?P<file>[^()]*):(?P<line>\d+)\)$|(?P<path>[^ ]*):(?P<at>\d+), in ", place)
    if not found:
        return UNKNOWN
    named = found["file"] or pathlib.Path(found["path"]).name
    line = line_of(code, text, int(found["line"] or found["at"])) if named == "programs.cpp" else 0
    if not line:
        return None
    return f"{code} ({code}.cpp:{line})" if found["file"] else f"{code}.cpp:{line}, in {code}"


def masked(code, text, source, faults):
    text = re.sub(r"0x[0-9a-f]{5,}", "0x...", text)
    text = re.sub(r"(where: [^\n]*thread(?: \d+)?) '[^'\n]*'", r"\1 '...'", text)

    def one(found):
        place = place_of(code, source, found[2])
        if place is None:
            faults.append(f"{code}: a place that is none of its program: {found[0]}")
        return f"  {found[1]}: {place}"

    return PLACE.sub(one, text)


def without_places(text):
    return PLACE.sub(rf"  \1: {UNKNOWN}", text)


def run(programs, code, source):
    """What the code's program reports, and what is wrong with how it does."""
    done = subprocess.run([programs, code], capture_output=True, text=True, timeout=120, env={})
    faults = []
    if done.returncode not in (0, -signal.SIGABRT):
        faults.append(f"{code}: its program ended with {done.returncode}")
    if done.stdout:
        faults.append(f"{code}: its program writes to standard output")
    if set(re.findall(r"\[framealloc\]\[(\w*)\]", done.stderr)) != {code} or not done.stderr.startswith("[framealloc]"):
        faults.append(f"{code}: its program reports something else:\n{done.stderr}")
    return masked(code, done.stderr, source, faults), done.returncode != 0, faults


def source_of(code, text):
    """The code's program, from the file that has all of them."""
    found = re.search(rf"^PROGRAM\({code}\) \{{\n(.*?)^\}}$", text, re.M | re.S)
    return re.sub(r"^    ", "", found.group(1), flags=re.M)


def page_of(row, report, stops, source):
    text = f"# {row['id']}: {row['message']}\n\n{MADE_BY}"
    text += f"`fault_code::{row['name']}`, a{'n' if row['level'] == 'error' else ''} {row['level']}.\n\n"
    text += f"**Cause**: {row['cause']}.\n\n**Fix**: {row['help']}.\n\n"
    text += f"A program that does it:\n\n```cpp\n{source}```\n\n"
    text += f"It reports{', and stops' if stops else ''}:\n\n```\n{report}```\n\n"
    return text + "[All codes](README.md) · [what is found at which level](../misuse.md)\n"


def index_of(table):
    text = f"# The codes\n\n{MADE_BY}"
    text += ("Each report begins with a code; each code has a page with its cause, a program that provokes it, what that\n"
             "program reports, and the remedy. [Used wrongly](../misuse.md) says which level finds what. The codes of 100 are\n"
             "for adapters, which report them [with `FA_EMIT`](../diagnostics.md#a-programs-own-diagnostics). Lines are counted\n"
             "from the first of the program that is shown; addresses and the names of threads are left out.\n")
    for digit, group in GROUPS.items():
        text += f"\n## {group}\n\n| code | level | what |\n|---|---|---|\n"
        for row in table:
            if row["id"][2] == digit:
                text += f"| [{row['id']}]({row['id']}.md) | {row['level']} | {row['message']} |\n"
    return text


def expected_files(programs, root):
    """Every file that the table, the programs and their reports make, and what is wrong with those themselves."""
    table = json.loads(subprocess.run([programs, "--table"], check=True, capture_output=True, text=True).stdout)
    sources = (root / "test/codes/programs.cpp").read_text()
    files, faults = {}, []
    for row in table:
        code = row["id"]
        if not row["has_program"]:
            faults.append(f"{code}: no program provokes it")
            continue
        report, stops, found = run(programs, code, sources)
        faults += found
        files[f"test/codes/golden/{code}.txt"] = report
        files[f"docs/codes/{code}.md"] = page_of(row, report, stops, source_of(code, sources))
    files["docs/codes/README.md"] = index_of(table)
    return files, faults


def knows_places(files):
    return not any(f": {UNKNOWN}\n" in text for text in files.values())


def check(files, root):
    faults = []
    compared = (lambda text: text) if knows_places(files) else without_places
    for name, text in files.items():
        path = root / name
        if not path.exists():
            faults.append(f"{name}: is missing")
        elif compared(path.read_text()) != compared(text):
            faults.append(f"{name}: is stale; expected\n{text}found\n{path.read_text()}")
    for folder in ("test/codes/golden", "docs/codes"):
        for path in sorted((root / folder).glob("*")):
            if f"{folder}/{path.name}" not in files:
                faults.append(f"{folder}/{path.name}: belongs to no code")
    return faults


def self_test(files, root):
    """Each spoiled copy has to be found out."""
    text = "#include <x>\n\nPROGRAM(FA777) {\n    first();\n    second();\n}\n"
    places = {
        "FA777 (programs.cpp:5)": "FA777 (FA777.cpp:2)", "n::FA777()::{lambda()#1}::f() (programs.cpp:4)": "FA777 (FA777.cpp:1)",
        "/a/b/programs.cpp:5, in void {anonymous}::FA777()": "FA777.cpp:2, in FA777", "FA777()": UNKNOWN,
        "FA777() (./programs+0x12345)": UNKNOWN, "FA777 (programs.cpp:3)": None, "f (programs.cpp:7)": None, "f (x.hpp:5)": None,
    }
    missed = 0
    for place, expected in places.items():
        if place_of("FA777", text, place) != expected:
            print(f"{place}: {place_of('FA777', text, place)}, expected {expected}")
            missed += 1
    known = "  note: at: x\n  at: FA777 (FA777.cpp:2)\n  frame begun at: y\n"
    if without_places(known) != f"  note: at: x\n  at: {UNKNOWN}\n  frame begun at: {UNKNOWN}\n":
        print(f"{without_places(known)}: places that should have been left out")
        missed += 1
    for name in ("docs/codes/FA001.md", "docs/codes/README.md", "test/codes/golden/FA210.txt"):
        for spoil in ("change", "delete", "add"):
            with tempfile.TemporaryDirectory() as folder:
                copy = pathlib.Path(folder)
                for part in ("docs/codes", "test/codes"):
                    shutil.copytree(root / part, copy / part)
                path = copy / name
                if spoil == "change":
                    path.write_text(path.read_text().replace("a", "e", 1))
                elif spoil == "delete":
                    path.unlink()
                else:
                    path.with_name("FA777" + path.suffix).write_text("")
                if not check(files, copy):
                    print(f"{name}: {spoil} is not found")
                    missed += 1
    return missed


def main(arguments):
    programs, root = str(pathlib.Path(arguments[0]).resolve()), pathlib.Path(arguments[1])
    files, faults = expected_files(programs, root)
    if "--update" in arguments and not knows_places(files):
        faults.append("nothing is written: the programs know no lines; build them with -g, and with libdw")
    elif "--update" in arguments:
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    elif "--self-test" in arguments:
        return 1 if faults or self_test(files, root) else 0
    faults += check(files, root)
    print("\n".join(faults) if faults else f"{len(files)} files are what the code says")
    if faults:
        print("after a change that was meant: test/codes/check.py PROGRAMS ROOT --update")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
