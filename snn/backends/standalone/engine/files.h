// Arrays by name, in files: a line "SNN1 n", n lines "name type count", then the arrays' bytes one after the other.
#pragma once
#include <cerrno>
#include "step.h"

namespace snn {

// A list of plain data. It lives as long as the program, as everything here does, and so is never given back. The
// standard library's containers would take more time to compile than the whole network.
template <typename T> struct List {
    T* data = nullptr;
    int64_t size = 0, room = 0;
    void add(const T* values, int64_t n) {
        if (size + n > room) {
            room = 2 * (size + n);
            data = static_cast<T*>(std::realloc(data, room * sizeof(T)));
            if (!data) fail_for_memory();
        }
        if (n) std::memcpy(data + size, values, n * sizeof(T));
        size += n;
    }
    void add(const T& value) { add(&value, 1); }
    T* begin() const { return data; }
    T* end() const { return data + size; }
};

// A named array in the input or output file. Types: d, f, i, l, b as in `snn.backends.standalone.arrays`.
struct Block {
    const char* name;
    char type;
    int64_t count;
    const char* data;
    int64_t bytes() const;
};

static int64_t item_size(char type) {
    switch (type) {
        case 'd': case 'l': return 8;
        case 'f': case 'i': return 4;
        case 'b': return 1;
    }
    fail("unknown array type %c", type);
}
int64_t Block::bytes() const { return count * item_size(type); }

static List<Block> read_arrays(const char* path) {
    FILE* file = std::fopen(path, "rb");
    if (!file && errno == ENOMEM) fail_for_memory();
    if (!file) fail_file("cannot read %s", path);
    long n = 0;
    if (std::fscanf(file, "SNN1 %ld", &n) != 1) fail_file("not an array file: %s", path);
    List<Block> blocks;
    for (long k = 0; k < n; k++) {
        char name[256], type;
        long count;
        if (std::fscanf(file, " %255s %c %ld", name, &type, &count) != 3 || count < 0) fail_file("damaged header: %s", path);
        blocks.add({strdup(name), type, count, nullptr});
    }
    std::fgetc(file);
    for (Block& block : blocks) {
        char* const data = zeros<char>(block.bytes(), false);
        block.data = data;
        if (int64_t(std::fread(data, 1, block.bytes(), file)) != block.bytes())
            fail_file("array file ends within %s", block.name);
    }
    if (std::fgetc(file) != EOF) fail_file("array file is longer than it says: %s", path);
    std::fclose(file);
    return blocks;
}

static void write_arrays(const char* path, const List<Block>& blocks) {
    FILE* file = std::fopen(path, "wb");
    bool good = file && std::fprintf(file, "SNN1 %ld\n", long(blocks.size)) > 0;
    for (const Block& block : blocks)
        good = good && std::fprintf(file, "%s %c %ld\n", block.name, block.type, long(block.count)) > 0;
    for (const Block& block : blocks)
        good = good && int64_t(std::fwrite(block.data, 1, block.bytes(), file)) == block.bytes();
    if (!file || std::fclose(file) != 0 || !good)
        fail_file("cannot write the result %s: %s; free some space, or set TMPDIR to a folder that has more", path,
             std::strerror(errno));
}

// "signal:" and "values" together; lasts as long as the program.
static const char* joined(const char* a, const char* b) {
    char* const both = zeros<char>(std::strlen(a) + std::strlen(b) + 1);
    std::strcpy(both, a);
    return std::strcat(both, b);
}

static bool starts(const char* text, const char* prefix) { return !std::strncmp(text, prefix, std::strlen(prefix)); }
static bool equal(const char* a, const char* b) { return !std::strcmp(a, b); }

}  // namespace snn
