// cross_entropy.cu: softmax, cross-entropy and its gradient in one kernel that turns a chunk of logits into their gradients in place.
// Math      loss[n] = ln Σ_{v<V} exp(logits[n, v]) − logits[n, target[n]];  s = LossScale·gradientScale
//           gradLogits[n, v] = s·(softmax(logits[n])[v] − [v = target[n]]) for v < V, 0 for V ≤ v < P
//           sum_losses: scalars[Loss] (+)= scale·Σ losses
// Shapes    logits (N, P) T;  targets (N) int32, each in [0, V);  losses (N) float. Any N ≥ 1, any 1 ≤ V ≤ P.
// Layout    row-major, contiguous. The resident kernel: P·sizeof(T) a multiple of 16, logits 16-byte aligned. T is float, Half or BFloat16.
// Writes    losses overwritten; logits overwritten by their gradients where `gradient`, else unchanged.
// Launch    a block a row: cross_entropy: block 512; cross_entropy_resident: block Threads, grid N. sum_losses: one block of 512.
// Cost      2·N·P·sizeof(T) + 8·N bytes, about 12·N·P FLOP: memory bound. The plain kernel reads the row twice; the resident one holds it
//           in registers, and where that leaves room for a second block of it what is beyond Held packs a thread in shared memory.
// Numerics  float inside, the maximum subtracted first; fixed order, no atomics.
// Arch      sm_70 and newer.
// Source    Milakov and Gimelshein 2018, algorithm 3, for the plain kernel's running maximum.
#include "Activation/activation.cuh"
#include "Common/packs.cuh"
#include "Common/reduce.cuh"
#include "Common/step_scalars.cuh"

constexpr int PlainThreads = 512;
constexpr int SumThreads = 512;
constexpr int LossesInFlight = 16;

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

// e^(x − maximum)·factor, exactly the factor at the maximum. Over 16-bit storage by the hardware's power of two, what is subnormal as 0.
template <typename T> struct Weight {
    static constexpr float Log2E = 1.4426950408889634f;
    float maximum, factor;

    __device__ float operator()(float x) const {
        if constexpr (sizeof(T) == 2) {
            float power;
            asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"((x - maximum) * Log2E));
            return power * factor;
        } else {
            return expf(x - maximum) * factor;
        }
    }
};

// Padding, from element `real` on, becomes minus infinity, whose exponential is 0. By words: taken apart, a pack's elements would fill
// registers.
template <typename T> __device__ inline void mask_padding(Pack<T>& pack, int32 real) {
    constexpr int PerWord = 4 / int(sizeof(T));
    constexpr uint32 Infinity = Same<T, float>::Value ? 0xff800000u : Same<T, Half>::Value ? 0xfc00fc00u : 0xff80ff80u;
    uint4 raw = *reinterpret_cast<uint4*>(&pack);
    uint32 words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int w = 0; w < 4; ++w) {
        int32 left = real - w * PerWord;
        words[w] = left >= PerWord ? words[w] : left <= 0 ? Infinity : (words[w] & 0xffffu) | (Infinity & 0xffff0000u);
    }
    raw = make_uint4(words[0], words[1], words[2], words[3]);
    pack = *reinterpret_cast<Pack<T>*>(&raw);
}

// A thread's packs First, First + 1, ... of a row, every Threads-th of its packs; all are asked for before anything waits.
template <int Threads, int Packs, int First, typename T, int Count>
__device__ inline void load_logits(Pack<T> (&packs)[Count], const T* values) {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
        int32 pack = threadIdx.x + (First + i) * Threads;
        packs[i] = pack < Packs ? load_pack(values + pack * Pack<T>::Size) : zero_pack<T>();
    }
}

template <int Threads, int First, typename T, int Count>
__device__ inline float mask_and_find_maximum(Pack<T> (&packs)[Count], int32 vocabulary, float maximum) {
    constexpr int Size = Pack<T>::Size;
#pragma unroll
    for (int i = 0; i < Count; ++i) {
        int32 first = (threadIdx.x + (First + i) * Threads) * Size;
        if (first + Size > vocabulary) {
            mask_padding(packs[i], vocabulary - first);
        }
        float logits[Size];
        to_floats(packs[i], logits);
#pragma unroll
        for (int e = 0; e < Size; ++e) {
            maximum = fmaxf(maximum, logits[e]);
        }
    }
    return maximum;
}

// Where there is room for a second block beside this one, what a row has beyond Held packs a thread lies in shared memory, each thread's
// own: while one block waits for its row the other computes, and the memory has something to do all the time.
template <typename T, int P, int Threads, int Held>
__global__ void __launch_bounds__(Threads, Held * Threads * Pack<T>::Size < P ? 2 : 1)
    cross_entropy_resident(T* logits, const int32* targets, float* losses, int32 vocabulary, int32, float gradient_scale,
                           const float* scalars, bool gradient) {
    constexpr int Size = Pack<T>::Size;
    constexpr int Packs = P / Size;
    constexpr int PacksPerThread = (Packs + Threads - 1) / Threads;
    constexpr int Sums = 4; // of a thread, so that none waits for the one before it
    constexpr int Shared = PacksPerThread > Held ? PacksPerThread - Held : 0;
    static_assert(P % Size == 0, "a row is whole packs");
    __shared__ float shared_maximum[Threads / WarpSize];
    __shared__ float shared_sum[Threads / WarpSize];
    __shared__ uint4 shared_packs[Shared > 0 ? Shared * Threads : 1];
    int64 row = blockIdx.x;
    T* values = logits + row * P;
    int warp = threadIdx.x / WarpSize;
    int lane = threadIdx.x % WarpSize;
    int32 target = targets[row];

    // Load the row: it stays here until its gradients are written. What goes to shared memory first, which then is out of the registers'
    // way.
    float maximum = Maximum::identity();
    if constexpr (Shared > 0) {
        Pack<T> rest[Shared];
        load_logits<Threads, Packs, Held>(rest, values);
        maximum = mask_and_find_maximum<Threads, Held>(rest, vocabulary, maximum);
#pragma unroll
        for (int i = 0; i < Shared; ++i) {
            shared_packs[i * Threads + threadIdx.x] = words_of(rest[i]);
        }
    }
    Pack<T> packs[PacksPerThread - Shared];
    load_logits<Threads, Packs, 0>(packs, values);
    float target_logit = to_float(values[target]);
    hold_packed(packs);
    maximum = mask_and_find_maximum<Threads, 0>(packs, vocabulary, maximum);
    hold_packed(packs);
    maximum = block_reduce<Maximum>(maximum, shared_maximum, warp, lane);

    Weight<T> weight = {maximum, 1.0f};
    float sums[Sums] = {};
#pragma unroll
    for (int i = 0; i < PacksPerThread; ++i) {
        Pack<T> pack = i < Held ? packs[i] : pack_of<T>(shared_packs[(i - Held) * Threads + threadIdx.x]);
        float logits[Size];
        to_floats(pack, logits);
#pragma unroll
        for (int e = 0; e < Size; ++e) {
            sums[e % Sums] += weight(logits[e]);
        }
    }
    hold_packed(packs);
    float total = block_reduce<Sum>((sums[0] + sums[1]) + (sums[2] + sums[3]), shared_sum, warp, lane);
    if (threadIdx.x == 0) {
        losses[row] = logf(total) + maximum - target_logit;
    }
    if (!gradient) {
        return;
    }

    // gradLogits = s·softmax, and s less at the target, which the thread that wrote it writes again.
    float scale = scalars[scalar::LossScale] * gradient_scale;
    Weight<T> scaled = {maximum, scale / total};
#pragma unroll
    for (int i = 0; i < PacksPerThread; ++i) {
        int32 place = threadIdx.x + i * Threads;
        if (place < Packs) {
            Pack<T> pack = i < Held ? packs[i] : pack_of<T>(shared_packs[(i - Held) * Threads + threadIdx.x]);
            float gradients[Size];
            to_floats(pack, gradients);
#pragma unroll
            for (int e = 0; e < Size; ++e) {
                gradients[e] = scaled(gradients[e]);
            }
            store_pack(values + place * Size, pack_of<T>(gradients));
        }
    }
    if (threadIdx.x == (target / Size) % Threads) {
        values[target] = from_float<T>(scaled(target_logit) - scale);
    }
}

__global__ void __launch_bounds__(SumThreads, 1)
    sum_losses(const float* losses, float* scalars, float scale, int64 rows, bool accumulate) {
    __shared__ float shared[SumThreads / WarpSize];
    float total = 0.0f;
    // One block: many loads under way, or each waits for the one before it.
    for (int64 first = threadIdx.x; first < rows; first += SumThreads * LossesInFlight) {
        float values[LossesInFlight];
#pragma unroll
        for (int i = 0; i < LossesInFlight; ++i) {
            int64 row = first + i * SumThreads;
            values[i] = row < rows ? losses[row] : 0.0f;
        }
#pragma unroll
        for (int i = 0; i < LossesInFlight; ++i) {
            total += values[i];
        }
    }
    total = block_reduce<Sum>(total, shared, threadIdx.x / WarpSize, threadIdx.x % WarpSize);
    if (threadIdx.x == 0) {
        scalars[scalar::Loss] = (accumulate ? scalars[scalar::Loss] : 0.0f) + total * scale;
    }
}
