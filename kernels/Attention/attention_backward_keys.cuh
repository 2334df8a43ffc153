// attention_backward_keys.cuh: the gradients of keys and values on the tensor cores.
#pragma once
#include "Attention/attention_backward.cuh"

// What `Count` queries bring along.
template <int Count> struct Statistics {
    float log_sum[Count]; // in powers of two
    float delta[Count];
    int32 start[Count];
};

// Those of a step.
template <int Count>
__device__ inline void load_statistics(Statistics<Count>& statistics, const int32* starts, const float* log_sums, const float* deltas,
                                       int32 first, int32 time) {
    int place = threadIdx.x;
    if (place < Count) {
        int32 query = first + place;
        bool real = query < time;
        statistics.log_sum[place] = real ? log_sums[query] * Log2E : 0.0f;
        statistics.delta[place] = real ? deltas[query] : 0.0f;
        statistics.start[place] = real ? starts[query] : SeesNothing;
    }
}

// Those of every step from `first` on whose queries see keys before `end`, with δ from the rows themselves; of the step after these, the
// starts. A warp has whole steps.
template <typename T, int D>
__device__ inline void make_statistics(Statistics<ShortTime>& statistics, const Head& head, const AttentionShape& shape,
                                       const int32* starts, const float* log_sums, const T* output, const T* grad_output, int32 first,
                                       int32 end) {
    static_assert(Step == WarpSize, "a lane has a query");
    int lane = threadIdx.x % WarpSize;
    for (int base = int(threadIdx.x) / WarpSize * Step; base < ShortTime; base += Warps * Step) {
        int32 query = first + base + lane;
        int32 start = query < shape.time ? starts[query] : SeesNothing;
        // Starts never decrease: those that see are the first.
        int seeing = __popc(__ballot_sync(FullWarp, start < end));
        statistics.start[base + lane] = start;
        if (seeing == 0) {
            break;
        }
        statistics.log_sum[base + lane] = query < shape.time ? log_sums[query] * Log2E : 0.0f;
        int64 row = head.in_output<D>(shape, first + base);
        row_products<T, D, Step, Step / 4>(statistics.delta + base, output + row, grad_output + row, int64(shape.heads) * D, seeing, lane);
    }
}

// P = exp(S − L) of a warp's keys from `own_key` on and queries from `first_query` on, whose statistics are `columns` from `base` on.
template <int Tiles, typename Columns>
__device__ inline void to_probabilities(float (&weight)[Tiles][Blocks][8], const Columns& columns, int base, int32 own_key,
                                        int32 first_query, float to_exponent, int lane) {
    constexpr int OwnRows = Tiles * TileRows;
    // Past the end a query's start is beyond every key.
    bool all_seen = own_key + OwnRows - 1 <= first_query && columns.start[base + Step - 1] <= own_key;
#pragma unroll
    for (int block = 0; block < Blocks; ++block) {
#pragma unroll
        for (int e = 0; e < 8; ++e) {
            int column = block * 16 + column_of(lane, e);
            float log_sum = columns.log_sum[base + column];
#pragma unroll
            for (int tile = 0; tile < Tiles; ++tile) {
                weight[tile][block][e] = power_of_two(fmaf(weight[tile][block][e], to_exponent, -log_sum));
            }
        }
    }
    if (!all_seen) {
#pragma unroll
        for (int block = 0; block < Blocks; ++block) {
#pragma unroll
            for (int e = 0; e < 8; ++e) {
                int column = block * 16 + column_of(lane, e);
                int32 start = columns.start[base + column];
#pragma unroll
                for (int tile = 0; tile < Tiles; ++tile) {
                    int32 key = own_key + tile * TileRows + row_of(lane, e / 2 % 2);
                    bool seen = key >= start && key <= first_query + column;
                    weight[tile][block][e] = seen ? weight[tile][block][e] : 0.0f;
                }
            }
        }
    }
}

// gradS = P ⊙ (gradP − δ)
template <int Tiles, typename Columns>
__device__ inline void to_score_gradients(float (&weight)[Tiles][Blocks][8], const float (&grad_weight)[Tiles][Blocks][8],
                                          const Columns& columns, int base, int lane) {
#pragma unroll
    for (int block = 0; block < Blocks; ++block) {
#pragma unroll
        for (int e = 0; e < 8; ++e) {
            float column_delta = columns.delta[base + block * 16 + column_of(lane, e)];
#pragma unroll
            for (int tile = 0; tile < Tiles; ++tile) {
                weight[tile][block][e] *= grad_weight[tile][block][e] - column_delta;
            }
        }
    }
}

// A warp's rows of weights into shared memory, as storage, for products that other warps make of them.
template <typename T, int Pitch, int Tiles>
__device__ inline void share_weights(T* rows, const float (&weight)[Tiles][Blocks][8], int lane) {
#pragma unroll
    for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
        for (int block = 0; block < Blocks; ++block) {
#pragma unroll
            for (int e = 0; e < 8; e += 2) {
                T* place = rows + (tile * TileRows + row_of(lane, e / 2 % 2)) * Pitch + block * 16 + column_of(lane, e);
                *reinterpret_cast<uint32*>(place) = pack_pair<T>(weight[tile][block][e], weight[tile][block][e + 1]);
            }
        }
    }
}

// The keys of a warp on their way through the queries.
template <typename T, int D, int Tiles> struct KeyGradients {
    Sums<T, D, Tiles> grad_keys;
    Sums<T, D, Tiles> grad_values;

    // One step of queries and gradO in shared memory, whose statistics are `columns` from `base` on. Leaves gradSᵀ.
    template <typename OwnRows, typename Columns>
    __device__ void see(float (&weight)[Tiles][Blocks][8], const OwnRows& key_rows, const OwnRows& value_rows, const T* queries,
                        const T* gradients, const Columns& columns, int base, int32 own_key, int32 first_query, float to_exponent,
                        int lane) {
        multiply_rows<T, D>(weight, key_rows, queries, lane);
        to_probabilities(weight, columns, base, own_key, first_query, to_exponent, lane);

        // gradV += Pᵀ·gradO;  gradS = P ⊙ (gradP − δ);  gradK += gradSᵀ·Q
        grad_values.add_product(weight, gradients, lane);
        float grad_weight[Tiles][Blocks][8];
        multiply_rows<T, D>(grad_weight, value_rows, gradients, lane);
        to_score_gradients(weight, grad_weight, columns, base, lane);
        grad_keys.add_product(weight, queries, lane);
    }

    // Finish: by way of the warp's own rows of shared memory.
    __device__ void store(T* staging, T* grad_qkv, const Head& head, const AttentionShape& shape, int32 own_key, int lane) {
        int64 stride = int64(3) * shape.heads * D;
        grad_keys.scale(shape.scale);
        grad_keys.store(staging, grad_qkv + head.in_qkv<D>(shape, 1, own_key), stride, shape.time - own_key, lane);
        grad_values.store(staging, grad_qkv + head.in_qkv<D>(shape, 2, own_key), stride, shape.time - own_key, lane);
    }
};

// gradK and gradV of 64·Tiles keys, over the queries that see them. Rows are keys, columns are queries. `Short`: δ is made here, of no more
// than ShortTime queries, and `delta` not read.
template <typename T, int D, int Tiles, int Buffers, bool Short>
__device__ inline void backward_keys(const Head& head, const T* qkv, const int32* document_start, const T* output, const float* log_sum_exp,
                                     const float* delta, const T* grad_output, T* grad_qkv, const AttentionShape& shape) {
    constexpr int OwnRows = Tiles * TileRows;
    constexpr int BlockRows = Warps * OwnRows;
    constexpr int Size = Step * Rows<D>::Pitch;
    extern __shared__ uint4 shared[];
    T* keys = reinterpret_cast<T*>(shared);
    T* values = keys + BlockRows * Rows<D>::Pitch;
    T* queries = values + BlockRows * Rows<D>::Pitch; // the buffers of each
    T* gradients = queries + Buffers * Size;
    using Columns = Statistics<Short ? ShortTime : Step>;
    Columns* statistics = reinterpret_cast<Columns*>(gradients + Buffers * Size); // of all, or of each buffer

    int lane = threadIdx.x % WarpSize;
    int part = head.part_of_warp(Warps);
    int64 stride = int64(3) * shape.heads * D;
    int32 first_key = head.tile * BlockRows;
    int32 own_key = first_key + part * OwnRows;
    const int32* starts = document_start + head.in_sequence(shape, 0);
    const float* log_sums = log_sum_exp + head.in_statistics(shape, 0);
    const float* deltas = delta + head.in_statistics(shape, 0);

    const T* first_query_row = qkv + head.in_qkv<D>(shape, 0, first_key);
    const T* first_gradient_row = grad_output + head.in_output<D>(shape, first_key);
    auto load = [&](int32 first_query, int buffer) {
        int thread = threadIdx.x;
        if constexpr (D * Tiles > 96) {
            asm volatile("" : "+r"(thread)); // places are worked out anew: kept from step to step they would take too many registers
        }
        int64 offset = (first_query - first_key) * int64(shape.heads * D);
        copy_rows<T, D, Step, Threads>(queries + buffer * Size, first_query_row + 3 * offset, stride, shape.time - first_query, thread);
        copy_rows<T, D, Step, Threads>(gradients + buffer * Size, first_gradient_row + offset, int64(shape.heads) * D,
                                       shape.time - first_query, thread);
        close_copies();
        if constexpr (!Short) {
            load_statistics(statistics[buffer], starts, log_sums, deltas, first_query, shape.time);
        }
    };
    // Starts never decrease: once a step's first query sees none of the keys, no later one does.
    auto sees = [&](int32 first_query) {
        if constexpr (Short) {
            return first_query < first_key + ShortTime && statistics->start[first_query - first_key] < first_key + BlockRows;
        } else {
            return first_query < shape.time && starts[first_query] < first_key + BlockRows;
        }
    };

    copy_rows<T, D, BlockRows, Threads>(keys, qkv + head.in_qkv<D>(shape, 1, first_key), stride, shape.time - first_key, threadIdx.x);
    copy_rows<T, D, BlockRows, Threads>(values, qkv + head.in_qkv<D>(shape, 2, first_key), stride, shape.time - first_key, threadIdx.x);
    if constexpr (Buffers == 2) {
        load(first_key, 0);
    }
    if constexpr (Short) {
        make_statistics<T, D>(*statistics, head, shape, starts, log_sums, output, grad_output, first_key, first_key + BlockRows);
        __syncthreads();
    }
    bool more = sees(first_key + Step);

    using LastingRows = SharedRows<T, D, Tiles, (Wide ? SharedRows<T, D, Tiles>::Unrolled : Short || D % 16 != 0 ? 2 : 4)>;
    LastingRows key_rows(keys + part * OwnRows * Rows<D>::Pitch, lane);
    LastingRows value_rows(values + part * OwnRows * Rows<D>::Pitch, lane);
    KeyGradients<T, D, Tiles> own;
    for (int32 first_query = first_key, buffer = 0;; first_query += Step, buffer ^= Buffers - 1) {
        if constexpr (Buffers == 1) {
            load(first_query, 0);
        }
        await_copies<0>();
        __syncthreads();
        if (Buffers == 2 && more) {
            load(first_query + Step, buffer ^ 1);
        }
        // From global memory it takes long: so it is asked for before the step's work.
        bool more_then = !Short && more && sees(first_query + 2 * Step);
        const Columns& columns = statistics[Short ? 0 : buffer];
        int base = Short ? first_query - first_key : 0;
        if (own_key < first_query + Step && columns.start[base] < own_key + OwnRows) {
            float weight[Tiles][Blocks][8];
            own.see(weight, key_rows, value_rows, queries + buffer * Size, gradients + buffer * Size, columns, base, own_key, first_query,
                    shape.scale * Log2E, lane);
        }
        if (!more) {
            break;
        }
        more = Short ? sees(first_query + 2 * Step) : more_then;
        if constexpr (Buffers == 1) {
            __syncthreads();
        }
    }

    if (own_key < shape.time) {
        lane = int(threadIdx.x) % WarpSize; // said again, and not kept in a register till here
        own.store(keys + part * OwnRows * Rows<D>::Pitch, grad_qkv, head, shape, own_key, lane); // rows that this warp alone needed
    }
}
