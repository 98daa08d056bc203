#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every file that can hold a comment says its licence in its first line, but for what must stand before it.

    spdx.py ROOT              checks the tree
    spdx.py ROOT --self-test  expects to find what is wrong in lines made for it
"""
import os
import pathlib
import re
import sys

LICENCE = r"SPDX-License-Identifier: MIT OR Apache-2\.0"
# By the comments that a file's kind has.
FIRST = ("#!", "<?xml", "// expect", "// limits")
KINDS = {
    "//": re.compile(rf"// {LICENCE}$"),
    "#": re.compile(rf"# {LICENCE}$"),
    "xml": re.compile(rf"<!-- {LICENCE} -->$"),
}
SUFFIXES = {".hpp": "//", ".cpp": "//", ".py": "#", ".sh": "#", ".cmake": "#", ".jam": "#", ".dox": "//", ".natvis": "xml"}
NAMES = {"CMakeLists.txt": "#", "Jamroot": "#", "Jamfile": "#", "packages.txt": "#", "Doxyfile": "#", ".clang-format": "#"}
# No comments in these, or no code: documents, data, pictures, what tests compare with letter by letter.
WITHOUT = (".md", ".json", ".svg", ".level", ".tsv", ".txt", ".gitignore", ".pc.in")


def kind_of(path):
    name = path.name[:-3] if path.name.endswith(".in") else path.name
    if name in NAMES:
        return NAMES[name]
    return SUFFIXES.get(pathlib.PurePath(name).suffix)


def is_without(path):
    return path.name.startswith("LICENSE") or path.name.endswith(WITHOUT)


def is_licensed(kind, lines):
    """A `#!` line and an XML declaration have to be first, and so has what a program that must not compile promises."""
    first = next((n for n, line in enumerate(lines) if not line.startswith(FIRST)), len(lines))
    return len(lines) > first and bool(KINDS[kind].match(lines[first]))


def check(root):
    faults, looked_at = [], 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in ("build", "__pycache__") and not f.startswith("."))
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if name == ".git":
                continue
            kind = kind_of(path)
            if kind is None:
                if not is_without(path):
                    faults.append(f"{path}: is of no kind that this test knows; add it to SUFFIXES, NAMES or WITHOUT")
                continue
            looked_at += 1
            if not is_licensed(kind, path.read_text(errors="replace").splitlines()):
                faults.append(f"{path}: does not begin with its licence; write `SPDX-License-Identifier: MIT OR Apache-2.0`")
    if looked_at < 100:
        faults.append(f"only {looked_at} files under {root}: this is not the tree")
    print("\n".join(faults) if faults else f"{looked_at} files say their licence")
    return bool(faults)


def self_test():
    right = "SPDX-License-Identifier: MIT OR Apache-2.0"
    samples = [
        ("//", [f"// {right}"], True), ("#", ["#!/bin/sh", f"# {right}"], True),
        ("xml", ["<?xml?>", f"<!-- {right} -->"], True),
        ("//", ["// expect: no", "// expect-not: x", f"// {right}"], True), ("//", ["// expect: no"], False),
        ("//", ["#pragma once", f"// {right}"], False), ("//", [f"# {right}"], False),
        ("#", ["#!/bin/sh"], False), ("#", [], False),
        ("//", ["// SPDX-License-Identifier: MIT"], False), ("//", [f"// {right} OR GPL-3.0"], False),
    ]
    wrong = [sample for sample in samples if is_licensed(*sample[:2]) != sample[2]]
    print("\n".join(f"taken for something else: {sample}" for sample in wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(self_test() if "--self-test" in sys.argv[2:] else check(pathlib.Path(sys.argv[1])))
