#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Makes the tables in docs/misuse.md and README.md of what the scoreboard's programs come to, and checks that they are fresh.

    check.py tables ROOT COLUMN=PROGRAM...   the tables; a column is levels, asan, or valgrind:PATH_OF_VALGRIND, and
                                             shown=PROGRAM has the report that README shows
        --update                             writes them
        --self-test                          expects to find what is wrong in spoiled copies, too
    check.py peers ROOT GENERAL [FOONATHAN]  other allocators, those that are installed; prints what they do
        --update                             writes it to peers.tsv, which the README's table is made of too

Other allocators are observed, and nothing is expected of them but an end: some of them throw dice.
"""
import concurrent.futures
import glob
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SECONDS = 20  # for one misuse of another allocator
BEGIN, END = "<!-- made by test/scoreboard/check.py: {} -->\n", "<!-- end of {} -->\n"

# --- our levels, and tools ----------------------------------------------------------------------------------------------

SHOWN_LEVELS = {"release": "release", "hardened": "hardened", "checked": "checked", "guarded": "guarded"}  # by name: its heading
FOUND, DEFINED, UNDEFINED = ("stopped", "named", "trap", "tool"), ("defined", "refused"), ("silent", "crashed", "hung")
ROWS = {
    "R01": "freed twice", "R02": "freed twice, by two threads", "R03": "freed, and never allocated",
    "R04": "freed to another instance or pool", "R05": "pointer into a block freed", "R06": "freed with another size",
    "R07": "freed by another family of calls", "R08": "written past the end", "R09": "written before the begin",
    "R10": "written after the free", "R11": "read after the free", "R12": "used after its frame",
    "R13": "used after a roll-back or a scope", "R14": "impossible alignment", "R15": "size that overflows",
    "R16": "zero bytes", "R17": "more bytes than there are", "R22": "allocator ended before its objects",
    "R23": "allocator ended while in use", "R24": "frame ended or used without a begin", "R25": "frames within frames",
    "R26": "marks and scopes out of order", "R27": "handles that are stale, forged or foreign",
    "R28": "a handle's generations used up", "R29": "pinned or moved objects freed, unpinned, read",
    "R30": "call-backs that allocate, throw, or are wrong",
    "R32": "destructors that allocate or end the frame", "R39": "two instances on a thread",
    "R40": "streamed assets cancelled or evicted in use", "R41": "groups freed twice, used or read after that",
    "R43": "the allocator's records overwritten", "R44": "object pools: given back twice, foreign, stale, left alive",
}


class Cell:
    def __init__(self, row, name, what, result, code):
        self.row, self.name, self.what, self.result, self.code = row, name, what, result, code


def run_column(column, program):
    """The cells by level of one program."""
    tool = column.split(":", 1)
    environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1:abort_on_error=0")
    with tempfile.TemporaryDirectory() as logs:
        command = [program, "--results"]
        if tool[0] == "valgrind":
            command = [tool[1], "--log-file=" + logs + "/%p.log", "--leak-check=no", "--num-callers=2", *command, logs]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=600, env=environment)
    if done.returncode != 0:
        raise SystemExit(f"{column}: ended with {done.returncode}\n{done.stderr[-2000:]}")
    levels = {}
    for line in done.stdout.splitlines():
        level, *cell = line.split("\t")
        levels.setdefault(level, []).append(Cell(*cell))
    return levels


def run_columns(programs):
    """Heading -> cells, in order."""
    columns = {}
    for column, program in programs:
        levels = run_column(column, program)
        if column == "levels":
            for name, heading in SHOWN_LEVELS.items():
                columns[heading] = levels[name]
        else:
            columns["release + " + {"asan": "ASan", "valgrind": "Valgrind"}[column.split(":")[0]]] = levels["release"]
    return columns


def word(cell):
    if cell.result in FOUND:
        return "found" + (f", {cell.code}" if cell.code else "")
    return "`0xCD`" if cell.result == "shown" else "defined" if cell.result in DEFINED else "undefined"


def matrix(columns):
    text = "| | misuse | " + " | ".join(columns) + " |\n|---|---|" + "---|" * len(columns) + "\n"
    before = None
    for cells in zip(*columns.values()):
        first = cells[0]
        if len({c.name for c in cells}) != 1:
            raise SystemExit(f"columns of other misuses: {[c.name for c in cells]}")
        text += f"| {first.row if first.row != before else ''} | {first.what} | " + " | ".join(map(word, cells)) + " |\n"
        before = first.row
    found = {name: sum(c.result in FOUND for c in cells) for name, cells in columns.items()}
    defined = {name: sum(c.result in DEFINED for c in cells) for name, cells in columns.items()}
    count = len(next(iter(columns.values())))
    text += f"| | **of {count}** | " + " | ".join(f"{found[n]} found, {defined[n]} defined" for n in columns) + " |\n"
    return text


def in_short(cells):
    found, defined = sum(c.result in FOUND for c in cells), sum(c.result in DEFINED for c in cells)
    shown = sum(c.result == "shown" for c in cells)
    if found + defined + shown == 0:
        return "–"
    parts = [f"found{'' if found == len(cells) else f' {found}'}"] * (found > 0)
    parts += [f"defined{'' if defined == len(cells) else f' {defined}'}"] * (defined > 0)
    parts += [f"`0xCD`{'' if shown == len(cells) else f' {shown}'}"] * (shown > 0)
    left = len(cells) - found - defined - shown
    return ", ".join(parts) + (f" of {len(cells)}" if left or len(parts) > 1 else "")


def summary(columns, peers):
    headings = list(SHOWN_LEVELS.values())
    text = "| misuse | " + " | ".join(headings) + " | others, at their best |\n|---|" + "---|" * (len(headings) + 1) + "\n"
    for row, what in ROWS.items():
        text += f"| {what} | "
        text += " | ".join(in_short([c for c in columns[h] if c.row == row]) for h in headings)
        text += f" | {best_peers(row, peers)} |\n"
    return text


# --- others -------------------------------------------------------------------------------------------------------------

LIBRARIES = {  # what to preload, and what to set
    "glibc": (None, {}),
    "glibc, check": ("libc_malloc_debug.so.0", {"GLIBC_TUNABLES": "glibc.malloc.check=3"}),
    "mimalloc": ("libmimalloc.so.2", {}),
    "jemalloc": ("libjemalloc.so.2", {}),
    "tcmalloc": ("libtcmalloc_minimal.so.4", {}),
    "tcmalloc, debug": ("libtcmalloc_minimal_debug.so.4", {}),
    "Scudo": ("libclang_rt.scudo_standalone-*.so", {}),
}
FOLDERS = ["/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/lib/llvm-19/lib/clang/19/lib/linux"]

# What a text says that names the misuse; another text is misleading.
NAMING = [
    (r"freed_(twice|on)|freed_twice$", r"double free|already been|been already|invalid chunk state when deallocating"),
    (r"pointer_to_|another_pool", r"invalid pointer|never been allocated"),
    (r"_into_", r"invalid pointer|misaligned pointer"),
    (r"deleted_as", r"sized delete"),
    (r"_past_", r"after object|overflow"),
    (r"_before_", r"before object|chunk header|invalid size"),
    (r"_written_after_", r"corrupted memory buffer|after (it was )?free"),
    (r"alignment", r"power of two"),
    (r"mark_", r"unwind|marker"),
]
WORDS = {"N": "named, and stopped", "R": "named, and it goes on", "n": "stopped or named by a misleading text",
         "T": "a bare trap, or a crash later", "A": "silent, and two get the same block", "-": "silent",
         "=": "refused or defined, as it should", "H": "no end"}
RIGHT = "NR="


def judge(name, status, text):
    text = text.strip()
    naming = next((words for cases, words in NAMING if re.search(cases, name)), None)
    if status in (2, 3):
        return "="  # whatever it says beside that
    names_it = bool(text) and naming is not None and re.search(naming, text) is not None
    if text:
        return ("R" if status == 0 else "N") if names_it else "n"
    if status < 0 or status > 63:
        return "T"
    return {0: "-", 1: "A"}[status]


def observe(program, name, environment):
    try:
        done = subprocess.run([program, name], capture_output=True, text=True, errors="replace", timeout=SECONDS,
                              env=dict(os.environ, **environment))
        return judge(name, done.returncode, done.stdout + done.stderr)
    except subprocess.TimeoutExpired:
        return "H"


def find_library(pattern):
    machine = os.uname().machine
    for folder in FOLDERS:
        for path in sorted(glob.glob(f"{folder}/{pattern}")):
            if "scudo" not in path or path.endswith(f"-{machine}.so"):
                return path
    return None


def run_peers(general, foonathan):
    """(peer, row, name) -> word; and the names of those that are not here."""
    jobs, absent = {}, []
    cases = lambda program: [line.split() for line in subprocess.run([program, "--list"], check=True, capture_output=True,
                                                                     text=True).stdout.splitlines()]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for peer, (pattern, environment) in LIBRARIES.items():
            library = find_library(pattern) if pattern else ""
            if library is None:
                absent.append(peer)
                continue
            for row, name in cases(general):
                jobs[peer, row, name] = pool.submit(observe, general, name, dict(environment, LD_PRELOAD=library))
        if foonathan:
            for row, name in cases(foonathan):
                jobs["foonathan", row, name] = pool.submit(observe, foonathan, name, {})
        else:
            absent.append("foonathan")
        return {key: job.result() for key, job in jobs.items()}, absent


def table_of_peers(seen):
    peers = list(dict.fromkeys(peer for peer, _, _ in seen))
    rows = sorted(dict.fromkeys((row, name) for _, row, name in seen), key=lambda r: r[0])
    text = "| | misuse | " + " | ".join(peers) + " |\n|---|---|" + "---|" * len(peers) + "\n"
    for row, name in rows:
        text += f"| {row} | {name} | " + " | ".join(seen.get((p, row, name), "") for p in peers) + " |\n"
    return text + "\n" + "; ".join(f"{w} {meaning}" for w, meaning in WORDS.items()) + "\n"


def read_peers(root):
    lines = (root / "test/scoreboard/peers.tsv").read_text().splitlines()
    return {tuple(line.split("\t")[:3]): line.split("\t")[3] for line in lines if line and not line.startswith("#")}


def best_peers(row, seen):
    scores = {}
    for (peer, of_row, _), how in seen.items():
        if of_row == row:
            right, count = scores.get(peer, (0, 0))
            scores[peer] = right + (how in RIGHT), count + 1
    if not scores:
        return ""
    ranked = sorted(((right / count, peer, f"{right} of {count}") for peer, (right, count) in scores.items() if right),
                    key=lambda s: (-s[0], s[1]))
    if not ranked:
        return "nobody"
    if len(ranked) == len(scores) and all(s[0] == 1 for s in ranked):
        return "all"
    best = [s for s in ranked if s[0] == 1] or ranked[:2]
    return ", ".join(f"{peer.replace(',', '')}" + ("" if score == 1 else f" {part}") for score, peer, part in best)


# --- the files ----------------------------------------------------------------------------------------------------------


def shown_report(program):
    report = subprocess.run([program], capture_output=True, text=True, timeout=60).stderr
    if not report.startswith("[framealloc]"):
        raise SystemExit(f"{program}: reports nothing\n{report}")
    report = re.sub(r"0x[0-9a-f]+", "0x7f3a2c020220", report)
    return "```text\n" + re.sub(r"(thread \d+) '[^'\n]*'", r"\1 'fleet'", report) + "```\n"


def blocks(root, programs):
    columns = run_columns([p for p in programs if p[0] != "shown"])
    made = {("docs/misuse.md", "matrix"): matrix(columns), ("README.md", "scoreboard"): summary(columns, read_peers(root))}
    for name, program in programs:
        if name == "shown":
            made["README.md", "report"] = shown_report(program)
    return made


def replaced(text, name, block):
    begin, end = BEGIN.format(name), END.format(name)
    if text.count(begin) != 1 or text.count(end) != 1:
        return None
    at = text.index(begin) + len(begin)
    return text[:at] + "\n" + block + "\n" + text[text.index(end):]


def stale(made, read):
    """What is not fresh: `read(file)` is its text."""
    faults = []
    for (file, name), block in made.items():
        text = read(file)
        fresh = replaced(text, name, block)
        if fresh is None:
            faults.append(f"{file}: has no place for '{name}'")
        elif fresh != text:
            old, new = text.splitlines(), fresh.splitlines()
            lines = [f"- {line}" for line in old if line not in new] + [f"+ {line}" for line in new if line not in old]
            faults.append(f"{file}: '{name}' is stale\n" + "\n".join(lines))
    return faults


def self_test(made, root):
    missed = 0
    for file, name in made:
        good = replaced((root / file).read_text(), name, made[file, name])
        spoiled = [good.replace(made[file, name], made[file, name].replace("d", "b", 1)), good.replace(END.format(name), ""),
                   good.replace(BEGIN.format(name), "")]
        for text in spoiled:
            if text == good or not stale({(file, name): made[file, name]}, lambda _: text):
                print(f"{file}: a spoiled '{name}' is not found")
                missed += 1
        if stale({(file, name): made[file, name]}, lambda _: good):
            print(f"{file}: a good '{name}' is taken for a spoiled one")
            missed += 1
    return missed


def main(arguments):
    options = [a for a in arguments if a.startswith("--")]
    kind, root, *rest = [a for a in arguments if not a.startswith("--")]
    root = pathlib.Path(root)
    if kind == "peers":
        seen, absent = run_peers(rest[0], rest[1] if len(rest) > 1 else None)
        print(table_of_peers(seen))
        print("not here: " + (", ".join(absent) or "nobody"))
        if "--update" in options:
            lines = [f"{peer}\t{row}\t{name}\t{how}\n" for (peer, row, name), how in seen.items()]
            (root / "test/scoreboard/peers.tsv").write_text(
                "# What other allocators did: peer, row, misuse, word. Made by check.py peers --update.\n" + "".join(lines))
        return 1 if "H" in seen.values() else 0
    made = blocks(root, [part.split("=", 1) for part in rest])
    if "--update" in options:
        for (file, name), block in made.items():
            text = replaced((root / file).read_text(), name, block)
            if text is None:
                raise SystemExit(f"{file}: has no place for '{name}'")
            (root / file).write_text(text)
    faults = stale(made, lambda file: (root / file).read_text())
    if "--self-test" in options and self_test(made, root):
        return 1
    print("\n".join(faults) if faults else "the tables are what the programs came to")
    if faults:
        print("after a change that was meant: the same with --update")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
