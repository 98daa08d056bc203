// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

namespace facilities {

/// Counts what requests of groups and scratch arenas take, the use of a handle, and pairs of object pools.
void all();

}  // namespace facilities
