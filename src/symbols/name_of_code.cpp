// SPDX-License-Identifier: MIT OR Apache-2.0

// Names code by the debugging information that the program carries, through elfutils' libdw: only when a report is written.

#include <framealloc/detail/places.hpp>

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

/// What the process has loaded. One at a time: libdw is not for several threads.
class loaded_code {
public:
    loaded_code() noexcept : session_(::dwfl_begin(&callbacks)) { look_again(); }

    [[nodiscard]] Dwfl_Module* module_at(Dwarf_Addr address) noexcept {
        if (session_ == nullptr) return nullptr;
        if (Dwfl_Module* const found = ::dwfl_addrmodule(session_, address)) return found;
        look_again();  // loaded since
        return ::dwfl_addrmodule(session_, address);
    }

private:
    void look_again() noexcept {
        if (session_ == nullptr) return;
        ::dwfl_report_begin(session_);
        if (std::FILE* const maps = std::fopen("/proc/self/maps", "r")) {
            static_cast<void>(::dwfl_linux_proc_maps_report(session_, maps));
            std::fclose(maps);
        }
        ::dwfl_report_end(session_, nullptr, nullptr);
    }

    static char* nowhere;
    static constexpr Dwfl_Callbacks callbacks{&::dwfl_linux_proc_find_elf, &::dwfl_standard_find_debuginfo, nullptr,
                                              &nowhere};
    Dwfl* session_;
};
char* loaded_code::nowhere = nullptr;

/// A place that a person is shown.
struct place {
    std::string function;
    char const* file = nullptr;
    int line = 0;
};

/// A linker's name as it was written.
std::string plain(char const* symbol) {
    int status = 0;
    char* const written = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
    std::string const name = written != nullptr ? written : symbol;
    std::free(written);
    return name;
}

/// Follows a reference of a DIE; false where it has none.
bool follow(Dwarf_Die& die, unsigned by) noexcept {
    Dwarf_Attribute attribute;
    Dwarf_Die to;
    if (::dwarf_formref_die(::dwarf_attr(&die, by, &attribute), &to) == nullptr) return false;
    die = to;
    return true;
}

/// Without the parameters: "f(int) const" is "f".
std::string without_parameters(std::string name) {
    std::size_t const last = name.rfind(')');
    if (last == name.npos) return name;
    std::size_t open = last, depth = 0;
    do {
        depth += name[open] == ')';
        depth -= name[open] == '(';
    } while (depth != 0 && open-- != 0);
    if (depth == 0 && open != 0) name.resize(open);
    return name;
}

/// The name of a function with those of what it is declared in, without parameters: as a person says it. `symbol` is the
/// linker's, null where there is none.
std::string name_of(Dwarf_Die die, char const* symbol) {
    while (follow(die, DW_AT_abstract_origin) || follow(die, DW_AT_specification)) {}
    Dwarf_Die* scopes = nullptr;
    int const count = ::dwarf_getscopes_die(&die, &scopes);
    Dwarf_Attribute attribute;
    if (char const* const its = ::dwarf_formstring(::dwarf_attr(&die, DW_AT_linkage_name, &attribute))) symbol = its;
    // Where there are lines and no more (-g1), only the symbol says what a function is declared in.
    if (count == 2 && symbol != nullptr &&
        (std::strncmp(symbol, "_ZN", 3) == 0 || std::strncmp(symbol, "_ZZ", 3) == 0)) {
        std::free(scopes);
        return without_parameters(plain(symbol));
    }
    std::string name;
    for (int i = count; i-- > 0;) {
        int const tag = ::dwarf_tag(&scopes[i]);
        bool const has_name = tag == DW_TAG_namespace || tag == DW_TAG_class_type || tag == DW_TAG_structure_type ||
                              tag == DW_TAG_subprogram;
        char const* const part = has_name ? ::dwarf_diename(&scopes[i]) : nullptr;
        if (part == nullptr || *part == '\0') continue;
        if (!name.empty()) name += "::";
        name += part;
    }
    std::free(scopes);
    return name;
}

/// What the reader of a report did not write: our functions, and the standard library's.
bool is_nobodys(Dwarf_Die die) noexcept {
    // From the code to the definition, and from there to the declaration, which stands in its class and namespace.
    while (follow(die, DW_AT_abstract_origin) || follow(die, DW_AT_specification)) {}
    Dwarf_Die* scopes = nullptr;
    int const count = ::dwarf_getscopes_die(&die, &scopes);
    bool found = false;
    for (int i = 0; i < count && !found; ++i) {
        if (::dwarf_tag(&scopes[i]) != DW_TAG_namespace) continue;
        char const* const name = ::dwarf_diename(&scopes[i]);
        std::string_view const n = name != nullptr ? name : "";
        found = n == "framealloc" || n == "std" || n == "__gnu_cxx" || n == "boost" || n == "absl";
    }
    std::free(scopes);
    return found;
}

/// The unit that holds the code at an address. Not all compilers write a table of them: then each is asked.
Dwarf_Die* unit_at(Dwfl_Module* module, Dwarf_Addr address, Dwarf_Addr& bias) noexcept {
    if (Dwarf_Die* const found = ::dwfl_module_addrdie(module, address, &bias)) return found;
    for (Dwarf_Die* unit = nullptr; (unit = ::dwfl_module_nextcu(module, unit, &bias)) != nullptr;) {
        if (::dwarf_haspc(unit, address - bias) > 0) return unit;
    }
    return nullptr;
}

/// The same by where it is written, for programs with lines and no more (-g1).
bool is_nobodys_file(char const* path) noexcept {
    std::string_view const p = path != nullptr ? path : "";
    for (std::string_view const ours :
         {"include/framealloc/", "policies/framealloc/", "/include/c++/", "/include/boost/", "/include/absl/"}) {
        if (p.find(ours) != p.npos) return true;
    }
    return p.ends_with("/framealloc.hpp");
}

/// Adds the function that holds an address, and those inlined there, each after the one that it is inlined into; `local`:
/// also where it is of a class inside another function, as a lambda's is. By hand, because libdw looks into no namespace: these
/// have no addresses of their own.
void add_functions(Dwarf_Die& around, Dwarf_Addr address, bool local, std::vector<Dwarf_Die>& to) {
    Dwarf_Die child;
    if (::dwarf_child(&around, &child) != 0) return;
    do {
        std::size_t const before = to.size();
        switch (::dwarf_tag(&child)) {
            case DW_TAG_namespace:
            case DW_TAG_class_type:
            case DW_TAG_structure_type: add_functions(child, address, local, to); break;
            case DW_TAG_subprogram:
            case DW_TAG_inlined_subroutine:
                if (::dwarf_haspc(&child, address) > 0) {
                    to.push_back(child);
                    add_functions(child, address, false, to);
                } else if (local) {
                    add_functions(child, address, local, to);
                }
                break;
            case DW_TAG_lexical_block:
                if (local || ::dwarf_haspc(&child, address) > 0) add_functions(child, address, local, to);
                break;
            default: break;
        }
        if (to.size() != before) return;
    } while (::dwarf_siblingof(&child, &child) == 0);
}

/// The innermost function at `address` that is the program's own, among those that have been inlined into one another; the
/// outermost where all are ours.
place find(Dwfl_Module* module, Dwarf_Addr address) {
    place found;
    char const* const symbol = ::dwfl_module_addrname(module, address);
    if (symbol != nullptr) found.function = plain(symbol);
    Dwarf_Addr bias = 0;
    Dwarf_Die* const unit = unit_at(module, address, bias);
    if (unit == nullptr) return found;
    if (Dwarf_Line* const line = ::dwarf_getsrc_die(unit, address - bias)) {
        found.file = ::dwarf_linesrc(line, nullptr, nullptr);
        static_cast<void>(::dwarf_lineno(line, &found.line));
    }
    Dwarf_Files* files = nullptr;
    std::size_t file_count = 0;
    static_cast<void>(::dwarf_getsrcfiles(unit, &files, &file_count));
    std::vector<Dwarf_Die> inlined;  // the outermost first
    add_functions(*unit, address - bias, false, inlined);
    if (inlined.empty()) add_functions(*unit, address - bias, true, inlined);
    for (std::size_t i = inlined.size(); i-- != 0;) {
        // Where there are lines and no more, a lambda's symbol says more than its name.
        std::string name = name_of(inlined[i], i == 0 ? symbol : nullptr);
        if (!name.empty() && (name != "operator()" || i != 0)) found.function = std::move(name);
        if (i == 0 || !(is_nobodys(inlined[i]) || is_nobodys_file(found.file))) break;
        // It is ours: where it was called is what is wanted.
        Dwarf_Attribute attribute;
        Dwarf_Word word = 0;
        if (::dwarf_formudata(::dwarf_attr(&inlined[i], DW_AT_call_line, &attribute), &word) == 0) {
            found.line = static_cast<int>(word);
        }
        if (files != nullptr && ::dwarf_formudata(::dwarf_attr(&inlined[i], DW_AT_call_file, &attribute), &word) == 0) {
            found.file = ::dwarf_filesrc(files, word, nullptr, nullptr);
        }
    }
    return found;
}

std::mutex& one_at_a_time() noexcept {
    static std::mutex m;
    return m;
}

/// The text for an address; empty where nothing is known. A program that goes on after its reports asks for the same ones again
/// and again, and looking each up takes milliseconds.
std::string const& known_name_of(void const* address) {
    // They stay to the end: reports are written by static destructors, too.
    static auto& code = *new loaded_code;
    static auto& known = *new std::unordered_map<void const*, std::string>;
    if (auto const found = known.find(address); found != known.end()) return found->second;
    std::string text;
    // The address is that of the instruction after the one that read it.
    auto const at = static_cast<Dwarf_Addr>(framealloc::detail::address_of(address)) - 1;
    if (Dwfl_Module* const module = code.module_at(at)) {
        place const p = find(module, at);
        text = p.function.substr(0, 120);
        if (!text.empty() && p.file != nullptr) {
            char const* const slash = std::strrchr(p.file, '/');
            text += " (" + std::string{slash != nullptr ? slash + 1 : p.file} + ':' + std::to_string(p.line) + ')';
        }
    }
    if (known.size() >= 4096) known.clear();
    return known[address] = std::move(text);
}

}  // namespace

extern "C" std::size_t framealloc_name_of_code(void const* address, char* to, std::size_t size) noexcept {
    // Who has put this library in the place of malloc, and is reported on, must not come here again.
    static thread_local bool busy = false;
    if (busy || size == 0) return 0;
    busy = true;
    std::size_t length = 0;
    // Where there is no memory to find a name in, the module and the offset have to do.
    FRAMEALLOC_TRY {
        std::scoped_lock const guard{one_at_a_time()};
        std::string const& name = known_name_of(address);
        length = name.size() < size ? name.size() : size - 1;
        name.copy(to, length);
        to[length] = '\0';
    }
    FRAMEALLOC_CATCH_ALL { length = 0; }
    busy = false;
    return length;
}
