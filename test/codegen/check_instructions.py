#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs tools/instructions.sh and compares its lines with the limits in a file of lines `name limit`.

    check_instructions.py SCRIPT LIMITS         exits with 77, which skips the test, where valgrind is not installed
"""

import pathlib
import subprocess
import sys

NOT_INSTALLED = 3
SKIPPED = 77


def main():
    script, limits_file = sys.argv[1:]
    run = subprocess.run([script], capture_output=True, text=True)
    sys.stderr.write(run.stderr)
    if run.returncode == NOT_INSTALLED:
        print("skipped: something that counts instructions is not installed")
        return SKIPPED
    if run.returncode != 0:
        print(f"error: {script} failed with {run.returncode}")
        return 1
    counted = {name: float(count) for name, count in (line.split() for line in run.stdout.splitlines())}
    print(run.stdout, end="")

    faults = 0
    rows = [line.split() for line in pathlib.Path(limits_file).read_text().splitlines()]
    for name, limit in (row for row in rows if row and not row[0].startswith("#")):
        if name not in counted:
            print(f"error: {name} was not counted")
            faults += 1
        elif counted[name] > float(limit):
            print(f"error: {name} takes {counted[name]:g} instructions; the limit is {limit}")
            faults += 1
        elif counted[name] < float(limit):
            print(f"hint: {name} takes {counted[name]:g} instructions; the limit may be lowered from {limit}")
    # What takes the same time must take the same instructions. With one chunk there is none to hand back.
    if counted.get("end_frame/2_chunks") != counted.get("end_frame/10000_chunks"):
        print("error: ending a frame of 10,000 chunks takes other instructions than ending one of 2")
        faults += 1
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
