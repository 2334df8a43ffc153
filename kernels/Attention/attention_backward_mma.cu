// attention_backward_mma.cu: attention within documents on the tensor cores, backward.
// Math      as in attention.cu. The kernel for the queries goes first: it makes δ, which that for the keys reads.
// Shapes    qkv, gradQkv (B, T, 3, H, D) T;  gradOutput (B, T, H, D) T;  documentStart (B, T) int32;  logSumExp, delta (B, H, T) float.
//           output as gradOutput. Any B, T, H ≥ 1, D a multiple of 8 up to 128.
// Layout    row-major, contiguous, 16-byte aligned. T is Half, or from sm_80 on BFloat16.
// Writes    queries: Q's part of gradQkv and delta, keys: K's and V's, overwritten. No aliasing.
// Launch    block 128, grid ⌈T/(64·Tiles)⌉·B·H, dynamic shared memory (2·64·Tiles + 2·Buffers·32)·pitch·2 bytes,
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

// gradK and gradV of 64·Tiles keys, over the queries that see them. Rows are keys, columns are queries.
template <typename T, int D, int Tiles, int Buffers>
__global__ void __launch_bounds__(Threads, 1)
    attention_backward_keys_mma(const T* qkv, const int32* document_start, const float* log_sum_exp, const float* delta,
                                const T* grad_output, T* grad_qkv, AttentionShape shape) {
    constexpr int OwnRows = Tiles * TileRows;
    constexpr int BlockRows = Warps * OwnRows;
    constexpr int Size = Step * Rows<D>::Pitch;
    extern __shared__ uint4 shared[];
    __shared__ Statistics statistics[Buffers];
    T* keys = reinterpret_cast<T*>(shared);
    T* values = keys + BlockRows * Rows<D>::Pitch;
    T* queries = values + BlockRows * Rows<D>::Pitch; // the buffers of each
    T* gradients = queries + Buffers * Size;

    Head head(shape, (shape.time + BlockRows - 1) / BlockRows, false);
    int lane = threadIdx.x % WarpSize;
    int part = head.part_of_warp(Warps);
    int64 stride = int64(3) * shape.heads * D;
    int32 first_key = head.tile * BlockRows;
    int32 own_key = first_key + part * OwnRows;
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

    SharedRows<T, D, Tiles> key_rows(keys + part * OwnRows * Rows<D>::Pitch, lane);
    SharedRows<T, D, Tiles> value_rows(values + part * OwnRows * Rows<D>::Pitch, lane);
    Sums<T, D, Tiles> grad_keys;
    Sums<T, D, Tiles> grad_values;
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
        if (own_key < first_query + Step && columns.start[0] < own_key + OwnRows) {
            // P = exp(S − L)
            float weight[Tiles][Blocks][8];
            multiply_rows<T, D>(weight, key_rows, queries + buffer * Size, lane);
            // Past the end a query's start is beyond every key.
            bool all_seen = own_key + OwnRows - 1 <= first_query && columns.start[Step - 1] <= own_key;
#pragma unroll
            for (int block = 0; block < Blocks; ++block) {
#pragma unroll
                for (int e = 0; e < 8; ++e) {
                    int column = block * 16 + column_of(lane, e);
                    float log_sum = columns.log_sum[column];
#pragma unroll
                    for (int tile = 0; tile < Tiles; ++tile) {
                        weight[tile][block][e] = power_of_two(fmaf(weight[tile][block][e], shape.scale * Log2E, -log_sum));
                    }
                }
            }
            if (!all_seen) {
#pragma unroll
                for (int block = 0; block < Blocks; ++block) {
#pragma unroll
                    for (int e = 0; e < 8; ++e) {
                        int column = block * 16 + column_of(lane, e);
                        int32 start = columns.start[column];
#pragma unroll
                        for (int tile = 0; tile < Tiles; ++tile) {
                            int32 key = own_key + tile * TileRows + row_of(lane, e / 2 % 2);
                            bool seen = key >= start && key <= first_query + column;
                            weight[tile][block][e] = seen ? weight[tile][block][e] : 0.0f;
                        }
                    }
                }
            }

            // gradV += Pᵀ·gradO;  gradS = P ⊙ (gradP − δ);  gradK += gradSᵀ·Q
            grad_values.add_product(weight, gradients + buffer * Size, lane);
            float grad_weight[Tiles][Blocks][8];
            multiply_rows<T, D>(grad_weight, value_rows, gradients + buffer * Size, lane);
#pragma unroll
            for (int block = 0; block < Blocks; ++block) {
#pragma unroll
                for (int e = 0; e < 8; ++e) {
                    float column_delta = columns.delta[block * 16 + column_of(lane, e)];
#pragma unroll
                    for (int tile = 0; tile < Tiles; ++tile) {
                        weight[tile][block][e] *= grad_weight[tile][block][e] - column_delta;
                    }
                }
            }
            grad_keys.add_product(weight, queries + buffer * Size, lane);
        }
        __syncthreads();
    }

    if (own_key < shape.time) {
        grad_keys.scale(shape.scale);
        T* staging = keys + part * OwnRows * Rows<D>::Pitch; // this warp's own rows, needed no more
        grad_keys.store(staging, grad_qkv + head.in_qkv<D>(shape, 1, own_key), stride, shape.time - own_key, lane);
        grad_values.store(staging, grad_qkv + head.in_qkv<D>(shape, 2, own_key), stride, shape.time - own_key, lane);
    }
}

// δ = Σ_d gradO ⊙ O of Count rows from `output` and `gradient` on, to shared memory, 0 from row `valid` on: eight lanes a row.
template <typename T, int D, int Count>
__device__ inline void row_products(float (&products)[Count], const T* output, const T* gradient, int64 stride, int valid, int lane) {
#pragma unroll 2
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

// gradQ of 64·Tiles queries, over the keys that they see.
template <typename T, int D, int Tiles, int Buffers>
__global__ void __launch_bounds__(Threads, 1)
    attention_backward_queries_mma(const T* qkv, const int32* document_start, const T* output, const float* log_sum_exp, float* delta,
                                   const T* grad_output, T* grad_qkv, AttentionShape shape) {
    constexpr int OwnRows = Tiles * TileRows;
    constexpr int BlockRows = Warps * OwnRows;
    constexpr int Size = Step * Rows<D>::Pitch;
    extern __shared__ uint4 shared[];
    __shared__ float row_deltas[Warps][OwnRows];
    T* queries = reinterpret_cast<T*>(shared);
    T* gradients = queries + BlockRows * Rows<D>::Pitch;
    T* keys = gradients + BlockRows * Rows<D>::Pitch; // the buffers of each
    T* values = keys + Buffers * Size;

    Head head(shape, (shape.time + BlockRows - 1) / BlockRows, true);
    int lane = threadIdx.x % WarpSize;
    int part = head.part_of_warp(Warps);
    int64 stride = int64(3) * shape.heads * D;
    int32 first_query = head.tile * BlockRows;
    int32 own_query = first_query + part * OwnRows;
    const int32* starts = document_start + head.in_sequence(shape, 0);

    int32 own_start = own_query < shape.time ? starts[own_query] : SeesNothing;
    int32 last_start = own_query + OwnRows <= shape.time ? starts[own_query + OwnRows - 1] : SeesNothing;

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

    // While rows arrive in shared memory.
    row_products<T, D>(row_deltas[part], output + head.in_output<D>(shape, own_query), grad_output + head.in_output<D>(shape, own_query),
                       int64(shape.heads) * D, shape.time - own_query, lane);
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
            row_delta[tile][i] = row_deltas[part][tile * TileRows + row_of(lane, i)];
            if (real && leads_row(lane)) {
                delta[head.in_statistics(shape, query)] = row_delta[tile][i];
            }
        }
    }
    SharedRows<T, D, Tiles> query_rows(queries + part * OwnRows * Rows<D>::Pitch, lane);
    SharedRows<T, D, Tiles> gradient_rows(gradients + part * OwnRows * Rows<D>::Pitch, lane);
    Sums<T, D, Tiles> grad_queries;
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
        __syncthreads();
    }

    if (own_query < shape.time) {
        grad_queries.scale(shape.scale);
        grad_queries.store(queries + part * OwnRows * Rows<D>::Pitch, grad_qkv + head.in_qkv<D>(shape, 0, own_query), stride,
                           shape.time - own_query, lane);
    }
}
