#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Disassembles the hot paths and checks what they promise.

For each compiler, at -O2 and -O3, each function of hot_paths.cpp has, from its entry to its return: no locked
instruction, no exchange with memory, no call, no stack frame, no jump but one to the slow path, and no more instructions
than golden.txt says; none divides. Object pools may keep registers for the case that slots have run out. What is lock-free has
one locked instruction, besides the one that gives a thread its number. Pairs that must be the same code are compared
instruction by instruction.

    check_hot_paths.py --source DIR --golden FILE --build DIR --include DIR... COMPILER...
    check_hot_paths.py ... --print          writes what golden.txt would have to say
"""

import argparse
import pathlib
import re
import subprocess
import sys

# An alignment that is known at run time only has two ways: larger ones make a detour, which rejoins.
# A bitmap looks twice where a word was empty.
TWO_WAYS = ("frame_alloc_layout_object", "object_pool_free_bitmap")
PREFIXES = ("frame_alloc_", "pool_alloc_", "pool_free_", "handle_", "object_pool_")
MAY_KEEP_REGISTERS = "object_pool_"
LOCKED_ONCE = "locked_once_"
SAME = [
    ("same_frame_new_object", "same_frame_new_object_by_hand"),
    ("same_frame_new_local", "same_frame_new_local_by_hand"),
    ("spelled_out_frame_alloc_object", "frame_alloc_object"),
    ("spelled_out_pool_alloc_object", "pool_alloc_object"),
    ("spelled_out_pool_free_object", "pool_free_object"),
    ("composed_frame_alloc_object", "frame_alloc_object"),
    ("composed_pool_alloc_object", "pool_alloc_object"),
    ("composed_pool_free_object", "pool_free_object"),
    ("composed_frame_alloc_counted_object", "frame_alloc_counted_object"),
    ("composed_pool_alloc_counted_object", "pool_alloc_counted_object"),
    ("composed_pool_free_counted_object", "pool_free_counted_object"),
    ("budgeted_frame_alloc_object", "frame_alloc_object"),
    ("budgeted_pool_alloc_object", "pool_alloc_object"),
    ("budgeted_pool_free_object", "pool_free_object"),
    # A budget by tag costs a frame nothing, and a tag scope nothing without one.
    ("tagged_frame_alloc_object", "frame_alloc_object"),
    ("untagged_frame_alloc_in_a_scope", "frame_alloc_object"),
    ("in_phase_frame_alloc_object", "frame_alloc_object"),
    ("in_phase_pool_free_ref", "pool_free_ref"),
    ("spelled_out_object_pool_allocate", "object_pool_allocate_fixed"),
    ("spelled_out_object_pool_free", "object_pool_free_fixed"),
]


def functions(object_file):
    """name -> [(address, instruction)], in the order of the object file. A jump that the linker will fill in leads away."""
    text = subprocess.run(["objdump", "-d", "-r", "--no-show-raw-insn", "-M", "intel", object_file],
                          check=True, capture_output=True, text=True).stdout
    found, name = {}, None
    for row in text.splitlines():
        if start := re.match(r"[0-9a-f]+ <(.+)>:$", row):
            name = start.group(1)
            found[name] = []
        elif name and re.match(r"\s+[0-9a-f]+: R_", row):
            address, instruction = found[name][-1]
            if jump := re.match(r"(j\w+) ", instruction):
                found[name][-1] = (address, jump.group(1) + " away")
        elif name and (code := re.match(r"\s+([0-9a-f]+):\s+(.*)", row)):
            found[name].append((int(code.group(1), 16), re.sub(r"\s+", " ", code.group(2)).strip()))
    return found


def hot_path(code):
    """The instructions from the entry to the return, following no conditional jump: those lead to the slow path."""
    path = []
    for _, instruction in code:
        path.append(instruction)
        if instruction.split()[0] == "ret":
            return path
        if instruction.split()[0] == "jmp":
            break
    return None


def address_free(path):
    """Without the numbers that differ only because the function lies elsewhere."""
    plain = [re.sub(r" [0-9a-f]+ <[^>]*>", " away", re.sub(r"#.*", "", i)).strip() for i in path]
    return [re.sub(r"\[rip\+0x[0-9a-f]+\]", "[rip]", i) for i in plain]


def faults_of(name, path):
    for instruction in path:
        operation = instruction.split()[0]
        if operation == "lock":
            yield f"{name}: a locked instruction: {instruction}"
        elif operation == "xchg" and "[" in instruction:
            yield f"{name}: an exchange with memory, which locks: {instruction}"
        elif operation == "call":
            yield f"{name}: a call: {instruction}"
        elif operation in ("div", "idiv"):
            yield f"{name}: a division: {instruction}"
        elif name.startswith(MAY_KEEP_REGISTERS) and operation in ("push", "pop"):
            continue
        elif operation in ("push", "pop", "enter", "leave") or re.match(r"(sub|add|and|lea|mov) rsp\b", instruction):
            yield f"{name}: a stack frame: {instruction}"


def faults_of_locked_once(name, code):
    """All of the function, because who fails tries again. An `xadd` of a global numbers a thread that comes first."""
    instructions = [text for _, text in code]
    locked = [i for i in instructions if i.split()[0] == "lock" and not re.match(r"lock xadd .*\[rip", i)]
    if len(locked) != 1:
        yield f"{name}: {len(locked)} locked instructions; expected 1"
    for instruction in instructions:
        if instruction.split()[0] in ("div", "idiv"):
            yield f"{name}: a division: {instruction}"


def is_padding(instruction):
    return "nop" in instruction.split() or instruction.startswith("xchg ax,ax") or instruction.startswith("data16")


def jumps_back(name, code):
    """A jump into the function's hot part would be a loop, or a second way through it."""
    last = next((i for i, (_, text) in enumerate(code) if text.split()[0] == "ret"), len(code))
    end = code[last][0] if last < len(code) else 0
    for address, text in code[:last]:
        if jump := re.match(r"j\w+ ([0-9a-f]+)\b", text):
            target = int(jump.group(1), 16)
            detour = name in TWO_WAYS and target > address
            if code[0][0] <= target <= end and not detour:
                yield f"{name}: a jump inside the hot path at {address:x}: {text}"


def compiler_family(compiler):
    version = subprocess.run([compiler, "--version"], check=True, capture_output=True, text=True).stdout
    return "clang" if "clang" in version else "gcc"


def read_golden(file):
    golden = {}
    for row in file.read_text().splitlines():
        if row and not row.startswith("#"):
            family, level, name, count = row.split()
            golden[family, level, name] = int(count)
    return golden


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--source", type=pathlib.Path, required=True)
    arguments.add_argument("--golden", type=pathlib.Path, required=True)
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    arguments.add_argument("--include", action="append", default=[])
    arguments.add_argument("--print", action="store_true")
    arguments.add_argument("compilers", nargs="+")
    given = arguments.parse_args()

    given.build.mkdir(parents=True, exist_ok=True)
    golden = read_golden(given.golden) if given.golden.exists() else {}
    wrong, hints, checked = [], [], 0

    for compiler in given.compilers:
        family = compiler_family(compiler)
        for level in ("O2", "O3"):
            object_file = given.build / f"hot_paths.{family}.{level}.o"
            # g++ sees by itself that some of the functions are the same, and makes them one: not here.
            separate = ["-fno-ipa-icf"] if family == "gcc" else []
            subprocess.run([compiler, "-std=c++20", f"-{level}", "-DNDEBUG", *separate, "-c", given.source, "-o",
                            object_file, *(f"-I{folder}" for folder in given.include)], check=True)
            found = functions(object_file)
            paths = {}
            for name, code in found.items():
                if "." not in name and (name.startswith(PREFIXES) or any(name in pair for pair in SAME)):
                    paths[name] = hot_path(code)
                    if paths[name] is None:
                        wrong.append(f"{family} -{level} {name}: no straight way from entry to return")
            for name in sorted(n for n in found if n.startswith(LOCKED_ONCE) and "." not in n):
                checked += 1
                wrong += (f"{family} -{level} {f}" for f in faults_of_locked_once(name, found[name]))
            for name in sorted(n for n in paths if n.startswith(PREFIXES) and paths[n]):
                checked += 1
                path = [i for i in paths[name] if not is_padding(i)]
                count = len(path) - 1  # the return is the caller's
                wrong += (f"{family} -{level} {f}" for f in [*faults_of(name, path), *jumps_back(name, found[name])])
                limit = golden.get((family, level, name))
                if given.print:
                    print(family, level, name, count)
                elif limit is None:
                    wrong.append(f"{family} -{level} {name}: golden.txt has no line for it; it takes {count}")
                elif count > limit:
                    wrong.append(f"{family} -{level} {name}: {count} instructions, golden.txt allows {limit}:\n    "
                                 + "\n    ".join(path))
                elif count < limit:
                    hints.append(f"{family} -{level} {name}: {count} instructions; golden.txt may be lowered from {limit}")
            for one, other in SAME:
                if one not in paths or other not in paths:
                    wrong.append(f"{family} -{level}: {one} or {other} is missing in {given.source.name}")
                elif paths[one] and paths[other] and address_free(paths[one]) != address_free(paths[other]):
                    wrong.append(f"{family} -{level}: {one} and {other} differ:\n    "
                                 + "\n    ".join(paths[one]) + "\n  and\n    " + "\n    ".join(paths[other]))
            for _, _, name in (key for key in golden if key[:2] == (family, level) and key[2] not in paths):
                wrong.append(f"{family} -{level} {name}: in golden.txt, but not in {given.source.name}")

    if given.print:
        return 0
    for line in hints:
        print("hint:", line)
    for line in wrong:
        print("error:", line)
    if checked == 0:
        print("error: nothing was checked")
    print(f"{checked} hot paths, {len(wrong)} faults")
    return 1 if wrong or checked == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
