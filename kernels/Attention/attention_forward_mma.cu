// attention_forward_mma.cu: attention within documents on the tensor cores, forward.
// Math      as in attention.cu.
// Shapes    qkv (B, T, 3, H, D) T;  output (B, T, H, D) T;  documentStart (B, T) int32;  logSumExp (B, H, T) float.
//           Any B, T, H ≥ 1, D a multiple of 8 up to 128; resident: T ≤ 32·Warps.
// Layout    row-major, contiguous, 16-byte aligned. T is Half, or from sm_80 on BFloat16.
// Writes    output, logSumExp overwritten. No aliasing.
// Launch    tiles: block 128, grid ⌈T/64⌉·B·H, dynamic shared memory (1 + 2·Buffers)·64·pitch·2 bytes, pitch = D rounded up to 16, and 8;
//           two buffers where copies are asynchronous, so that one fills while the other is worked on, else one.
//           resident: block 32·Warps, grid B·H, dynamic shared memory (2·32 + 16)·Warps·pitch·2 bytes.
// Cost      ≥ 4·N·C·sizeof(T) bytes, 4·D FLOP a pair that sees. resident moves just these bytes; tiles loads K and V once for each 64
//           queries that see them, and no tile that the masks empty.
// Numerics  products of T summed in float; softmax in float; P is rounded to T for P·V; what is masked adds exactly 0; order fixed.
// Arch      sm_70 and newer; made for sm_70 and for sm_80 and newer.
// Source    Vaswani et al. 2017, eq. 1; Dao 2023, algorithm 1.
#include "Attention/attention_mma.cuh"

constexpr int Keys = 64; // of a step

// Sixteen queries of a warp on their way through the keys.
template <typename T, int D> struct Queries {
    int32 first;
    int32 last_start; // of the sixteen: all see what is at or after it and at or before `first`
    int32 start[2];
    float maximum[2] = {Masked, Masked};
    float denominator[2] = {}; // this lane's part
    Sums<T, D> sums;

    __device__ Queries(const int32* starts, int32 first_query, int32 time, int lane) : first(first_query) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            int32 query = first + row_of(lane, i);
            start[i] = query < time ? starts[query] : SeesNothing;
        }
        last_start = starts[first + WarpRows <= time ? first + WarpRows - 1 : time - 1];
    }

    // One step of keys and values in shared memory.
    __device__ void see(const LastingRows<T, D>& rows, const T* keys, const T* values, int32 first_key, float to_exponent, int lane) {
        float score[Keys / 16][8];
        multiply_rows<T, D>(score, rows, keys, lane);
        if (last_start > first_key || first < first_key + Keys - 1) {
#pragma unroll
            for (int block = 0; block < Keys / 16; ++block) {
#pragma unroll
                for (int e = 0; e < 8; ++e) {
                    int32 key = first_key + block * 16 + column_of(lane, e);
                    bool seen = key >= start[e / 2 % 2] && key <= first + row_of(lane, e / 2 % 2);
                    score[block][e] = seen ? score[block][e] : Masked;
                }
            }
        }

        // P = exp(S − m), where m is the maximum so far; what was summed under a smaller one is scaled down.
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            float largest = maximum[i];
#pragma unroll
            for (int block = 0; block < Keys / 16; ++block) {
                largest = fmaxf(largest, fmaxf(score[block][2 * i], score[block][2 * i + 1]));
                largest = fmaxf(largest, fmaxf(score[block][2 * i + 4], score[block][2 * i + 5]));
            }
            largest = row_maximum(largest);
            // A row that has seen no key yet has no maximum; any number will do.
            float base = largest == Masked ? 0.0f : largest * to_exponent;
            float correction = power_of_two(fmaf(maximum[i], to_exponent, -base));
            maximum[i] = largest;
            float total = 0.0f;
#pragma unroll
            for (int block = 0; block < Keys / 16; ++block) {
#pragma unroll
                for (int e = 2 * i; e < 8; e += e % 2 == 0 ? 1 : 3) {
                    score[block][e] = power_of_two(fmaf(score[block][e], to_exponent, -base));
                    total += score[block][e];
                }
            }
            denominator[i] = fmaf(denominator[i], correction, total);
            sums.scale(i, correction);
        }

        // O += P·V
        sums.add_product(score, values, lane);
    }

    // O / Σ P and L
    __device__ void finish(const Head& head, const AttentionShape& shape, T* staging, T* output, float* log_sum_exp, int lane) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            int32 query = first + row_of(lane, i);
            float total = row_sum(denominator[i]);
            sums.scale(i, 1.0f / total);
            if (leads_row(lane) && query < shape.time) {
                log_sum_exp[head.in_statistics(shape, query)] = fmaf(maximum[i], shape.scale, logf(total));
            }
        }
        sums.store(staging, output + head.in_output<D>(shape, first), int64(shape.heads) * D, shape.time - first, lane);
    }
};

template <typename T, int D, int Buffers>
__global__ void __launch_bounds__(Threads, 1)
    attention_forward_mma(const T* qkv, const int32* document_start, T* output, float* log_sum_exp, AttentionShape shape) {
    constexpr int Size = Keys * Rows<D>::Pitch;
    extern __shared__ uint4 shared[];
    T* queries = reinterpret_cast<T*>(shared);
    T* keys = queries + BlockRows * Rows<D>::Pitch; // the buffers of keys, then of values
    T* values = keys + Buffers * Size;

    Head head(shape, (shape.time + BlockRows - 1) / BlockRows, true);
    int lane = threadIdx.x % WarpSize;
    int warp = threadIdx.x / WarpSize;
    int64 stride = int64(3) * shape.heads * D;
    int32 first_query = head.tile * BlockRows;
    const int32* starts = document_start + head.in_sequence(shape, 0);

    // Starts never decrease: what the first query does not see, no query of the block sees.
    int32 step = starts[first_query] / Keys;
    auto load = [&](int32 which, int buffer) {
        int32 first_key = which * Keys;
        copy_rows<T, D, Keys, Threads>(keys + buffer * Size, qkv + head.in_qkv<D>(shape, 1, first_key), stride, shape.time - first_key,
                                       threadIdx.x);
        copy_rows<T, D, Keys, Threads>(values + buffer * Size, qkv + head.in_qkv<D>(shape, 2, first_key), stride,
                                       shape.time - first_key, threadIdx.x);
        close_copies();
    };
    copy_rows<T, D, BlockRows, Threads>(queries, qkv + head.in_qkv<D>(shape, 0, first_query), stride, shape.time - first_query,
                                        threadIdx.x);
    close_copies();
    if constexpr (Buffers == 2) {
        load(step, 0);
    }
    await_copies<Buffers - 1>();
    __syncthreads();
    LastingRows<T, D> rows(queries + warp * WarpRows * Rows<D>::Pitch, lane);

    int32 own_first = first_query + warp * WarpRows;
    bool real = own_first < shape.time;
    Queries<T, D> own(starts, real ? own_first : first_query, shape.time, lane);
    int32 own_step = real ? starts[own_first] / Keys : SeesNothing;
    for (int buffer = 0; step <= head.tile; ++step, buffer ^= Buffers - 1) {
        if constexpr (Buffers == 1) {
            load(step, 0);
        }
        if (Buffers == 2 && step < head.tile) {
            load(step + 1, buffer ^ 1);
            await_copies<1>();
        } else {
            await_copies<0>();
        }
        __syncthreads();
        if (step >= own_step) {
            own.see(rows, keys + buffer * Size, values + buffer * Size, step * Keys, shape.scale * Log2E, lane);
        }
        __syncthreads();
    }
    if (real) {
        own.finish(head, shape, queries + warp * WarpRows * Rows<D>::Pitch, output, log_sum_exp, lane);
    }
}

// The whole of a head's keys and values in shared memory, where they fit: read once, and no barrier once they are there. A warp has 16
// early queries and 16 late ones, so that under the causal mask all have as much to do.
template <typename T, int D, int Warps>
__global__ void __launch_bounds__(WarpSize * Warps, 1)
    attention_forward_mma_resident(const T* qkv, const int32* document_start, T* output, float* log_sum_exp, AttentionShape shape) {
    constexpr int Capacity = 2 * WarpRows * Warps;
    extern __shared__ uint4 shared[];
    T* keys = reinterpret_cast<T*>(shared);
    T* values = keys + Capacity * Rows<D>::Pitch;
    int lane = threadIdx.x % WarpSize;
    int warp = threadIdx.x / WarpSize;
    T* queries = values + Capacity * Rows<D>::Pitch + warp * WarpRows * Rows<D>::Pitch; // this warp's own

    Head head(shape, 1, true);
    int64 stride = int64(3) * shape.heads * D;
    const int32* starts = document_start + head.in_sequence(shape, 0);
    copy_rows<T, D, Capacity, WarpSize * Warps>(keys, qkv + head.in_qkv<D>(shape, 1, 0), stride, shape.time, threadIdx.x);
    copy_rows<T, D, Capacity, WarpSize * Warps>(values, qkv + head.in_qkv<D>(shape, 2, 0), stride, shape.time, threadIdx.x);

    for (int round = 0; round < 2; ++round) {
        int32 first = (round == 0 ? 2 * Warps - 1 - warp : warp) * WarpRows;
        bool real = first < shape.time;
        if (real) {
            __syncwarp();
            copy_rows<T, D, WarpRows, WarpSize>(queries, qkv + head.in_qkv<D>(shape, 0, first), stride, shape.time - first, lane);
        }
        close_copies();
        await_copies<0>();
        if (round == 0) {
            __syncthreads();
        } else {
            __syncwarp();
        }
        if (real) {
            LastingRows<T, D> rows(queries, lane);
            Queries<T, D> own(starts, first, shape.time, lane);
            for (int32 step = starts[first] / Keys; step <= first / Keys; ++step) {
                own.see(rows, keys + step * Keys * Rows<D>::Pitch, values + step * Keys * Rows<D>::Pitch, step * Keys,
                        shape.scale * Log2E, lane);
            }
            own.finish(head, shape, queries, output, log_sum_exp, lane);
        }
    }
}
