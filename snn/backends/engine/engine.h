// The part of every compiled program that does not depend on the network: arrays in and out, and the loop over samples.
//
// The generated file defines the network's arrays, one table of them, and the functions declared under "generated".
#pragma once
#include <poll.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif
#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

// Brian2's generated code calls its conversion to a whole number int_.
template <typename T> static inline int int_(T value) { return int(value); }

namespace snn {

[[noreturn]] static void fail(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::exit(2);
}

// ---- arrays by name -------------------------------------------------------------------------------------------------

// One array of the network. `length` is filled in from the sizes that the run is given.
struct Entry {
    const char* name;
    void** data;
    size_t item;
    char type;   // d, f, i, l, b as in `snn.backends.arrays`
    char role;   // s(tate), l(asting), t(otal), c(onstant), i(nternal)
    const int64_t* size;
    int64_t extra;  // elements beyond `*size`: the counter at the end of an event space
    size_t length() const { return size_t(*size + extra); }
    size_t bytes() const { return length() * item; }
    char* bytes_begin() const { return static_cast<char*>(*data); }
};

// A named array in the input or output file.
struct Block {
    char type = 'd';
    std::vector<char> data;
    size_t count = 0;
};

static size_t item_size(char type) {
    switch (type) {
        case 'd': case 'l': return 8;
        case 'f': case 'i': return 4;
        case 'b': return 1;
    }
    fail(std::string("unknown array type ") + type);
}

// The file format: a line "SNN1 n", n lines "name type count", then the arrays' bytes one after the other.
static std::map<std::string, Block> read_arrays(const char* path) {
    FILE* file = std::fopen(path, "rb");
    if (!file) fail(std::string("cannot read ") + path);
    long n = 0;
    if (std::fscanf(file, "SNN1 %ld", &n) != 1) fail(std::string("not an array file: ") + path);
    std::vector<std::string> order;
    std::map<std::string, Block> blocks;
    for (long k = 0; k < n; k++) {
        char name[256], type;
        size_t count;
        if (std::fscanf(file, " %255s %c %zu", name, &type, &count) != 3) fail(std::string("damaged header: ") + path);
        blocks[name].type = type;
        blocks[name].count = count;
        order.push_back(name);
    }
    std::fgetc(file);
    for (const std::string& name : order) {
        Block& block = blocks[name];
        block.data.resize(block.count * item_size(block.type));
        if (std::fread(block.data.data(), 1, block.data.size(), file) != block.data.size())
            fail("array file ends within " + name);
    }
    if (std::fgetc(file) != EOF) fail(std::string("array file is longer than it says: ") + path);
    std::fclose(file);
    return blocks;
}

struct Writer {
    std::vector<std::pair<std::string, Block>> blocks;
    void add(const std::string& name, char type, const void* data, size_t count) {
        Block block;
        block.type = type;
        block.count = count;
        block.data.assign(static_cast<const char*>(data), static_cast<const char*>(data) + count * item_size(type));
        blocks.emplace_back(name, std::move(block));
    }
    void write(const char* path) const {
        FILE* file = std::fopen(path, "wb");
        if (!file) fail(std::string("cannot write ") + path);
        bool good = std::fprintf(file, "SNN1 %zu\n", blocks.size()) > 0;
        for (const auto& [name, block] : blocks)
            good = good && std::fprintf(file, "%s %c %zu\n", name.c_str(), block.type, block.count) > 0;
        for (const auto& [name, block] : blocks)
            good = good && std::fwrite(block.data.data(), 1, block.data.size(), file) == block.data.size();
        if (std::fclose(file) != 0 || !good) fail(std::string("cannot write all of ") + path);
    }
};

// ---- synapses -------------------------------------------------------------------------------------------------------

// Synapses are sorted by presynaptic, then postsynaptic neuron. A segment is a stretch of one row without gaps.
struct Segment {
    int64_t begin, end;
    int32_t pre;
    int64_t shift;  // postsynaptic index = synapse index - shift
};

struct Connectivity {
    std::vector<int64_t> row;           // first synapse of each presynaptic neuron
    std::vector<int64_t> column;        // first entry of each postsynaptic neuron in `by_post`
    std::vector<int64_t> by_post;
    std::vector<Segment> segments;
    std::vector<int64_t> row_segments;  // first segment of each presynaptic neuron
    bool segmented = false;             // worth looping over segments

    void prepare(const char* name, const int32_t* pre, const int32_t* post, int64_t n, int64_t n_pre, int64_t n_post) {
        row.assign(n_pre + 1, 0);
        column.assign(n_post + 1, 0);
        for (int64_t k = 0; k < n; k++) {
            if (pre[k] < 0 || pre[k] >= n_pre || post[k] < 0 || post[k] >= n_post)
                fail(std::string("synapse index out of range in ") + name);
            if (k && (pre[k] < pre[k - 1] || (pre[k] == pre[k - 1] && post[k] < post[k - 1])))
                fail(std::string("synapses are not sorted in ") + name);
            row[pre[k] + 1]++;
            column[post[k] + 1]++;
        }
        for (int64_t i = 0; i < n_pre; i++) row[i + 1] += row[i];
        for (int64_t j = 0; j < n_post; j++) column[j + 1] += column[j];
        by_post.resize(n);
        std::vector<int64_t> next(column.begin(), column.end());
        for (int64_t k = 0; k < n; k++) by_post[next[post[k]]++] = k;
        row_segments.assign(n_pre + 1, 0);
        for (int64_t i = 0; i < n_pre; i++) {
            for (int64_t k = row[i]; k < row[i + 1];) {
                int64_t end = k + 1;
                while (end < row[i + 1] && post[end] == post[end - 1] + 1) end++;
                segments.push_back({k, end, int32_t(i), k - post[k]});
                k = end;
            }
            row_segments[i + 1] = int64_t(segments.size());
        }
        segmented = !segments.empty() && n >= 8 * int64_t(segments.size());
    }
};

// These stand in for the index arrays within a segment, so that loops over it need not load them.
struct Same {
    int32_t value;
    int32_t operator[](int64_t) const { return value; }
};
struct Shifted {
    int64_t shift;
    int64_t operator[](int64_t k) const { return k - shift; }
};

struct SynapseEntry {
    const char* name;
    int64_t* size;
    const int64_t *n_pre, *n_post;
    int32_t **pre, **post;
    Connectivity* connectivity;
};

// ---- generated ------------------------------------------------------------------------------------------------------

enum Phase : unsigned { STEP = 1, FIRST = 2, LAST = 4, LEARN = 8, LEARN_LAST = 16 };

struct Size {
    const char* name;
    int64_t* value;
};
struct Signal {
    const char* name;
    const double** data;
    int64_t *width, *rows;
};
struct Clock {
    int64_t sample_row, sample_step, sample_steps, signal_row, absolute_step, teach;
};

extern std::vector<Entry> entries;
extern std::vector<Size> sizes;
extern std::vector<SynapseEntry> synapses;
extern std::vector<Signal> signals;
static void initialise();
static void set_clock(const Clock& clock, int64_t run_step);
static void run_step(unsigned phases);

// ---- a run ----------------------------------------------------------------------------------------------------------

struct Track {
    const Entry* entry;
    std::string name;
    char kind;  // e(vents), s(tep), n (sample)
    std::vector<int64_t> events;
    std::vector<char> values;
    size_t rows = 0;
};

class Run {
    std::map<std::string, Block> input;
    std::map<std::string, const Entry*> by_name;
    std::vector<std::vector<char>> initial, kept;
    std::vector<const Entry*> outputs;
    std::vector<std::vector<char>> output_rows;
    std::vector<Track> tracks;
    int64_t samples = 0, steps = 0, gap = 0;

    const Block& need(const std::string& name) const {
        const auto found = input.find(name);
        if (found == input.end()) fail("the run was not given " + name);
        return found->second;
    }
    int64_t number(const std::string& name) const {
        const Block& block = need(name);
        if (block.type != 'l' || block.count != 1) fail(name + " must be one whole number");
        return *reinterpret_cast<const int64_t*>(block.data.data());
    }
    const unsigned char* flags(const std::string& name) const {
        const Block& block = need(name);
        if (block.type != 'b' || int64_t(block.count) != samples) fail(name + " must have one flag a sample");
        return reinterpret_cast<const unsigned char*>(block.data.data());
    }
    void load(const Entry& entry, const Block& block, const std::string& name) const {
        if (block.type != entry.type) fail(name + " has the wrong type");
        if (block.count == entry.length()) {
            std::memcpy(*entry.data, block.data.data(), block.data.size());
        } else if (block.count == 1) {
            for (size_t k = 0; k < entry.length(); k++)
                std::memcpy(entry.bytes_begin() + k * entry.item, block.data.data(), entry.item);
        } else {
            fail(name + " has " + std::to_string(block.count) + " elements instead of " + std::to_string(entry.length()));
        }
    }
    const Entry* entry(const std::string& name) const {
        const auto found = by_name.find(name);
        if (found == by_name.end()) fail("the program has no array " + name);
        return found->second;
    }

    void allocate() {
        for (const Size& size : sizes) *size.value = number("size:" + std::string(size.name));
        for (const Entry& e : entries) {
            // A little more than needed: vector loops may load past the end, and no array may be null.
            *e.data = std::aligned_alloc(64, (e.bytes() / 64 + 2) * 64);
            if (!*e.data) fail("not enough memory for " + std::string(e.name));
            std::memset(*e.data, 0, (e.bytes() / 64 + 2) * 64);
            by_name[e.name] = &e;
        }
        initialise();
    }
    void load_all() {
        for (const auto& [name, block] : input)
            if (name.rfind("set:", 0) == 0) load(*entry(name.substr(4)), block, name);
        for (const SynapseEntry& s : synapses)
            s.connectivity->prepare(s.name, *s.pre, *s.post, *s.size, *s.n_pre, *s.n_post);
        initial = copy("s");
        for (const auto& [name, block] : input)
            if (name.rfind("state:", 0) == 0) load(*entry(name.substr(6)), block, name);
        for (const Signal& signal : signals) {
            const std::string name = "signal:" + std::string(signal.name);
            const Block& block = need(name);
            *signal.width = number(name + ":width");
            *signal.rows = *signal.width ? int64_t(block.count) / *signal.width : 0;
            if (block.type != 'd' || (*signal.rows != samples && *signal.rows != samples * steps))
                fail(name + " must have one row a sample or one a step");
            *signal.data = reinterpret_cast<const double*>(block.data.data());
        }
        for (const auto& [name, block] : input) {
            if (name.rfind("output:", 0) == 0) outputs.push_back(entry(name.substr(7)));
            if (name.rfind("record:", 0) == 0) {
                const std::string rest = name.substr(9);
                const std::string array = name[7] == 'e' ? rest.substr(0, rest.rfind('.')) + "._spikespace" : rest;
                tracks.push_back({entry(array), rest, name[7], {}, {}, 0});
            }
        }
        output_rows.resize(outputs.size());
    }
    std::vector<std::vector<char>> copy(const char* roles) const {
        std::vector<std::vector<char>> copies;
        for (const Entry& e : entries)
            copies.emplace_back(std::strchr(roles, e.role) ? std::vector<char>(e.bytes_begin(), e.bytes_begin() + e.bytes())
                                                           : std::vector<char>());
        return copies;
    }
    static void restore(const std::vector<std::vector<char>>& copies) {
        for (size_t k = 0; k < entries.size(); k++)
            if (!copies[k].empty()) std::memcpy(*entries[k].data, copies[k].data(), copies[k].size());
    }
    // Whoever started this program holds the other end of standard input; when that is gone, so are we.
    static void check_parent() {
        pollfd watched = {0, POLLIN, 0};
        if (poll(&watched, 1, 0) > 0 && (watched.revents & (POLLHUP | POLLERR | POLLNVAL))) std::_Exit(3);
    }
    void record_step(int64_t step) {
        for (Track& track : tracks) {
            if (track.kind == 'e') {
                const int32_t* space = static_cast<const int32_t*>(*track.entry->data);
                for (int32_t k = 0; k < space[track.entry->length() - 1]; k++) {
                    track.events.push_back(step);
                    track.events.push_back(space[k]);
                }
            } else if (track.kind == 's') {
                note(track);
            }
        }
    }
    static void note(Track& track) {
        const char* begin = track.entry->bytes_begin();
        track.values.insert(track.values.end(), begin, begin + track.entry->bytes());
        track.rows++;
    }
    void finish_sample() {
        for (size_t k = 0; k < outputs.size(); k++) {
            const char* begin = outputs[k]->bytes_begin();
            output_rows[k].insert(output_rows[k].end(), begin, begin + outputs[k]->bytes());
        }
    }

   public:
    explicit Run(const char* path) : input(read_arrays(path)) {
        samples = number("run:samples");
        steps = number("run:steps");
        gap = number("run:gap");
        if (samples < 0 || steps < 1 || gap < 0) fail("the run has no steps");
        allocate();
        load_all();
    }

    void advance() {
        const unsigned char *learn = flags("run:learn"), *teach = flags("run:teach"), *reset = flags("run:reset");
        const unsigned char *preview = flags("run:preview"), *record = flags("run:record");
        int64_t step = number("run:first_step"), run_count = 0;
        for (int64_t row = 0; row < samples; row++) {
            check_parent();
            if (preview[row]) kept = copy("slt");
            if (reset[row]) restore(initial);
            for (int64_t k = 0; k < steps + gap; k++) {
                const bool last = k == steps + gap - 1;
                set_clock({row, k, steps, row * steps + std::min(k, steps - 1), step + k, teach[row]}, run_count++);
                run_step(STEP | (k == 0 ? FIRST : 0) | (last ? LAST : 0) | (learn[row] ? LEARN : 0) |
                         (learn[row] && last ? LEARN_LAST : 0));
                if (record[row]) record_step(step + k);
            }
            finish_sample();
            if (record[row])
                for (Track& track : tracks)
                    if (track.kind == 'n') note(track);
            if (preview[row])
                restore(kept);
            else
                step += steps + gap;
        }
    }

    void write(const char* path) {
        Writer out;
        for (size_t k = 0; k < outputs.size(); k++)
            out.add("output:" + std::string(outputs[k]->name), outputs[k]->type, output_rows[k].data(),
                    output_rows[k].size() / outputs[k]->item);
        for (const Entry& e : entries) {
            if (e.role == 's' || e.role == 'l') out.add("state:" + std::string(e.name), e.type, *e.data, e.length());
            if (e.role == 't') out.add("total:" + std::string(e.name), e.type, *e.data, e.length());
        }
        for (const Track& track : tracks) {
            if (track.kind == 'e')
                out.add("record:" + track.name, 'l', track.events.data(), track.events.size());
            else
                out.add("record:" + track.name, track.entry->type, track.values.data(),
                        track.values.size() / track.entry->item);
        }
        out.add("run:samples", 'l', &samples, 1);
        out.write(path);
    }
};

static int run(int argc, char** argv) {
    if (argc != 3) fail("usage: program INPUT OUTPUT");
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040);  // numbers too small to matter are zero, not slow
#endif
    Run run(argv[1]);
    std::remove(argv[1]);  // it has been read, and can be large
    run.advance();
    run.write(argv[2]);
    return 0;
}

}  // namespace snn
