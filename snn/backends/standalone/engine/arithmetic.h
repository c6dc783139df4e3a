// The arithmetic that Brian2's generated code calls, under the names that it has there. For doubles and whole numbers it
// gives what Brian2's own gives; floats stay floats, and nothing branches, so that loops become vector loops.
#pragma once
#include <math.h>  // not <cmath>: exp and its like must be there for floats too
#include <cstdint>
#include <type_traits>

// Brian2's name for the conversion to a whole number.
template <typename T> static inline int int_(T value) { return int(value); }

// float if there is no double in it, else double.
template <typename A, typename B>
using real_t = std::conditional_t<std::is_same_v<A, double> || std::is_same_v<B, double> ||
                                      (!std::is_same_v<A, float> && !std::is_same_v<B, float>),
                                  double, float>;

template <typename A, typename B> static inline auto _brian_mod(A x, B y) {
    if constexpr (std::is_integral_v<A> && std::is_integral_v<B>) {
        const std::common_type_t<A, B> n = y, r = x % n;
        return std::common_type_t<A, B>(r + ((r != 0) & ((r ^ n) < 0)) * n);  // as Python has it
    } else {
        return real_t<A, B>(x - y * floor(real_t<A, B>(1) * x / y));
    }
}

template <typename A, typename B> static inline auto _brian_floordiv(A x, B y) {
    if constexpr (std::is_integral_v<A> && std::is_integral_v<B>) {
        const std::common_type_t<A, B> n = y, q = x / n, r = x - q * n;
        return std::common_type_t<A, B>(q - ((r != 0) & ((r ^ n) < 0)));
    } else {
        return real_t<A, B>(floor(real_t<A, B>(1) * x / y));
    }
}

template <typename A, typename B> static inline auto _brian_pow(A x, B y) {
    return pow(real_t<A, B>(x), real_t<A, B>(y));
}

template <typename T, typename A, typename B> static inline T _clip(T value, A low, B high) {
    return value < low ? T(low) : value > high ? T(high) : value;
}

template <typename T> static inline T _brian_abs(T value) { return value < 0 ? -value : value; }
static inline double _brian_abs(double value) { return __builtin_fabs(value); }
static inline float _brian_abs(float value) { return __builtin_fabsf(value); }
