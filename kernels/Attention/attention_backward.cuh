// attention_backward.cuh: what both passes of attention's backward pass on the tensor cores have in common.
#pragma once
#include "Attention/attention_mma.cuh"

constexpr int Step = 32; // queries, or keys, of a step
constexpr int Blocks = Step / 16;

// Up to this many queries of a head, a block has the statistics of all that it meets at once.
constexpr int ShortTime = 256;

// δ = Σ_d gradO ⊙ O of Count rows from `output` and `gradient` on, to shared memory, 0 from row `valid` on: eight lanes a row.
template <typename T, int D, int Count, int Unrolled>
__device__ inline void row_products(float* products, const T* output, const T* gradient, int64 stride, int valid, int lane) {
#pragma unroll Unrolled
    for (int base = 0; base < Count; base += WarpSize / 8) {
        int row = base + lane / 8;
        float total = 0.0f;
#pragma unroll
        for (int chunk = 0; chunk < D / 8; chunk += 8) {
            int place = chunk + lane % 8;
            if (row < valid && place < D / 8) {
                Pack<T> a = load_pack(output + row * stride + place * 8);
                Pack<T> b = load_pack(gradient + row * stride + place * 8);
#pragma unroll
                for (int e = 0; e < 8; ++e) {
                    total = fmaf(to_float(a.elements[e]), to_float(b.elements[e]), total);
                }
            }
        }
#pragma unroll
        for (int offset = 4; offset > 0; offset /= 2) {
            total += __shfl_xor_sync(FullWarp, total, offset);
        }
        if (lane % 8 == 0) {
            products[row] = total;
        }
    }
    __syncwarp();
}
