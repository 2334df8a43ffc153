// attention_backward_queries.cuh: the gradient of queries on the tensor cores.
#pragma once
#include "Attention/attention_backward.cuh"

// gradQ of 64·Tiles queries, over the keys that they see. δ of theirs goes to `delta`, but not where `Short`: nobody reads it there.
template <typename T, int D, int Tiles, int Buffers, bool Short>
__device__ inline void backward_queries(const Head& head, const T* qkv, const int32* document_start, const T* output,
                                        const float* log_sum_exp, float* delta, const T* grad_output, T* grad_qkv,
                                        const AttentionShape& shape) {
    constexpr int OwnRows = Tiles * TileRows;
    constexpr int BlockRows = Warps * OwnRows;
    constexpr int Size = Step * Rows<D>::Pitch;
    extern __shared__ uint4 shared[];
    T* queries = reinterpret_cast<T*>(shared);
    T* gradients = queries + BlockRows * Rows<D>::Pitch;
    T* keys = gradients + BlockRows * Rows<D>::Pitch; // the buffers of each
    T* values = keys + Buffers * Size;
    float* deltas = reinterpret_cast<float*>(values + Buffers * Size);

    int lane = threadIdx.x % WarpSize;
    int part = head.part_of_warp(Warps);
    int64 stride = int64(3) * shape.heads * D;
    int32 first_query = head.tile * BlockRows;
    int32 own_query = first_query + part * OwnRows;
    const int32* starts = document_start + head.in_sequence(shape, 0);

    int32 own_start = own_query < shape.time ? starts[own_query] : SeesNothing;
    int32 last_start = own_query + OwnRows <= shape.time ? starts[own_query + OwnRows - 1] : SeesNothing;

    auto load = [&](int32 first_key, int buffer) {
        int thread = threadIdx.x;
        if constexpr (D * Tiles > 192) {
            asm volatile("" : "+r"(thread)); // places are worked out anew: kept from step to step they would take too many registers
        }
        copy_rows<T, D, Step, Threads>(keys + buffer * Size, qkv + head.in_qkv<D>(shape, 1, first_key), stride, shape.time - first_key,
                                       thread);
        copy_rows<T, D, Step, Threads>(values + buffer * Size, qkv + head.in_qkv<D>(shape, 2, first_key), stride,
                                       shape.time - first_key, thread);
        close_copies();
    };
    copy_rows<T, D, BlockRows, Threads>(queries, qkv + head.in_qkv<D>(shape, 0, first_query), stride, shape.time - first_query,
                                        threadIdx.x);
    copy_rows<T, D, BlockRows, Threads>(gradients, grad_output + head.in_output<D>(shape, first_query), int64(shape.heads) * D,
                                        shape.time - first_query, threadIdx.x);
    int32 first_key = starts[first_query] / Step * Step;
    int32 last_key = (first_query + BlockRows < shape.time ? first_query + BlockRows : shape.time) - 1;
    if constexpr (Buffers == 2) {
        load(first_key, 0);
    }

    float* own_deltas = deltas + part * OwnRows;

    // While rows arrive in shared memory.
    int64 own = head.in_output<D>(shape, own_query);
    row_products<T, D, OwnRows, 2>(own_deltas, output + own, grad_output + own, int64(shape.heads) * D, shape.time - own_query, lane);
    int32 start[Tiles][2];
    float log_sum[Tiles][2];
    float row_delta[Tiles][2];
#pragma unroll
    for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            int32 query = own_query + tile * TileRows + row_of(lane, i);
            bool real = query < shape.time;
            start[tile][i] = real ? starts[query] : SeesNothing;
            log_sum[tile][i] = real ? log_sum_exp[head.in_statistics(shape, query)] * Log2E : 0.0f;
            row_delta[tile][i] = own_deltas[tile * TileRows + row_of(lane, i)];
            if (!Short && real && leads_row(lane)) {
                delta[head.in_statistics(shape, query)] = row_delta[tile][i];
            }
        }
    }
    using LastingRows = SharedRows<T, D, Tiles, (Wide || !Short ? SharedRows<T, D, Tiles>::Unrolled : 2)>;
    LastingRows query_rows(queries + part * OwnRows * Rows<D>::Pitch, lane);
    LastingRows gradient_rows(gradients + part * OwnRows * Rows<D>::Pitch, lane);
    Sums<T, D, Tiles> grad_queries;
    for (int buffer = 0; first_key <= last_key; first_key += Step, buffer ^= Buffers - 1) {
        if constexpr (Buffers == 1) {
            load(first_key, 0);
        }
        await_copies<0>();
        __syncthreads();
        if (Buffers == 2 && first_key + Step <= last_key) {
            load(first_key + Step, buffer ^ 1);
        }
        if (first_key + Step > own_start && first_key < own_query + OwnRows) {
            // gradS = P ⊙ (gradP − δ), P = exp(S − L);  gradQ += gradS·K
            float weight[Tiles][Blocks][8];
            float grad_weight[Tiles][Blocks][8];
            multiply_rows<T, D>(weight, query_rows, keys + buffer * Size, lane);
            multiply_rows<T, D>(grad_weight, gradient_rows, values + buffer * Size, lane);
            bool all_seen = last_start <= first_key && first_key + Step - 1 <= own_query;
#pragma unroll
            for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
                for (int block = 0; block < Blocks; ++block) {
#pragma unroll
                    for (int e = 0; e < 8; ++e) {
                        int i = e / 2 % 2;
                        float probability = power_of_two(fmaf(weight[tile][block][e], shape.scale * Log2E, -log_sum[tile][i]));
                        weight[tile][block][e] = probability * (grad_weight[tile][block][e] - row_delta[tile][i]);
                    }
                }
            }
            if (!all_seen) {
#pragma unroll
                for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
                    for (int block = 0; block < Blocks; ++block) {
#pragma unroll
                        for (int e = 0; e < 8; ++e) {
                            int i = e / 2 % 2;
                            int32 key = first_key + block * 16 + column_of(lane, e);
                            bool seen = key >= start[tile][i] && key <= own_query + tile * TileRows + row_of(lane, i);
                            weight[tile][block][e] = seen ? weight[tile][block][e] : 0.0f;
                        }
                    }
                }
            }
            grad_queries.add_product(weight, keys + buffer * Size, lane);
        }
        if constexpr (Buffers == 1) {
            __syncthreads();
        }
    }

    if (own_query < shape.time) {
        grad_queries.scale(shape.scale);
        grad_queries.store(queries + part * OwnRows * Rows<D>::Pitch, grad_qkv + head.in_qkv<D>(shape, 0, own_query), stride,
                           shape.time - own_query, lane);
    }
}
