#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Compiles and runs every C++ block of the documents, so that none can rot.

A block fenced as ```cpp is a whole program if it has a main; otherwise it is a row of statements and is put into a
function with a `framealloc::smart_alloc alloc` at hand, after its own #include lines and after `namespace` level parts that
are fenced as ```cpp declarations. A block whose first line is `// from <path>` must be that file, to the letter. One that is
fenced as ```cpp library and is such a file wants the compiled part: it is compiled here, and linked and run where it comes
from.

usage: check_blocks.py SOURCE_DIR WORK_DIR COMPILER [OPTION...] -- FILE.md...
"""
import pathlib
import re
import subprocess
import sys

FENCE = re.compile(r"^```cpp([^\n]*)\n(.*?)^```", re.M | re.S)


def program_of(info, text, declarations):
    if re.search(r"\bint main\(", text):
        return text
    if "declarations" in info:
        return text + "\nint main() {}\n"
    includes = "".join(line + "\n" for line in text.splitlines() if line.startswith("#include"))
    body = "".join(line + "\n" for line in text.splitlines() if not line.startswith("#include"))
    return (
        "#include <framealloc/smart_alloc.hpp>\n" + includes + declarations
        + "\nusing namespace framealloc;\nint main() {\n    [[maybe_unused]] smart_alloc alloc;\n    {\n" + body + "    }\n}\n"
    )


def main(arguments):
    split = arguments.index("--")
    source, work, compiler, *options = arguments[:split]
    source, work = pathlib.Path(source), pathlib.Path(work)
    work.mkdir(parents=True, exist_ok=True)
    failures = blocks = 0
    for document in arguments[split + 1:]:
        text = (source / document).read_text()
        declarations = ""
        for number, match in enumerate(FENCE.finditer(text), 1):
            info, block = match.group(1).strip(), match.group(2)
            line = text.count("\n", 0, match.start()) + 1
            blocks += 1
            named = re.match(r"// from (\S+)\n", block)
            if named:
                original = (source / named.group(1)).read_text()
                original = re.sub(r"^// SPDX[^\n]*\n", "", original)
                if block[named.end():].strip() != original.strip():
                    print(f"{document}:{line}: the block is not what {named.group(1)} says")
                    failures += 1
            stem = work / f"{re.sub('[^A-Za-z0-9]', '_', document)}_{number}"
            stem.with_suffix(".cpp").write_text(program_of(info, block, declarations))
            if "declarations" in info:
                declarations += block
            elsewhere = named is not None and "library" in info
            target = ["-fsyntax-only"] if elsewhere else ["-o", str(stem), "-pthread"]
            built = subprocess.run([compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", *options,
                                    str(stem.with_suffix(".cpp")), *target], capture_output=True, text=True)
            ran = None
            if built.returncode == 0 and not elsewhere:
                ran = subprocess.run([str(stem)], capture_output=True, text=True, timeout=60)
            if built.returncode != 0 or (ran is not None and ran.returncode != 0):
                print(f"{document}:{line}: the block does not {'compile' if built.returncode else 'run'}")
                print((built.stderr if built.returncode else ran.stderr + f"exit {ran.returncode}")[:2000])
                failures += 1
    print(f"{blocks} blocks, {failures} failures")
    return 1 if failures or blocks == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
