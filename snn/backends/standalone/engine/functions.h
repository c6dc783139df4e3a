// What equations call beside Brian2's own functions; the same for Python stands in snn/backends/brian/functions.py.

#pragma once
#include <cmath>
#include <cstdint>

#ifndef SNN_REAL
#define SNN_REAL double
#endif

// Random numbers as a pure function of (seed, stream, step, element); see snn/random.py for the formula.
static inline uint64_t snn_mix(uint64_t x) {
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

static inline double snn_uniform(int64_t seed, int64_t stream, int64_t step, int64_t element) {
    const uint64_t h = snn_mix(snn_mix(snn_mix(snn_mix(seed) + stream) + step) + element);
    return (h >> 11) * (1.0 / 9007199254740992.0);
}

// The same number, cut to the bits of SNN_REAL: rounded, it might be 1.
static inline SNN_REAL snn_dither(int64_t seed, int64_t stream, int64_t step, int64_t element) {
    const int64_t h = snn_mix(snn_mix(snn_mix(snn_mix(seed) + stream) + step) + element) >> (sizeof(SNN_REAL) == 4 ? 40 : 11);
    return h * (sizeof(SNN_REAL) == 4 ? SNN_REAL(1.0 / 16777216.0) : SNN_REAL(1.0 / 9007199254740992.0));
}

static inline double snn_normal(int64_t seed, int64_t stream, int64_t step, int64_t element) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - snn_uniform(seed, stream, step, element)));
    return radius * std::cos(6.283185307179586 * snn_uniform(seed, stream + (1LL << 40), step, element));
}

// The register of a neuron's spikes, one bit a step: one step on, within `size` bits' worth; and one of its bits.
static inline int64_t snn_history_shifted(int64_t history, int64_t size) { return (2 * history) & (size - 1); }
static inline int64_t snn_history_at(int64_t history, int64_t bit) { return (history & bit) != 0; }

// Choices and whole numbers without a branch, for vector loops.
template <typename T> static inline T snn_whole_below(T x) { return std::floor(x); }
template <typename T> static inline T snn_whole_towards_zero(T x) { return std::trunc(x); }
static inline SNN_REAL snn_as_real(SNN_REAL x) { return x; }
static inline SNN_REAL snn_where(bool condition, SNN_REAL a, SNN_REAL b) { return condition ? a : b; }
