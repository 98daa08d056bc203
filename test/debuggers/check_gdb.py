#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs a program under gdb, with our printers, and compares what gdb prints with what the program's source expects.

    check_gdb.py GDB PRINTERS SOURCE PROGRAM
"""
import re
import subprocess
import sys

EXPECTATION = re.compile(r"^\s*//> (.*?) => (.*)$", re.M)
STOP = re.compile(r"^\s*look\(\);$", re.M)
MARK = "== "


def main():
    gdb, printers, source, program = sys.argv[1:]
    text = open(source, encoding="utf-8").read()
    # The stops are met in the order in which the program runs: those of main() before those of what it calls later.
    stops = [(m.end(), []) for m in STOP.finditer(text)]
    for found in EXPECTATION.finditer(text):
        next(s for s in stops if s[0] > found.start())[1].append(found.groups())
    in_order = [expectations for _, expectations in reversed(stops)]
    if not in_order or not all(in_order):
        sys.exit(f"{source} has a call of look() without expectations")

    commands = ["set print pretty on", "set pagination off", "set width 0", f"source {printers}", "break look"]
    asked = []
    for index, expectations in enumerate(in_order):
        commands += ["run" if index == 0 else "continue", "up"]
        for command, pattern in expectations:
            commands += [f"echo \\n{MARK}\\n", command]
            asked.append((command, pattern))
        commands.append(f"echo \\n{MARK}\\n")
        asked.append((None, None))
    options = [part for command in commands for part in ("-ex", command)]
    done = subprocess.run([gdb, "-q", "-nx", "-batch", *options, program], capture_output=True, text=True, timeout=120)
    if re.search(r"ptrace: Operation not permitted|Cannot (create process|trace)|Couldn't get registers", done.stderr):
        print(f"no process can be debugged here: {done.stderr.strip()}")
        sys.exit(77)

    answers = done.stdout.split(f"\n{MARK}\n")[1:]
    failures = 0
    if len(answers) < len(asked):
        failures += 1
        print(f"gdb stopped early:\n{done.stdout}\n{done.stderr}")
    for (command, pattern), answer in zip(asked, answers):
        if command is not None and not re.search(pattern, answer.strip()):
            print(f"{command}: expected {pattern}\n{answer}")
            failures += 1
    if "Python Exception" in done.stderr:
        print(done.stderr)
        failures += 1
    print(f"{sum(c is not None for c, _ in asked)} values, {failures} failures")
    sys.exit(1 if failures else 0)


main()
