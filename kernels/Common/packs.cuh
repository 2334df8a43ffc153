// packs.cuh: 16 bytes of elements, the widest access there is: a warp moves 512 bytes in 16 full sectors.
#pragma once
#include "Common/numbers.cuh"

template <typename T> struct alignas(16) Pack {
    static constexpr int Size = 16 / int(sizeof(T));
    T elements[Size];
};

// 8 and 16 bytes to global memory in one access. By name: left to itself, the compiler splits the store into the elements that it has
// just converted.
__device__ inline void store_words(void* address, uint2 words) {
    asm volatile("st.global.v2.b32 [%0], {%1, %2};" : : "l"(__cvta_generic_to_global(address)), "r"(words.x), "r"(words.y) : "memory");
}

__device__ inline void store_words(void* address, uint4 words) {
    asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};"
                 :
                 : "l"(__cvta_generic_to_global(address)), "r"(words.x), "r"(words.y), "r"(words.z), "r"(words.w)
                 : "memory");
}

// `address` must be a multiple of 16, and in global memory. The bytes travel as one vector access.
template <typename T> __device__ inline Pack<T> load_pack(const T* address) {
    uint4 raw = *reinterpret_cast<const uint4*>(address);
    return *reinterpret_cast<Pack<T>*>(&raw);
}

template <typename T> __device__ inline void store_pack(T* address, const Pack<T>& pack) {
    store_words(address, *reinterpret_cast<const uint4*>(&pack));
}

template <typename T> __device__ inline Pack<T> zero_pack() {
    uint4 raw = make_uint4(0, 0, 0, 0);
    return *reinterpret_cast<Pack<T>*>(&raw);
}

// Forgets whatever the compiler derived from the pack, so that it keeps the four words alone across a barrier and converts the elements
// anew afterwards, instead of holding all of them as floats.
template <typename T> __device__ inline void hold_packed(Pack<T>& pack) {
    uint4 raw = *reinterpret_cast<uint4*>(&pack);
    asm volatile("" : "+r"(raw.x), "+r"(raw.y), "+r"(raw.z), "+r"(raw.w));
    pack = *reinterpret_cast<Pack<T>*>(&raw);
}

template <typename T, int Count> __device__ inline void hold_packed(Pack<T> (&packs)[Count]) {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
        hold_packed(packs[i]);
    }
}

// N elements of master type (float), N a multiple of 4 and the address of 16, as packs of their own.
template <int N> __device__ inline void load_floats(const float* address, float (&values)[N]) {
#pragma unroll
    for (int i = 0; i < N; i += 4) {
        float4 raw = *reinterpret_cast<const float4*>(address + i);
        values[i] = raw.x;
        values[i + 1] = raw.y;
        values[i + 2] = raw.z;
        values[i + 3] = raw.w;
    }
}

template <int N> __device__ inline void store_floats(float* address, const float (&values)[N]) {
#pragma unroll
    for (int i = 0; i < N; i += 4) {
        *reinterpret_cast<float4*>(address + i) = make_float4(values[i], values[i + 1], values[i + 2], values[i + 3]);
    }
}
