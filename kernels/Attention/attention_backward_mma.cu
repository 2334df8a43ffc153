// attention_backward_mma.cu: attention within documents on the tensor cores, backward.
// Math      as in attention.cu; δ comes from attention_backward_delta there.
// Shapes    qkv, gradQkv (B, T, 3, H, D) T;  gradOutput (B, T, H, D) T;  documentStart (B, T) int32;  logSumExp, delta (B, H, T) float.
//           Any B, T, H ≥ 1, D a multiple of 8 up to 128.
// Layout    row-major, contiguous, 16-byte aligned. T is Half, or from sm_80 on BFloat16.
// Writes    keys: K's and V's part of gradQkv, queries: Q's, overwritten. No aliasing.
// Launch    block 128, grid ⌈T/64⌉·B·H, dynamic shared memory (2·64 + 2·Buffers·32)·pitch·2 bytes,
//           pitch = D rounded up to 16, and 8; Buffers as in attention_forward_mma.cu.
// Cost      ≥ 8·N·C·sizeof(T) bytes, 14·D FLOP a pair that sees, since each side computes S and gradP for itself: less than the barriers
//           and the traffic that sharing them would take. Tiles that the masks empty are neither loaded nor computed.
// Numerics  products of T summed in float; P and gradS are rounded to T for the second product; no atomics, order fixed by T alone.
// Arch      sm_70 and newer; made for sm_70 and for sm_80 and newer.
// Source    Dao 2023, algorithm 2.
#include "Attention/attention_mma.cuh"

constexpr int Step = 32; // queries, or keys, of a step
constexpr int Blocks = Step / 16;

// What the queries of a step bring along.
struct Statistics {
    float log_sum[Step]; // in powers of two
    float delta[Step];
    int32 start[Step];

    __device__ void load(const int32* starts, const float* log_sums, const float* deltas, int32 first, int32 time, int thread) {
        if (thread < Step) {
            int32 query = first + thread;
            bool real = query < time;
            log_sum[thread] = real ? log_sums[query] * Log2E : 0.0f;
            delta[thread] = real ? deltas[query] : 0.0f;
            start[thread] = real ? starts[query] : SeesNothing;
        }
    }
};

// gradK and gradV of 64 keys, over the queries that see them. Rows are keys, columns are queries.
template <typename T, int D, int Buffers>
__global__ void __launch_bounds__(Threads, 1)
    attention_backward_keys_mma(const T* qkv, const int32* document_start, const float* log_sum_exp, const float* delta,
                                const T* grad_output, T* grad_qkv, AttentionShape shape) {
    constexpr int Size = Step * Rows<D>::Pitch;
    extern __shared__ uint4 shared[];
    __shared__ Statistics statistics[Buffers];
    T* keys = reinterpret_cast<T*>(shared);
    T* values = keys + BlockRows * Rows<D>::Pitch;
    T* queries = values + BlockRows * Rows<D>::Pitch; // the buffers of each
    T* gradients = queries + Buffers * Size;

    Head head(shape, (shape.time + BlockRows - 1) / BlockRows, false);
    int lane = threadIdx.x % WarpSize;
    int warp = threadIdx.x / WarpSize;
    int64 stride = int64(3) * shape.heads * D;
    int32 first_key = head.tile * BlockRows;
    int32 own_key = first_key + warp * WarpRows;
    const int32* starts = document_start + head.in_sequence(shape, 0);
    const float* log_sums = log_sum_exp + head.in_statistics(shape, 0);
    const float* deltas = delta + head.in_statistics(shape, 0);

    auto load = [&](int32 first_query, int buffer) {
        copy_rows<T, D, Step, Threads>(queries + buffer * Size, qkv + head.in_qkv<D>(shape, 0, first_query), stride,
                                       shape.time - first_query, threadIdx.x);
        copy_rows<T, D, Step, Threads>(gradients + buffer * Size, grad_output + head.in_output<D>(shape, first_query),
                                       int64(shape.heads) * D, shape.time - first_query, threadIdx.x);
        close_copies();
        statistics[buffer].load(starts, log_sums, deltas, first_query, shape.time, threadIdx.x);
    };
    // Starts never decrease: once a step's first query sees none of the keys, no later one does.
    auto sees = [&](int32 first_query) { return first_query < shape.time && starts[first_query] < first_key + BlockRows; };

    copy_rows<T, D, BlockRows, Threads>(keys, qkv + head.in_qkv<D>(shape, 1, first_key), stride, shape.time - first_key, threadIdx.x);
    copy_rows<T, D, BlockRows, Threads>(values, qkv + head.in_qkv<D>(shape, 2, first_key), stride, shape.time - first_key, threadIdx.x);
    if constexpr (Buffers == 2) {
        load(first_key, 0);
    }

    SharedRows<T, D> key_rows(keys + warp * WarpRows * Rows<D>::Pitch, lane);
    SharedRows<T, D> value_rows(values + warp * WarpRows * Rows<D>::Pitch, lane);
    Sums<T, D> grad_keys;
    Sums<T, D> grad_values;
    bool more = true;
    for (int32 first_query = first_key, buffer = 0; more; first_query += Step, buffer ^= Buffers - 1) {
        more = sees(first_query + Step);
        if constexpr (Buffers == 1) {
            load(first_query, 0);
        }
        if (Buffers == 2 && more) {
            load(first_query + Step, buffer ^ 1);
            await_copies<1>();
        } else {
            await_copies<0>();
        }
        __syncthreads();
        const Statistics& columns = statistics[buffer];
        if (own_key < first_query + Step && columns.start[0] < own_key + WarpRows) {
            // P = exp(S − L)
            float weight[Blocks][8];
            multiply_rows<T, D>(weight, key_rows, queries + buffer * Size, lane);
#pragma unroll
            for (int block = 0; block < Blocks; ++block) {
#pragma unroll
                for (int e = 0; e < 8; ++e) {
                    int column = block * 16 + column_of(lane, e);
                    int32 key = own_key + row_of(lane, e / 2 % 2);
                    bool seen = key >= columns.start[column] && key <= first_query + column;
                    float exponent = fmaf(weight[block][e], shape.scale * Log2E, -columns.log_sum[column]);
                    weight[block][e] = seen ? power_of_two(exponent) : 0.0f;
                }
            }

            // gradV += Pᵀ·gradO;  gradS = P ⊙ (gradP − δ);  gradK += gradSᵀ·Q
            grad_values.add_product(weight, gradients + buffer * Size, lane);
            float grad_weight[Blocks][8];
            multiply_rows<T, D>(grad_weight, value_rows, gradients + buffer * Size, lane);
#pragma unroll
            for (int block = 0; block < Blocks; ++block) {
#pragma unroll
                for (int e = 0; e < 8; ++e) {
                    weight[block][e] *= grad_weight[block][e] - columns.delta[block * 16 + column_of(lane, e)];
                }
            }
            grad_keys.add_product(weight, queries + buffer * Size, lane);
        }
        __syncthreads();
    }

    if (own_key < shape.time) {
        grad_keys.scale(0, shape.scale);
        grad_keys.scale(1, shape.scale);
        T* staging = keys + warp * WarpRows * Rows<D>::Pitch; // this warp's own rows, needed no more
        grad_keys.store(staging, grad_qkv + head.in_qkv<D>(shape, 1, own_key), stride, shape.time - own_key, lane);
        grad_values.store(staging, grad_qkv + head.in_qkv<D>(shape, 2, own_key), stride, shape.time - own_key, lane);
    }
}

// gradQ of 64 queries, over the keys that they see.
template <typename T, int D, int Buffers>
__global__ void __launch_bounds__(Threads, 1)
    attention_backward_queries_mma(const T* qkv, const int32* document_start, const float* log_sum_exp, const float* delta,
                                   const T* grad_output, T* grad_qkv, AttentionShape shape) {
    constexpr int Size = Step * Rows<D>::Pitch;
    extern __shared__ uint4 shared[];
    T* queries = reinterpret_cast<T*>(shared);
    T* gradients = queries + BlockRows * Rows<D>::Pitch;
    T* keys = gradients + BlockRows * Rows<D>::Pitch; // the buffers of each
    T* values = keys + Buffers * Size;

    Head head(shape, (shape.time + BlockRows - 1) / BlockRows, true);
    int lane = threadIdx.x % WarpSize;
    int warp = threadIdx.x / WarpSize;
    int64 stride = int64(3) * shape.heads * D;
    int32 first_query = head.tile * BlockRows;
    int32 own_query = first_query + warp * WarpRows;
    const int32* starts = document_start + head.in_sequence(shape, 0);

    int32 start[2];
    float log_sum[2];
    float row_delta[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        int32 query = own_query + row_of(lane, i);
        bool real = query < shape.time;
        start[i] = real ? starts[query] : SeesNothing;
        log_sum[i] = real ? log_sum_exp[head.in_statistics(shape, query)] * Log2E : 0.0f;
        row_delta[i] = real ? delta[head.in_statistics(shape, query)] : 0.0f;
    }
    int32 own_start = own_query < shape.time ? starts[own_query] : SeesNothing;

    auto load = [&](int32 first_key, int buffer) {
        copy_rows<T, D, Step, Threads>(keys + buffer * Size, qkv + head.in_qkv<D>(shape, 1, first_key), stride, shape.time - first_key,
                                       threadIdx.x);
        copy_rows<T, D, Step, Threads>(values + buffer * Size, qkv + head.in_qkv<D>(shape, 2, first_key), stride,
                                       shape.time - first_key, threadIdx.x);
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

    SharedRows<T, D> query_rows(queries + warp * WarpRows * Rows<D>::Pitch, lane);
    SharedRows<T, D> gradient_rows(gradients + warp * WarpRows * Rows<D>::Pitch, lane);
    Sums<T, D> grad_queries;
    for (int buffer = 0; first_key <= last_key; first_key += Step, buffer ^= Buffers - 1) {
        if constexpr (Buffers == 1) {
            load(first_key, 0);
        }
        if (Buffers == 2 && first_key + Step <= last_key) {
            load(first_key + Step, buffer ^ 1);
            await_copies<1>();
        } else {
            await_copies<0>();
        }
        __syncthreads();
        if (first_key + Step > own_start && first_key < own_query + WarpRows) {
            // gradS = P ⊙ (gradP − δ), P = exp(S − L);  gradQ += gradS·K
            float weight[Blocks][8];
            float grad_weight[Blocks][8];
            multiply_rows<T, D>(weight, query_rows, keys + buffer * Size, lane);
            multiply_rows<T, D>(grad_weight, gradient_rows, values + buffer * Size, lane);
#pragma unroll
            for (int block = 0; block < Blocks; ++block) {
#pragma unroll
                for (int e = 0; e < 8; ++e) {
                    int32 key = first_key + block * 16 + column_of(lane, e);
                    bool seen = key >= start[e / 2 % 2] && key <= own_query + row_of(lane, e / 2 % 2);
                    float probability = power_of_two(fmaf(weight[block][e], shape.scale * Log2E, -log_sum[e / 2 % 2]));
                    weight[block][e] = seen ? probability * (grad_weight[block][e] - row_delta[e / 2 % 2]) : 0.0f;
                }
            }
            grad_queries.add_product(weight, keys + buffer * Size, lane);
        }
        __syncthreads();
    }

    if (own_query < shape.time) {
        grad_queries.scale(0, shape.scale);
        grad_queries.scale(1, shape.scale);
        grad_queries.store(queries + warp * WarpRows * Rows<D>::Pitch, grad_qkv + head.in_qkv<D>(shape, 0, own_query), stride,
                           shape.time - own_query, lane);
    }
}
