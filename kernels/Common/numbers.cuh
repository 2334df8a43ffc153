// numbers.cuh: the storage types and their conversions to and from float, over PTX; no toolkit header is needed.
//
// Half is IEEE binary16, BFloat16 the upper half of a binary32. Both only store: arithmetic is in float. Every conversion to
// storage rounds to nearest even, and a NaN stays a NaN.
#pragma once

using int32 = int;
using int64 = long long;
using uint16 = unsigned short;
using uint32 = unsigned int;
using uint64 = unsigned long long;

constexpr int WarpSize = 32;
constexpr uint32 FullWarp = 0xffffffffu;

template <typename A, typename B> struct Same {
    static constexpr bool Value = false;
};

template <typename A> struct Same<A, A> {
    static constexpr bool Value = true;
};

template <bool Condition, typename A, typename B> struct Select {
    using Type = A;
};

template <typename A, typename B> struct Select<false, A, B> {
    using Type = B;
};

struct Half {
    uint16 bits;
};

struct BFloat16 {
    uint16 bits;
};

__device__ inline float to_float(float value) { return value; }

__device__ inline float to_float(Half value) {
    float result;
    asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(value.bits));
    return result;
}

__device__ inline float to_float(BFloat16 value) { return __uint_as_float(uint32(value.bits) << 16); }

// Conversion to storage, chosen by the type asked for: from_float<Half>(1.5f).
template <typename T> struct Storage;

template <> struct Storage<float> {
    __device__ static float from(float value) { return value; }
};

template <> struct Storage<Half> {
    __device__ static Half from(float value) {
        Half result;
        asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
        return result;
    }
};

template <> struct Storage<BFloat16> {
    __device__ static BFloat16 from(float value) {
        BFloat16 result;
        if constexpr (__CUDA_ARCH__ >= 800) {
            asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(result.bits) : "f"(value));
        } else {
            // Before sm_80 there is no instruction: add half a unit of the kept part, less one if it is even, and cut.
            uint32 bits = __float_as_uint(value);
            uint32 rounded = bits + 0x7fffu + ((bits >> 16) & 1u);
            bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
            result.bits = nan ? uint16(0x7fff) : uint16(rounded >> 16);
        }
        return result;
    }
};

template <typename T> __device__ inline T from_float(float value) { return Storage<T>::from(value); }

// What is left of a value once it has been stored.
template <typename T> __device__ inline float rounded(float value) { return to_float(from_float<T>(value)); }

// Two values in storage of 16 bits, the first in the lower half.
template <typename T> __device__ inline uint32 pack_pair(float low, float high) {
    if constexpr (__CUDA_ARCH__ >= 800) {
        uint32 pair;
        if constexpr (Same<T, Half>::Value) {
            asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
        } else {
            asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
        }
        return pair;
    } else {
        return uint32(from_float<T>(low).bits) | uint32(from_float<T>(high).bits) << 16;
    }
}
