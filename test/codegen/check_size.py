#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compares the size of a program that uses all three intents with that of one that does the same with malloc.

Two figures, each with a limit: code, which is what lies in the executable sections, and all that `size` calls text:
code, constants, the texts of the faults, unwind tables, and what the dynamic linker needs.

    check_size.py --source FILE --code BYTES --text BYTES --build DIR --include DIR... COMPILER...
"""

import argparse
import pathlib
import subprocess
import sys


EXECUTABLE = (".init", ".plt", ".plt.got", ".plt.sec", ".text", ".fini")


def sizes_of(program):
    """(code, text) in bytes."""
    rows = subprocess.run(["size", "-A", program], check=True, capture_output=True, text=True).stdout.splitlines()
    code = sum(int(row.split()[1]) for row in rows if row.startswith(".") and row.split()[0] in EXECUTABLE)
    rows = subprocess.run(["size", program], check=True, capture_output=True, text=True).stdout.splitlines()
    return code, int(rows[1].split()[0])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--source", type=pathlib.Path, required=True)
    arguments.add_argument("--code", type=int, required=True)
    arguments.add_argument("--text", type=int, required=True)
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    arguments.add_argument("--include", action="append", default=[])
    arguments.add_argument("compilers", nargs="+")
    given = arguments.parse_args()

    given.build.mkdir(parents=True, exist_ok=True)
    failed = False
    for compiler in given.compilers:
        sizes = {}
        for name, flags in {"ours": [], "malloc": ["-DWITH_MALLOC"]}.items():
            program = given.build / f"all_intents.{pathlib.Path(compiler).name}.{name}"
            subprocess.run([compiler, "-std=c++20", "-O2", "-DNDEBUG", *flags, given.source, "-o", program, "-pthread",
                            *(f"-I{folder}" for folder in given.include)], check=True)
            subprocess.run([program], check=True)
            sizes[name] = sizes_of(program)
        for index, (figure, limit) in enumerate((("code", given.code), ("text", given.text))):
            ours, malloc = sizes["ours"][index], sizes["malloc"][index]
            added = ours - malloc
            verdict = "at most" if added <= limit else "error: more than"
            failed |= added > limit
            print(f"{compiler} -O2: {added} bytes of {figure} added ({ours} less {malloc}), {verdict} {limit}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
