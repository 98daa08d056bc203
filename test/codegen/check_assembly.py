#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compares the instructions that the documents show with those that the compiler makes.

A block fenced as ```asm begins with a label, the name of a function of hot_paths.cpp, and goes on with its instructions
as g++ 12 makes them at -O2; what follows a semicolon is a remark. Other compilers choose otherwise: then nothing is
checked, and the exit code is 77.

    check_assembly.py --source FILE --build DIR --include DIR... --compiler COMPILER DOCUMENT...
    check_assembly.py --self-test
"""
import argparse
import pathlib
import re
import subprocess
import sys

FENCE = re.compile(r"^```asm\n(.*?)^```", re.M | re.S)


def plain(instruction):
    """One spelling for what the documents and the disassembler write differently."""
    instruction = re.sub(r"(?:QWORD|DWORD) PTR ", "", instruction)
    instruction = re.sub(r"^(j\w+) .*", r"\1 slow", instruction)
    instruction = re.sub(r"0x([0-9a-f]+)", lambda m: str(int(m.group(1), 16)), instruction)
    return re.sub(r"\s*,\s*", ",", re.sub(r"\s+", " ", instruction)).strip()


def shown(document):
    """name -> instructions, of each block."""
    for block in FENCE.findall(document):
        rows = [row.split(";")[0].strip() for row in block.splitlines()]
        rows = [row for row in rows if row]
        if rows and rows[0].endswith(":"):
            yield rows[0][:-1], [plain(row) for row in rows[1:]]
        else:
            yield "a block without a label", []


def made(object_file):
    """name -> instructions up to the return. A thread-local variable has its name in place of its offset."""
    text = subprocess.run(["objdump", "-d", "-r", "--no-show-raw-insn", "-M", "intel", object_file],
                          check=True, capture_output=True, text=True).stdout
    found, name = {}, None
    for row in text.splitlines():
        if start := re.match(r"[0-9a-f]+ <(\w+)>:$", row):
            name = start.group(1)
            found[name] = []
        elif name and re.search(r"R_X86_64_TPOFF32\s+\S*this_thread", row):
            found[name][-1] = found[name][-1].replace("+0]", "+this_thread]")
        elif name and (code := re.match(r"\s+[0-9a-f]+:\s+([a-z].*)", row)):
            found[name].append(plain(code.group(1)))
            if found[name][-1] == "ret":
                name = None
    return found


def faults(document, text, found):
    for name, rows in shown(text):
        if name not in found:
            yield f"{document}: {name}: no such function"
        elif rows != found[name]:
            yield f"{document}: {name}: it says\n    " + "\n    ".join(rows) + "\n  and the compiler makes\n    " + "\n    ".join(
                found[name])


def self_test():
    good = "```asm\nf:  ; a remark\n    mov  rax, [rdi+0x8]   ; the slot\n    jb slow\n    ret\n```\n"
    found = {"f": [plain("mov    rax,QWORD PTR [rdi+0x8]"), plain("jb 11 <f+0x11>"), "ret"]}
    wrong = [good.replace("rax", "rdx"), good.replace("    jb slow\n", ""), good.replace("f:", "g:"), good.replace("f:  ; a remark\n", "")]
    missed = [text for text in wrong if not list(faults("sample", text, found))]
    print("\n".join(f"not found: {text}" for text in missed))
    return bool(missed) or bool(list(faults("sample", good, found)))


def main():
    if "--self-test" in sys.argv[1:]:
        return 1 if self_test() else 0
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--source", type=pathlib.Path, required=True)
    arguments.add_argument("--build", type=pathlib.Path, required=True)
    arguments.add_argument("--include", action="append", default=[])
    arguments.add_argument("--compiler", required=True)
    arguments.add_argument("documents", nargs="+", type=pathlib.Path)
    given = arguments.parse_args()
    version = subprocess.run([given.compiler, "-dumpversion"], check=True, capture_output=True, text=True).stdout
    target = subprocess.run([given.compiler, "-dumpmachine"], check=True, capture_output=True, text=True).stdout
    if version.split(".")[0].strip() != "12" or not target.startswith("x86_64"):
        print(f"the documents show g++ 12 on x86-64; this is {version.strip()} on {target.strip()}")
        return 77
    given.build.mkdir(parents=True, exist_ok=True)
    object_file = given.build / "documents.o"
    subprocess.run([given.compiler, "-std=c++20", "-O2", "-DNDEBUG", "-fno-ipa-icf", "-c", given.source, "-o", object_file,
                    *(f"-I{folder}" for folder in given.include)], check=True)
    found = made(object_file)
    texts = [(document.name, document.read_text()) for document in given.documents]
    wrong = [fault for name, text in texts for fault in faults(name, text, found)]
    blocks = sum(len(FENCE.findall(text)) for _, text in texts)
    print("\n".join(wrong + [f"{blocks} blocks, {len(wrong)} faults"]))
    return 1 if wrong or blocks == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
