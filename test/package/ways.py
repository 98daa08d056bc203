#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Each way to get framealloc into a program, tried with a program of its own. All folders have a space in their names.

    ways.py WAY --source ROOT --build BUILD --work FOLDER --compiler COMPILER [--generator NAME]

BUILD is a build folder whose library is built: its installation is what the ways that need one use.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

WAYS = {}
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror"]


def way(function):
    WAYS[function.__name__] = function
    return function


class failure(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise failure(text)


def run(*command, **options):
    """Runs a command that must succeed; answers what it printed."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise failure(f"{' '.join(map(str, command))}\nexit {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout + done.stderr


class trial:
    def __init__(self, given):
        self.source = pathlib.Path(given.source)
        self.build = pathlib.Path(given.build)
        self.root = pathlib.Path(given.work)
        self.prefix = self.root / "the prefix"
        self.folder = self.root / f"way {given.way}"
        self.compiler = given.compiler
        self.generator = given.generator
        self.consumer = self.source / "test/package/consumer"
        header = (self.source / "include/framealloc/version.hpp").read_text()
        self.version = [int(re.search(rf"_{part} (\d+)\n", header).group(1)) for part in ("MAJOR", "MINOR", "PATCH")]

    def fresh(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return self.folder

    def configure(self, *options, must_work=True):
        command = ["cmake", "-S", self.consumer, "-B", self.folder / "build", "-G", self.generator,
                   f"-DCMAKE_CXX_COMPILER={self.compiler}", "-DCMAKE_CXX_FLAGS=-O0", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
                   f"-DCMAKE_INSTALL_PREFIX={self.folder / 'installed'}", *options]
        if must_work:
            return run(*command)
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
        expect(done.returncode != 0, f"was configured, which should have failed: {command}")
        return done.stderr

    def check_program(self, program, library=True):
        printed = run(program)
        number = self.version[0] * 10000 + self.version[1] * 100 + self.version[2]
        expect(f"framealloc {number} says 42\n" in printed, f"{program} printed\n{printed}")
        wanted = r"^frame_bytes_used +16 bytes$" if library else r"^frame_bytes_used 16$"
        expect(re.search(wanted, printed, re.M), f"{program} printed\n{printed}")

    def build_and_run(self, library=True):
        run("cmake", "--build", self.folder / "build")
        self.check_program(self.folder / "build/consumer", library)

    def nothing_of_ours_reaches_the_user(self):
        """Neither tests, nor warnings, nor installed files, nor targets that a user would wonder about."""
        listed = run("ctest", "-N", cwd=self.folder / "build")
        expect("Total Tests: 0" in listed, f"the user's project has tests of ours:\n{listed}")
        for unit in json.loads((self.folder / "build/compile_commands.json").read_text()):
            if unit["file"].endswith("consumer/main.cpp"):
                expect(unit["command"].count("-Werror") == 1, f"the user's file is compiled so: {unit['command']}")
            else:
                expect("-W" not in unit["command"], f"{unit['file']} is compiled with warnings: {unit['command']}")
        run("cmake", "--install", self.folder / "build")
        installed = [p.relative_to(self.folder / "installed").as_posix()
                     for p in (self.folder / "installed").rglob("*") if p.is_file()]
        expect(installed == ["bin/consumer"], f"the user's project installs {installed}")
        targets = run("cmake", "--build", self.folder / "build", "--target", "help")
        expect("Experimental" not in targets, "the user's project has the targets of CTest's dashboards")


@way
def install(t):
    """Not a way by itself, but what the others use."""
    shutil.rmtree(t.prefix, ignore_errors=True)
    run("cmake", "--install", t.build, "--prefix", t.prefix)
    wanted = {p.relative_to(t.source / base).as_posix() for base in ("include", "policies")
              for p in (t.source / base).rglob("*.hpp")}
    there = {p.relative_to(t.prefix / "include").as_posix() for p in (t.prefix / "include").rglob("*") if p.is_file()}
    expect(wanted and wanted == there, f"headers missing {sorted(wanted - there)}, too many {sorted(there - wanted)}")
    top = {p.name for p in t.prefix.iterdir()}
    expect(top == {"include", "lib", "share"}, f"the prefix holds {sorted(top)}")
    for text in [*t.prefix.rglob("*.cmake"), *t.prefix.rglob("*.pc")]:
        for place in (str(t.source), str(t.build)):
            expect(place not in text.read_text(), f"{text} names {place}")


@way
def find_package(t):
    t.fresh()
    t.configure("-DFRAMEALLOC_FROM=package", f"-DCMAKE_PREFIX_PATH={t.prefix}",
                f"-DFRAMEALLOC_WANTED_VERSION={t.version[0]}.{t.version[1]}")
    t.build_and_run()


@way
def numa_component(t):
    """The part that needs hwloc: asked for by name, and nobody else's."""
    t.fresh()
    t.configure("-DFRAMEALLOC_FROM=numa", f"-DCMAKE_PREFIX_PATH={t.prefix}")
    t.build_and_run()
    printed = run(t.folder / "build/consumer")
    expect("2 nodes\n" in printed, f"a machine of two nodes has others: {printed}")
    named = (t.prefix / "lib/cmake/framealloc/framealloc-numa-targets.cmake").read_text()
    expect("/libhwloc" not in named, "the installation names the place of hwloc on the machine that built it")
    if shutil.which("pkg-config"):
        found = {**os.environ, "PKG_CONFIG_PATH": str(t.prefix / "lib/pkgconfig")}
        said = run("pkg-config", "--libs", "framealloc-numa", env=found)
        expect("-lframealloc_numa" in said and "-lhwloc" in said, f"framealloc-numa.pc says {said}")


@way
def headers_alone(t):
    """An installation of the headers alone, made without the libraries that the compiled part needs, and moved."""
    t.fresh()
    run("cmake", "-S", t.source, "-B", t.folder / "headers", "-G", t.generator, f"-DCMAKE_CXX_COMPILER={t.compiler}",
        *(f"-DFRAMEALLOC_{part}=OFF" for part in ("LIBRARY", "NUMA", "SYMBOLS", "TESTS", "EXAMPLES", "BENCHMARKS")),
        "-DCMAKE_DISABLE_FIND_PACKAGE_absl=ON", "-DCMAKE_DISABLE_FIND_PACKAGE_nlohmann_json=ON")
    run("cmake", "--install", t.folder / "headers", "--prefix", t.folder / "prefix")
    moved = t.folder / "moved prefix"
    (t.folder / "prefix").rename(moved)
    expect(not list(moved.rglob("libframealloc*")) and not list(moved.rglob("framealloc.pc")), "a library was installed")
    t.configure("-DFRAMEALLOC_FROM=headers", f"-DCMAKE_PREFIX_PATH={moved}")
    t.build_and_run(library=False)


@way
def find_package_refuses(t):
    """Versions that do not fit, and components that are not there."""
    other = f"{t.version[0]}.{t.version[1] + 1}"
    for wanted in (other, f"{t.version[0] + 1}.0"):
        t.fresh()
        said = t.configure("-DFRAMEALLOC_FROM=package", f"-DCMAKE_PREFIX_PATH={t.prefix}",
                           f"-DFRAMEALLOC_WANTED_VERSION={wanted}", must_work=False)
        expect("compatible with requested" in said, said)
    t.fresh()
    moved = t.folder / "without library"
    shutil.copytree(t.prefix, moved)
    for part in moved.rglob("framealloc-framealloc*.cmake"):
        part.unlink()
    said = " ".join(t.configure("-DFRAMEALLOC_FROM=package", f"-DCMAKE_PREFIX_PATH={moved}", must_work=False).split())
    expect("The component 'framealloc' is not installed; these are: headers" in said, said)


@way
def add_subdirectory(t):
    t.fresh()
    said = t.configure("-DFRAMEALLOC_FROM=subdirectory", f"-DFRAMEALLOC_CHECKOUT={t.source}")
    expect("Debugging is chosen" not in said, f"our summary is shown to a user's project:\n{said}")
    t.build_and_run()
    t.nothing_of_ours_reaches_the_user()


@way
def fetch_content(t):
    t.fresh()
    t.configure("-DFRAMEALLOC_FROM=fetch", f"-DFRAMEALLOC_CHECKOUT={t.source}")
    t.build_and_run(library=False)
    t.nothing_of_ours_reaches_the_user()


@way
def pkg_config(t):
    """One line of a shell, as in a Makefile."""
    t.fresh()
    if shutil.which("pkg-config") is None:
        print("pkg-config is not installed")
        sys.exit(77)
    found = {**os.environ, "PKG_CONFIG_PATH": str(t.prefix / "lib/pkgconfig")}
    said = run("pkg-config", "--modversion", "framealloc", env=found).strip()
    expect(said == ".".join(map(str, t.version)), f"framealloc.pc says version {said}")
    for module, options, library in (("framealloc", "", True), ("framealloc-headers", "-DHEADERS_ALONE", False)):
        program = t.folder / module
        # eval, because pkg-config quotes for a shell.
        line = (f'eval "\\"$1\\" -std=c++20 -O0 {" ".join(STRICT)} {options} \\"$2\\" -o \\"$3\\" '
                f'$(pkg-config --cflags --libs {module})"')
        run("sh", "-ec", line, "sh", t.compiler, t.consumer / "main.cpp", program, env=found)
        t.check_program(program, library)


@way
def b2_install(t):
    """The second build's installation: the same headers as CMake's."""
    if shutil.which("b2") is None:
        print("b2 is not installed")
        sys.exit(77)
    t.fresh()
    # The headers alone: the library costs a build of its own, which the second build's tests are.
    run("b2", "toolset=gcc", "-j1", f"--prefix={t.folder / 'b2 prefix'}", f"--build-dir={t.folder / 'b2 build'}",
        "install_include", "install_policies", cwd=t.source)
    wanted = {p.relative_to(t.prefix / "include") for p in (t.prefix / "include").rglob("*.hpp")}
    there = {p.relative_to(t.folder / "b2 prefix/include") for p in (t.folder / "b2 prefix/include").rglob("*.hpp")}
    expect(wanted and wanted == there, f"b2 and CMake install other headers: {sorted(map(str, wanted ^ there))}")


@way
def single_header(t):
    """The first program, with one file in place of the installation, by both compilers; and that file in two units."""
    t.fresh()
    header = t.folder / "framealloc.hpp"
    run(sys.executable, t.source / "tools/single_header.py", "-o", header)
    text = header.read_text()
    expect(run(sys.executable, t.source / "tools/single_header.py") == text, "made twice, it is not the same")
    for base in ("include", "policies"):
        for path in (t.source / base).rglob("*.hpp"):
            name = path.relative_to(t.source / base).as_posix()
            if not re.match(r"framealloc/(testing|integration)/|framealloc/report\.hpp|.*/detail/", name):
                expect(f"// --- {name}\n" in text or f"// Left out: {name}," in text, f"{name} is not in the header")
    expect(not re.search(r"#\s*include\s*<(framealloc|boost|absl)/", text), "the header includes what it should do without")

    program = (t.source / "example/first_frame/first_frame.cpp").read_text()
    one = re.sub(r"#include <framealloc/[^>]+>", '#include "framealloc.hpp"', program)
    expect('#include "framealloc.hpp"' in one, "the first program does not include framealloc")
    (t.folder / "one.cpp").write_text(one)
    (t.folder / "two.cpp").write_text(
        '#include "framealloc.hpp"\n#include "framealloc.hpp"\n'
        "int* other_unit(framealloc::smart_alloc& alloc) { return alloc.pool_new<int>(1); }\n")
    compilers = [t.compiler] + [c for c in ("g++", "clang++-19") if shutil.which(c)]
    # Each once, whatever its names, and by the name that says it is for C++.
    for compiler in {pathlib.Path(shutil.which(c)).resolve(): pathlib.Path(shutil.which(c)) for c in compilers}.values():
        made = t.folder / f"first {compiler.name}"
        run(compiler, "-std=c++20", "-O0", *STRICT, t.folder / "one.cpp", t.folder / "two.cpp", "-o", made)
        printed = run(made)
        expect(printed.startswith("600 frames took 2400000 bytes"), f"{made} printed {printed}")
        run(compiler, "-std=c++20", "-fno-exceptions", "-fno-rtti", *STRICT, "-fsyntax-only", t.folder / "two.cpp")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("way", choices=sorted(WAYS))
    for name in ("source", "build", "work", "compiler"):
        arguments.add_argument(f"--{name}", required=True)
    arguments.add_argument("--generator", default="Ninja")
    given = arguments.parse_args()
    # What the user of this test has set is not what the consumer has set.
    for name in ("CXXFLAGS", "LDFLAGS", "CMAKE_PREFIX_PATH", "PKG_CONFIG_PATH"):
        os.environ.pop(name, None)
    try:
        WAYS[given.way](trial(given))
    except failure as f:
        print(f"{given.way}: {f}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
