// SPDX-License-Identifier: MIT OR Apache-2.0
#include "figures.hpp"

// Reports of object pools.

namespace framealloc::inline v0_1 {

using namespace figures;

std::string to_text(object_pool_stats const& pool) {
    text_rows rows;
    for_each_figure(pool, rows);
    if (pool.counted) {
        for_each_counted_figure(pool, rows);
        rows("hit_rate", pool.hit_rate(), "of 1");
    }
    std::string const head =
        pool.name != nullptr ? absl::StrFormat("object pool \"%s\"\n", pool.name) : std::string{"object pool\n"};
    return head + rows.text();
}
std::string to_line(object_pool_stats const& pool) {
    std::string line =
        absl::StrFormat("%s: %d of %d slots live, %d bytes", pool.name != nullptr ? pool.name : "object pool",
                        pool.live, pool.capacity, pool.bytes);
    if (pool.counted) {
        absl::StrAppendFormat(&line, "; peak %d, %d allocations, %d frees, %d failures, %d growths, hit rate %.1f %%",
                              pool.peak, pool.allocations, pool.frees, pool.failures, pool.growths,
                              pool.hit_rate() * 100);
    }
    return line;
}
std::string to_key_values(object_pool_stats const& pool) {
    std::string text;
    key_values out{text};
    if (pool.name != nullptr) out("name", std::string{pool.name});
    for_each_figure(pool, out);
    if (pool.counted) {
        for_each_counted_figure(pool, out);
        out("hit_rate", pool.hit_rate());
    }
    return text;
}
std::string to_json(object_pool_stats const& pool) {
    json document;
    json_writer out{document};
    document["name"] = pool.name != nullptr ? json(pool.name) : json(nullptr);
    for_each_figure(pool, out);
    if (pool.counted) {
        for_each_counted_figure(pool, out);
        out("hit_rate", pool.hit_rate());
    }
    return written(document);
}
bool object_pool_from_json(std::string_view text, object_pool_stats& pool, std::string& name, std::string& error) {
    json const document = parsed(text);
    object_pool_stats read;
    json_reader in{document, "an object pool's statistics", error};
    json const* const named = in.member("name");
    if (named == nullptr || (!named->is_null() && !named->is_string())) in.want("a string or null", "name");
    for_each_figure(read, in);
    read.counted = in.member("allocations") != nullptr;
    if (read.counted) for_each_counted_figure(read, in);
    if (!in.complete()) return false;
    pool = read;
    name = named->is_string() ? named->get<std::string>() : std::string{};
    if (named->is_string()) pool.name = name.c_str();
    return true;
}

}  // namespace framealloc
