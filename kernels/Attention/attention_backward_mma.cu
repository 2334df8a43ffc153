// attention_backward_mma.cu: attention within documents on the tensor cores, backward: by queries and by keys, in two launches or in one.
// Math      as in attention.cu. The kernel for the queries goes first: it makes δ, which that for the keys reads. Where both are one
//           launch, the keys' blocks make it for themselves.
// Shapes    qkv, gradQkv (B, T, 3, H, D) T;  gradOutput (B, T, H, D) T;  documentStart (B, T) int32;  logSumExp, delta (B, H, T) float.
//           output as gradOutput. Any B, T, H ≥ 1, in one launch T ≤ 256; D a multiple of 8 up to 128.
// Layout    row-major, contiguous, 16-byte aligned. T is Half, or from sm_80 on BFloat16.
// Writes    queries: Q's part of gradQkv and delta, keys: K's and V's, overwritten; in one launch all of gradQkv. No aliasing.
// Launch    block 128, grid ⌈T/(64·Tiles)⌉·B·H, in one launch those of both; dynamic shared memory (2·64·Tiles + 2·Buffers·32)·pitch·2
//           bytes, pitch = D rounded up to 16, and 8, and the statistics: queries 256·Tiles, keys 384·Buffers, in one launch 3072;
//           Buffers as in attention_forward_mma.cu.
// Cost      ≥ 8·N·C·sizeof(T) bytes, 14·D FLOP a pair that sees, since each side computes S and gradP for itself: less than the barriers
//           and the traffic that sharing them would take. In two launches 12·N·C·sizeof(T); in one the blocks of a head run beside each
//           other, and what the second of them reads is in the second cache. Tiles that the masks empty are neither loaded nor computed.
// Numerics  products of T summed in float; P and gradS are rounded to T for the second product; no atomics, order fixed by T alone.
// Arch      sm_70 and newer; made for sm_70 and for sm_80 and newer.
// Source    Dao 2023, algorithm 2.
#include "Attention/attention_backward_keys.cuh"
#include "Attention/attention_backward_queries.cuh"

template <typename T, int D, int Tiles, int Buffers>
__global__ void __launch_bounds__(Threads, 1)
    attention_backward_queries_mma(const T* qkv, const int32* document_start, const T* output, const float* log_sum_exp, float* delta,
                                   const T* grad_output, T* grad_qkv, AttentionShape shape) {
    constexpr int BlockRows = Warps * Tiles * TileRows;
    Head head(shape, (shape.time + BlockRows - 1) / BlockRows, true);
    backward_queries<T, D, Tiles, Buffers, false>(head, qkv, document_start, output, log_sum_exp, delta, grad_output, grad_qkv, shape);
}

template <typename T, int D, int Tiles, int Buffers>
__global__ void __launch_bounds__(Threads, 1)
    attention_backward_keys_mma(const T* qkv, const int32* document_start, const float* log_sum_exp, const float* delta,
                                const T* grad_output, T* grad_qkv, AttentionShape shape) {
    constexpr int BlockRows = Warps * Tiles * TileRows;
    Head head(shape, (shape.time + BlockRows - 1) / BlockRows, false);
    backward_keys<T, D, Tiles, Buffers, false>(head, qkv, document_start, nullptr, log_sum_exp, delta, grad_output, grad_qkv, shape);
}

// Both at once: of a head's blocks the first have tiles of keys, the others tiles of queries.
template <typename T, int D, int KeyTiles, int QueryTiles, int Buffers>
__global__ void __launch_bounds__(Threads, 1)
    attention_backward_short_mma(const T* qkv, const int32* document_start, const T* output, const float* log_sum_exp, const T* grad_output,
                                 T* grad_qkv, AttentionShape shape) {
    constexpr int KeyRows = Warps * KeyTiles * TileRows;
    constexpr int QueryRows = Warps * QueryTiles * TileRows;
    int32 key_blocks = (shape.time + KeyRows - 1) / KeyRows;
    int32 blocks = key_blocks + (shape.time + QueryRows - 1) / QueryRows;
    Head head(shape, blocks);
    if (head.tile < key_blocks) {
        backward_keys<T, D, KeyTiles, Buffers, true>(head, qkv, document_start, output, log_sum_exp, nullptr, grad_output, grad_qkv, shape);
    } else {
        head.tile = blocks - 1 - head.tile;
        backward_queries<T, D, QueryTiles, Buffers, true>(head, qkv, document_start, output, log_sum_exp, nullptr, grad_output, grad_qkv,
                                                          shape);
    }
}
