// SPDX-License-Identifier: MIT OR Apache-2.0
#pragma once

#include <framealloc/basic_smart_alloc.hpp>

#include <cstddef>
#include <string_view>

namespace framealloc::inline v0_1 {

namespace detail {

/// A text that is put together while the program is compiled.
class constant_text {
public:
    static constexpr std::size_t room = 1023;

    constexpr void add(std::string_view part) noexcept {
        for (char const c : part) {
            if (length_ < room) chars_[length_++] = c;
        }
    }
    constexpr void add(char c) noexcept { add(std::string_view{&c, 1}); }
    constexpr void drop_last() noexcept { --length_; }
    [[nodiscard]] constexpr std::string_view view() const noexcept { return {chars_, length_}; }

private:
    char chars_[room]{};
    std::size_t length_ = 0;
};

/// The compiler's own text for `T`.
template <class T>
[[nodiscard]] consteval std::string_view type_text() noexcept {
    std::string_view const whole = __PRETTY_FUNCTION__;
    std::size_t const begin = whole.find("T = ") + 4;
    std::size_t end = whole.rfind(']');
    // g++ tells of other names as well: `[with T = ...; std::string_view = ...]`, at the top level.
    int depth = 0;
    for (std::size_t i = begin; i < end; ++i) {
        depth += whole[i] == '<' || whole[i] == '(' ? 1 : whole[i] == '>' || whole[i] == ')' ? -1 : 0;
        if (whole[i] == ';' && depth == 0) end = i;
    }
    return whole.substr(begin, end - begin);
}

/// A size as a person writes it: 65536 is 64_KiB.
constexpr void add_number(constant_text& out, unsigned long long number) noexcept {
    std::string_view unit;
    for (std::string_view const next : {"_KiB", "_MiB", "_GiB", "_TiB"}) {
        if (number == 0 || number % 1024 != 0) break;
        number /= 1024;
        unit = next;
    }
    char digits[24]{};
    std::size_t n = 0;
    do {
        digits[n++] = static_cast<char>('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (n != 0) out.add(digits[--n]);
    out.add(unit);
}

/// The name of a type without its arguments and without the library's own namespaces.
template <class T>
constexpr void add_own_name(constant_text& out) noexcept {
    if constexpr (requires { T::described_as; }) {
        out.add(T::described_as);
    } else {
        std::string_view name = type_text<T>();
        name = name.substr(0, name.find('<'));
        constexpr std::string_view own = "framealloc::";
        if (name.starts_with(own)) {
            name.remove_prefix(own.size());
            // The version, in an inline namespace.
            if (name.size() > 1 && name[0] == 'v' && name[1] >= '0' && name[1] <= '9') {
                name.remove_prefix(name.find("::") + 2);
            }
        }
        out.add(name);
    }
}

// Arguments are told by us and not by the compilers, of which each leaves out other ones when they are defaults.

/// The name, and in angle brackets what `arguments` add.
template <class T, class... Add>
constexpr void add_with_arguments(constant_text& out, Add... arguments) noexcept {
    add_own_name<T>(out);
    std::string_view before = "<";
    ((out.add(before), arguments(out), before = ", "), ...);
    out.add('>');
}
template <auto V>
constexpr void add_value(constant_text& out) noexcept {
    if constexpr (std::is_same_v<decltype(V), bool>) {
        out.add(V ? "true" : "false");
    } else if constexpr (std::is_integral_v<decltype(V)>) {
        add_number(out, static_cast<unsigned long long>(V));
    } else {
        out.add("...");
    }
}

template <class T>
struct told {
    static constexpr void to(constant_text& out) noexcept { add_own_name<T>(out); }
};
template <template <auto...> class T, auto First, auto... Rest>
struct told<T<First, Rest...>> {
    static constexpr void to(constant_text& out) noexcept {
        add_with_arguments<T<First, Rest...>>(out, &add_value<First>, &add_value<Rest>...);
    }
};
template <template <class...> class T, class First, class... Rest>
struct told<T<First, Rest...>> {
    static constexpr void to(constant_text& out) noexcept {
        add_with_arguments<T<First, Rest...>>(out, &told<First>::to, &told<Rest>::to...);
    }
};
template <template <auto, class> class T, auto N, class P>
struct told<T<N, P>> {
    static constexpr void to(constant_text& out) noexcept {
        add_with_arguments<T<N, P>>(out, &add_value<N>, &told<P>::to);
    }
};

template <class A>
consteval constant_text described() noexcept {
    constant_text out;
    auto const family = [&out]<class P>(std::string_view name, std::type_identity<P>) {
        out.add(name);
        told<P>::to(out);
        out.add('\n');
    };
    family("backend      ", std::type_identity<typename A::backend>{});
    family("arena        ", std::type_identity<typename A::arena>{});
    family("pool         ", std::type_identity<typename A::pool>{});
    family("sync         ", std::type_identity<typename A::sync>{});
    family("budget       ", std::type_identity<typename A::budget>{});
    family("diagnostics  ", std::type_identity<typename A::diagnostics>{});
    out.drop_last();
    return out;
}
template <class A>
inline constexpr constant_text description = described<A>();

}  // namespace detail

/// The assembly of an allocator type as a text, one family to a line, defaults included: for logs, bug reports and static
/// assertions. A constant; equal for packs that mean the same, whatever the compiler, for policies whose arguments are all
/// types or all values, or a value and a type. A policy may give another name in `static constexpr char described_as[]`.
/// Cut at 1,023 bytes.
template <class Alloc>
[[nodiscard]] consteval std::string_view describe() noexcept {
    return detail::description<typename Alloc::assembly_type>.view();
}

}  // namespace framealloc
