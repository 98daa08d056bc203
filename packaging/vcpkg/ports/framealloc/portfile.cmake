# SPDX-License-Identifier: MIT OR Apache-2.0
#
# An overlay port: it packages the checkout that it lies in.
#   vcpkg install framealloc --overlay-ports=<checkout>/packaging/vcpkg/ports
# In a registry, take the sources from the release instead: vcpkg_from_github(OUT_SOURCE_PATH SOURCE_PATH ...).
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../../.." ABSOLUTE)

vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        -DFRAMEALLOC_TESTS=OFF
        -DFRAMEALLOC_EXAMPLES=OFF
        -DFRAMEALLOC_BENCHMARKS=OFF
        -DFRAMEALLOC_WARNINGS=OFF
        -DFRAMEALLOC_NUMA=OFF
        -DFRAMEALLOC_INSTALL=ON
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/framealloc)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE-MIT" "${SOURCE_PATH}/LICENSE-APACHE")
