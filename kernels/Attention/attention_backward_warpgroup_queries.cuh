// attention_backward_warpgroup_queries.cuh: the gradient of queries on warpgroups' products.
#pragma once
#include "Attention/attention_backward_warpgroup.cuh"

// What a lane's two rows of a warp's 16 bring along.
struct RowStatistics {
    int32 start[2];
    float log_sum[2]; // in powers of two
    float delta[2];
};

// A warp's 16 rows of O, asked for before anything is waited for: by as many lanes a row as a panel of Tile, which has gradO, has chunks.
template <typename T, int D, typename Tile> struct OwnOutputs {
    static constexpr int Lanes = Tile::RowChunks; // of a row
    static constexpr int Rows = WarpSize / Lanes; // at a time
    Pack<T> packs[TileRows / Rows][Tile::Panels];

    __device__ OwnOutputs(const T* output, int64 stride, int valid, int lane) {
#pragma unroll
        for (int turn = 0; turn < TileRows / Rows; ++turn) {
            int row = turn * Rows + lane / Lanes;
#pragma unroll
            for (int panel = 0; panel < Tile::Panels; ++panel) {
                int place = panel * Lanes + lane % Lanes;
                bool real = row < valid && place < D / 8;
                packs[turn][panel] = real ? load_pack(output + row * stride + place * 8) : Pack<T>{};
            }
        }
    }

    // δ = Σ_d gradO ⊙ O, with gradO's rows in the tile from `own` on.
    __device__ void multiply(float* products, const unsigned char* gradients, int own, int lane) const {
#pragma unroll
        for (int turn = 0; turn < TileRows / Rows; ++turn) {
            int row = turn * Rows + lane / Lanes;
            float total = 0.0f;
#pragma unroll
            for (int panel = 0; panel < Tile::Panels; ++panel) {
                int place = panel * Lanes + lane % Lanes;
                if (place < D / 8) {
                    Pack<T> gradient = load_pack(reinterpret_cast<const T*>(gradients + Tile::offset(own + row, place)));
#pragma unroll
                    for (int e = 0; e < 8; ++e) {
                        total = fmaf(to_float(packs[turn][panel].elements[e]), to_float(gradient.elements[e]), total);
                    }
                }
            }
#pragma unroll
            for (int offset = Lanes / 2; offset > 0; offset /= 2) {
                total += __shfl_xor_sync(FullWarp, total, offset);
            }
            if (lane % Lanes == 0) {
                products[row] = total;
            }
        }
        __syncwarp();
    }
};

// P = exp(S − L) of a warp's queries from `own_query` on; `last_start` is the start of the last of them.
__device__ inline void to_probabilities(GroupProduct& weight, const RowStatistics& rows, int32 last_start, int32 own_query, int32 first_key,
                                        float to_exponent, int lane) {
#pragma unroll
    for (int i = 0; i < GroupStep / 2; ++i) {
        weight[i] = power_of_two(fmaf(weight[i], to_exponent, -rows.log_sum[i / 2 % 2]));
    }
    if (last_start <= first_key && first_key + GroupStep - 1 <= own_query) {
        return; // all is seen
    }
#pragma unroll
    for (int i = 0; i < GroupStep / 2; ++i) {
        int32 key = first_key + first_column(i / 4, lane) + i % 2;
        bool seen = key >= rows.start[i / 2 % 2] && key <= own_query + row_of(lane, i / 2 % 2);
        weight[i] = seen ? weight[i] : 0.0f;
    }
}

// gradQ of 64·Groups queries, over the keys that they see, and δ of theirs.
//
// While P is made, gradQ's product of the step before and gradP's run. While gradS is, other warpgroups' do: ptxas takes no product that is
// asked for between these two and is read after others that are asked for later (it has them all one after the other, C7514).
template <typename T, int D, int Groups>
__device__ inline void backward_queries_by_groups(const T* qkv, const int32* document_start, const T* output, const float* log_sum_exp,
                                                  float* delta, const T* grad_output, T* grad_qkv, const AttentionShape& shape) {
    constexpr int OwnRows = Groups * WarpgroupRows;
    constexpr int Copiers = Groups * WarpgroupThreads;
    using Own = PanelRows<D, OwnRows>;
    using Passing = PanelRows<D, GroupStep>;
    constexpr int Buffers = 3;
    extern __shared__ uint4 shared[];
    unsigned char* queries = aligned_panels(shared);
    unsigned char* gradients = queries + Own::Bytes;
    unsigned char* keys = gradients + Own::Bytes; // the buffers of each
    unsigned char* values = keys + Buffers * Passing::Bytes;
    float* deltas = reinterpret_cast<float*>(values + Buffers * Passing::Bytes);

    Head head(shape, (shape.time + OwnRows - 1) / OwnRows, true);
    int lane = threadIdx.x % WarpSize;
    int own = int(threadIdx.x) / WarpSize * TileRows;
    int64 stride = int64(3) * shape.heads * D;
    int32 first_query = head.tile * OwnRows;
    int32 own_query = first_query + own;
    const int32* starts = document_start + head.in_sequence(shape, 0);
    int32 first_key = starts[first_query] / GroupStep * GroupStep;
    int32 end_key = first_query + OwnRows < shape.time ? first_query + OwnRows : shape.time;
    int32 steps = (end_key - first_key + GroupStep - 1) / GroupStep;

    auto load = [&](int32 step, int buffer, int thread) {
        int32 first = first_key + step * GroupStep;
        copy_panels<T, D, GroupStep, Copiers>(keys + buffer * Passing::Bytes, qkv + head.in_qkv<D>(shape, 1, first), stride,
                                              shape.time - first, thread);
        copy_panels<T, D, GroupStep, Copiers>(values + buffer * Passing::Bytes, qkv + head.in_qkv<D>(shape, 2, first), stride,
                                              shape.time - first, thread);
        commit_copies();
    };
    copy_panels<T, D, OwnRows, Copiers>(queries, qkv + head.in_qkv<D>(shape, 0, first_query), stride, shape.time - first_query,
                                        threadIdx.x);
    copy_panels<T, D, OwnRows, Copiers>(gradients, grad_output + head.in_output<D>(shape, first_query), int64(shape.heads) * D,
                                        shape.time - first_query, threadIdx.x);
    load(0, 0, threadIdx.x);
    OwnOutputs<T, D, Own> outputs(output + head.in_output<D>(shape, own_query), int64(shape.heads) * D, shape.time - own_query, lane);
    RowStatistics rows;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        int32 query = own_query + row_of(lane, i);
        bool real = query < shape.time;
        rows.start[i] = real ? starts[query] : SeesNothing;
        rows.log_sum[i] = real ? log_sum_exp[head.in_statistics(shape, query)] * Log2E : 0.0f;
    }
    if (steps > 1) {
        load(1, 1, threadIdx.x);
        wait_copies<1>();
    } else {
        wait_copies<0>();
    }
    show_to_products();
    __syncthreads();

    LeftPanels<T, D, OwnRows, true> query_rows(queries, lane);
    LeftPanels<T, D, OwnRows, (D > 64 && D <= 96)> gradient_rows(gradients, lane);
    uint32 all_keys = shared_address(keys);
    uint32 all_values = shared_address(values);
    float grad_queries[Own::Padded / 2] = {};
    GroupProduct score;
    GroupProduct grad_weight;
    hold(grad_queries);
    open_products();
    multiply_panels<T, D>(score, query_rows, all_keys);
    close_products(); // none, where later steps have gradQ's
    multiply_panels<T, D>(grad_weight, gradient_rows, all_values);

    // While these run.
    outputs.multiply(deltas + own, gradients, own, lane);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        int32 query = own_query + row_of(lane, i);
        rows.delta[i] = deltas[own + row_of(lane, i)];
        if (query < shape.time && leads_row(lane)) {
            delta[head.in_statistics(shape, query)] = rows.delta[i];
        }
    }
    int32 last_start = __shfl_sync(FullWarp, rows.start[1], WarpSize - 1);
    for (int32 step = 0, buffer = 0;; ++step) {
        int next = buffer == Buffers - 1 ? 0 : buffer + 1;
        await_products<2>();
        hold(score);
        to_probabilities(score, rows, last_start, own_query, first_key + step * GroupStep, shape.scale * Log2E, lane);
        await_products<0>();
        hold(grad_weight);

        // The next step's rows are there for all, and nobody reads those of the step before.
        wait_copies<0>();
        show_to_products();
        __syncthreads();
        if (step + 2 < steps) {
            int thread = threadIdx.x;
            if constexpr (D > 64) {
                asm volatile("" : "+r"(thread)); // places are worked out anew: kept from step to step they would take too many registers
            }
            load(step + 2, next == Buffers - 1 ? 0 : next + 1, thread);
        }

        // gradS = P ⊙ (gradP − δ);  gradQ += gradS·K, behind the next step's S and before its gradP.
#pragma unroll
        for (int i = 0; i < GroupStep / 2; ++i) {
            score[i] *= grad_weight[i] - rows.delta[i / 2 % 2];
        }
        GroupLeft score_gradients;
        pack_left<T>(score_gradients, score);
        open_products();
        if (step + 1 == steps) {
            add_panels<T, D>(grad_queries, score_gradients, all_keys + buffer * Passing::Bytes);
            break;
        }
        multiply_panels<T, D>(score, query_rows, all_keys + next * Passing::Bytes);
        add_panels<T, D>(grad_queries, score_gradients, all_keys + buffer * Passing::Bytes);
        multiply_panels<T, D>(grad_weight, gradient_rows, all_values + next * Passing::Bytes);
        buffer = next;
    }
    await_products<0>();
    hold(grad_queries);

    if (own_query < shape.time) {
        lane = int(threadIdx.x) % WarpSize; // said again, and not kept in a register till here
        store_panels<T, D, OwnRows>(grad_queries, shape.scale, queries, own, grad_qkv + head.in_qkv<D>(shape, 0, own_query), stride,
                           shape.time - own_query, lane);
    }
}
