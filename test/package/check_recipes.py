#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The recipes for package managers, as far as they can be checked without them: they are readable, and names, version,
licence, options and targets are those of the build.

    check_recipes.py ROOT
"""
import ast
import json
import pathlib
import re
import sys

faults = []


def expect(condition, text):
    if not condition:
        faults.append(text)


def literals_of(class_):
    """The names that a class body sets to literals."""
    return {target.id: ast.literal_eval(node.value) for node in class_.body if isinstance(node, ast.Assign)
            for target in node.targets if isinstance(node.value, (ast.Constant, ast.Dict, ast.Tuple, ast.List))}


def main():
    root = pathlib.Path(sys.argv[1])
    header = (root / "include/framealloc/version.hpp").read_text()
    version = ".".join(re.search(rf"_{part} (\d+)\n", header).group(1) for part in ("MAJOR", "MINOR", "PATCH"))
    build = (root / "CMakeLists.txt").read_text()
    options = set(re.findall(r"^(?:option|set)\((FRAMEALLOC_\w+)", build, re.M))

    # --- vcpkg
    port = root / "packaging/vcpkg/ports/framealloc"
    manifest = json.loads((port / "vcpkg.json").read_text())
    expect(manifest["name"] == "framealloc" == port.name, "vcpkg.json: another name than the folder's")
    expect(manifest["version-semver"] == version, f"vcpkg.json has version {manifest['version-semver']}, the build {version}")
    expect(manifest["license"] == "MIT OR Apache-2.0", "vcpkg.json: another licence")
    names = {d if isinstance(d, str) else d["name"] for d in manifest["dependencies"]}
    expect({"abseil", "nlohmann-json", "vcpkg-cmake", "vcpkg-cmake-config"} <= names, f"vcpkg.json depends on {names}")
    expect(all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in names), f"vcpkg names are lower case: {names}")
    recipe = (port / "portfile.cmake").read_text()
    used = set(re.findall(r"-D(FRAMEALLOC_\w+)=", recipe))
    expect(used and used <= options, f"portfile.cmake sets {used - options}, which the build does not have")
    found = re.search(r'CMAKE_CURRENT_LIST_DIR}/([./]+)"', recipe).group(1)
    expect((port / found).resolve() == root.resolve(), f"portfile.cmake takes the sources from {port / found}")

    # --- conan
    text = (root / "packaging/conan/conanfile.py").read_text()
    tree = ast.parse(text)
    class_ = next(n for n in tree.body if isinstance(n, ast.ClassDef))
    said = literals_of(class_)
    expect(said.get("name") == "framealloc", f"conanfile.py has the name {said.get('name')}")
    expect(said.get("version") == version, f"conanfile.py has version {said.get('version')}, the build {version}")
    expect(said.get("license") == "MIT OR Apache-2.0", "conanfile.py: another licence")
    expect(set(said["default_options"]) == set(said["options"]), "conanfile.py: options without defaults")
    methods = {n.name for n in class_.body if isinstance(n, ast.FunctionDef)}
    expect({"requirements", "layout", "generate", "build", "package", "package_info"} <= methods,
           f"conanfile.py has only {methods}")
    for target in ("framealloc::headers", "framealloc::framealloc"):
        expect(f'"{target}"' in text, f"conanfile.py does not name the target {target}")
    short = re.search(r"for option in \(([^)]*)\)", text).group(1)
    toolchain = {f"FRAMEALLOC_{option}" for option in re.findall(r'"(\w+)"', short)}
    toolchain |= set(re.findall(r'cache_variables\["(FRAMEALLOC_\w+)"\]', text))
    expect(toolchain <= options, f"conanfile.py sets {toolchain - options}, which the build does not have")
    # What the build reads has to be exported.
    exported = re.search(r"for part in \((.*?)\)", text, re.S).group(1)
    for part in re.findall(r'"([^"]+)"', exported):
        expect(any(root.glob(part)), f"conanfile.py exports {part}, which is not there")
    for part in ("CMakeLists.txt", "LICENSE-*", "cmake/*", "include/*", "policies/*", "src/*", "tools/gdb/*",
                 "tools/framealloc.natvis"):
        expect(f'"{part}"' in exported, f"conanfile.py does not export {part}, which the installation needs")

    # --- the change log
    log = (root / "CHANGELOG.md").read_text()
    released = re.findall(r"^## \[([^\]]+)\](?: - (\S+))?$", log, re.M)
    expect(released and released[0][0] in ("Unreleased", version), f"CHANGELOG.md begins with {released[:1]}")
    expect(any(v == version for v, _ in released) or f"toward {version}" in log, f"CHANGELOG.md does not speak of {version}")
    for number, date in released:
        expect(number == "Unreleased" or re.fullmatch(r"\d{4}-\d\d-\d\d", date or ""), f"CHANGELOG.md: {number} has no date")
    kinds = set(re.findall(r"^### (.*)$", log, re.M))
    expect(kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}, f"CHANGELOG.md has sections {kinds}")

    print("\n".join(faults) if faults else f"the recipes agree with version {version}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
