# SPDX-License-Identifier: MIT OR Apache-2.0
"""Shows framealloc's types in gdb as what they mean:

    (gdb) source tools/gdb/framealloc_printers.py
    (gdb) print alloc
    $1 = framealloc instance 1: 147520 bytes from the backend, heap blocks of 40000 bytes, 1 thread = {...}

They read memory only and call nothing, so that they work on core files, too.
"""
import re

import gdb
import gdb.printing

MOST_THREADS = 256  # A damaged list may have no end.
# The ABI's inline namespace is nothing to look at.
OURS = re.compile(r"^framealloc::(?:v\d\w*::)?")


def number(value):
    """An integer, or the integer in one of our atomics, as a Python integer."""
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        value = value["value_"]
    return int(value)


def short(type_):
    """A type's name without our namespace."""
    return re.sub(r"\bframealloc::(?:v\d\w*::)?", "", str(type_.strip_typedefs().unqualified()))


def count(n, one, many=None):
    return f"{n} {one if n == 1 else many or one + 's'}"


def constant(value):
    """The last part of an enumerator's name."""
    return str(value).rsplit("::", 1)[-1]


class layout_printer:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        size, align = int(self.value["bytes"]), int(self.value["align"])
        # A product that overflowed has saturated.
        impossible = size == 2 ** (8 * self.value["bytes"].type.sizeof) - 1
        return f"{'more bytes than can exist' if impossible else count(size, 'byte')}, align {align}"


class atomic_printer:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return str(self.value["value_"])


class fault_printer:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        # The number lies in two bytes behind the level: see fault_code.hpp.
        namespace = str(self.value.type.strip_typedefs().unqualified()).rsplit("::", 1)[0]
        packed = self.value["code"]["packed_"].cast(gdb.lookup_type("unsigned char").pointer())
        number = int(packed[1]) + 256 * int(packed[2])
        codes = {field.enumval: field.name for field in gdb.lookup_type(f"{namespace}::fault_code").fields()}
        return f"FA{number:03} {codes.get(number, 'unknown').rsplit('::', 1)[-1]}"

    def children(self):
        return [(name, self.value[name]) for name in ("note", "numbers", "stops")]


class stats_printer:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        v = {f.name: self.value[f.name] for f in self.value.type.fields() if f.name}
        return (f"frames use {int(v['frame_bytes_used'])} of {count(int(v['frame_bytes_reserved']), 'byte')}, "
                f"pools hold {count(int(v['pool_blocks_live']), 'block')} of {count(int(v['pool_bytes_live']), 'byte')}, "
                f"the heap {count(int(v['heap_blocks_live']), 'block')} of {count(int(v['heap_bytes_live']), 'byte')}; "
                f"{count(int(v['backend_bytes']), 'byte')} from the backend")

    def children(self):
        return [(f.name, self.value[f.name]) for f in self.value.type.fields() if f.name]


class owner_printer:
    """frame_box, pool_ptr, heap_ptr: who owns, and the object."""

    def __init__(self, value):
        self.value = value
        self.pointer = value["object_"]
        # The object's type as the program wrote it.
        self.object_type = short(self.pointer.type.target())

    def name(self):
        parts = str(self.value.type.strip_typedefs())
        if "frame_box<" in parts:
            return "frame_box"
        return "heap_ptr" if "give_to_heap" in parts else "pool_ptr"

    def to_string(self):
        if int(self.pointer) == 0:
            return f"empty {self.name()}<{self.object_type}>"
        return f"{self.name()}<{self.object_type}> at {int(self.pointer):#x}"

    def children(self):
        return [] if int(self.pointer) == 0 else [("object", self.pointer.dereference())]


class checkpoint_printer:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        mark = self.value["mark_"]
        if int(mark) == 0:
            return "empty checkpoint"
        sequence = int(self.value["sequence_"])
        # The mark lies in the frame; another number in it means that the frame, or the scope, has moved on.
        state = "" if int(mark["sequence"]) == sequence else ", no longer live"
        return f"checkpoint {sequence} at {int(mark['position']['cursor']):#x}{state}"


class handle_printer:
    """The standard allocators and alloc_ref: whose they are."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        name = re.sub(r"<.*", "", short(self.value.type))
        if name != "alloc_ref":
            name += f"<{short(self.value.type.strip_typedefs().template_argument(0))}>"
        if int(self.value["core_"]) == 0:
            return f"{name} of no instance"
        return f"{name} of instance {number(self.value['core_']['id'])}"


def frame_text(state):
    kind = constant(state["frame"]["kind_"]["value_"])
    begun = number(state["frame"]["number_"]) - int(state["frame"]["before_thread_"])
    where = {"closed": "no frame is open", "own": "in its frame", "shared": "in the frame of all threads"}.get(kind, kind)
    return f"{where}, number {begun}" if kind != "closed" else f"{where}, {count(begun, 'frame')} so far"


class state_printer:
    """One thread's state with one instance, which is what local() answers."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        thread = self.value["thread"]
        who = f"thread {int(thread['number'])}" if int(thread) != 0 else "no thread"
        return f"{who}: {frame_text(self.value)}"

    def children(self):
        yield "cursor", self.value["window"]["cursor"]["value_"]
        yield "limit", self.value["window"]["limit"]
        yield "life", self.value["life"]["value_"]


class instance_printer:
    """The allocator itself. Below it, a line for each thread that has state."""

    def __init__(self, value):
        self.value = value
        self.core = self.core_of(value)

    @staticmethod
    def core_of(value):
        # An assembly derives from what composes it, which holds the core; deeper are the verbs, which are empty.
        if re.match(OURS.pattern + "detail::core<", str(value.type.strip_typedefs().unqualified())):
            return value
        return value["core_"]

    def states(self):
        """(state, whether a thread has it)."""
        own = self.core["own_"]
        if any(f.name == "only" for f in own.type.strip_typedefs().fields()):
            return [(own["only"], True)]
        # The registry's record is a part of the state, whose type the class itself names.
        state = self.core["joined_"]["value_"].type
        found, record = [], self.core["records"]
        while int(record) != 0 and len(found) < MOST_THREADS:
            live = constant(record["life"]["value_"]) == "live"
            found.append((record.cast(state).dereference(), live))
            record = record["next_of_instance"]
        return found

    def to_string(self):
        identity = number(self.core["id"])
        gate, heap = self.core["gate_"], self.core["heap_"]
        threads = sum(live for _, live in self.states())
        name = f"instance {identity}" if identity else "instance not used by threads yet"
        if any(f.name == "only" for f in self.core["own_"].type.strip_typedefs().fields()):
            name, threads = "instance for one thread", 1
        return (f"framealloc {name}: {count(number(gate['taken_']), 'byte')} from the backend, "
                f"{count(number(heap['live_blocks_']), 'heap block')} of {count(number(heap['live_bytes_']), 'byte')}, "
                f"{count(threads, 'thread')}")

    def children(self):
        gate = self.core["gate_"]
        yield "backend_bytes_peak", number(gate["peak_"])
        yield "backend_calls", number(gate["calls_"])
        yield "config", self.core["config_"]
        for index, (state, live) in enumerate(self.states()):
            if live:
                # Of one thread's assembly, the state has no registered thread to be named by.
                yield f"thread[{index}]", frame_text(state) if int(state["thread"]) == 0 else state_printer(state).to_string()


PRINTERS = {
    r"layout$": layout_printer,
    r"fault$": fault_printer,
    r"alloc_stats$": stats_printer,
    r"checkpoint$": checkpoint_printer,
    r"frame_box<.*>$": owner_printer,
    r"detail::owning_ptr<.*>$": owner_printer,
    r"(frame|pool|heap)_allocator<.*>$": handle_printer,
    r"alloc_ref<.*>$": handle_printer,
    r"(basic_smart_alloc|composed_alloc|detail::core)<.*>$": instance_printer,
    r"detail::thread_state<.*>$": state_printer,
    r"detail::(atomic|plain)<[^<>]*>$": atomic_printer,
}


class collection(gdb.printing.PrettyPrinter):
    def __init__(self):
        super().__init__("framealloc", [gdb.printing.SubPrettyPrinter(p) for p in PRINTERS])
        self.patterns = [(re.compile(OURS.pattern + p), p, made) for p, made in PRINTERS.items()]

    def __call__(self, value):
        type_ = value.type
        if type_.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
            value = value.referenced_value()
        name = str(value.type.strip_typedefs().unqualified())
        if not name.startswith("framealloc::"):
            return None
        enabled = {p.name for p in self.subprinters if p.enabled}
        for pattern, key, made in self.patterns:
            if key in enabled and pattern.match(name):
                return made(value)
        return None


gdb.printing.register_pretty_printer(None, collection(), replace=True)
