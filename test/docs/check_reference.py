#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes the reference with doxygen. Every warning is an error, and so is a class or a policy's concept that says nothing of
itself; single members may stand under the comment of the one before them.

    check_reference.py DOXYGEN ROOT WORK              makes it
    check_reference.py DOXYGEN ROOT WORK --self-test  expects to find what is wrong in a header made for it
"""
import pathlib
import re
import shutil
import subprocess
import sys

WRONG = """// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once
namespace framealloc {
struct silent { int x; };
/// See \\ref nobody_there.
struct misled {};
template <class T>
concept Silent = sizeof(T) > 1;
/// \\param count of what is no parameter
void misnamed(int number);
}
"""
EXPECTED = ("Compound framealloc::silent is not documented", "nobody_there", "framealloc::Silent", "'count' of command @param")


def warnings_of(doxygen, root, work, more=""):
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    own = [f'OUTPUT_DIRECTORY = "{work}"', "WARN_IF_UNDOCUMENTED = YES", "QUIET = YES", f"INPUT += {more}",
           f'WARN_LOGFILE = "{work}/warnings"']
    configuration = (root / "docs/Doxyfile").read_text() + "\n".join(own) + "\n"
    done = subprocess.run([doxygen, "-"], input=configuration, cwd=root, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"doxygen failed: {done.stdout}{done.stderr}")
    found = done.stderr.splitlines() + (work / "warnings").read_text().splitlines()
    return [line for line in found if line.strip() and not is_allowed(line)]


def is_allowed(line):
    if re.search(r"warning: (?:Member|Friend) .* is not documented", line):
        return True
    # What is nested in a documented class belongs to it, and a specialisation to its template.
    nested = re.search(r"warning: Compound (.*) is not documented", line)
    if nested is None:
        return False
    parts = nested.group(1).split("::")
    return "<" in parts[-1] or bool(re.search(r"::(engine|rebind|thread_part|mutex|exchange|atomic)$", nested.group(1)))


def concepts_without_text(root):
    """Doxygen does not miss the comment of a concept."""
    silent = []
    for base in ("include", "policies"):
        for path in sorted((root / base).rglob("*.hpp")):
            if "/detail/" not in path.as_posix():
                silent += silent_concepts(path, path.read_text())
    return silent


def silent_concepts(path, text):
    lines, outer = text.splitlines(), []
    for number, line in enumerate(lines):
        found = re.match(r"concept ([A-Z]\w*) ", line)
        if found:
            above = number - 1
            while above > 0 and re.match(r"template\b|    requires\b", lines[above]):
                above -= 1
            if not lines[above].startswith("///"):
                outer.append(f"{path}:{number + 1}: the concept framealloc::{found.group(1)} is not documented")
    return outer


def main():
    doxygen, root, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    if "--self-test" in sys.argv[4:]:
        spoiled = work.with_name(work.name + "_spoiled.hpp")
        spoiled.parent.mkdir(parents=True, exist_ok=True)
        spoiled.write_text(WRONG)
        found = warnings_of(doxygen, root, work, f'"{spoiled}"') + silent_concepts(spoiled, WRONG)
        missed = [what for what in EXPECTED if not any(what in line for line in found)]
        print("\n".join(f"not found: {what}" for what in missed))
        return bool(missed)
    faults = warnings_of(doxygen, root, work) + concepts_without_text(root)
    pages = len(list((work / "html").glob("*.html")))
    if pages < 100 or not list((work / "html").glob("concept*ArenaPolicy.html")):
        faults.append(f"the reference has {pages} pages, and should have a hundred and more, ArenaPolicy's among them")
    print("\n".join(faults) if faults else f"{pages} pages without a warning")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
