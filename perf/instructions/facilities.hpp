// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

namespace facilities {

/// Counts what requests of groups and scratch arenas take, and the use of a handle.
void all();

}  // namespace facilities
