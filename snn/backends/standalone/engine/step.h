// What a compiled program's step functions read and call.
#pragma once
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include "arithmetic.h"
#include "functions.h"

// One step's work on one population or projection. Apart from its callers, so that each is optimised by itself.
#define SNN_STEP_FUNCTION static __attribute__((noinline)) void

namespace snn {

typedef SNN_REAL real;  // float or double, as the run was asked for

[[noreturn]] static void end(int status, const char* format, va_list values) {
    std::vfprintf(stderr, format, values);
    std::fputc('\n', stderr);
    std::exit(status);
}

// Ends the program with one sentence on standard error; arguments as printf's.
[[noreturn]] __attribute__((format(printf, 1, 2))) static void fail(const char* format, ...) {
    va_list values;
    va_start(values, format);
    end(2, format, values);
}

// The same for a file that cannot be read or written: not the run is at fault, but the machine (`AT_FAULT` in
// `snn.backends.process`).
[[noreturn]] __attribute__((format(printf, 1, 2))) static void fail_file(const char* format, ...) {
    va_list values;
    va_start(values, format);
    end(4, format, values);
}

static int64_t memory_limit = 0;  // bytes that the run may take; 0: any number

// Ends a run that the system gives no more memory.
[[noreturn]] static void fail_for_memory() {
    if (!memory_limit) fail("not enough memory on this machine: make the network smaller, or run fewer at a time");
    const char* const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double size = memory_limit;
    int unit = 0;
    for (; size >= 1024 && unit < 4; unit++) size /= 1024;
    fail("the run needs more than the %.4g %s of memory that it was given: raise --memory-limit or make the network "
         "smaller", size, units[unit]);
}

// Memory for n values, aligned, zero unless told otherwise; a little more than asked for, since no array may be null.
template <typename T> static T* zeros(size_t n, bool clear = true) {
    const size_t bytes = (n * sizeof(T) / 64 + 2) * 64;
    void* const memory = std::aligned_alloc(64, bytes);
    if (!memory) fail_for_memory();
    if (clear) std::memset(memory, 0, bytes);
    return static_cast<T*>(memory);
}

// Synapses are sorted by presynaptic, then postsynaptic neuron. A segment is a stretch of one row without gaps.
struct Segment {
    int64_t begin, end;
    int32_t pre;
    int64_t shift;  // postsynaptic index = synapse index - shift
};

// Plain pointers into arrays that `prepare` in synapses.h has made.
struct Connectivity {
    const int64_t* row;           // first synapse of each presynaptic neuron
    const int64_t* column;        // first entry of each postsynaptic neuron in `by_post`
    const int64_t* by_post;
    const int32_t* pre_by_post;   // the presynaptic neuron of each entry of `by_post`
    const Segment* segments;
    const int64_t* row_segments;  // first segment of each presynaptic neuron
    bool segmented;               // worth looping over segments
    bool narrow;                  // rows not worth a loop
    bool dense, hollow;           // every pair; every pair but a neuron's with itself
    int64_t width;                // of such a row
};

// These stand in for the index arrays within a row or a segment, so that loops over it need not load them.
struct Same {
    int32_t value;
    int32_t operator[](int64_t) const { return value; }
};
struct Shifted {
    int64_t shift;
    int64_t operator[](int64_t k) const { return k - shift; }
};

static char* conditions;  // of the population whose spike test it is: one a neuron, and zeros up to a multiple of 8

// The neurons that meet their condition, in order; returns their number. `neurons` has room for one more than all.
static int32_t collect(char* met, int64_t n, int32_t* neurons) {
    std::memset(met + n, 0, 8);
    int32_t count = 0;
    for (int64_t begin = 0; begin < n; begin += 8) {
        uint64_t eight;
        std::memcpy(&eight, met + begin, 8);
        if (!eight) continue;
        for (int64_t k = begin; k < begin + 8; k++) {  // without a branch: which ones meet it cannot be foretold
            neurons[count] = int32_t(k);
            count += met[k];
        }
    }
    return count;
}

// Bytes as numbers.
static void widen(const unsigned char* __restrict bytes, int64_t n, real* __restrict numbers) {
    for (int64_t k = 0; k < n; k++) numbers[k] = bytes[k];
}

}  // namespace snn
