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

// The same bits as words: what lies in shared memory as these is read and written in one access.
template <typename T> __device__ inline uint4 words_of(const Pack<T>& pack) { return *reinterpret_cast<const uint4*>(&pack); }

template <typename T> __device__ inline Pack<T> pack_of(const uint4& words) { return *reinterpret_cast<const Pack<T>*>(&words); }

// `address` must be a multiple of 16, and in global memory. The bytes travel as one vector access.
template <typename T> __device__ inline Pack<T> load_pack(const T* address) {
    uint4 raw = *reinterpret_cast<const uint4*>(address);
    return *reinterpret_cast<Pack<T>*>(&raw);
}

template <typename T> __device__ inline void store_pack(T* address, const Pack<T>& pack) {
    store_words(address, *reinterpret_cast<const uint4*>(&pack));
}

// A pack's elements as floats. By words: taken apart element by element, bf16 costs two instructions each and not one.
template <typename T> __device__ inline void to_floats(const Pack<T>& pack, float (&values)[Pack<T>::Size]) {
    if constexpr (Same<T, BFloat16>::Value) {
        uint4 raw = *reinterpret_cast<const uint4*>(&pack);
        uint32 words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
        for (int w = 0; w < 4; ++w) {
            values[2 * w] = __uint_as_float(words[w] << 16);
            values[2 * w + 1] = __uint_as_float(words[w] & 0xffff0000u);
        }
    } else {
#pragma unroll
        for (int e = 0; e < Pack<T>::Size; ++e) {
            values[e] = to_float(pack.elements[e]);
        }
    }
}

// Rounded to storage, two at a time where there is an instruction for it.
template <typename T> __device__ inline Pack<T> pack_of(const float (&values)[Pack<T>::Size]) {
    uint4 raw;
    if constexpr (sizeof(T) == 2) {
        raw = make_uint4(pack_pair<T>(values[0], values[1]), pack_pair<T>(values[2], values[3]), pack_pair<T>(values[4], values[5]),
                         pack_pair<T>(values[6], values[7]));
    } else {
        raw = make_uint4(__float_as_uint(values[0]), __float_as_uint(values[1]), __float_as_uint(values[2]), __float_as_uint(values[3]));
    }
    return *reinterpret_cast<Pack<T>*>(&raw);
}

template <typename T> __device__ inline Pack<T> zero_pack() {
    uint4 raw = make_uint4(0, 0, 0, 0);
    return *reinterpret_cast<Pack<T>*>(&raw);
}

// Four neighbouring elements, 16 or 8 bytes: where two types of different width go side by side.
template <typename T> struct alignas(4 * sizeof(T)) Quad {
    T elements[4];
};

// `address` must be a multiple of the quad's size, and in global memory. The bytes travel as one vector access.
template <typename T> __device__ inline Quad<T> load_quad(const T* address) {
    if constexpr (sizeof(T) == 4) {
        uint4 raw = *reinterpret_cast<const uint4*>(address);
        return *reinterpret_cast<Quad<T>*>(&raw);
    } else {
        uint2 raw = *reinterpret_cast<const uint2*>(address);
        return *reinterpret_cast<Quad<T>*>(&raw);
    }
}

template <typename T> __device__ inline float4 to_floats(const Quad<T>& quad) {
    return make_float4(to_float(quad.elements[0]), to_float(quad.elements[1]), to_float(quad.elements[2]), to_float(quad.elements[3]));
}

// Rounded to storage.
template <typename T> __device__ inline void store_quad(T* address, float4 values) {
    if constexpr (sizeof(T) == 4) {
        uint4 words =
            make_uint4(__float_as_uint(values.x), __float_as_uint(values.y), __float_as_uint(values.z), __float_as_uint(values.w));
        store_words(address, words);
    } else {
        store_words(address, make_uint2(pack_pair<T>(values.x, values.y), pack_pair<T>(values.z, values.w)));
    }
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

// Two neighbouring lanes with eight floats each: this lane's four of the even lane's eight, and its four of the odd lane's.
template <typename Float> struct LanePair {
    bool upper, even_real, odd_real;
    Float *even, *odd;

    __device__ LanePair(Float* address, bool real) : upper(threadIdx.x & 1) {
        bool other = __shfl_xor_sync(FullWarp, int(real), 1) != 0;
        even_real = upper ? other : real;
        odd_real = upper ? real : other;
        even = upper ? address - 4 : address;
        odd = upper ? address + 4 : address + 8;
    }

    __device__ float4 exchange(float4 quad) const {
        return make_float4(__shfl_xor_sync(FullWarp, quad.x, 1), __shfl_xor_sync(FullWarp, quad.y, 1), __shfl_xor_sync(FullWarp, quad.z, 1),
                           __shfl_xor_sync(FullWarp, quad.w, 1));
    }
};

// Loads and stores of the neighbouring floats of a warp's lanes: lane l has the N at `address`, N after lane l − 1's. Eight floats a
// lane by 16 bytes would touch each 32-byte sector twice, so lanes 2k and 2k + 1 move the one's eight together and then the other's, and
// exchange what is not their own. All lanes take part, those without elements of their own with `real` false.
template <int N> __device__ inline void load_floats_of_warp(const float* address, float (&values)[N], bool real) {
    static_assert(N == 4 || N == 8, "16 or 32 bytes a lane");
    const float4 zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    if constexpr (N == 4) {
        float4 own = real ? *reinterpret_cast<const float4*>(address) : zero;
        values[0] = own.x, values[1] = own.y, values[2] = own.z, values[3] = own.w;
    } else {
        LanePair<const float> pair(address, real);
        float4 even = pair.even_real ? *reinterpret_cast<const float4*>(pair.even) : zero;
        float4 odd = pair.odd_real ? *reinterpret_cast<const float4*>(pair.odd) : zero;
        float4 received = pair.exchange(pair.upper ? even : odd);
        float4 low = pair.upper ? received : even;
        float4 high = pair.upper ? odd : received;
        values[0] = low.x, values[1] = low.y, values[2] = low.z, values[3] = low.w;
        values[4] = high.x, values[5] = high.y, values[6] = high.z, values[7] = high.w;
    }
}

__device__ inline void store_quad_of_floats(float* address, float4 quad) {
    store_words(address, make_uint4(__float_as_uint(quad.x), __float_as_uint(quad.y), __float_as_uint(quad.z), __float_as_uint(quad.w)));
}

template <int N> __device__ inline void store_floats_of_warp(float* address, const float (&values)[N], bool real) {
    static_assert(N == 4 || N == 8, "16 or 32 bytes a lane");
    float4 low = make_float4(values[0], values[1], values[2], values[3]);
    if constexpr (N == 4) {
        if (real) {
            store_quad_of_floats(address, low);
        }
    } else {
        float4 high = make_float4(values[4], values[5], values[6], values[7]);
        LanePair<float> pair(address, real);
        float4 received = pair.exchange(pair.upper ? low : high);
        if (pair.even_real) {
            store_quad_of_floats(pair.even, pair.upper ? received : low);
        }
        if (pair.odd_real) {
            store_quad_of_floats(pair.odd, pair.upper ? high : received);
        }
    }
}
