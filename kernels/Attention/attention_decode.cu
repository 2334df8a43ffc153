// attention_decode.cu: attention of one new token a sequence over the key/value cache, and the filling of that cache.
// Math      the cache's rows at `position` become k and v;  s_j = q·k_j/√D for documentStart ≤ j ≤ position;
//           output = Σ_j exp(s_j)·v_j / Σ_j exp(s_j)
// Shapes    decode: qkv (B, 3, H, D) T;  keyCache, valueCache (B, H, Tmax, D) T;  documentStart (B) int32;  output (B, H, D) T.
//           cache: qkv (B, T, 3, H, D);  caches (B, H, Tmax, D). Any B, H ≥ 1, D from 1 to 128, position < Tmax.
// Layout    row-major, contiguous, 16-byte aligned. T is float, Half or BFloat16; the cache kernel moves words of any type.
// Writes    decode: output overwritten, the caches at `position`. cache: the caches from position 0 to T − 1. No aliasing.
// Launch    decode: block 128, grid B·H, no dynamic shared memory. cache: block (32, 4), grid ⌈2·B·H·T/4⌉.
// Cost      decode ≥ 2·B·H·D·keys·sizeof(T) bytes, 4·B·H·D·keys FLOP; cache: 4·B·T·C·sizeof(T) bytes. Memory bound.
// Numerics  float throughout; sixteen running maxima and sums, joined in a fixed order; no atomics.
// Arch      sm_70 and newer.
// Source    Milakov and Gimelshein 2018, algorithm 3.
#include "Attention/attention_tile.cuh"

constexpr int Streams = Threads / 8; // eight lanes a key

// What waits for memory wants many warps: compilers differ in the registers that they take unless told.
template <typename T, int D>
__global__ void __launch_bounds__(Threads, D <= 64 ? 8 : 6)
    attention_decode(const T* qkv, T* key_cache, T* value_cache, const int32* document_start, T* output, int32 position,
                     int32 capacity, AttentionShape shape) {
    constexpr int Quads = Rows<D>::QuadsPerLane;
    __shared__ float shared_maximum[Streams];
    __shared__ float shared_sum[Streams];
    __shared__ float shared_output[Streams][Rows<D>::Pitch];

    Head head(shape, 1, false);
    int stream = threadIdx.x / 8;
    int column = threadIdx.x % 8 * 4;
    int64 cache = (int64(head.sequence) * shape.heads + head.head) * capacity * D;
    const T* query = qkv + head.in_qkv<D>(shape, 0, 0);
    float to_exponent = shape.scale * Log2E;
    float4 queries[Quads];
#pragma unroll
    for (int q = 0; q < Quads; ++q) {
        queries[q] = load_quad<T, D>(query, column + 32 * q);
    }

    // Each stream takes every sixteenth key. All of a warp's go as many rounds as the longest, for the shuffles.
    float maximum = Masked;
    float denominator = 0.0f;
    float sums[4 * Quads] = {};
    for (int32 first = document_start[head.sequence]; first <= position; first += Streams) {
        int32 key = first + stream;
        bool seen = key <= position;
        bool is_new = key == position;
        const T* key_row = is_new ? qkv + head.in_qkv<D>(shape, 1, 0) : key_cache + cache + int64(key) * D;
        const T* value_row = is_new ? qkv + head.in_qkv<D>(shape, 2, 0) : value_cache + cache + int64(key) * D;
        float4 values[Quads];
        float score = 0.0f;
#pragma unroll
        for (int q = 0; q < Quads; ++q) {
            float4 keys = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
            values[q] = keys;
            if (seen) {
                keys = load_quad<T, D>(key_row, column + 32 * q);
                values[q] = load_quad<T, D>(value_row, column + 32 * q);
                if (is_new) {
                    store_quad<T, D>(key_cache + cache + int64(key) * D, column + 32 * q, &keys.x);
                    store_quad<T, D>(value_cache + cache + int64(key) * D, column + 32 * q, &values[q].x);
                }
            }
            score += queries[q].x * keys.x + queries[q].y * keys.y + (queries[q].z * keys.z + queries[q].w * keys.w);
        }
        score = row_sum(score);
        if (seen) {
            float largest = fmaxf(maximum, score);
            float correction = exp2f((maximum - largest) * to_exponent);
            float weight = exp2f((score - largest) * to_exponent);
            maximum = largest;
            denominator = fmaf(denominator, correction, weight);
#pragma unroll
            for (int q = 0; q < Quads; ++q) {
                sums[4 * q] = fmaf(sums[4 * q], correction, weight * values[q].x);
                sums[4 * q + 1] = fmaf(sums[4 * q + 1], correction, weight * values[q].y);
                sums[4 * q + 2] = fmaf(sums[4 * q + 2], correction, weight * values[q].z);
                sums[4 * q + 3] = fmaf(sums[4 * q + 3], correction, weight * values[q].w);
            }
        }
    }

    // Join the streams, each scaled to the largest maximum; one that saw nothing weighs exactly 0.
    if (threadIdx.x % 8 == 0) {
        shared_maximum[stream] = maximum;
        shared_sum[stream] = denominator;
    }
#pragma unroll
    for (int q = 0; q < Quads; ++q) {
        if (column + 32 * q < Rows<D>::Padded) {
            *reinterpret_cast<float4*>(&shared_output[stream][column + 32 * q]) =
                make_float4(sums[4 * q], sums[4 * q + 1], sums[4 * q + 2], sums[4 * q + 3]);
        }
    }
    __syncthreads();
    if (threadIdx.x < D) {
        float largest = Masked;
        for (int i = 0; i < Streams; ++i) {
            largest = fmaxf(largest, shared_maximum[i]);
        }
        float total = 0.0f;
        float result = 0.0f;
        for (int i = 0; i < Streams; ++i) {
            float weight = exp2f((shared_maximum[i] - largest) * to_exponent);
            total = fmaf(weight, shared_sum[i], total);
            result = fmaf(weight, shared_output[i][threadIdx.x], result);
        }
        output[head.in_output<D>(shape, 0) + threadIdx.x] = from_float<T>(result / total);
    }
}

// A warp a row of a head: K's and V's words, `words` a row.
template <typename Word>
__global__ void __launch_bounds__(WarpSize * 4, 1)
    cache_keys_and_values(const Word* qkv, Word* key_cache, Word* value_cache, int32 words, int32 capacity, AttentionShape shape) {
    int64 index = int64(blockIdx.x) * 4 + threadIdx.y;
    int64 rows = int64(shape.batch) * shape.time;
    if (index >= 2 * rows * shape.heads) {
        return;
    }
    // Heads go fastest: neighbours read on in the same row of qkv.
    int32 head = int32(index % shape.heads);
    int64 rest = index / shape.heads;
    int32 part = int32(rest % 2);
    int64 row = rest / 2;
    int64 sequence = row / shape.time;
    int64 t = row - sequence * shape.time;
    const Word* source = qkv + ((row * 3 + 1 + part) * shape.heads + head) * words;
    Word* target = (part == 0 ? key_cache : value_cache) + ((sequence * shape.heads + head) * capacity + t) * words;
    // A row of 16-byte words is through after one round: there is nothing to unroll.
#pragma unroll 1
    for (int32 i = threadIdx.x; i < words; i += WarpSize) {
        target[i] = source[i];
    }
}
