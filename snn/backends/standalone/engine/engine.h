// The part of every compiled program that does not depend on the network: arrays in and out, and the loop over samples.
// It takes next to no time, and is optimised little, so that it compiles fast.
//
// The generated file defines the network's arrays, tables of them, and the functions declared under "generated".
#pragma once
#include "step.h"
#pragma GCC push_options
#pragma GCC optimize("O1")
#include <sys/resource.h>
#include <cmath>
#include "files.h"
#include "parent.h"
#include "synapses.h"

namespace snn {

// ---- generated: tables end with an entry without a name --------------------------------------------------------------

// One array of the network. Its length is filled in from the sizes that the run is given.
struct Entry {
    const char* name;
    void** data;
    int64_t item;
    char type;   // d, f, i, l, b
    char role;   // s(tate), l(asting), t(otal), c(onstant), i(nternal)
    const int64_t* size;
    int64_t extra;  // elements beyond `*size`: the counter at the end of an event space
    int64_t length() const { return *size + extra; }
    int64_t bytes() const { return length() * item; }
    char* begin() const { return static_cast<char*>(*data); }
    bool has(const char* roles) const { return std::strchr(roles, role); }
};
struct Size {
    const char* name;
    int64_t* value;
};
struct Signal {
    const char* name;
    const void** row;  // the one that this step reads
    int64_t* width;
    char type;  // of its numbers: that of reals, or l for phases
};
struct Clock {
    int64_t sample_row, sample_step, sample_steps, signal_row, absolute_step, teach;
};
enum Phase : unsigned { STEP = 1, FIRST = 2, LAST = 4, LEARN = 8, LEARN_LAST = 16 };

extern const Entry entries[];
extern const Size sizes[];
extern const SynapseEntry synapses[];
extern const Signal signals[];
static void initialise();
static void set_clock(const Clock& clock, int64_t run_step);
static void run_step(unsigned phases);

// ---- memory ----------------------------------------------------------------------------------------------------------

// The most memory that this program has held, in bytes; 0 where the system does not say. Not what getrusage says: that
// begins with the peak of the process that started this one.
static int64_t peak_memory() {
    FILE* file = std::fopen("/proc/self/status", "r");
    if (!file) return 0;
    char line[256];
    long kilobytes = 0;
    while (std::fgets(line, sizeof line, file) && std::sscanf(line, "VmHWM: %ld", &kilobytes) != 1) {}
    std::fclose(file);
    return int64_t(kilobytes) * 1024;
}

// What the run takes from here on, the program itself included, stays below the limit, or an allocation fails.
static void limit_memory(const char* text) {
    memory_limit = std::strtoll(text, nullptr, 10);
    rlimit limit;
    if (memory_limit <= 0 || getrlimit(RLIMIT_AS, &limit)) fail("a memory limit must be a number of bytes, not %s", text);
    if (limit.rlim_max == RLIM_INFINITY || rlim_t(memory_limit) < limit.rlim_max) limit.rlim_cur = memory_limit;
    if (setrlimit(RLIMIT_AS, &limit)) fail("the memory limit %s cannot be set: %s", text, std::strerror(errno));
}

// The arrays of some roles, as they were once.
struct Snapshot {
    const char* roles = nullptr;
    char* bytes = nullptr;
    void take(const char* of) {
        roles = of;
        if (!bytes) {
            int64_t total = 0;
            for (const Entry* e = entries; e->name; e++) total += e->has(roles) ? e->bytes() : 0;
            bytes = zeros<char>(total);
        }
        char* to = bytes;
        for (const Entry* e = entries; e->name; e++)
            if (e->has(roles)) to = static_cast<char*>(std::memcpy(to, e->begin(), e->bytes())) + e->bytes();
    }
    void put_back() const {
        const char* from = bytes;
        for (const Entry* e = entries; e->name; e++) {
            if (!e->has(roles)) continue;
            std::memcpy(e->begin(), from, e->bytes());
            from += e->bytes();
        }
    }
};

static bool all_finite(const Entry& entry) {
    for (int64_t k = 0; k < entry.length(); k++) {
        if (entry.type == 'f' && !std::isfinite(static_cast<const float*>(*entry.data)[k])) return false;
        if (entry.type == 'd' && !std::isfinite(static_cast<const double*>(*entry.data)[k])) return false;
    }
    return true;
}

// ---- a run -----------------------------------------------------------------------------------------------------------

// What is recorded of one array.
struct Track {
    const Entry* entry;
    const char* name;
    char kind;  // e(vents), s(tep), n (sample)
    List<int64_t> events;
    List<char> values;
    void note() { values.add(entry->begin(), entry->bytes()); }
    void note_events(int64_t step) {
        const int32_t* const space = static_cast<const int32_t*>(*entry->data);
        for (int32_t k = 0; k < space[entry->length() - 1]; k++) {
            events.add(step);
            events.add(int64_t(space[k]));
        }
    }
};

// An array whose values at the end of every sample are given back.
struct Output {
    const Entry* entry;
    List<char> rows;
};

// The rows of a signal, one a sample or one a step. Whole numbers from 0 to 255 may come as bytes.
struct Feed {
    const Signal* signal;
    const Block* block;
    bool per_step;
    real* converted;
    void set_row(int64_t row) const {
        const int64_t width = *signal->width;
        if (block->type == signal->type) {
            *signal->row = block->data + row * width * item_size(block->type);
        } else {
            widen(reinterpret_cast<const unsigned char*>(block->data) + row * width, width, converted);
            *signal->row = converted;
        }
    }
};

class Run {
    List<Block> input;
    Snapshot initial, kept;
    List<Output> outputs;
    List<Track> tracks;
    List<Feed> feeds;
    int64_t samples = 0, steps = 0, gap = 0;

    // ---- what the run was given

    const Block& need(const char* name) const {
        for (const Block& block : input)
            if (equal(block.name, name)) return block;
        fail("the run was not given %s", name);
    }
    int64_t number(const char* name) const {
        const Block& block = need(name);
        if (block.type != 'l' || block.count != 1) fail("%s must be one whole number", name);
        return *reinterpret_cast<const int64_t*>(block.data);
    }
    const unsigned char* flags(const char* name) const {
        const Block& block = need(name);
        if (block.type != 'b' || block.count != samples) fail("%s must have one flag a sample", name);
        return reinterpret_cast<const unsigned char*>(block.data);
    }
    static const Entry* entry(const char* name) {
        for (const Entry* e = entries; e->name; e++)
            if (equal(e->name, name)) return e;
        fail("the program has no array %s", name);
    }

    // A name that the program does not know is a mistake; those of arrays are looked up when they are used.
    void check_names() const {
        static const char* const known[] = {"set:", "state:", "output:", "record:"};
        static const char* const run[] = {"run:samples", "run:steps", "run:gap",     "run:first_step", "run:state",
                                          "run:learn",   "run:teach", "run:preview", "run:reset",      "run:record"};
        for (const Block& block : input) {
            bool good = false;
            for (const char* prefix : known) good = good || starts(block.name, prefix);
            for (const char* name : run) good = good || equal(block.name, name);
            for (const Size* s = sizes; s->name; s++) good = good || equal(block.name, joined("size:", s->name));
            for (const Signal* s = signals; s->name; s++) {
                const char* const name = joined("signal:", s->name);
                good = good || equal(block.name, name) || equal(block.name, joined(name, ":width"));
            }
            if (!good) fail("the program has no use for %s", block.name);
        }
    }
    void allocate() {
        int64_t largest = 0;
        for (const Size* s = sizes; s->name; s++) {
            *s->value = number(joined("size:", s->name));
            if (*s->value < 0) fail("the size of %s is negative", s->name);
            if (*s->value > largest) largest = *s->value;
        }
        for (const Entry* e = entries; e->name; e++) *e->data = zeros<char>(e->bytes());
        conditions = zeros<char>(largest + 8);
        initialise();
    }
    static void load(const Block& block, const Entry& entry) {
        if (block.type != entry.type) fail("%s has the wrong type", block.name);
        if (block.count == entry.length())
            std::memcpy(*entry.data, block.data, block.bytes());
        else if (block.count == 1)
            for (int64_t k = 0; k < entry.length(); k++)
                std::memcpy(entry.begin() + k * entry.item, block.data, entry.item);
        else
            fail("%s has %ld elements instead of %ld", block.name, long(block.count), long(entry.length()));
    }
    void load_all() {
        for (const Block& block : input)
            if (starts(block.name, "set:")) load(block, *entry(block.name + 4));
        for (const SynapseEntry* s = synapses; s->name; s++) prepare(*s);
        initial.take("s");
        for (const Block& block : input)
            if (starts(block.name, "state:")) load(block, *entry(block.name + 6));
        for (const Signal* s = signals; s->name; s++) add_feed(*s);
        for (const Block& block : input) {
            if (starts(block.name, "output:")) outputs.add({entry(block.name + 7), {}});
            if (starts(block.name, "record:")) add_track(block.name + 7);
        }
    }
    void add_feed(const Signal& signal) {
        const char* const name = joined("signal:", signal.name);
        const Block& block = need(name);
        const int64_t width = *signal.width = number(joined(name, ":width"));
        const int64_t rows = width > 0 ? block.count / width : -1;
        if (block.type != signal.type && (block.type != 'b' || signal.type == 'l')) fail("%s has the wrong type", name);
        if (rows * width != block.count || (rows != samples && rows != samples * steps))
            fail("%s must have one row a sample or one a step", name);
        feeds.add({&signal, &block, rows != samples, zeros<real>(width > 0 ? width : 0)});
    }
    // "e:hidden.spikes", "s:hidden.v", "n:inputs_to_hidden.weight"
    void add_track(const char* name) {
        if (!name[0] || name[1] != ':') fail("the program cannot record %s", name);
        const char* const array = name + 2;
        const char* const dot = std::strrchr(array, '.');
        if (name[0] != 'e' || !dot) return tracks.add({entry(array), array, name[0], {}, {}});
        const char* const group = strndup(array, dot - array);
        tracks.add({entry(joined(group, "._spikespace")), array, 'e', {}, {}});
    }

    // ---- steps

    void record_step(int64_t step) {
        for (Track& track : tracks) {
            if (track.kind == 'e') track.note_events(step);
            if (track.kind == 's') track.note();
        }
    }
    void finish_sample(bool recorded) {
        for (Output& output : outputs) output.rows.add(output.entry->begin(), output.entry->bytes());
        for (Track& track : tracks)
            if (recorded && track.kind == 'n') track.note();
    }

   public:
    explicit Run(const char* path) : input(read_arrays(path)) {
        samples = number("run:samples");
        steps = number("run:steps");
        gap = number("run:gap");
        if (samples < 0 || steps < 1 || gap < 0) fail("the run has no steps");
        check_names();
        allocate();
        load_all();
    }

    void advance() {
        const unsigned char *learn = flags("run:learn"), *teach = flags("run:teach"), *reset = flags("run:reset");
        const unsigned char *preview = flags("run:preview"), *record = flags("run:record");
        int64_t step = number("run:first_step"), run_count = 0;
        for (int64_t row = 0; row < samples; row++) {
            if (preview[row]) kept.take("slt");
            if (reset[row]) initial.put_back();
            for (int64_t k = 0; k < steps + gap; k++) {
                const bool last = k == steps + gap - 1;
                for (const Feed& feed : feeds)
                    if (feed.per_step ? k < steps : k == 0) feed.set_row(feed.per_step ? row * steps + k : row);
                const int64_t signal_row = row * steps + (k < steps ? k : steps - 1);
                set_clock({row, k, steps, signal_row, step + k, teach[row]}, run_count++);
                run_step(STEP | (k == 0 ? FIRST : 0) | (last ? LAST : 0) | (learn[row] ? LEARN : 0) |
                         (learn[row] && last ? LEARN_LAST : 0));
                if (record[row]) record_step(step + k);
            }
            finish_sample(record[row]);
            if (preview[row])
                kept.put_back();
            else
                step += steps + gap;
        }
    }

    void write(const char* path) const {
        List<Block> out;
        for (const Output& output : outputs)
            out.add({joined("output:", output.entry->name), output.entry->type, output.rows.size / output.entry->item,
                     output.rows.data});
        const bool state = number("run:state");
        for (const Entry* e = entries; e->name; e++) {
            if (state && e->has("sl")) out.add({joined("state:", e->name), e->type, e->length(), e->begin()});
            if (e->has("t")) out.add({joined("total:", e->name), e->type, e->length(), e->begin()});
        }
        for (const Entry* e = entries; !state && e->name; e++)  // who is given no state cannot see it there
            if (e->has("sl") && !all_finite(*e)) out.add({joined("run:not_finite:", e->name), 'b', 0, nullptr});
        for (const Track& track : tracks) {
            const char* const name = joined("record:", track.name);
            if (track.kind == 'e')
                out.add({name, 'l', track.events.size, reinterpret_cast<const char*>(track.events.data)});
            else
                out.add({name, track.entry->type, track.values.size / track.entry->item, track.values.data});
        }
        out.add({"run:samples", 'l', 1, reinterpret_cast<const char*>(&samples)});
        const int64_t peak = peak_memory();
        out.add({"run:peak_memory", 'l', peak > 0, reinterpret_cast<const char*>(&peak)});
        write_arrays(path, out);
    }
};

static int run(int argc, char** argv) {
    follow_parent();
    if (argc != 3 && argc != 4) fail("usage: program INPUT OUTPUT [BYTES]");
    if (argc == 4) limit_memory(argv[3]);
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040);  // numbers too small to matter are zero, not slow
#endif
    Run run(argv[1]);
    std::remove(argv[1]);  // it has been read, and can be large
    run.advance();
    run.write(argv[2]);
    return 0;
}

}  // namespace snn
#pragma GCC pop_options
