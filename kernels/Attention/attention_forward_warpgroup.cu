// attention_forward_warpgroup.cu: attention within documents on Hopper's warpgroup products, forward.
// Math      as in attention.cu.
// Shapes    qkv (B, T, 3, H, D) T;  output (B, T, H, D) T;  documentStart (B, T) int32;  logSumExp (B, H, T) float.
//           Any B, T, H ≥ 1, D a multiple of 8 up to 128.
// Layout    row-major, contiguous, 16-byte aligned. T is Half or BFloat16.
// Writes    output, logSumExp overwritten. No aliasing.
// Launch    block 128·Groups, grid ⌈T/(64·Groups)⌉·B·H, dynamic shared memory (64·Groups + 7·64)·(D rounded up to 32)·2 bytes, and 1,024
//           to begin at a multiple of that.
// Cost      ≥ 4·N·C·sizeof(T) bytes, 4·D FLOP a pair that sees. K and V are loaded once for each 64·Groups queries that see them, and no
//           tile that the masks empty.
// Numerics  products of T summed in float; softmax in float, under a row's maximum or up to 2^8 above it; P is rounded to T for P·V;
//           what is masked adds exactly 0; order fixed.
// Arch      sm_90a.
// Source    Vaswani et al. 2017, eq. 1; Dao 2023, algorithm 1; Shah et al. 2024, section 3.2 (scores beside the P·V before them).
#include "Attention/attention_mma.cuh"
#include "Attention/attention_warpgroup_turns.cuh"

constexpr float Slack = 8.0f; // powers of two

// A warp's 16 of a warpgroup's 64 queries, on their way through the keys. A lane has two rows of them, row(0) and row(1).
template <typename T, int D, int BlockRows, bool IsHeld> struct Queries {
    using Own = PanelRows<D, BlockRows>;
    using Passing = PanelRows<D, Keys>;
    static constexpr int Steps = Own::Padded / ProductStep;

    int32 first; // of the warp's
    uint32 tile; // of the warpgroup's, in shared memory
    uint32 rows[IsHeld ? Steps : 1][4];
    float score[Keys / 2];
    uint32 weights[Keys / ProductStep][4]; // P
    float sums[Own::Padded / 2] = {};
    float maximum[2] = {Masked, Masked};
    float denominator[2] = {0.0f, 0.0f}; // this lane's part
    float correction[2];
    bool grown;

    // The block's queries in shared memory, and which of them is the warp's first.
    __device__ Queries(uint32 block_tile, int own_row, int32 first_query) : first(first_query + own_row) {
        tile = block_tile + warpgroup_of_thread() * WarpgroupRows * Own::RowBytes;
        if constexpr (IsHeld) {
#pragma unroll
            for (int step = 0; step < Steps; ++step) {
                load_tiles(rows[step], block_tile + Own::offset(own_row + threadIdx.x % 16, 2 * step + threadIdx.x % WarpSize / 16));
            }
        }
    }

    __device__ static int lane() { return int(threadIdx.x % WarpSize); }

    __device__ static int row(int i) { return int(threadIdx.x % WarpSize / 4) + 8 * i; }

    // S = Q·Kᵀ
    __device__ void begin_scores(uint32 keys) {
        begin_score_step<false>(keys, 0);
#pragma unroll
        for (int step = 1; step < Steps; ++step) {
            begin_score_step<true>(keys, step);
        }
        close_products();
    }

    template <bool Adds> __device__ void begin_score_step(uint32 keys, int step) {
        if constexpr (IsHeld) {
            WarpgroupProduct<T, Keys>::template of_registers<Adds, false>(score, rows[step], Passing::along_rows(keys, step));
        } else {
            WarpgroupProduct<T, Keys>::template of_shared<Adds, false, false>(score, Own::along_rows(tile, step),
                                                                              Passing::along_rows(keys, step));
        }
    }

    // O += P·V
    __device__ void begin_sums(uint32 values) {
#pragma unroll
        for (int step = 0; step < Keys / ProductStep; ++step) {
            WarpgroupProduct<T, Own::Padded>::template of_registers<true, true>(sums, weights[step], Passing::down_rows(values, step));
        }
        close_products();
    }

    __device__ void mask(const int32* own_starts, int32 first_key) {
        int32 first_column = first_key + int(threadIdx.x % 4 * 2);
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            int32 start = own_starts[row(i)] - first_column;
            int32 end = first + row(i) - first_column;
#pragma unroll
            for (int e = 2 * i; e < Keys / 2; e += e % 2 == 0 ? 1 : 3) {
                int32 column = e / 4 * 8 + e % 2; // from the lane's first
                score[e] = start <= column && end >= column ? score[e] : Masked;
            }
        }
    }

    // P = exp(S − m), where m is the maximum so far, or one that is less by no more than Slack: P is then at most 2^Slack, which storage
    // and sums hold as precisely. When m does change, what was summed under the old one is to be scaled down.
    __device__ void weigh(float to_exponent) {
        grown = false;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            float largest = fmaxf(maximum[i], row_maximum(largest_score(i)));
            // Each row by its own scores: what others of the tile see must not change its bits.
            bool grows = (largest - maximum[i]) * to_exponent > Slack;
            correction[i] = grows ? power_of_two((maximum[i] - largest) * to_exponent) : 1.0f;
            maximum[i] = grows ? largest : maximum[i];
            grown |= grows;
            // A row that has seen no key yet has no maximum; any number will do.
            float base = maximum[i] == Masked ? 0.0f : maximum[i] * to_exponent;
            float total[2];
#pragma unroll
            for (int e = 2 * i; e < Keys / 2; e += 4) {
#pragma unroll
                for (int j = 0; j < 2; ++j) {
                    score[e + j] = power_of_two(fmaf(score[e + j], to_exponent, -base));
                    total[j] = e == 2 * i ? score[e + j] : total[j] + score[e + j];
                }
            }
            denominator[i] = fmaf(denominator[i], correction[i], total[0] + total[1]);
        }
        hold(score); // or the compiler puts exponentials off until they are rounded, behind the wait for sums that are made beside them
    }

    __device__ float largest_score(int i) const {
        float largest = fmaxf(score[2 * i], score[2 * i + 1]);
#pragma unroll
        for (int e = 2 * i + 4; e < Keys / 2; e += 4) {
            largest = fmaxf(largest, fmaxf(score[e], score[e + 1]));
        }
        return largest;
    }

    __device__ void scale(int i, float factor) {
#pragma unroll
        for (int e = 2 * i; e < Own::Padded / 2; e += 4) {
            sums[e] *= factor;
            sums[e + 1] *= factor;
        }
    }

    // What was summed under a smaller maximum.
    __device__ void scale_grown() {
        if (__any_sync(FullWarp, grown)) {
            scale(0, correction[0]);
            scale(1, correction[1]);
        }
    }

    // P in storage
    __device__ void round() {
#pragma unroll
        for (int step = 0; step < Keys / ProductStep; ++step) {
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                weights[step][j] = pack_pair<T>(score[8 * step + 2 * j], score[8 * step + 2 * j + 1]);
            }
        }
    }

    // O / Σ P and L, by way of the warp's own rows of shared memory, so that rows leave in whole sectors. The warpgroup's products with
    // what was there are done: a turn has begun since.
    __device__ void finish(const Head& head, const AttentionShape& shape, unsigned char* staging, int own_row, T* output,
                           float* log_sum_exp) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            float total = row_sum(denominator[i]);
            scale(i, 1.0f / total);
            if (threadIdx.x % 4 == 0 && first + row(i) < shape.time) {
                log_sum_exp[head.in_statistics(shape, first + row(i))] = fmaf(maximum[i], shape.scale, logf(total));
            }
        }
#pragma unroll
        for (int e = 0; e < Own::Padded / 2; e += 2) {
            *reinterpret_cast<uint32*>(staging + Own::offset(own_row + row(e / 2 % 2), e / 4) + threadIdx.x % 4 * 4) =
                pack_pair<T>(sums[e], sums[e + 1]);
        }
        __syncwarp();
        using Warp = PanelRows<D, TileRows>;
        T* rows_out = output + head.in_output<D>(shape, first);
#pragma unroll
        for (int base = 0; base < Warp::Chunks; base += WarpSize) {
            uint32 row = Warp::row_of(base + lane());
            uint32 chunk = Warp::chunk_of(base + lane());
            if (first + int32(row) < shape.time && chunk * 8 < D) {
                store_words(rows_out + (row * uint32(shape.heads * D) + chunk * 8),
                            *reinterpret_cast<const uint4*>(staging + Own::offset(own_row + row, chunk)));
            }
        }
    }
};

template <typename T, int D, int Groups, int Resident>
__global__ void __launch_bounds__(Groups* WarpgroupThreads, Resident)
    attention_forward_warpgroup(const T* qkv, const int32* document_start, T* output, float* log_sum_exp, AttentionShape shape) {
    constexpr int Threads = Groups * WarpgroupThreads;
    constexpr int BlockRows = Groups * WarpgroupRows;
    constexpr bool IsHeld = D <= 64 || Resident == 1; // as registers allow
    using Own = PanelRows<D, BlockRows>;
    extern __shared__ uint4 shared[];
    __shared__ uint64 barrier;
    __shared__ int32 block_starts[BlockRows];
    unsigned char* staging = aligned_panels(shared);
    uint32 queries = shared_address(staging);

    Head head(shape, (shape.time + BlockRows - 1) / BlockRows, true);
    int32 first_query = head.tile * BlockRows;
    int32 last_query = (first_query + BlockRows < shape.time ? first_query + BlockRows : shape.time) - 1;
    const int32* starts = document_start + head.in_sequence(shape, 0);
    if (int32 row = threadIdx.x; row < BlockRows) {
        block_starts[row] = first_query + row < shape.time ? starts[first_query + row] : SeesNothing;
    }
    uint32 row_bytes = 3 * shape.heads * D * sizeof(T);
    PanelCopy<D, BlockRows, Threads>(row_bytes).copy(
        queries, reinterpret_cast<const char*>(qkv + head.in_qkv<D>(shape, 0, first_query)), row_bytes, shape.time - first_query);
    // Starts never decrease: what the first query does not see, no query of the block sees.
    int32 first_step = starts[first_query] / Keys;
    Turns<D, Threads> turns(&barrier, queries + Own::Bytes,
                            reinterpret_cast<const char*>(qkv + head.in_qkv<D>(shape, 1, first_step * Keys)), shape, first_step,
                            last_query / Keys);

    int own_row = int(threadIdx.x / WarpSize * TileRows);
    int group_row = warpgroup_of_thread() * WarpgroupRows;
    int32 group_first = first_query + group_row;
    const int32* group_starts = block_starts + group_row;
    int32 group_last_start = group_starts[WarpgroupRows - 1];
    bool real = group_first < shape.time;
    int32 own_first_step = real ? group_starts[0] / Keys : turns.last_step + 1;
    int32 own_last_step = group_first + WarpgroupRows < shape.time ? (group_first + WarpgroupRows - 1) / Keys : turns.last_step;
    float to_exponent = shape.scale * Log2E;

    Queries<T, D, BlockRows, IsHeld> own(queries, own_row, first_query);
    auto weigh = [&](int32 first_key) {
        if (group_last_start > first_key || own.first < first_key + Keys - 1) {
            own.mask(block_starts + own_row, first_key);
        }
        own.weigh(to_exponent);
    };
    turns.pass(own_first_step - 1);
    if (real) {
        turns.begin();
        open_products();
        own.begin_scores(turns.next_keys());
        await_products<0>();
        hold(own.score);
        turns.hand_over();
        weigh(turns.step * Keys);
        turns.begin();
        own.round();
        while (turns.step < own_last_step) {
            open_products();
            own.begin_scores(turns.next_keys());
            own.begin_sums(turns.values());
            await_products<1>();
            hold(own.score);
            turns.hand_over();
            weigh(turns.step * Keys);
            // Exponentials are taken beside the sums: this wait keeps the assembler from putting that for the sums ahead of them.
            turns.begin();
            await_products<0>();
            hold(own.sums);
            own.scale_grown();
            own.round();
        }
        open_products();
        own.begin_sums(turns.values());
        await_products<0>();
        hold(own.sums);
        turns.hand_over();
    }
    turns.pass(turns.last_step + 1);
    if (real) {
        own.finish(head, shape, staging, own_row, output, log_sum_exp);
    }
}
