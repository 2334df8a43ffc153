// attention_backward_whole_mma.cu: attention within documents on the tensor cores, backward, a short head in one block.
// Math      as in attention.cu.
// Shapes    qkv, gradQkv (B, T, 3, H, D) T;  output, gradOutput (B, T, H, D) T;  documentStart (B, T) int32;  logSumExp (B, H, T) float.
//           Any B, H ≥ 1, T ≤ 16·Tiles·BlockWarps ≤ 256, D a multiple of 8 up to 128.
// Layout    row-major, contiguous, 16-byte aligned. T is Half or BFloat16.
// Writes    gradQkv overwritten. No aliasing.
// Launch    block 32·BlockWarps, grid B·H, dynamic shared memory (2·rows + 4·32)·pitch·2 + 2·rows·80 + 12·rows bytes,
//           rows = 16·Tiles·BlockWarps, pitch = D rounded up to 16, and 8.
// Cost      ≥ 8·N·C·sizeof(T) bytes, 10·D FLOP a pair that sees: each tensor is read once, gradOutput twice (δ), S and gradP are computed
//           once. Steps of queries that a warp's keys are not seen by are not computed.
// Numerics  products of T summed in float; P and gradS are rounded to T for the second product; no atomics, order fixed by T and the
//           starts.
// Arch      sm_80 and newer, where a block may have that much shared memory.
// Source    Dao 2023, algorithm 2, with gradS handed through shared memory.
#include "Attention/attention_backward_keys.cuh"

// A warp has 16·Tiles keys, whose gradients stay in its registers, and its part of each step's gradQ. Steps of 32 queries pass by from the
// first to the last: under the causal mask a step needs no key that is not loaded with it or before. What warps make of gradS goes through
// shared memory to the product with K, which follows one step behind: so that a step has one barrier, and warps without keys for it have
// something to do.
template <typename T, int D, int Tiles, int BlockWarps> struct WholeHead {
    static constexpr int OwnRows = Tiles * TileRows;
    static constexpr int HeadRows = BlockWarps * OwnRows;
    static constexpr int Copiers = BlockWarps * WarpSize;
    static constexpr int Size = Step * Rows<D>::Pitch;
    static constexpr int ScorePitch = Rows<Step>::Pitch;

    T* keys; // HeadRows
    T* values;
    T* queries; // two buffers of Step
    T* gradients;
    T* scores; // two buffers of gradSᵀ: HeadRows of Step
    Statistics<HeadRows>* statistics;

    __device__ explicit WholeHead(uint4* shared) {
        keys = reinterpret_cast<T*>(shared);
        values = keys + HeadRows * Rows<D>::Pitch;
        queries = values + HeadRows * Rows<D>::Pitch;
        gradients = queries + 2 * Size;
        scores = gradients + 2 * Size;
        statistics = reinterpret_cast<Statistics<HeadRows>*>(scores + 2 * HeadRows * ScorePitch);
    }

    // Log-sums, δ and starts of all queries; those past the end see nothing.
    __device__ void make_statistics(const Head& head, const AttentionShape& shape, const int32* starts, const float* log_sums,
                                    const T* output, const T* grad_output, int lane) const {
        for (int base = int(threadIdx.x) / WarpSize * Step; base < HeadRows; base += BlockWarps * Step) {
            int32 query = base + lane;
            bool real = query < shape.time;
            statistics->log_sum[query] = real ? log_sums[query] * Log2E : 0.0f;
            statistics->start[query] = real ? starts[query] : SeesNothing;
            int64 row = head.in_output<D>(shape, base);
            row_products<T, D, Step, Step / 4>(statistics->delta + base, output + row, grad_output + row, int64(shape.heads) * D,
                                               shape.time - base, lane);
        }
    }

    // gradQ of a step = gradS·K over keys `first` to `end`: a warp has blocks of 16 rows by 16 columns.
    __device__ void finish_queries(T* target, int64 stride, int valid, int buffer, int first, int end, float scale, int warp,
                                   int lane) const {
        for (int unit = warp; unit < Step / TileRows * Rows<D>::Blocks; unit += BlockWarps) {
            int row = unit % (Step / TileRows) * TileRows;
            int column = unit / (Step / TileRows) * 16;
            int score_row = buffer * HeadRows + lane / 16 * 8 + lane % 8;
            uint32 left_start = shared_address(scores + score_row * ScorePitch + row + lane / 8 % 2 * 8);
            uint32 right_start = shared_address(keys + lane % 16 * Rows<D>::Pitch + column + lane / 16 * 8);
            float sums[8] = {};
#pragma unroll 2
            for (int key = first; key < end; key += 16) {
                uint32 left[4];
                uint32 right[4];
                load_tiles_transposed(left, left_start + key * ScorePitch * 2);
                load_tiles_transposed(right, right_start + key * Rows<D>::Pitch * 2);
                mma_16x8x16<T>(reinterpret_cast<float(&)[4]>(sums[0]), left, {right[0], right[1]});
                mma_16x8x16<T>(reinterpret_cast<float(&)[4]>(sums[4]), left, {right[2], right[3]});
            }
            store_block(target + column, stride, row, valid, sums, scale, D - column, lane);
        }
    }

    // 16 rows by 16 columns, of which the first `width` are there. Lane q of the four that share rows has pairs q and q + 4 of each: they
    // exchange them for pairs 2q and 2q + 1, so that a row's 32 bytes leave together.
    __device__ static void store_block(T* target, int64 stride, int first_row, int valid, const float (&sums)[8], float scale, int width,
                                       int lane) {
        int place = lane % 4;
        int source = lane - place + 2 * place % 4;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            uint32 low = pack_pair<T>(sums[2 * i] * scale, sums[2 * i + 1] * scale);
            uint32 high = pack_pair<T>(sums[2 * i + 4] * scale, sums[2 * i + 5] * scale);
            uint2 from_low = make_uint2(__shfl_sync(FullWarp, low, source), __shfl_sync(FullWarp, low, source + 1));
            uint2 from_high = make_uint2(__shfl_sync(FullWarp, high, source), __shfl_sync(FullWarp, high, source + 1));
            int row = first_row + row_of(lane, i);
            if (row < valid && 4 * place < width) {
                store_words(target + row * stride + 4 * place, place < 2 ? from_low : from_high);
            }
        }
    }
};

template <typename T, int D, int Tiles, int BlockWarps>
__global__ void __launch_bounds__(BlockWarps* WarpSize, 1)
    attention_backward_whole_mma(const T* qkv, const int32* document_start, const T* output, const float* log_sum_exp, const T* grad_output,
                                 T* grad_qkv, AttentionShape shape) {
    using Whole = WholeHead<T, D, Tiles, BlockWarps>;
    constexpr int OwnRows = Whole::OwnRows;
    extern __shared__ uint4 shared[];
    Whole whole(shared);
    Head head(shape, 1);
    int lane = threadIdx.x % WarpSize;
    int part = head.part_of_warp(BlockWarps);
    int64 stride = int64(3) * shape.heads * D;
    int32 own_key = part * OwnRows;

    auto load_keys = [&](int32 first) {
        if (first < shape.time) {
            int thread = threadIdx.x;
            asm volatile("" : "+r"(thread)); // places are worked out anew: kept from step to step they would take too many registers
            copy_rows<T, D, Step, Whole::Copiers>(whole.keys + first * Rows<D>::Pitch, qkv + head.in_qkv<D>(shape, 1, first), stride,
                                                  shape.time - first, thread);
            copy_rows<T, D, Step, Whole::Copiers>(whole.values + first * Rows<D>::Pitch, qkv + head.in_qkv<D>(shape, 2, first), stride,
                                                  shape.time - first, thread);
        }
        commit_copies();
    };
    auto load_queries = [&](int32 first, int buffer) {
        if (first < shape.time) {
            int thread = threadIdx.x;
            asm volatile("" : "+r"(thread));
            copy_rows<T, D, Step, Whole::Copiers>(whole.queries + buffer * Whole::Size, qkv + head.in_qkv<D>(shape, 0, first), stride,
                                                  shape.time - first, thread);
            copy_rows<T, D, Step, Whole::Copiers>(whole.gradients + buffer * Whole::Size, grad_output + head.in_output<D>(shape, first),
                                                  int64(shape.heads) * D, shape.time - first, thread);
        }
        commit_copies();
    };
    // Keys come two steps ahead of their queries, in groups that alternate with these.
    load_keys(0);
    load_queries(0, 0);
    load_keys(Step);
    whole.make_statistics(head, shape, document_start + head.in_sequence(shape, 0), log_sum_exp + head.in_statistics(shape, 0), output,
                          grad_output, lane);

    SharedRows<T, D, Tiles> key_rows(whole.keys + own_key * Rows<D>::Pitch, lane);
    SharedRows<T, D, Tiles> value_rows(whole.values + own_key * Rows<D>::Pitch, lane);
    KeyGradients<T, D, Tiles> own;
    for (int32 first_query = 0, buffer = 0;; first_query += Step, buffer ^= 1) {
        wait_copies<1>();
        __syncthreads();
        load_queries(first_query + Step, buffer ^ 1);
        load_keys(first_query + 2 * Step);
        const int32* start = whole.statistics->start;
        if (first_query < shape.time && own_key < first_query + Step && start[first_query] < own_key + OwnRows) {
            float weight[Tiles][Blocks][8];
            own.see(weight, key_rows, value_rows, whole.queries + buffer * Whole::Size, whole.gradients + buffer * Whole::Size,
                    *whole.statistics, first_query, own_key, first_query, shape.scale * Log2E, lane);
            share_weights<T, Whole::ScorePitch>(whole.scores + (buffer * Whole::HeadRows + own_key) * Whole::ScorePitch, weight, lane);
        }
        if (first_query > 0) {
            int32 before = first_query - Step;
            whole.finish_queries(grad_qkv + head.in_qkv<D>(shape, 0, before), stride, shape.time - before, buffer ^ 1,
                                 start[before] / OwnRows * OwnRows, first_query, shape.scale, part, lane);
        }
        if (first_query >= shape.time) {
            break;
        }
    }
    if (own_key < shape.time) {
        own.store(whole.values + own_key * Rows<D>::Pitch, grad_qkv, head, shape, own_key, lane); // rows that this warp alone needed
    }
}
