// attention_backward_warpgroup.cu: attention within documents on warpgroups' products, backward, by queries and by keys.
// Math      as in attention.cu. The kernel for the queries goes first: it makes δ, which that for the keys reads.
// Shapes    qkv, gradQkv (B, T, 3, H, D) T;  gradOutput (B, T, H, D) T;  documentStart (B, T) int32;  logSumExp, delta (B, H, T) float.
//           output as gradOutput. Any B, T, H ≥ 1; D a multiple of 8 up to 128.
// Layout    row-major, contiguous, 16-byte aligned. T is Half or BFloat16.
// Writes    queries: Q's part of gradQkv and delta, keys: K's and V's, overwritten. No aliasing.
// Launch    block 128·Groups, grid ⌈T/(64·Groups)⌉·B·H, dynamic shared memory (128·Groups + 384)·2·D bytes, D rounded up to 32, and 1,024
//           to begin at a multiple of that, and the statistics: queries 256·Groups, keys 2,320. Resident blocks fit an SM.
// Cost      ≥ 12·N·C·sizeof(T) bytes, 14·D FLOP a pair that sees, since each side computes S and gradP for itself: gradS then is in the
//           registers that it is multiplied from. Tiles that the masks empty for all of a block are neither loaded nor computed.
// Numerics  products of T summed in float; P and gradS are rounded to T for the second product; no atomics, order fixed by T and D.
// Arch      sm_90a.
// Source    Dao 2023, algorithm 2; Shah et al. 2024, section 3, for products that run beside the exponentials.
#include "Attention/attention_backward_warpgroup_keys.cuh"
#include "Attention/attention_backward_warpgroup_queries.cuh"

template <typename T, int D, int Groups, int Resident>
__global__ void __launch_bounds__(Groups* WarpgroupThreads, Resident)
    attention_backward_queries_warpgroup(const T* qkv, const int32* document_start, const T* output, const float* log_sum_exp, float* delta,
                                         const T* grad_output, T* grad_qkv, AttentionShape shape) {
    backward_queries_by_groups<T, D, Groups>(qkv, document_start, output, log_sum_exp, delta, grad_output, grad_qkv, shape);
}

template <typename T, int D, int Groups, int Resident>
__global__ void __launch_bounds__(Groups* WarpgroupThreads, Resident)
    attention_backward_keys_warpgroup(const T* qkv, const int32* document_start, const float* log_sum_exp, const float* delta,
                                      const T* grad_output, T* grad_qkv, AttentionShape shape) {
    backward_keys_by_groups<T, D, Groups>(qkv, document_start, log_sum_exp, delta, grad_output, grad_qkv, shape);
}
