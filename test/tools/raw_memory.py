#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Finds code that touches raw memory outside the rooms made for it, detail/ and policies/.

    raw_memory.py ROOT            checks include/ and src/
    raw_memory.py ROOT --self-test   expects to find each kind in lines made for it
"""
import pathlib
import re
import sys

KINDS = {
    "reinterpret_cast": re.compile(r"\breinterpret_cast\b"),
    "placement new": re.compile(r"\bnew\s*\("),
    "a number made into a pointer": re.compile(r"\bpointer_to\s*<"),
    "arithmetic on bytes": re.compile(r"static_cast<\s*(?:unsigned char|char|std::byte)(?: const)?\s*\*(?: const)?\s*>"),
    "explicit destructor call": re.compile(r"(?:->|\.)~"),
    "memory function": re.compile(r"\b(?:__builtin_)?(?:memcpy|memset|memmove)\s*\("),
}

# The whole list of exceptions: how often each may occur, and why there.
ALLOWED = {
    # The frame's hot path, which every arena policy shares, and which therefore is vocabulary: it ends in an address.
    ("include/framealloc/frame_chunk.hpp", "a number made into a pointer"): 1,
    ("include/framealloc/chunk_stack.hpp", "a number made into a pointer"): 1,
    # The verbs end objects that they began; an object of a derived class is only known by its virtual destructor.
    ("include/framealloc/pool_verbs.hpp", "explicit destructor call"): 2,
    ("include/framealloc/heap_verbs.hpp", "explicit destructor call"): 1,
    ("include/framealloc/shared_alloc.hpp", "explicit destructor call"): 1,
    # Slot policies, which are object pools' own, begin what they keep in the memory that a chunk has for it beside its slots.
    ("include/framealloc/object_pool/slots/bitmap.hpp", "placement new"): 1,
    ("include/framealloc/object_pool/slots/index_stack.hpp", "placement new"): 1,
}


def code_of(text):
    """The text with comments and strings blanked out, line by line."""
    text = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', text)
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    return [re.sub(r"//.*", "", line) for line in text.splitlines()]


def occurrences(lines):
    return [(number, kind) for number, line in enumerate(lines, 1) for kind, pattern in KINDS.items()
            for _ in pattern.findall(line)]


def self_test():
    samples = {
        "reinterpret_cast": "auto n = reinterpret_cast<std::uintptr_t>(p);",
        "placement new": "::new (place) T;",
        "a number made into a pointer": "return detail::pointer_to<void>(place);",
        "arithmetic on bytes": "auto* b = static_cast<unsigned char*>(p) + 1;",
        "explicit destructor call": "object->~T();",
        "memory function": "__builtin_memset(p, 0, n);",
    }
    missed = [kind for kind, line in samples.items() if [k for _, k in occurrences(code_of(line))] != [kind]]
    silent = code_of('// reinterpret_cast<int>\nchar const* text = "->~T() memset(";  /* new (p)\n pointer_to<int> */ int* p = new int;')
    print("\n".join(f"not found: {kind}" for kind in missed))
    return bool(missed) or bool(occurrences(silent))


def main():
    root = pathlib.Path(sys.argv[1])
    if "--self-test" in sys.argv[2:]:
        sys.exit(1 if self_test() else 0)
    counts, faults, looked_at = {}, [], 0
    for base in ("include", "src"):
        for path in sorted((root / base).rglob("*.[ch]pp")):
            name = path.relative_to(root).as_posix()
            if "/detail/" in name:
                continue
            looked_at += 1
            for number, kind in occurrences(code_of(path.read_text())):
                counts[name, kind] = counts.get((name, kind), 0) + 1
                if counts[name, kind] > ALLOWED.get((name, kind), 0):
                    faults.append(f"{path}:{number}: {kind} outside detail/ and policies/")
    for (name, kind), allowed in ALLOWED.items():
        if counts.get((name, kind), 0) < allowed:
            faults.append(f"{name}: {allowed} x {kind} allowed, {counts.get((name, kind), 0)} there; shorten the list")
    if looked_at < 30:
        faults.append(f"only {looked_at} files under {root}: this is not the tree")
    print("\n".join(faults) if faults else f"{looked_at} files: raw memory stays in its rooms")
    sys.exit(1 if faults else 0)


main()
