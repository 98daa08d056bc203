#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Finds links of the documents that lead nowhere: to a file that is not there, or to a heading that its page does not have.
And documents that no other one leads to: a page that nobody finds is not there either.

    links.py ROOT                checks README.md and docs/*.md
    links.py ROOT --self-test    expects to find each kind in pages made for it

Links to other machines (https://...) are not looked at.
"""
import pathlib
import re
import sys
import tempfile

FENCE = re.compile(r"^(```+).*?^\1[ \t]*$", re.M | re.S)
LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^()\s<>]*(?:\([^()\s]*\))*[^()\s<>]*)>?(?:\s+\"[^\"]*\")?\s*\)")
HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.M)


def prose(text):
    """The text with code blanked out, line by line."""
    blank = lambda match: re.sub(r"[^\n]", "", match.group())
    return re.sub(r"`[^`\n]*`", lambda match: "`" + "x" * (len(match.group()) - 2) + "`", FENCE.sub(blank, text))


def anchor(heading):
    """How a heading is named in a link: as the usual hosts of such pages do it."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def anchors(text):
    seen, names = {}, set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        name = anchor(heading)
        seen[name] = seen.get(name, -1) + 1
        names.add(name if seen[name] == 0 else f"{name}-{seen[name]}")
    return names


def faults(root):
    """What is wrong in the pages of a tree, and how many links were looked at."""
    found, looked_at = [], 0
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    reached = {(root / "README.md").resolve()}
    for page in pages:
        text = page.read_text()
        for match in LINK.finditer(prose(text)):
            target = match.group(1)
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            looked_at += 1
            where = f"{page}:{text.count(chr(10), 0, match.start()) + 1}"
            path, _, fragment = target.partition("#")
            file = (page.parent / path).resolve() if path else page.resolve()
            if not file.is_relative_to(root.resolve()):
                found.append(f"{where}: {target} leads out of the tree")
            elif not file.exists():
                found.append(f"{where}: {target}: there is no such file")
            elif fragment and fragment not in (anchors(file.read_text()) if file.suffix == ".md" else ()):
                found.append(f"{where}: {target}: the page has no such heading")
            elif file != page.resolve():
                reached.add(file)
    found += [f"{page}: no page leads here" for page in pages if page.resolve() not in reached]
    return found, looked_at


def self_test():
    sound = {
        "README.md": "# Top\n[a](docs/a.md) [b](docs/b.md#two-words-2) [web](https://nowhere.invalid/x)\n"
                     "`[not](a-link.md)`\n```md\n[nor](this-one.md)\n## Not a heading\n```\n[self](#top)\n",
        "docs/a.md": "# A\n[back](../README.md) ![picture](p.svg \"title\")\n[code](b.md#the-tail-of-f)\n",
        "docs/b.md": "# B\n## Two words, 2\n## The tail of `f()`\n",
        "docs/p.svg": "<svg/>",
    }
    spoiled = {
        "a file that is not there": ("docs/a.md", "[x](c.md)\n"),
        "a picture that is not there": ("docs/a.md", "![x](q.svg)\n"),
        "a heading that is not there": ("docs/a.md", "[x](b.md#three)\n"),
        "a heading of the page itself": ("docs/a.md", "[x](#b)\n"),
        "a heading that is only code": ("docs/a.md", "[x](../README.md#not-a-heading)\n"),
        "a heading in a picture": ("docs/a.md", "[x](p.svg#a)\n"),
        "out of the tree": ("docs/a.md", "[x](../../etc)\n"),
        "a page that nobody leads to": ("docs/alone.md", "# Alone\n[x](a.md)\n"),
        "two links in a line": ("docs/a.md", "[x](b.md) and [y](d.md)\n"),
    }
    wrong = []
    for name, (file, more) in {"": ("docs/a.md", ""), **spoiled}.items():
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "docs").mkdir()
            for path, text in {**sound, file: sound.get(file, "") + more}.items():
                (root / path).write_text(text)
            found, _ = faults(root)
            if len(found) != (1 if name else 0):
                wrong.append(f"{name or 'sound pages'}: {found}")
    print("\n".join(wrong))
    return bool(wrong)


def main():
    if "--self-test" in sys.argv[2:]:
        sys.exit(1 if self_test() else 0)
    found, looked_at = faults(pathlib.Path(sys.argv[1]))
    if looked_at < 5:
        found.append(f"only {looked_at} links under {sys.argv[1]}: this is not the tree")
    print("\n".join(found) if found else f"{looked_at} links, and all of them lead somewhere")
    sys.exit(1 if found else 0)


main()
