// attention_head.cuh: where a block's head lies in the fused QKV activation, and what a query may see.
#pragma once
#include "Common/numbers.cuh"

// What a masked score is: its exponential is exactly 0, and differences of it are no NaN, as they would be of infinities.
constexpr float Masked = -3.0e38f;
constexpr float Log2E = 1.4426950408889634f;
constexpr float Ln2 = 0.6931471805599453f;

// The start of a query past the end: it sees nothing.
constexpr int32 SeesNothing = 0x7fffffff;

struct AttentionShape {
    int32 batch;
    int32 time;
    int32 heads;
    float scale; // 1/√D
};

// One head of one sequence, and the tile of it that this block has. The tiles of a head are neighbours: blocks that run at a time read the
// same keys and values, which so come from the second cache.
struct Head {
    int32 index, sequence, head, tile;

    // With `blocks` blocks a head; `tile` counts them.
    __device__ Head(const AttentionShape& shape, int32 blocks) {
        index = int32(blockIdx.x) / blocks;
        tile = int32(blockIdx.x) - index * blocks;
        sequence = index / shape.heads;
        head = index - sequence * shape.heads;
    }

    // Tiles from the last to the first where `last_first`: under a causal mask late queries and early keys have most to do.
    __device__ Head(const AttentionShape& shape, int32 tiles, bool last_first) : Head(shape, tiles) {
        tile = last_first ? tiles - 1 - tile : tile;
    }

    // Which of `warps` warps' parts of the tile this warp has. Under a causal mask they differ in work, and a warp's scheduler is fixed by
    // its place in the block: so the parts go round from head to head.
    __device__ int part_of_warp(int warps) const { return (int(threadIdx.x) / WarpSize + index) % warps; }

    // Offset of part 0 (Q), 1 (K) or 2 (V) of row t in a (B, T, 3, H, D) tensor.
    template <int D> __device__ int64 in_qkv(const AttentionShape& shape, int part, int32 t) const {
        return (((int64(sequence) * shape.time + t) * 3 + part) * shape.heads + head) * D;
    }

    // Offset of row t in a (B, T, H, D) tensor.
    template <int D> __device__ int64 in_output(const AttentionShape& shape, int32 t) const {
        return ((int64(sequence) * shape.time + t) * shape.heads + head) * D;
    }

    // Offset of row t in a (B, H, T) tensor.
    __device__ int64 in_statistics(const AttentionShape& shape, int32 t) const {
        return (int64(sequence) * shape.heads + head) * shape.time + t;
    }

    // Offset of row t in a (B, T) tensor.
    __device__ int64 in_sequence(const AttentionShape& shape, int32 t) const { return int64(sequence) * shape.time + t; }
};

// 2^x, results below the normal numbers flushed to 0.
__device__ inline float power_of_two(float x) {
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}
