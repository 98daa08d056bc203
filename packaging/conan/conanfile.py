# SPDX-License-Identifier: MIT OR Apache-2.0
"""Conan 2 recipe. From a checkout: conan create packaging/conan"""
import os

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeToolchain, CMakeDeps, cmake_layout
from conan.tools.files import copy


class FrameallocConan(ConanFile):
    name = "framealloc"
    version = "0.1.0"
    description = "Policy-based C++20 allocator framework for programs that live in frames"
    license = "MIT OR Apache-2.0"
    topics = ("allocator", "memory", "frame", "arena", "pool")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}

    def export_sources(self):
        root = os.path.join(self.recipe_folder, "..", "..")
        for part in ("CMakeLists.txt", "LICENSE-*", "cmake/*", "include/*", "policies/*", "src/*", "tools/gdb/*",
                     "tools/framealloc.natvis"):
            copy(self, part, src=root, dst=self.export_sources_folder)

    def configure(self):
        if self.options.shared:
            self.options.rm_safe("fPIC")

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires("abseil/[>=20220623.1]")
        # Only our own sources include it.
        self.requires("nlohmann_json/[>=3.11 <4]", visible=False)

    def validate(self):
        check_min_cppstd(self, 20)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        for option in ("TESTS", "EXAMPLES", "BENCHMARKS", "WARNINGS", "NUMA"):
            toolchain.cache_variables[f"FRAMEALLOC_{option}"] = False
        toolchain.cache_variables["FRAMEALLOC_INSTALL"] = True
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "framealloc")
        headers = self.cpp_info.components["headers"]
        headers.set_property("cmake_target_name", "framealloc::headers")
        headers.set_property("pkg_config_name", "framealloc-headers")
        headers.libdirs = []
        if self.settings.os in ("Linux", "FreeBSD"):
            headers.system_libs = ["pthread"]
        library = self.cpp_info.components["framealloc"]
        library.set_property("cmake_target_name", "framealloc::framealloc")
        library.set_property("pkg_config_name", "framealloc")
        library.libs = ["framealloc"]
        library.requires = ["headers", "abseil::absl_str_format"]
