// dropout.cuh: which elements a dropout site keeps. Element c of row (b, t) is kept when word c mod 4 of Philox at counter
// (c / 4, t, sequence index of b, step·1024 + site) under the seed as key is at least `threshold`; what is kept is multiplied by `scale`,
// what is not becomes +0.
#pragma once
#include "Common/philox.cuh"
#include "Common/step_scalars.cuh"

// As Common/DropoutArgument.cs lays it out.
struct Dropout {
    const int32* sequence_index; // (B)
    const float* scalars;        // the step scalars
    uint32 threshold;            // probability · 2³²
    float scale;                 // 1 / (1 − probability)
    uint32 site;
    int32 time; // T: row n is (n / T, n mod T)
};

// The draws of one row.
struct DropoutRow {
    uint32 key0, key1, position, sequence, stream, threshold;
    float scale;

    __device__ DropoutRow(const Dropout& site, int64 row) {
        key0 = __float_as_uint(site.scalars[scalar::SeedLow]);
        key1 = __float_as_uint(site.scalars[scalar::SeedHigh]);
        // Rows number less than 2³¹, and a 32-bit division costs a tenth of a 64-bit one.
        uint32 batch = uint32(row) / uint32(site.time);
        position = uint32(row) - batch * uint32(site.time);
        sequence = uint32(site.sequence_index[batch]);
        stream = __float_as_uint(site.scalars[scalar::Step]) * 1024u + site.site;
        threshold = site.threshold;
        scale = site.scale;
    }

    // The words of elements c .. c + 3; c is a multiple of 4.
    __device__ uint4 words(uint32 c) const { return philox(key0, key1, make_uint4(c / 4, position, sequence, stream)); }

    __device__ float drop(float value, uint32 word) const { return word >= threshold ? value * scale : 0.0f; }

    // One element.
    __device__ float drop_one(float value, uint32 c) const {
        uint4 four = words(c / 4 * 4);
        uint32 place = c % 4;
        return drop(value, place == 0 ? four.x : place == 1 ? four.y : place == 2 ? four.z : four.w);
    }

    // values[0 .. N − 1] are elements c .. c + N − 1; both are multiples of 4.
    template <int N> __device__ void drop_all(float (&values)[N], uint32 c) const {
#pragma unroll
        for (int i = 0; i < N; i += 4) {
            uint4 four = words(c + i);
            values[i] = drop(values[i], four.x);
            values[i + 1] = drop(values[i + 1], four.y);
            values[i + 2] = drop(values[i + 2], four.z);
            values[i + 3] = drop(values[i + 3], four.w);
        }
    }
};
