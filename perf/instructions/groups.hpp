// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

namespace groups {

/// Counts what requests of a group take.
void all();

}  // namespace groups
