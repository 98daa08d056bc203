# SPDX-License-Identifier: MIT OR Apache-2.0
"""On what was measured: the machine, the compiler and the versions of the peers."""

import os
import pathlib
import platform
import re
import subprocess
from typing import Any

# Debian's packages; elsewhere versions stay empty.
PACKAGES = {
    "mimalloc": "libmimalloc2.0", "jemalloc": "libjemalloc2", "tcmalloc": "libtcmalloc-minimal4", "tbb": "libtbbmalloc2",
    "glibc": "libc6", "pmr": "libstdc++6", "boost_pool": "libboost1.81-dev", "foonathan": "libfoonathan-memory-dev",
    "google_benchmark": "libbenchmark-dev",
}
UNKNOWN = "unknown"


def output_of(*command: str, where: pathlib.Path | None = None) -> str:
    """What a command prints, or nothing where it fails or is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=where).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def text_of(path: str) -> str:
    try:
        return pathlib.Path(path).read_text().strip()
    except OSError:
        return ""


def cpu_model() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", text_of("/proc/cpuinfo"), re.M)
    return found.group(1) if found else platform.processor() or UNKNOWN


def frequency() -> str:
    governor = text_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return f"governor {governor}" if governor else "not told by the system"


def is_guest() -> bool:
    return bool(re.search(r"^flags\s*:.*\bhypervisor\b", text_of("/proc/cpuinfo"), re.M))


def describe_machine(context: dict[str, Any]) -> dict[str, Any]:
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "virtual_machine": is_guest(),
        "frequency": frequency(),
        "caches": context.get("caches", []),
        "kernel": f"{platform.system()} {platform.release()}",
        "load_average_before": context.get("load_avg", []),
    }


def cached_variables(build: pathlib.Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z_]+):[A-Z]+=(.*)$", text_of(str(build / "CMakeCache.txt")), re.M))


def flags_of_program(build: pathlib.Path) -> str:
    """What the program was compiled with, warnings left out; nothing where the build is not Ninja's."""
    rule = re.search(r"^build perf/CMakeFiles/framealloc_perf\.dir/.*?^ +FLAGS = (.*?)$", text_of(str(build / "build.ninja")), re.M | re.S)
    return " ".join(f for f in rule.group(1).split() if not f.startswith("-W")) if rule else ""


def describe_compiler(build: pathlib.Path | None) -> dict[str, str]:
    cached = cached_variables(build) if build else {}
    compiler = cached.get("CMAKE_CXX_COMPILER", "")
    says = next(iter(output_of(compiler, "--version").splitlines()), "") if compiler else ""
    name = "clang++" if "clang" in says else "g++" if says else UNKNOWN
    numbers = re.findall(r"\b\d+\.\d+\.\d+\b", says)
    return {"name": name, "version": numbers[-1] if numbers else UNKNOWN, "says": says or UNKNOWN,
            "flags": (flags_of_program(build) if build else "") or cached.get("CMAKE_CXX_FLAGS", UNKNOWN)}


def versions() -> dict[str, dict[str, str]]:
    """Empty where no package of that name is installed."""
    return {peer: {"package": package, "version": output_of("dpkg-query", "--show", "--showformat", "${Version}", package)}
            for peer, package in PACKAGES.items()}


def revision(root: pathlib.Path) -> str:
    return output_of("git", "describe", "--always", "--dirty", where=root) or UNKNOWN


def describe(context: dict[str, Any], build: pathlib.Path | None, root: pathlib.Path) -> dict[str, Any]:
    return {
        "date": context.get("date", UNKNOWN),
        "revision": revision(root),
        "machine": describe_machine(context),
        "compiler": describe_compiler(build),
        "versions": versions(),
    }
