// attention_forward_mma.cu: attention within documents on the tensor cores, forward.
// Math      as in attention.cu.
// Shapes    qkv (B, T, 3, H, D) T;  output (B, T, H, D) T;  documentStart (B, T) int32;  logSumExp (B, H, T) float.
//           Any B, T, H ≥ 1, D a multiple of 8 up to 128.
// Layout    row-major, contiguous, 16-byte aligned. T is Half, or from sm_80 on BFloat16.
// Writes    output, logSumExp overwritten. No aliasing.
// Launch    block 128, grid ⌈T/(64·Tiles)⌉·B·H, dynamic shared memory (64·Tiles + 2·Buffers·32)·pitch·2 bytes, pitch = D rounded up to 16,
//           and 8; two buffers where copies are asynchronous, so that one fills while the other is worked on, else one.
// Cost      ≥ 4·N·C·sizeof(T) bytes, 4·D FLOP a pair that sees. K and V are loaded once for each 64·Tiles queries that see them, and no
//           tile that the masks empty.
// Numerics  products of T summed in float; softmax in float, under a row's maximum or up to 2^8 above it; P is rounded to T for P·V;
//           what is masked adds exactly 0; order fixed.
// Arch      sm_70 and newer; made for sm_70 and for sm_80 and newer.
// Source    Vaswani et al. 2017, eq. 1; Dao 2023, algorithm 1.
#include "Attention/attention_mma.cuh"

constexpr int Keys = 32; // of a step
constexpr int Blocks = Keys / 16;
constexpr float Slack = 8.0f; // powers of two

// The queries of a warp on their way through the keys.
template <typename T, int D, int Tiles> struct Queries {
    static constexpr int Count = Tiles * TileRows;
    int32 first;
    int32 last_start; // of the queries: all see what is at or after it and at or before `first`; past the end it is beyond every key
    float maximum[Tiles][2];
    float denominator[Tiles][2]; // this lane's part
    Sums<T, D, Tiles> sums;

    __device__ Queries(int32 first_query, int32 last_of_starts) : first(first_query), last_start(last_of_starts) {
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                maximum[tile][i] = Masked;
                denominator[tile][i] = 0.0f;
            }
        }
    }

    __device__ void mask(float (&score)[Tiles][Blocks][8], const int32* own_starts, int32 first_key, int lane) const {
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

    // One step of keys and values in shared memory.
    __device__ void see(const LastingRows<T, D, Tiles>& rows, const int32* own_starts, const T* keys, const T* values, int32 first_key,
                        float to_exponent, int lane) {
        float score[Tiles][Blocks][8];
        multiply_rows<T, D>(score, rows, keys, lane);
        if (last_start > first_key || first < first_key + Keys - 1) {
            mask(score, own_starts, first_key, lane);
        }

        // P = exp(S − m), where m is the maximum so far, or one that is less by no more than Slack: P is then at most 2^Slack, which
        // storage and sums hold as precisely. When m does change, what was summed under the old one is scaled down.
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
            float correction[2];
            bool grown = false;
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                float largest = maximum[tile][i];
#pragma unroll
                for (int block = 0; block < Blocks; ++block) {
                    const float* row = &score[tile][block][2 * i];
                    largest = fmaxf(largest, fmaxf(row[0], row[1]));
                    largest = fmaxf(largest, fmaxf(row[4], row[5]));
                }
                largest = row_maximum(largest);
                // Each row by its own scores: what others of the tile see must not change its bits.
                bool grows = (largest - maximum[tile][i]) * to_exponent > Slack;
                correction[i] = grows ? power_of_two((maximum[tile][i] - largest) * to_exponent) : 1.0f;
                maximum[tile][i] = grows ? largest : maximum[tile][i];
                grown |= grows;
                // A row that has seen no key yet has no maximum; any number will do.
                float base = maximum[tile][i] == Masked ? 0.0f : maximum[tile][i] * to_exponent;
                float total = 0.0f;
#pragma unroll
                for (int block = 0; block < Blocks; ++block) {
#pragma unroll
                    for (int e = 2 * i; e < 8; e += e % 2 == 0 ? 1 : 3) {
                        score[tile][block][e] = power_of_two(fmaf(score[tile][block][e], to_exponent, -base));
                        total += score[tile][block][e];
                    }
                }
                denominator[tile][i] = fmaf(denominator[tile][i], correction[i], total);
            }
            if (__any_sync(FullWarp, grown)) {
                sums.scale(tile, 0, correction[0]);
                sums.scale(tile, 1, correction[1]);
            }
        }

        // O += P·V
        sums.add_product(score, values, lane);
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
                    log_sum_exp[head.in_statistics(shape, query)] = fmaf(maximum[tile][i], shape.scale, logf(total));
                }
            }
        }
        sums.store(staging, output + head.in_output<D>(shape, first), int64(shape.heads) * D, shape.time - first, lane);
    }
};

// The keys and values that a thread copies in each step: addresses go on by a constant, for integers too take their turn with products.
template <typename T, int D> struct PassingRows {
    static constexpr int Chunks = (Keys * Rows<D>::Chunks + Threads - 1) / Threads;
    const char* source; // the first key of the step to be copied next
    uint32 offsets[Chunks]; // from there, bytes

    __device__ PassingRows(const T* first_key, int32 heads) : source(reinterpret_cast<const char*>(first_key)) {
#pragma unroll
        for (int i = 0; i < Chunks; ++i) {
            ChunkPlace<Rows<D>::Chunks> place(i * Threads + int(threadIdx.x));
            offsets[i] = (uint32(place.row) * 3 * heads * D + place.chunk * 8) * sizeof(T);
        }
    }

    // `valid` keys of the next step; the others are zeros.
    __device__ void copy(T* keys, T* values, int32 valid, int32 heads) {
        uint32 row_bytes = uint32(heads) * D * sizeof(T);
#pragma unroll
        for (int part = 0; part < 2; ++part) {
            const char* rows = part == 0 ? source : source + row_bytes;
#pragma unroll
            for (int i = 0; i < Chunks; ++i) {
                int index = i * Threads + int(threadIdx.x);
                if (Keys * Rows<D>::Chunks % Threads == 0 || index < Keys * Rows<D>::Chunks) {
                    ChunkPlace<Rows<D>::Chunks> place(index);
                    bool real = place.row < valid && place.chunk * 8 < D;
                    copy_chunk((part == 0 ? keys : values) + place.row * Rows<D>::Pitch + place.chunk * 8,
                               rows + (real ? offsets[i] : 0u), real);
                }
            }
        }
        source += 3 * Keys * row_bytes;
        close_copies();
    }
};

template <typename T, int D, int Tiles, int Buffers>
__global__ void __launch_bounds__(Threads, Wide || D > 96 ? 2 : 3)
    attention_forward_mma(const T* qkv, const int32* document_start, T* output, float* log_sum_exp, AttentionShape shape) {
    using Own = Queries<T, D, Tiles>;
    constexpr int BlockRows = Warps * Own::Count;
    constexpr int Size = Keys * Rows<D>::Pitch;
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
    PassingRows<T, D> passing(qkv + head.in_qkv<D>(shape, 1, step * Keys), shape.heads);
    auto load = [&](int32 which, int buffer) {
        if constexpr (D * Tiles > 192) {
            int thread = threadIdx.x;
            asm volatile("" : "+r"(thread)); // places are worked out anew: kept from step to step they would take too many registers
            int32 first_key = which * Keys;
            copy_rows<T, D, Keys, Threads>(keys + buffer * Size, qkv + head.in_qkv<D>(shape, 1, first_key), stride,
                                           shape.time - first_key, thread);
            copy_rows<T, D, Keys, Threads>(values + buffer * Size, qkv + head.in_qkv<D>(shape, 2, first_key), stride,
                                           shape.time - first_key, thread);
            close_copies();
        } else {
            passing.copy(keys + buffer * Size, values + buffer * Size, shape.time - which * Keys, shape.heads);
        }
    };
    static_assert(BlockRows <= Threads, "a thread has at most one query's start");
    if (int row = threadIdx.x; row < BlockRows) {
        block_starts[row] = first_query + row < shape.time ? starts[first_query + row] : SeesNothing;
    }
    copy_rows<T, D, BlockRows, Threads>(queries, qkv + head.in_qkv<D>(shape, 0, first_query), stride, shape.time - first_query,
                                        threadIdx.x);
    close_copies();
    if constexpr (Buffers == 2) {
        load(step, 0);
    }
    await_copies<Buffers - 1>();
    __syncthreads();
    T* own_rows = queries + part * Own::Count * Rows<D>::Pitch;
    LastingRows<T, D, Tiles> rows(own_rows, lane);

    int32 own_first = first_query + part * Own::Count;
    bool real = own_first < shape.time;
    const int32* own_starts = block_starts + part * Own::Count;
    int32 own_start = own_starts[0];
    Own own(own_first, own_starts[Own::Count - 1]);
    for (int buffer = 0; step <= last_step; ++step, buffer ^= Buffers - 1) {
        if constexpr (Buffers == 1) {
            load(step, 0);
        }
        if (Buffers == 2 && step < last_step) {
            load(step + 1, buffer ^ 1);
            await_copies<1>();
        } else {
            await_copies<0>();
        }
        __syncthreads();
        int32 first_key = step * Keys;
        if (first_key + Keys > own_start && first_key < own_first + Own::Count) {
            own.see(rows, own_starts, keys + buffer * Size, values + buffer * Size, first_key, shape.scale * Log2E, lane);
        }
        __syncthreads();
    }
    if (real) {
        own.finish(head, shape, own_rows, output, log_sum_exp, lane);
    }
}
