#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Holds tools/framealloc.natvis against the headers: it is well-formed, each type it names is declared in the namespace it
says, and each member that its expressions name is declared somewhere.

    check_natvis.py ROOT             checks the file
    check_natvis.py ROOT --self-test    expects to find what is wrong in spoiled copies
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as tree

SPACE = "{http://schemas.microsoft.com/vstudio/debugger/natvis/2010}"
NAMESPACE = re.compile(r"^namespace (\w[\w: ]*) \{$")


def declared(root):
    """Every type, by its whole name, and every word that could be a member."""
    types, words = set(), set()
    for base in ("include", "policies"):
        for path in sorted((root / base).rglob("*.hpp")):
            text = path.read_text()
            words |= set(re.findall(r"\b\w+\b(?=\s*(?:=|;|\{|\[))", re.sub(r"//.*", "", text)))
            spaces = []
            for line in text.splitlines():
                opened = NAMESPACE.match(line)
                if opened:
                    spaces.append(opened.group(1).replace("inline ", ""))
                elif line.startswith("}  // namespace"):
                    spaces = spaces[:-1]
                found = re.match(r"^(?:class|struct)\s+(?:\[\[.*?\]\]\s*)?(?:alignas\(.*?\)\s*)?(\w+)", line)
                if found and spaces:
                    types.add("::".join([*spaces, found.group(1)]))
    return types, words


def expressions(element):
    """The texts in which members are named."""
    for part in element.iter():
        tag = part.tag.replace(SPACE, "")
        yield from filter(None, [part.get("Condition"), part.get("InitialValue")])
        for text in filter(None, [part.get("Name") if tag == "Item" else None, part.text]):
            if tag in ("DisplayString", "StringView") or part.get("Name") == text:
                yield from (re.sub(r",\w+$", "", e) for e in re.findall(r"\{([^{}]*)\}", text))
            elif tag in ("ExpandedItem", "Item", "Exec"):
                yield text


def check(document, types, words):
    faults = []
    try:
        top = tree.fromstring(document)
    except tree.ParseError as error:
        return [f"not well-formed: {error}"]
    shown = top.findall(f"{SPACE}Type")
    if len(shown) < 5:
        faults.append(f"only {len(shown)} types are shown")
    for element in shown:
        name = re.sub(r"<.*>", "", element.get("Name"))
        if name not in types:
            faults.append(f"{name} is declared nowhere")
        variables = {v.get("Name") for v in element.iter(f"{SPACE}Variable")}
        for expression in expressions(element):
            for member in re.findall(r"[A-Za-z_]\w*", expression):
                if member not in words | variables:
                    faults.append(f"{name}: no header has a member {member}, which '{expression}' names")
    return faults


def main():
    root = pathlib.Path(sys.argv[1])
    document = (root / "tools/framealloc.natvis").read_text()
    types, words = declared(root)
    if "--self-test" in sys.argv[2:]:
        spoiled = {
            document.replace("</Expand>", "", 1): "not well-formed",
            document.replace("::layout", "::detail::layout", 1): "is declared nowhere",
            document.replace("{sequence_}", "{sequenze_}", 1): "no header has a member sequenze_",
            document.replace("mark_ == 0", "marc_ == 0", 1): "no header has a member marc_",
            document.replace("gate_.peak_", "gate_.peek_", 1): "no header has a member peek_",
        }
        missed = [what for text, what in spoiled.items() if text == document
                  or not any(what in fault for fault in check(text, types, words))]
        print("\n".join(f"not found: {what}" for what in missed))
        sys.exit(1 if missed else 0)
    faults = check(document, types, words)
    print("\n".join(faults) if faults else f"{len(types)} types declared; those shown are among them")
    sys.exit(1 if faults else 0)


main()
