// attention_forward_mma.cu: attention within documents on the tensor cores, forward.
// Math      as in attention.cu.
// Shapes    qkv (B, T, 3, H, D) T;  output (B, T, H, D) T;  documentStart (B, T) int32;  logSumExp (B, H, T) float.
//           Any B, T, H ≥ 1, D a multiple of 8 up to 128.
// Layout    row-major, contiguous, 16-byte aligned. T is Half, or from sm_80 on BFloat16.
// Writes    output, logSumExp overwritten. No aliasing.
// Launch    block 128, grid ⌈T/(64·Tiles)⌉·B·H, dynamic shared memory (64·Tiles + 2·Buffers·32)·pitch·2 bytes, pitch = D rounded up to 16,
//           and 8; two buffers where copies are asynchronous, so that one fills while the other is worked on, else one. With two, and
//           D·Tiles ≤ 192, a step multiplies the values of the step before.
// Cost      ≥ 4·N·C·sizeof(T) bytes, 4·D FLOP a pair that sees. K and V are loaded once for each 64·Tiles queries that see them, and no
//           tile that the masks empty.
// Numerics  products of T summed in float; softmax in float, under a row's maximum or a base that leaves P at 2^8 or less; P is rounded to
//           T for P·V; what is masked adds exactly 0; order fixed.
// Arch      sm_70 and newer; made for sm_70 and for sm_80 and newer.
// Source    Vaswani et al. 2017, eq. 1; Dao 2023, algorithm 1.
#include "Attention/attention_mma.cuh"

constexpr int Keys = 32; // of a step
constexpr int Blocks = Keys / 16;

// Of a lane's weights of one row and step: if they sum to more, or where their scores are known first one exceeds the limit's exponent, the
// row's base is set anew.
constexpr float LimitExponent = 8.0f;
constexpr float Limit = 256.0f;

// The base of a row that has seen no key: what is masked lies below it still, and any score above it by more than the limit.
constexpr float Unseen = -1.0e37f;

// The left side of Q·Kᵀ: in registers where sums leave room.
template <typename T, int D, int Tiles>
using LastingRows = typename Select<Wide && Tiles == 1, HeldRows<T, D, Tiles>, SharedRows<T, D, Tiles>>::Type;

// The queries of a warp on their way through the keys. P = 2^(S·log2 e/√D − base): a row's base is the maximum of its scores up to some
// step; P is at most the limit, which storage and sums hold as precisely as numbers up to 1.
template <typename T, int D, int Tiles> struct Queries {
    static constexpr int Count = Tiles * TileRows;
    using Scores = float[Tiles][Blocks][8];
    using RowTotals = float[Tiles][2];
    using Weights = uint32[Blocks][Tiles][4]; // of a step, in storage, as left operands

    int32 first;
    int32 last_start; // of the queries: all see what is at or after it and at or before `first`; past the end it is beyond every key
    float to_exponent;
    RowTotals base;
    RowTotals denominator; // this lane's part
    Weights weights; // of the last step
    Sums<T, D, Tiles> sums;

    __device__ Queries(int32 first_query, int32 last_of_starts, float scale)
        : first(first_query), last_start(last_of_starts), to_exponent(scale * Log2E) {
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                base[tile][i] = Unseen;
                denominator[tile][i] = 0.0f;
            }
        }
    }

    __device__ void mask(Scores& score, const int32* own_starts, int32 first_key, int lane) const {
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                int row = tile * TileRows + row_of(lane, i);
                int32 start = own_starts[row];
#pragma unroll
                for (int block = 0; block < Blocks; ++block) {
#pragma unroll
                    for (int e = 2 * i; e < 8; e += e % 2 == 0 ? 1 : 3) {
                        int32 key = first_key + block * 16 + column_of(lane, e);
                        score[tile][block][e] = key >= start && key <= first + row ? score[tile][block][e] : Masked;
                    }
                }
            }
        }
    }

    // The weights of a step, and this lane's part of their sum over each row.
    __device__ void weigh(Weights& weight, RowTotals& total, const Scores& score, int lane) const {
#pragma unroll
        for (int block = 0; block < Blocks; ++block) {
#pragma unroll
            for (int tile = 0; tile < Tiles; ++tile) {
                float own[8];
#pragma unroll
                for (int e = 0; e < 8; ++e) {
                    float& sum = total[tile][e / 2 % 2];
                    own[e] = power_of_two(fmaf(score[tile][block][e], to_exponent, -base[tile][e / 2 % 2]));
                    sum = block == 0 && e < 4 && e % 2 == 0 ? own[e] : sum + own[e];
                }
                pack_weights<T>(weight[block][tile], own, lane);
            }
        }
    }

    // The largest of a row's scores in this lane.
    __device__ static float largest_of(const float (&score)[Blocks][8], int i) {
        float largest = Masked;
#pragma unroll
        for (int block = 0; block < Blocks; ++block) {
            const float* row = &score[block][2 * i];
            largest = fmaxf(largest, fmaxf(row[0], row[1]));
            largest = fmaxf(largest, fmaxf(row[4], row[5]));
        }
        return largest;
    }

    // Where a row exceeds the limit in one of its lanes, its base becomes its largest score, and what was summed is scaled down.
    __device__ void rebase(const RowTotals& excess, float limit, const Scores& score) {
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                float largest = row_maximum(largest_of(score[tile], i)) * to_exponent;
                // Each row by its own scores: what others of the tile see must not change its bits.
                bool exceeds = row_maximum(excess[tile][i]) > limit;
                float correction = exceeds ? power_of_two(base[tile][i] - largest) : 1.0f;
                base[tile][i] = exceeds ? largest : base[tile][i];
                denominator[tile][i] *= correction;
                sums.scale(tile, i, correction);
            }
        }
    }

    // One step of keys. Where it `Follows` another, the values of that are added on the way, for the tensor cores to work on while the
    // special functions do: nothing but the sums of the weights then tells whether they are too large, and they are made again if so.
    template <bool Follows>
    __device__ void see(const LastingRows<T, D, Tiles>& rows, const int32* own_starts, uint32 keys, uint32 values, int32 first_key,
                        int lane) {
        Scores score;
        multiply_rows<T, D>(score, rows, keys);
        if (last_start > first_key || first < first_key + Keys - 1) {
            mask(score, own_starts, first_key, lane);
        }
        Weights weight;
        RowTotals total;
        RowTotals excess;
        constexpr float Most = Follows ? Limit : LimitExponent;
        if constexpr (Follows) {
            weigh(weight, total, score, lane);
            add(values, lane);
        }
        bool exceeds = false;
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                excess[tile][i] = Follows ? total[tile][i] : fmaf(largest_of(score[tile], i), to_exponent, -base[tile][i]);
                exceeds |= excess[tile][i] > Most;
            }
        }
        exceeds = __any_sync(FullWarp, exceeds);
        if (exceeds) {
            rebase(excess, Most, score);
        }
        if (!Follows || exceeds) {
            weigh(weight, total, score, lane);
        }
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
            denominator[tile][0] += total[tile][0];
            denominator[tile][1] += total[tile][1];
#pragma unroll
            for (int i = 0; i < 4 * Blocks; ++i) {
                weights[i / 4][tile][i % 4] = weight[i / 4][tile][i % 4];
            }
        }
    }

    // O += P·V, with P of the last step.
    __device__ void add(uint32 values, int lane) {
#pragma unroll
        for (int block = 0; block < Blocks; ++block) {
            sums.add_step(weights[block], values + block * 16 * Rows<D>::Pitch * sizeof(T), lane);
        }
    }

    // O / Σ P and L
    __device__ void finish(const Head& head, const AttentionShape& shape, T* staging, T* output, float* log_sum_exp, int lane) {
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                int32 query = first + tile * TileRows + row_of(lane, i);
                float total = row_sum(denominator[tile][i]);
                sums.scale(tile, i, 1.0f / total);
                if (leads_row(lane) && query < shape.time) {
                    log_sum_exp[head.in_statistics(shape, query)] = fmaf(base[tile][i], Ln2, logf(total));
                }
            }
        }
        sums.store(staging, output + head.in_output<D>(shape, first), int64(shape.heads) * D, shape.time - first, lane);
    }
};

// The keys and values that a thread copies in each step, the values of `Behind` steps before: addresses go on by a constant, for integers
// too take their turn with products.
template <typename T, int D, int Behind> struct PassingRows {
    static constexpr int Chunks = (Keys * Rows<D>::Chunks + Threads - 1) / Threads;
    const char* source; // the first key of the step to be copied next
    uint32 row_bytes; // of a part of a row
    uint32 offsets[Chunks]; // from there, bytes

    __device__ PassingRows(const T* first_key, int32 heads)
        : source(reinterpret_cast<const char*>(first_key)), row_bytes(uint32(heads) * D * sizeof(T)) {
#pragma unroll
        for (int i = 0; i < Chunks; ++i) {
            ChunkPlace<Rows<D>::Chunks> place(i * Threads + int(threadIdx.x));
            offsets[i] = place.row * 3 * row_bytes + place.chunk * 8 * sizeof(T);
        }
    }

    // `valid` rows; the others are zeros.
    __device__ void copy(T* target, const char* rows, int32 valid) const {
#pragma unroll
        for (int i = 0; i < Chunks; ++i) {
            int index = i * Threads + int(threadIdx.x);
            if (Keys * Rows<D>::Chunks % Threads == 0 || index < Keys * Rows<D>::Chunks) {
                ChunkPlace<Rows<D>::Chunks> place(index);
                bool real = place.row < valid && (D % 16 == 0 || place.chunk * 8 < D);
                copy_chunk(target + place.row * Rows<D>::Pitch + place.chunk * 8, rows + (real ? offsets[i] : 0u), real);
            }
        }
    }

    // The next step's keys, of which there are `valid`.
    __device__ void copy_keys(T* keys, int32 valid) {
        copy(keys, source, valid);
        source += 3 * Keys * row_bytes;
    }

    // The values that go with the keys copied last, or with those before them; of them too `valid`.
    __device__ void copy_values(T* values, int32 valid) const {
        copy(values, source + row_bytes - 3 * (Behind + 1) * Keys * row_bytes, valid);
    }
};

template <typename T, int D, int Tiles, int Buffers>
__global__ void __launch_bounds__(Threads, D * Tiles <= 128 || !Wide && D <= 96 ? 3 : 2)
    attention_forward_mma(const T* qkv, const int32* document_start, T* output, float* log_sum_exp, AttentionShape shape) {
    using Own = Queries<T, D, Tiles>;
    constexpr int BlockRows = Warps * Own::Count;
    constexpr int Size = Keys * Rows<D>::Pitch;
    constexpr int Behind = Buffers == 2 && D * Tiles <= 192 ? 1 : 0; // steps between a step's scores and its values
    extern __shared__ uint4 shared[];
    __shared__ int32 block_starts[BlockRows];
    T* queries = reinterpret_cast<T*>(shared);
    T* keys = queries + BlockRows * Rows<D>::Pitch; // the buffers of keys, then of values
    T* values = keys + Buffers * Size;

    Head head(shape, (shape.time + BlockRows - 1) / BlockRows, true);
    int lane = threadIdx.x % WarpSize;
    int part = head.part_of_warp(Warps);
    int64 stride = int64(3) * shape.heads * D;
    int32 first_query = head.tile * BlockRows;
    int32 last_query = (first_query + BlockRows < shape.time ? first_query + BlockRows : shape.time) - 1;
    const int32* starts = document_start + head.in_sequence(shape, 0);

    // Starts never decrease: what the first query does not see, no query of the block sees.
    int32 step = starts[first_query] / Keys;
    int32 last_step = last_query / Keys;
    static_assert(BlockRows <= Threads, "a thread has at most one query's start");
    if (int row = threadIdx.x; row < BlockRows) {
        block_starts[row] = first_query + row < shape.time ? starts[first_query + row] : SeesNothing;
    }
    copy_rows<T, D, BlockRows, Threads>(queries, qkv + head.in_qkv<D>(shape, 0, first_query), stride, shape.time - first_query,
                                        threadIdx.x);
    close_copies();
    PassingRows<T, D, Behind> passing(qkv + head.in_qkv<D>(shape, 1, step * Keys), shape.heads);
    if constexpr (Buffers == 2) {
        passing.copy_keys(keys, shape.time - step * Keys);
        if constexpr (!Behind) {
            passing.copy_values(values, shape.time - step * Keys);
        }
        close_copies();
    }
    await_copies<Buffers - 1>();
    __syncthreads();
    T* own_rows = queries + part * Own::Count * Rows<D>::Pitch;
    LastingRows<T, D, Tiles> rows(own_rows, lane);

    int32 own_first = first_query + part * Own::Count;
    const int32* own_starts = block_starts + part * Own::Count;
    bool real = own_first < shape.time;
    int32 own_step = own_starts[0] / Keys;
    int32 own_last_step = real ? (own_first + Own::Count - 1) / Keys : -1;
    Own own(own_first, own_starts[Own::Count - 1], shape.scale);
    uint32 key_rows = right_rows<T, D>(keys, lane);
    uint32 value_rows = own.sums.rows_of(values, lane);
    if constexpr (Wide) {
        asm volatile("" : "+r"(key_rows), "+r"(value_rows)); // hides where they come from, or they are made anew in each step
    }
    for (int buffer = 0; step <= last_step + Behind; ++step, buffer ^= Buffers - 1) {
        if constexpr (Buffers == 1) {
            passing.copy_keys(keys, shape.time - step * Keys);
            passing.copy_values(values, shape.time - step * Keys);
        }
        await_copies<0>();
        __syncthreads();
        if (Buffers == 2 && step < last_step + Behind) {
            int32 ahead = shape.time - (step + 1) * Keys;
            passing.copy_keys(keys + (buffer ^ 1) * Size, step < last_step ? ahead : 0);
            passing.copy_values(values + (Behind ? buffer : buffer ^ 1) * Size, ahead + Behind * Keys);
            close_copies();
        }
        int32 first_key = step * Keys;
        uint32 step_keys = key_rows + buffer * Size * sizeof(T);
        uint32 step_values = value_rows + (Behind ? buffer ^ 1 : buffer) * Size * sizeof(T);
        if constexpr (Behind) {
            if (step > own_step && step <= own_last_step) {
                own.template see<true>(rows, own_starts, step_keys, step_values, first_key, lane);
            } else if (step == own_step) {
                own.template see<false>(rows, own_starts, step_keys, step_values, first_key, lane);
            } else if (real && step == own_last_step + 1) {
                own.add(step_values, lane);
            }
        } else if (step >= own_step && step <= own_last_step) {
            own.template see<false>(rows, own_starts, step_keys, step_values, first_key, lane);
            own.add(step_values, lane);
        }
        if constexpr (Buffers == 1) {
            __syncthreads();
        }
    }
    if (real) {
        own.finish(head, shape, own_rows, output, log_sum_exp, lane);
    }
}
