// attention.cu: attention within documents, forward and backward, on the plain units: the readable rung, for any size.
// Math      S = Q·Kᵀ/√D where documentStart[t] ≤ j ≤ t, else −∞;  L = log Σ_j exp(S);  P = exp(S − L);  O = P·V
//           δ = Σ_d gradO ⊙ O;  gradS = P ⊙ (gradO·Vᵀ − δ);  gradV = Pᵀ·gradO;  gradQ = gradS·K/√D;  gradK = gradSᵀ·Q/√D
// Shapes    qkv, gradQkv (B, T, 3, H, D) T;  output, gradOutput (B, T, H, D) T;  documentStart (B, T) int32, non-decreasing, at most t;
//           logSumExp, delta (B, H, T) float. Any B, T, H ≥ 1; D from 1 to 128.
// Layout    row-major, contiguous, 16-byte aligned. T is float, Half or BFloat16.
// Writes    forward: output, logSumExp overwritten. delta: delta. backward_keys: K's and V's part of gradQkv, backward_queries: Q's,
//           overwritten. No aliasing.
// Launch    forward, backward_*: block 128, grid ⌈T/32⌉·B·H, dynamic shared memory 4·(tiles·32·(D+4) + 32·40) bytes, D rounded up
//           to 8, with 3 tiles in forward, 4 in backward or, above D 112, 3. delta: block 128, grid ⌈B·H·T/16⌉, none.
// Cost      forward ≥ 4·N·C·sizeof(T) bytes, 4·D FLOP a pair that sees; backward ≥ 8·N·C·sizeof(T) bytes, 14·D FLOP a pair, since each
//           side computes S and gradP for itself. Compute bound. Tiles that the masks empty are neither loaded nor computed.
// Numerics  float throughout; running maximum and sum; what is masked adds exactly 0; no atomics, order of sums fixed by T alone.
// Arch      sm_70 and newer.
// Source    Vaswani et al. 2017, eq. 1; Milakov and Gimelshein 2018, algorithm 3; Dao et al. 2022, algorithm 4.
#include "Attention/attention_tile.cuh"

// Above D 112 four tiles are more than the 64 KiB of shared memory that a block has on sm_75: the backward passes go through the two tiles
// of a step one after the other, in one place.
template <int D> constexpr bool SharesTile = Rows<D>::Padded > 112;

template <typename T, int D>
__global__ void __launch_bounds__(Threads, 1)
    attention_forward(const T* qkv, const int32* document_start, T* output, float* log_sum_exp, AttentionShape shape) {
    extern __shared__ float shared[];
    float* queries = shared;
    float* keys = queries + Rows<D>::Size;
    float* values = keys + Rows<D>::Size;
    float* weights = values + Rows<D>::Size;

    Head head(shape, (shape.time + Tile - 1) / Tile, true);
    Place place;
    int64 stride = int64(3) * shape.heads * D;
    int32 first_query = head.tile * Tile;
    const int32* starts = document_start + head.in_sequence(shape, 0);
    float to_exponent = shape.scale * Log2E;
    load_tile<T, D>(queries, qkv + head.in_qkv<D>(shape, 0, first_query), stride, shape.time - first_query);

    int32 start[2];
    float maximum[2] = {Masked, Masked};
    float denominator[2] = {};
    Sums<D> sums;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        int32 query = first_query + place.row + 4 * i;
        start[i] = query < shape.time ? starts[query] : SeesNothing;
    }

    // Starts never decrease: what the first query does not see, no query of the tile sees.
    for (int32 tile = starts[first_query] / Tile; tile <= head.tile; ++tile) {
        int32 first_key = tile * Tile;
        __syncthreads();
        load_tile<T, D>(keys, qkv + head.in_qkv<D>(shape, 1, first_key), stride, shape.time - first_key);
        load_tile<T, D>(values, qkv + head.in_qkv<D>(shape, 2, first_key), stride, shape.time - first_key);
        __syncthreads();

        // P = exp(S − m), where m is the maximum so far; what was summed under a smaller one is scaled down.
        float score[2][4];
        multiply_rows<D>(score, queries, keys, place);
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            int32 query = first_query + place.row + 4 * i;
            float largest = maximum[i];
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                int32 key = first_key + place.column + 8 * j;
                score[i][j] = key >= start[i] && key <= query ? score[i][j] : Masked;
                largest = fmaxf(largest, score[i][j]);
            }
            largest = row_maximum(largest);
            // A row that has seen no key yet has no maximum; any number will do.
            float base = largest == Masked ? 0.0f : largest * to_exponent;
            float correction = exp2f(fmaf(maximum[i], to_exponent, -base));
            maximum[i] = largest;
            float total = 0.0f;
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                score[i][j] = exp2f(fmaf(score[i][j], to_exponent, -base));
                total += score[i][j];
            }
            denominator[i] = fmaf(denominator[i], correction, row_sum(total));
            sums.scale(i, correction);
        }

        // O += P·V
        share_weights(weights, score, place);
        sums.add_product(weights, values, place);
    }

    // O / Σ P and L
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        int32 query = first_query + place.row + 4 * i;
        if (query < shape.time) {
            sums.scale(i, 1.0f / denominator[i]);
            sums.store(output + head.in_output<D>(shape, query), i, place);
            if (place.column == 0) {
                log_sum_exp[head.in_statistics(shape, query)] = fmaf(maximum[i], shape.scale, logf(denominator[i]));
            }
        }
    }
}

// δ = Σ_d gradO ⊙ O: eight lanes a row of a head.
template <typename T, int D>
__global__ void __launch_bounds__(Threads, 1)
    attention_backward_delta(const T* output, const T* grad_output, float* delta, AttentionShape shape) {
    int64 index = int64(blockIdx.x) * (Threads / 8) + threadIdx.x / 8;
    int64 count = int64(shape.batch) * shape.heads * shape.time;
    int64 row = index < count ? index : count - 1; // past the end: along for the shuffles
    int64 which = row / shape.time;
    int64 t = row - which * shape.time;
    int64 offset = ((which / shape.heads * shape.time + t) * shape.heads + which % shape.heads) * D;
    float total = 0.0f;
#pragma unroll
    for (int q = 0; q < Rows<D>::QuadsPerLane; ++q) {
        int column = (int(threadIdx.x) % 8 + 8 * q) * 4;
        if (column < D) {
            float4 a = load_quad<T, D>(output + offset, column);
            float4 b = load_quad<T, D>(grad_output + offset, column);
            total += a.x * b.x + a.y * b.y + (a.z * b.z + a.w * b.w);
        }
    }
    total = row_sum(total);
    if (index < count && threadIdx.x % 8 == 0) {
        delta[index] = total;
    }
}

// gradK and gradV of a tile of keys, over the tiles of queries that see it. Rows are keys, columns are queries.
// Three blocks an SM where its shared memory holds them: not every compiler keeps to their registers unless told.
template <typename T, int D>
__global__ void __launch_bounds__(Threads, D <= 96 ? 3 : 2)
    attention_backward_keys(const T* qkv, const int32* document_start, const float* log_sum_exp, const float* delta,
                            const T* grad_output, T* grad_qkv, AttentionShape shape) {
    extern __shared__ float shared[];
    float* keys = shared;
    float* values = keys + Rows<D>::Size;
    float* queries = values + Rows<D>::Size;
    float* gradients = SharesTile<D> ? queries : queries + Rows<D>::Size;
    float* weights = gradients + Rows<D>::Size;

    int32 tiles = (shape.time + Tile - 1) / Tile;
    Head head(shape, tiles, false);
    Place place;
    int64 stride = int64(3) * shape.heads * D;
    int32 first_key = head.tile * Tile;
    const int32* starts = document_start + head.in_sequence(shape, 0);
    const float* log_sums = log_sum_exp + head.in_statistics(shape, 0);
    const float* deltas = delta + head.in_statistics(shape, 0);
    load_tile<T, D>(keys, qkv + head.in_qkv<D>(shape, 1, first_key), stride, shape.time - first_key);
    load_tile<T, D>(values, qkv + head.in_qkv<D>(shape, 2, first_key), stride, shape.time - first_key);

    Sums<D> grad_keys;
    Sums<D> grad_values;
    for (int32 tile = head.tile; tile < tiles && starts[tile * Tile] < first_key + Tile; ++tile) {
        int32 first_query = tile * Tile;
        auto load_queries = [&] {
            load_tile<T, D>(queries, qkv + head.in_qkv<D>(shape, 0, first_query), stride, shape.time - first_query);
        };
        auto load_gradients = [&] {
            load_tile<T, D>(gradients, grad_output + head.in_output<D>(shape, first_query), int64(shape.heads) * D,
                            shape.time - first_query);
        };
        __syncthreads();
        load_queries();
        if constexpr (!SharesTile<D>) {
            load_gradients();
        }
        __syncthreads();

        // P = exp(S − L)
        float weight[2][4];
        multiply_rows<D>(weight, keys, queries, place);
        float column_delta[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            int32 query = first_query + place.column + 8 * j;
            bool real = query < shape.time;
            int32 start = real ? starts[query] : SeesNothing;
            float log_sum = real ? log_sums[query] * Log2E : 0.0f;
            column_delta[j] = real ? deltas[query] : 0.0f;
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                int32 key = first_key + place.row + 4 * i;
                bool seen = key >= start && key <= query;
                weight[i][j] = seen ? exp2f(fmaf(weight[i][j], shape.scale * Log2E, -log_sum)) : 0.0f;
            }
        }

        // gradV += Pᵀ·gradO
        if constexpr (SharesTile<D>) {
            __syncthreads();
            load_gradients();
            __syncthreads();
        }
        share_weights(weights, weight, place);
        grad_values.add_product(weights, gradients, place);

        // gradS = P ⊙ (gradP − δ);  gradK += gradSᵀ·Q
        float grad_weight[2][4];
        multiply_rows<D>(grad_weight, values, gradients, place);
#pragma unroll
        for (int i = 0; i < 2; ++i) {
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                grad_weight[i][j] = weight[i][j] * (grad_weight[i][j] - column_delta[j]);
            }
        }
        share_weights(weights, grad_weight, place);
        if constexpr (SharesTile<D>) {
            __syncthreads();
            load_queries();
            __syncthreads();
        }
        grad_keys.add_product(weights, queries, place);
    }

#pragma unroll
    for (int i = 0; i < 2; ++i) {
        int32 key = first_key + place.row + 4 * i;
        if (key < shape.time) {
            grad_keys.scale(i, shape.scale);
            grad_keys.store(grad_qkv + head.in_qkv<D>(shape, 1, key), i, place);
            grad_values.store(grad_qkv + head.in_qkv<D>(shape, 2, key), i, place);
        }
    }
}

// gradQ of a tile of queries, over the tiles of keys that it sees.
template <typename T, int D>
__global__ void __launch_bounds__(Threads, 1)
    attention_backward_queries(const T* qkv, const int32* document_start, const float* log_sum_exp, const float* delta,
                               const T* grad_output, T* grad_qkv, AttentionShape shape) {
    extern __shared__ float shared[];
    float* queries = shared;
    float* gradients = queries + Rows<D>::Size;
    float* keys = gradients + Rows<D>::Size;
    float* values = SharesTile<D> ? keys : keys + Rows<D>::Size;
    float* weights = values + Rows<D>::Size;

    Head head(shape, (shape.time + Tile - 1) / Tile, true);
    Place place;
    int64 stride = int64(3) * shape.heads * D;
    int32 first_query = head.tile * Tile;
    const int32* starts = document_start + head.in_sequence(shape, 0);
    load_tile<T, D>(queries, qkv + head.in_qkv<D>(shape, 0, first_query), stride, shape.time - first_query);
    load_tile<T, D>(gradients, grad_output + head.in_output<D>(shape, first_query), int64(shape.heads) * D,
                    shape.time - first_query);

    int32 start[2];
    float log_sum[2];
    float row_delta[2];
    Sums<D> grad_queries;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
        int32 query = first_query + place.row + 4 * i;
        bool real = query < shape.time;
        start[i] = real ? starts[query] : SeesNothing;
        log_sum[i] = real ? log_sum_exp[head.in_statistics(shape, query)] * Log2E : 0.0f;
        row_delta[i] = real ? delta[head.in_statistics(shape, query)] : 0.0f;
    }

    for (int32 tile = starts[first_query] / Tile; tile <= head.tile; ++tile) {
        int32 first_key = tile * Tile;
        auto load_keys = [&] {
            load_tile<T, D>(keys, qkv + head.in_qkv<D>(shape, 1, first_key), stride, shape.time - first_key);
        };
        __syncthreads();
        load_tile<T, D>(values, qkv + head.in_qkv<D>(shape, 2, first_key), stride, shape.time - first_key);
        if constexpr (!SharesTile<D>) {
            load_keys();
        }
        __syncthreads();

        // gradS = P ⊙ (gradP − δ), P = exp(S − L);  gradQ += gradS·K
        float weight[2][4];
        float grad_weight[2][4];
        multiply_rows<D>(grad_weight, gradients, values, place);
        if constexpr (SharesTile<D>) {
            __syncthreads();
            load_keys();
            __syncthreads();
        }
        multiply_rows<D>(weight, queries, keys, place);
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            int32 query = first_query + place.row + 4 * i;
#pragma unroll
            for (int j = 0; j < 4; ++j) {
                int32 key = first_key + place.column + 8 * j;
                bool seen = key >= start[i] && key <= query;
                float probability = seen ? exp2f(fmaf(weight[i][j], shape.scale * Log2E, -log_sum[i])) : 0.0f;
                weight[i][j] = probability * (grad_weight[i][j] - row_delta[i]);
            }
        }
        share_weights(weights, weight, place);
        grad_queries.add_product(weights, keys, place);
    }

#pragma unroll
    for (int i = 0; i < 2; ++i) {
        int32 query = first_query + place.row + 4 * i;
        if (query < shape.time) {
            grad_queries.scale(i, shape.scale);
            grad_queries.store(grad_qkv + head.in_qkv<D>(shape, 0, query), i, place);
        }
    }
}
