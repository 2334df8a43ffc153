// cross_entropy.cu: softmax, cross-entropy and its gradient in one kernel that turns a chunk of logits into their gradients in place.
// Math      loss[n] = ln Σ_{v<V} exp(logits[n, v]) − logits[n, target[n]];  s = LossScale·gradientScale
//           gradLogits[n, v] = s·(softmax(logits[n])[v] − [v = target[n]]) for v < V, 0 for V ≤ v < P
//           sum_losses: scalars[Loss] (+)= scale·Σ losses
// Shapes    logits (N, P) T;  targets (N) int32, each in [0, V);  losses (N) float. Any N ≥ 1, any 1 ≤ V ≤ P.
// Layout    row-major, contiguous. The resident kernel: P·sizeof(T) a multiple of 16, logits 16-byte aligned. T is float, Half or BFloat16.
// Writes    losses overwritten; logits overwritten by their gradients where `gradient`, else unchanged.
// Launch    a block a row: cross_entropy: block 512; cross_entropy_resident: block Threads, grid N. sum_losses: one block of 512.
// Cost      2·N·P·sizeof(T) + 8·N bytes, about 12·N·P FLOP: memory bound. The plain kernel reads the row twice; the resident one holds it
//           in registers, PacksPerThread packs a thread.
// Numerics  float inside, the maximum subtracted first; fixed order, no atomics.
// Arch      sm_70 and newer.
// Source    Milakov and Gimelshein 2018, algorithm 3, for the plain kernel's running maximum.
#include "Activation/activation.cuh"
#include "Common/packs.cuh"
#include "Common/reduce.cuh"
#include "Common/step_scalars.cuh"

constexpr int PlainThreads = 512;
constexpr int SumThreads = 512;

template <typename T>
__global__ void __launch_bounds__(PlainThreads, 1)
    cross_entropy(T* logits, const int32* targets, float* losses, int32 vocabulary, int32 padded, float gradient_scale,
                  const float* scalars, bool gradient) {
    __shared__ float shared_maximum[PlainThreads / WarpSize];
    __shared__ float shared_sum[PlainThreads / WarpSize];
    int64 row = blockIdx.x;
    T* values = logits + row * padded;
    int warp = threadIdx.x / WarpSize;
    int lane = threadIdx.x % WarpSize;
    int32 target = targets[row];
    float target_logit = to_float(values[target]);

    // Maximum and Σ exp(x − maximum) in one pass: when the maximum rises, what was summed shrinks by exp(old − new).
    float maximum = Maximum::identity();
    float sum = 0.0f;
    for (int32 v = threadIdx.x; v < vocabulary; v += PlainThreads) {
        float value = to_float(values[v]);
        if (value > maximum) {
            sum = sum * exponential<T>(maximum - value) + 1.0f;
            maximum = value;
        } else {
            sum += exponential<T>(value - maximum);
        }
    }
    float row_maximum = block_reduce<Maximum>(maximum, shared_maximum, warp, lane);
    float total = block_reduce<Sum>(sum == 0.0f ? 0.0f : sum * exponential<T>(maximum - row_maximum), shared_sum, warp, lane);
    if (threadIdx.x == 0) {
        losses[row] = logf(total) + row_maximum - target_logit;
    }
    if (!gradient) {
        return;
    }

    // The second pass overwrites what the first read: all have read by the barriers above.
    float scale = scalars[scalar::LossScale] * gradient_scale;
    float normalisation = 1.0f / total;
    for (int32 v = threadIdx.x; v < padded; v += PlainThreads) {
        float probability = v < vocabulary ? exponential<T>(to_float(values[v]) - row_maximum) * normalisation : 0.0f;
        values[v] = from_float<T>(scale * (probability - (v == target ? 1.0f : 0.0f)));
    }
}

template <typename T, int P, int Threads>
__global__ void __launch_bounds__(Threads, 1)
    cross_entropy_resident(T* logits, const int32* targets, float* losses, int32 vocabulary, int32, float gradient_scale,
                           const float* scalars, bool gradient) {
    constexpr int Size = Pack<T>::Size;
    constexpr int Packs = P / Size;
    constexpr int PacksPerThread = (Packs + Threads - 1) / Threads;
    static_assert(P % Size == 0, "a row is whole packs");
    __shared__ float shared_maximum[Threads / WarpSize];
    __shared__ float shared_sum[Threads / WarpSize];
    int64 row = blockIdx.x;
    T* values = logits + row * P;
    int warp = threadIdx.x / WarpSize;
    int lane = threadIdx.x % WarpSize;
    int32 target = targets[row];
    float target_logit = to_float(values[target]);

    // Load the row: it stays in registers until its gradients are written. Padding becomes minus infinity, whose exponential is 0.
    Pack<T> packs[PacksPerThread];
#pragma unroll
    for (int i = 0; i < PacksPerThread; ++i) {
        int32 pack = threadIdx.x + i * Threads;
        packs[i] = pack < Packs ? load_pack(values + pack * Size) : zero_pack<T>();
        if (pack * Size + Size > vocabulary) {
#pragma unroll
            for (int e = 0; e < Size; ++e) {
                packs[i].elements[e] = pack * Size + e < vocabulary ? packs[i].elements[e] : from_float<T>(Maximum::identity());
            }
        }
    }

    hold_packed(packs);
    float maximum = Maximum::identity();
#pragma unroll
    for (int i = 0; i < PacksPerThread; ++i) {
#pragma unroll
        for (int e = 0; e < Size; ++e) {
            maximum = fmaxf(maximum, to_float(packs[i].elements[e]));
        }
    }
    maximum = block_reduce<Maximum>(maximum, shared_maximum, warp, lane);

    hold_packed(packs);
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < PacksPerThread; ++i) {
#pragma unroll
        for (int e = 0; e < Size; ++e) {
            sum += exponential<T>(to_float(packs[i].elements[e]) - maximum);
        }
    }
    float total = block_reduce<Sum>(sum, shared_sum, warp, lane);
    if (threadIdx.x == 0) {
        losses[row] = logf(total) + maximum - target_logit;
    }
    if (!gradient) {
        return;
    }

    // gradLogits = s·softmax, and s less at the target, which the thread that wrote it writes again.
    float scale = scalars[scalar::LossScale] * gradient_scale;
    float normalisation = 1.0f / total;
    hold_packed(packs);
#pragma unroll
    for (int i = 0; i < PacksPerThread; ++i) {
        int32 pack = threadIdx.x + i * Threads;
        if (pack < Packs) {
#pragma unroll
            for (int e = 0; e < Size; ++e) {
                float probability = exponential<T>(to_float(packs[i].elements[e]) - maximum) * normalisation;
                packs[i].elements[e] = from_float<T>(scale * probability);
            }
            store_pack(values + pack * Size, packs[i]);
        }
    }
    if (threadIdx.x == (target / Size) % Threads) {
        float probability = exponential<T>(target_logit - maximum) * normalisation;
        values[target] = from_float<T>(scale * (probability - 1.0f));
    }
}

__global__ void __launch_bounds__(SumThreads, 1)
    sum_losses(const float* losses, float* scalars, float scale, int64 rows, bool accumulate) {
    __shared__ float shared[SumThreads / WarpSize];
    float total = 0.0f;
    for (int64 row = threadIdx.x; row < rows; row += SumThreads) {
        total += losses[row];
    }
    total = block_reduce<Sum>(total, shared, threadIdx.x / WarpSize, threadIdx.x % WarpSize);
    if (threadIdx.x == 0) {
        scalars[scalar::Loss] = (accumulate ? scalars[scalar::Loss] : 0.0f) + total * scale;
    }
}
