// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ledger.hpp"

#include "memory.hpp"
#include "world.hpp"

#include <framealloc/tag_budgets.hpp>

namespace asteroids {

namespace {

account_row row_of(framealloc::tag_usage const& u) {
    account_row row{.path = u.path,
                    .frame_bytes = u.frame_bytes,
                    .pool_bytes = u.pool_bytes,
                    .heap_bytes = u.heap_bytes,
                    .total_bytes = u.total_bytes,
                    .peak_bytes = u.peak_bytes,
                    .limit_bytes = std::nullopt};
    if (u.limits.hard != framealloc::no_limit) row.limit_bytes = u.limits.hard;
    return row;
}

std::vector<account_row> rows_of(budgeted_memory& memory) {
    framealloc::tag_usage usage[1 + account::all.size()];
    std::size_t const n = memory.budgets().table(usage);
    std::vector<account_row> rows;
    for (framealloc::tag_usage const& u : std::span(usage).first(std::min(n, std::size(usage))))
        rows.push_back(row_of(u));
    return rows;
}

}  // namespace

ledger play_with_budgets(level const& of, unsigned frames, std::span<budget_wish const> wishes) {
    crew hands{worker_count};
    world<budgeted_memory> game{of, hands, nullptr, 1};
    for (budget_wish const& w : wishes) {
        game.memory().budgets().set(framealloc::allocation_tag{w.system}, {.hard = w.bytes});
    }
    ledger found;
    for (unsigned i = 0; i < frames; ++i) {
        bool const last = i + 1 == frames;
        game.play(nullptr, [&] {
            if (last) found.rows = rows_of(game.memory());
        });
    }
    found.refused_findings = game.refused_findings();
    found.checksum = game.checksum_value();
    found.balanced = static_cast<bool>(game.memory().verify());
    game.unload();
    return found;
}

}  // namespace asteroids
