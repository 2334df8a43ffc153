// attention_backward_warpgroup_keys.cuh: the gradients of keys and values on warpgroups' products.
#pragma once
#include "Attention/attention_backward_warpgroup.cuh"

// What a step's queries bring along.
struct StepStatistics {
    float log_sum[GroupStep];
    float delta[GroupStep];
    int32 start[GroupStep];
};

// Those from `first` on. Past the end sums are zeros, as the rows are, so that such a query adds nothing; starts are the last one's, so
// that they never decrease.
__device__ inline void copy_statistics(StepStatistics& statistics, const int32* starts, const float* log_sums, const float* deltas,
                                       int32 first, int32 time, int thread) {
    int row = thread % GroupStep;
    bool real = first + row < time;
    int32 query = real ? first + row : time - 1;
    if (thread < GroupStep) {
        copy_word_async(statistics.log_sum + row, log_sums + query, real);
        copy_word_async(statistics.start + row, starts + query, true);
    } else if (thread < 2 * GroupStep) {
        copy_word_async(statistics.delta + row, deltas + query, real);
    }
}

// Pᵀ = exp(Sᵀ − L) of a warp's keys from `own_key` on.
__device__ inline void to_probabilities(GroupProduct& weight, const StepStatistics& columns, int32 own_key, int32 first_query,
                                        float to_exponent, int lane) {
#pragma unroll
    for (int block = 0; block < GroupStep / 8; ++block) {
        float2 log_sum = *reinterpret_cast<const float2*>(columns.log_sum + first_column(block, lane));
#pragma unroll
        for (int e = 0; e < 4; ++e) {
            float subtracted = -Log2E * (e % 2 == 0 ? log_sum.x : log_sum.y);
            weight[4 * block + e] = power_of_two(fmaf(weight[4 * block + e], to_exponent, subtracted));
        }
    }
    if (own_key + TileRows - 1 <= first_query && columns.start[GroupStep - 1] <= own_key) {
        return; // all is seen
    }
#pragma unroll
    for (int block = 0; block < GroupStep / 8; ++block) {
        int2 start = *reinterpret_cast<const int2*>(columns.start + first_column(block, lane));
#pragma unroll
        for (int e = 0; e < 4; ++e) {
            int32 key = own_key + row_of(lane, e / 2);
            bool seen = key >= (e % 2 == 0 ? start.x : start.y) && key <= first_query + first_column(block, lane) + e % 2;
            weight[4 * block + e] = seen ? weight[4 * block + e] : 0.0f;
        }
    }
}

// gradSᵀ = Pᵀ ⊙ (gradPᵀ − δ)
__device__ inline void to_score_gradients(GroupProduct& weight, const GroupProduct& grad_weight, const StepStatistics& columns, int lane) {
#pragma unroll
    for (int block = 0; block < GroupStep / 8; ++block) {
        float2 delta = *reinterpret_cast<const float2*>(columns.delta + first_column(block, lane));
#pragma unroll
        for (int e = 0; e < 4; ++e) {
            weight[4 * block + e] *= grad_weight[4 * block + e] - (e % 2 == 0 ? delta.x : delta.y);
        }
    }
}

// Steps of queries from `first_key` on that see keys before `end`: starts never decrease, so they are the first.
__device__ inline int32 count_steps(const int32* starts, int32 first_key, int32 end, int32 time, int lane) {
    int32 steps = 0;
    for (int32 first = first_key; first < time; first += WarpSize * GroupStep) {
        int32 query = first + lane * GroupStep;
        int seeing = __popc(__ballot_sync(FullWarp, query < time && starts[query] < end));
        steps += seeing;
        if (seeing < WarpSize) {
            break;
        }
    }
    return steps;
}

// What lies in shared memory so that no register has to hold it from step to step.
__device__ inline Head reread(const Head* kept) {
    static_assert(sizeof(Head) == 16, "four words");
    uint32 words[4];
    load_words(words, shared_address(kept));
    return *reinterpret_cast<Head*>(words);
}

// gradK and gradV of 64·Groups keys, over the queries that see them. Rows are keys, columns are queries.
//
// The tensor cores have something to do: while P is made, gradK's product of the step before and gradP's run; while gradS is, gradV's.
template <typename T, int D, int Groups>
__device__ inline void backward_keys_by_groups(const T* qkv, const int32* document_start, const float* log_sum_exp, const float* delta,
                                               const T* grad_output, T* grad_qkv, const AttentionShape& shape) {
    constexpr int OwnRows = Groups * WarpgroupRows;
    constexpr int Copiers = Groups * WarpgroupThreads;
    using Own = PanelRows<D, OwnRows>;
    using Passing = PanelRows<D, GroupStep>;
    constexpr int Buffers = 3;
    extern __shared__ uint4 shared[];
    unsigned char* keys = aligned_panels(shared);
    unsigned char* values = keys + Own::Bytes;
    unsigned char* queries = values + Own::Bytes; // the buffers of each
    unsigned char* gradients = queries + Buffers * Passing::Bytes;
    auto* statistics = reinterpret_cast<StepStatistics*>(gradients + Buffers * Passing::Bytes);
    auto* kept = reinterpret_cast<Head*>(statistics + Buffers);

    auto load_queries = [&](const Head& head, int32 first_query, int buffer, int thread) {
        copy_panels<T, D, GroupStep, Copiers>(queries + buffer * Passing::Bytes, qkv + head.in_qkv<D>(shape, 0, first_query),
                                              int64(3) * shape.heads * D, shape.time - first_query, thread);
        copy_statistics(statistics[buffer], document_start + head.in_sequence(shape, 0), log_sum_exp + head.in_statistics(shape, 0),
                        delta + head.in_statistics(shape, 0), first_query, shape.time, thread);
    };
    auto load_gradients = [&](const Head& head, int32 first_query, int buffer, int thread) {
        copy_panels<T, D, GroupStep, Copiers>(gradients + buffer * Passing::Bytes, grad_output + head.in_output<D>(shape, first_query),
                                              int64(shape.heads) * D, shape.time - first_query, thread);
        commit_copies();
    };

    Head head(shape, (shape.time + OwnRows - 1) / OwnRows, false);
    int lane = threadIdx.x % WarpSize;
    int own = int(threadIdx.x) / WarpSize * TileRows;
    int64 stride = int64(3) * shape.heads * D;
    int32 first_key = head.tile * OwnRows;
    if (threadIdx.x == 0) {
        *kept = head;
    }
    // In the order of their use: S needs keys and queries alone.
    copy_panels<T, D, OwnRows, Copiers>(keys, qkv + head.in_qkv<D>(shape, 1, first_key), stride, shape.time - first_key, threadIdx.x);
    load_queries(head, first_key, 0, threadIdx.x);
    commit_copies();
    copy_panels<T, D, OwnRows, Copiers>(values, qkv + head.in_qkv<D>(shape, 2, first_key), stride, shape.time - first_key, threadIdx.x);
    load_gradients(head, first_key, 0, threadIdx.x);
    int32 steps = count_steps(document_start + head.in_sequence(shape, 0), first_key, first_key + OwnRows, shape.time, lane);
    if (steps > 1) {
        load_queries(head, first_key + GroupStep, 1, threadIdx.x);
        load_gradients(head, first_key + GroupStep, 1, threadIdx.x);
    } else {
        commit_copies(); // none
    }

    uint32 all_queries = shared_address(queries);
    uint32 all_gradients = shared_address(gradients);
    float grad_keys[Own::Padded / 2] = {};
    float grad_values[Own::Padded / 2] = {};
    GroupProduct weight;
    GroupProduct grad_weight;
    hold(grad_keys);
    hold(grad_values);
    wait_copies<2>();
    show_to_products();
    __syncthreads();
    LeftPanels<T, D, OwnRows, (D <= 96)> key_rows(keys, lane);
    open_products();
    multiply_panels<T, D>(weight, key_rows, all_queries);
    close_products(); // none, where later steps have gradK's
    wait_copies<1>();
    show_to_products();
    __syncthreads();
    LeftPanels<T, D, OwnRows, (D <= 64)> value_rows(values, lane);
    open_products();
    multiply_panels<T, D>(grad_weight, value_rows, all_gradients);
    for (int32 step = 0, buffer = 0;; ++step) {
        const StepStatistics& columns = statistics[buffer];
        int next = buffer == Buffers - 1 ? 0 : buffer + 1;
        await_products<2>();
        hold(weight);
        to_probabilities(weight, columns, first_key + own, first_key + step * GroupStep, shape.scale * Log2E, lane);

        // gradV += Pᵀ·gradO
        GroupLeft probabilities;
        pack_left<T>(probabilities, weight);
        open_products();
        add_panels<T, D>(grad_values, probabilities, all_gradients + buffer * Passing::Bytes);
        await_products<1>();
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
            Head again = D > 64 ? reread(kept) : head;
            int32 first_query = again.tile * OwnRows + (step + 2) * GroupStep;
            int free = next == Buffers - 1 ? 0 : next + 1;
            load_queries(again, first_query, free, thread);
            load_gradients(again, first_query, free, thread);
        }

        // gradK += gradSᵀ·Q, behind the next step's S and before its gradP.
        to_score_gradients(weight, grad_weight, columns, lane);
        GroupLeft score_gradients;
        pack_left<T>(score_gradients, weight);
        open_products();
        if (step + 1 == steps) {
            add_panels<T, D>(grad_keys, score_gradients, all_queries + buffer * Passing::Bytes);
            break;
        }
        multiply_panels<T, D>(weight, key_rows, all_queries + next * Passing::Bytes);
        add_panels<T, D>(grad_keys, score_gradients, all_queries + buffer * Passing::Bytes);
        multiply_panels<T, D>(grad_weight, value_rows, all_gradients + next * Passing::Bytes);
        buffer = next;
    }
    await_products<0>();
    hold(grad_keys);
    hold(grad_values);

    // Said again, and not kept in registers till here.
    head = reread(kept);
    lane = int(threadIdx.x) % WarpSize;
    int32 own_key = head.tile * OwnRows + own;
    if (own_key < shape.time) {
        T* target = grad_qkv + head.in_qkv<D>(shape, 1, own_key);
        store_panels<T, D, OwnRows>(grad_keys, shape.scale, keys, own, target, int64(3) * shape.heads * D, shape.time - own_key, lane);
        target = grad_qkv + head.in_qkv<D>(shape, 2, own_key);
        store_panels<T, D, OwnRows>(grad_values, 1.0f, values, own, target, int64(3) * shape.heads * D, shape.time - own_key, lane);
    }
}
