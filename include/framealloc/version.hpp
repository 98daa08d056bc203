// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

// The version of the library, said once: the builds, the package files and the tests read it from here.
//
// Semantic versioning (semver.org 2.0.0): with major version 0, a new minor version may change the interface and the
// layout of types, a new patch version changes neither.

#define FRAMEALLOC_VERSION_MAJOR 0
#define FRAMEALLOC_VERSION_MINOR 1
#define FRAMEALLOC_VERSION_PATCH 0

/// For comparisons by the preprocessor: `#if FRAMEALLOC_VERSION >= 10203` is 1.2.3 or later.
#define FRAMEALLOC_VERSION \
    (FRAMEALLOC_VERSION_MAJOR * 10000 + FRAMEALLOC_VERSION_MINOR * 100 + FRAMEALLOC_VERSION_PATCH)

namespace framealloc::inline v0_1 {

/// The same number as a constant.
inline constexpr long version = FRAMEALLOC_VERSION;

}  // namespace framealloc
