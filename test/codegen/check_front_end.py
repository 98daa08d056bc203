#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a header brings into a translation unit: how many lines, and that none of the heavy headers is among them.

Lines stand for the front-end time, which is not the same twice; tools/frontend.sh measures that.

    check_front_end.py --lines MOST --header NAME --without NAME,... --include DIR... COMPILER
"""

import argparse
import pathlib
import subprocess
import sys


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--lines", type=int, required=True)
    arguments.add_argument("--header", required=True)
    arguments.add_argument("--without", default="")
    arguments.add_argument("--include", action="append", default=[])
    arguments.add_argument("compiler")
    given = arguments.parse_args()

    run = [given.compiler, "-std=c++20", "-x", "c++", *(f"-I{folder}" for folder in given.include)]
    unit = f"#include <{given.header}>\n"
    lines = subprocess.run([*run, "-E", "-P", "-"], input=unit, check=True, capture_output=True, text=True).stdout
    count = sum(1 for line in lines.splitlines() if line.strip())
    needed = subprocess.run([*run, "-M", "-"], input=unit, check=True, capture_output=True, text=True).stdout
    files = [pathlib.PurePath(f) for f in needed.replace("\\\n", " ").split()[1:]]

    failed = count > given.lines
    print(f"<{given.header}>: {count} lines, {'error: more than' if failed else 'at most'} {given.lines}")
    for heavy in filter(None, given.without.split(",")):
        # A name without a slash is a standard header, one with a slash at its end a folder of a library.
        for file in files:
            brought = heavy.rstrip("/") in file.parts[:-1] if heavy.endswith("/") else file.name == heavy
            if brought:
                failed = True
                print(f"error: <{given.header}> brings in {file}, of what it must do without: {heavy}")
                break
    if not files:
        failed = True
        print("error: nothing was checked")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
