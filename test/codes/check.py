#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs the program of each code and compares what it reports with golden/<code>.txt, and the pages in docs/codes with what the
table, the programs and the golden texts make of them.

    check.py PROGRAMS ROOT               checks
    check.py PROGRAMS ROOT --update      writes the golden texts and the pages instead
    check.py PROGRAMS ROOT --self-test   expects to find what is wrong in spoiled copies

Addresses, thread names, source lines and signatures, which differ from run to run or from compiler to compiler, are masked.
"""
import json
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

# Codes that nothing reports yet, or that no program provokes yet. It only gets shorter: one that has a program may not stay.
WITHOUT_PROGRAM = {
    "FA002", "FA201", "FA213", "FA214", "FA215", "FA216", "FA217", "FA218", "FA219", "FA221", "FA310",
}

GROUPS = {
    "0": "Frames", "1": "The adapter to an engine", "2": "Threads, frees and blocks", "3": "Limits and memory",
    "4": "Handles and streaming", "9": "The library itself and its configuration",
}
MADE_BY = "<!-- Made by test/codes/check.py of include/framealloc/fault_code.hpp and test/codes: change those. -->\n\n"


def masked(text):
    text = re.sub(r"0x[0-9a-f]+", "0x...", text)
    text = re.sub(r"(where: [^\n]*thread(?: \d+)?) '[^'\n]*'", r"\1 '...'", text)
    return re.sub(r"^  (at|contract opened at): .*$", r"  \1: programs.cpp:..., in ...", text, flags=re.M)


def run(programs, code):
    """What the code's program reports, and what is wrong with how it does."""
    done = subprocess.run([programs, code], capture_output=True, text=True, timeout=120, env={})
    faults = []
    if done.returncode not in (0, -signal.SIGABRT):
        faults.append(f"{code}: its program ended with {done.returncode}")
    if done.stdout:
        faults.append(f"{code}: its program writes to standard output")
    if done.stderr.count("[framealloc][") != 1 or not done.stderr.startswith(f"[framealloc][{code}]"):
        faults.append(f"{code}: its program reports something else:\n{done.stderr}")
    return masked(done.stderr), done.returncode != 0, faults


def source_of(code, text):
    """The code's program, from the file that has all of them."""
    found = re.search(rf"^PROGRAM\({code}\) \{{\n(.*?)^\}}$", text, re.M | re.S)
    return re.sub(r"^    ", "", found.group(1), flags=re.M)


def page_of(row, report, stops, source):
    text = f"# {row['id']}: {row['message']}\n\n{MADE_BY}"
    text += f"`fault_code::{row['name']}`, a{'n' if row['level'] == 'error' else ''} {row['level']}.\n\n"
    text += f"**Cause**: {row['cause']}.\n\n**Fix**: {row['help']}.\n\n"
    if report is None:
        return text + "No program provokes it yet.\n"
    text += f"A program that does it:\n\n```cpp\n{source}```\n\n"
    text += f"It reports{', and stops' if stops else ''}:\n\n```\n{report}```\n\n"
    return text + "[All codes](README.md) · [what is found at which level](../misuse.md)\n"


def index_of(table):
    text = f"# The codes\n\n{MADE_BY}"
    text += ("Each report begins with a code; each code has a page with its cause, a program that provokes it, what that\n"
             "program reports, and the remedy. [Used wrongly](../misuse.md) says which level finds what. The codes of 100 and\n"
             "of 400 are for adapters and programs, which report them\n"
             "[with `FA_EMIT`](../diagnostics.md#a-programs-own-diagnostics).\n")
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
        code, report, stops, source = row["id"], None, False, None
        if row["has_program"]:
            if code in WITHOUT_PROGRAM:
                faults.append(f"{code}: has a program now; take it off WITHOUT_PROGRAM")
            report, stops, found = run(programs, code)
            faults += found
            files[f"test/codes/golden/{code}.txt"] = report
            source = source_of(code, sources)
        elif code not in WITHOUT_PROGRAM:
            faults.append(f"{code}: no program provokes it")
        files[f"docs/codes/{code}.md"] = page_of(row, report, stops, source)
    files["docs/codes/README.md"] = index_of(table)
    unknown = WITHOUT_PROGRAM - {row["id"] for row in table}
    faults += [f"{code}: is no code; take it off WITHOUT_PROGRAM" for code in sorted(unknown)]
    return files, faults


def check(files, root):
    faults = []
    for name, text in files.items():
        path = root / name
        if not path.exists():
            faults.append(f"{name}: is missing")
        elif path.read_text() != text:
            faults.append(f"{name}: is stale; expected\n{text}found\n{path.read_text()}")
    for folder in ("test/codes/golden", "docs/codes"):
        for path in sorted((root / folder).glob("*")):
            if f"{folder}/{path.name}" not in files:
                faults.append(f"{folder}/{path.name}: belongs to no code")
    return faults


def self_test(files, root):
    """Each spoiled copy has to be found out."""
    missed = 0
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
    if "--update" in arguments:
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
