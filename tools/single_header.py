#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes framealloc as one header that needs nothing but a C++20 compiler: for a try, or for Compiler Explorer.

    single_header.py [-o FILE] [--source ROOT]

Taken in: the headers of include/framealloc/ and all policies, each once, what includes it after what it includes. Left out:
the kit for tests of one's own policies (testing/), what needs a foreign library, and what the compiled part defines
(report.hpp). The first lines of the result say so.
"""
import argparse
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
CONDITION = re.compile(r"^\s*#\s*(if|ifdef|ifndef|endif)\b")
SPDX = "// SPDX-License-Identifier: MIT OR Apache-2.0"
STANDARD = re.compile(r"[a-z_]+$|(assert|ctype|errno|float|limits|math|signal|stddef|stdint|stdio|stdlib|string|time)\.h$")
NOT_BY_ITSELF = re.compile(r"framealloc/(testing|integration)/|framealloc/report\.hpp$")


class bundle:
    def __init__(self, root):
        self.files = {}
        for base in ("include", "policies"):
            for path in sorted((root / base).rglob("*.hpp")):
                self.files[path.relative_to(root / base).as_posix()] = path.read_text().splitlines()
        self.hoisted = set()
        self.done = {}  # name -> whether it was taken in under a condition
        self.text = []
        self.written_last = None
        self.left_out = {}

    def foreign(self, name, trail=()):
        """A library that the header needs, or None. What the platform's headers include is the system's, and what stands
        under a condition is included where it is there: a sanitizer's interface, for instance."""
        depth = 0
        for line in self.files[name]:
            condition = CONDITION.match(line)
            if condition:
                depth += -1 if condition.group(1) == "endif" else 1
            found = INCLUDE.match(line)
            if not found:
                continue
            target = found.group(1)
            if target in self.files:
                reason = None if target in trail else self.foreign(target, (*trail, name))
            elif depth > 0 or STANDARD.match(target) or "/detail/platform/" in name:
                reason = None
            else:
                reason = target
            if reason:
                return reason
        return None

    def add(self, name, depth=0):
        if name in self.done:
            # What stands under a condition is not there for who includes it without one.
            if self.done[name] and depth == 0:
                sys.exit(f"{name} is included under a condition first and without one later; include it without one")
            return
        self.done[name] = depth > 0
        if depth == 0:
            self.add_what_conditional_parts_need(name)
        for line in self.files[name]:
            condition = CONDITION.match(line)
            if condition:
                depth += -1 if condition.group(1) == "endif" else 1
            found = INCLUDE.match(line)
            if found and found.group(1) in self.files:
                self.add(found.group(1), depth)
            elif found and depth == 0:
                self.hoisted.add(found.group(1))
            elif line.strip() not in (SPDX, "#pragma once"):
                if line.strip() and self.written_last != name:
                    self.text += ["", f"// --- {name}"]
                    self.written_last = name
                self.text.append(line)

    def add_what_conditional_parts_need(self, name):
        """A system's header stands under its system's condition; what it builds on is everybody's."""
        depth = 0
        for line in self.files[name]:
            condition = CONDITION.match(line)
            if condition:
                depth += -1 if condition.group(1) == "endif" else 1
            found = INCLUDE.match(line)
            if found and depth > 0 and found.group(1) in self.files:
                for inner in filter(None, map(INCLUDE.match, self.files[found.group(1)])):
                    if inner.group(1) in self.files:
                        self.add(inner.group(1))

    def write(self):
        need = self.foreign("framealloc/smart_alloc.hpp")
        if need:
            sys.exit(f"framealloc/smart_alloc.hpp needs <{need}>; the core includes standard headers only")
        for name in self.files:
            if NOT_BY_ITSELF.match(name) or "/detail/" in name:
                continue
            reason = self.foreign(name)
            if reason:
                self.left_out[name] = reason
            else:
                self.add(name)
        top = [SPDX, "//", "// framealloc as one header, made by tools/single_header.py; compile as C++20.",
               "// Reports as text and JSON, conformance kits and joints to other libraries are not in it."]
        top += [f"// Left out: {name}, which needs <{reason}>." for name, reason in sorted(self.left_out.items())]
        top += ["#pragma once", "", *(f"#include <{name}>" for name in sorted(self.hoisted)), ""]
        # One empty line where there would be several.
        return re.sub(r"\n{3,}", "\n\n", "\n".join(top + self.text)) + "\n"


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("-o", "--output", help="instead of standard output")
    arguments.add_argument("--source", default=pathlib.Path(__file__).resolve().parent.parent)
    given = arguments.parse_args()
    made = bundle(pathlib.Path(given.source))
    if "framealloc/smart_alloc.hpp" not in made.files:
        sys.exit(f"{given.source}: no include/framealloc/smart_alloc.hpp there; --source wants the checkout of framealloc")
    text = made.write()
    if given.output:
        pathlib.Path(given.output).write_text(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
