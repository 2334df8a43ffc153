// layer_norm_resident.cu: residual add and layer normalisation with the row held in registers: the fast kernels, compiled for one C.
// Math      as in layer_norm.cu.
// Shapes    as in layer_norm.cu; C is a template parameter. C·sizeof(T) is a multiple of 16; forward takes C ≤ 2048·Warps,
//           backward a pack a thread: C·sizeof(T) ≤ 16·Threads.
// Layout    row-major, contiguous, every tensor 16-byte aligned. T is float, Half or BFloat16.
// Writes    as in layer_norm.cu. backward writes partials (grid, 2, C), which layer_norm_backward_reduce sums.
// Launch    forward: Warps warps a row; block (32, 4) and grid ⌈N/4⌉ for Warps = 1, block (32, Warps) and grid N above.
//           backward: a group of Threads threads a row, a pack each; block (Threads, Groups), grid fixed by N alone.
//           No dynamic shared memory.
// Cost      forward: exactly (2 or 4)·N·C·sizeof(T) + 8·N bytes of rows; backward: 4·N·C·sizeof(T) + 8·N, and 8·C·grid bytes of
//           partials written. Memory bound: loads of a whole row are in flight before the first is used.
// Numerics  as in layer_norm.cu, with another order of sums, which Warps, Threads, Groups and the grid fix.
// Arch      sm_70 and newer.
// Source    Ba et al. 2016, eq. 3–4.
#include "Common/dropout.cuh"
#include "Common/packs.cuh"
#include "Common/reduce.cuh"

template <typename T, int C, int Warps, bool HasDropout>
__global__ void __launch_bounds__(WarpSize * (Warps == 1 ? 4 : Warps), 1)
    layer_norm_forward_resident(const T* x, const T* delta, T* sum, const T* weight, const T* bias, T* y, float* mean, float* rstd,
                                int64 rows, int32, float epsilon, Dropout dropout) {
    constexpr int Size = Pack<T>::Size;
    constexpr int Packs = C / Size;
    constexpr int Threads = WarpSize * Warps;
    constexpr int PacksPerThread = (Packs + Threads - 1) / Threads;
    static_assert(C % Size == 0, "a row is whole packs");
    __shared__ float shared_mean[Warps];
    __shared__ float shared_variance[Warps];

    int lane = threadIdx.x;
    int warp = Warps == 1 ? 0 : threadIdx.y;
    int64 row = Warps == 1 ? int64(blockIdx.x) * 4 + threadIdx.y : int64(blockIdx.x);
    if (row >= rows) {
        return;
    }
    int thread = warp * WarpSize + lane;
    int64 start = row * C;

    // Load: the whole row, before anything waits for it.
    Pack<T> packs[PacksPerThread];
#pragma unroll
    for (int i = 0; i < PacksPerThread; ++i) {
        int pack = thread + i * Threads;
        packs[i] = pack < Packs ? load_pack(x + start + pack * Size) : zero_pack<T>();
    }

    // sum = x + dropout(delta), as stored
    if (delta != nullptr) {
        Pack<T> deltas[PacksPerThread];
#pragma unroll
        for (int i = 0; i < PacksPerThread; ++i) {
            int pack = thread + i * Threads;
            deltas[i] = pack < Packs ? load_pack(delta + start + pack * Size) : zero_pack<T>();
        }
#pragma unroll
        for (int i = 0; i < PacksPerThread; ++i) {
            int pack = thread + i * Threads;
            if (pack < Packs) {
                float added[Size];
#pragma unroll
                for (int e = 0; e < Size; ++e) {
                    added[e] = to_float(deltas[i].elements[e]);
                }
                if constexpr (HasDropout) {
                    DropoutRow(dropout, row).drop_all(added, pack * Size);
                }
#pragma unroll
                for (int e = 0; e < Size; ++e) {
                    packs[i].elements[e] = from_float<T>(to_float(packs[i].elements[e]) + added[e]);
                }
                store_pack(sum + start + pack * Size, packs[i]);
            }
        }
    }

    // mean
    float total = 0.0f;
#pragma unroll
    for (int i = 0; i < PacksPerThread; ++i) {
#pragma unroll
        for (int e = 0; e < Size; ++e) {
            total += to_float(packs[i].elements[e]);
        }
    }
    float average = block_reduce<Sum>(total, shared_mean, warp, lane) / float(C);

    // variance; the zeros past the row's end do not count
    float squares = 0.0f;
#pragma unroll
    for (int i = 0; i < PacksPerThread; ++i) {
        if (thread + i * Threads < Packs) {
#pragma unroll
            for (int e = 0; e < Size; ++e) {
                float centred = to_float(packs[i].elements[e]) - average;
                squares += centred * centred;
            }
        }
    }
    float scale = 1.0f / sqrtf(block_reduce<Sum>(squares, shared_variance, warp, lane) / float(C) + epsilon);

    // y = (sum − mean)·rstd·weight + bias
#pragma unroll
    for (int i = 0; i < PacksPerThread; ++i) {
        int pack = thread + i * Threads;
        if (pack < Packs) {
            Pack<T> weights = load_pack(weight + pack * Size);
            Pack<T> biases = load_pack(bias + pack * Size);
            Pack<T> result;
#pragma unroll
            for (int e = 0; e < Size; ++e) {
                float normal = (to_float(packs[i].elements[e]) - average) * scale;
                result.elements[e] = from_float<T>(normal * to_float(weights.elements[e]) + to_float(biases.elements[e]));
            }
            store_pack(y + start + pack * Size, result);
        }
    }
    if (thread == 0) {
        mean[row] = average;
        rstd[row] = scale;
    }
}

// A pair of sums over each group of a block: the block's groups go in step, so one barrier serves all of them.
template <int Groups, int Warps>
__device__ inline float2 group_sum(float2 value, float2 (&shared)[Groups][Warps], int group, int thread) {
    value.x = warp_sum(value.x);
    value.y = warp_sum(value.y);
    if (thread % WarpSize == 0) {
        shared[group][thread / WarpSize] = value;
    }
    __syncthreads();
    float2 total = make_float2(0.0f, 0.0f);
#pragma unroll
    for (int w = 0; w < Warps; ++w) {
        total.x += shared[group][w].x;
        total.y += shared[group][w].y;
    }
    return total;
}

// A thread's sums in shared memory by quads, the first of all threads before the second: neighbours lie in different banks.
template <int Packs, int Size> __device__ inline void store_quads(float* shared, const float (&values)[Size], int thread) {
#pragma unroll
    for (int q = 0; q < Size; q += 4) {
        *reinterpret_cast<float4*>(shared + q * Packs + thread * 4) = make_float4(values[q], values[q + 1], values[q + 2], values[q + 3]);
    }
}

template <int Packs, int Size> __device__ inline void add_quads(float (&total)[Size], const float* shared, int thread) {
#pragma unroll
    for (int q = 0; q < Size; q += 4) {
        float4 other = *reinterpret_cast<const float4*>(shared + q * Packs + thread * 4);
        total[q] += other.x;
        total[q + 1] += other.y;
        total[q + 2] += other.z;
        total[q + 3] += other.w;
    }
}

// What a thread of the backward pass loads ahead of a row. A row past the last goes along with zeros, which add nothing.
template <typename T> struct RowLoads {
    Pack<T> gradients, values;
    float average, scale;

    __device__ RowLoads(const T* grad_y, const T* sum, const float* mean, const float* rstd, int32 row, int32 channels, int32 column,
                        bool real) {
        int64 offset = int64(row) * channels + column;
        gradients = real ? load_pack(grad_y + offset) : zero_pack<T>();
        values = real ? load_pack(sum + offset) : zero_pack<T>();
        average = real ? mean[row] : 0.0f;
        scale = real ? rstd[row] : 0.0f;
    }
};

template <typename T, int C, int Threads, int Groups, bool HasDropout>
__global__ void __launch_bounds__(Threads * Groups, Threads * Groups <= 256 && !HasDropout ? 3 : 1)
    layer_norm_backward_resident(const T* grad_y, const T* sum, const T* weight, const float* mean, const float* rstd, T* grad_sum,
                                 T* grad_delta, float* partials, int64 rows, bool accumulate, Dropout dropout) {
    constexpr int Size = Pack<T>::Size;
    constexpr int Packs = C / Size;
    constexpr int Warps = Threads / WarpSize;
    static_assert(C % Size == 0 && Packs <= Threads && Threads % WarpSize == 0, "one pack a thread");
    __shared__ float2 shared[2][Groups][Warps];
    __shared__ alignas(16) float combined[Groups > 1 ? 2 * C : 1];

    int thread = threadIdx.x;
    int group = threadIdx.y;
    bool active = thread < Packs;
    int column = thread * Size;
    // Each thread's own, which would take registers from the next row's loads.
    __shared__ uint4 weights[Groups][Threads];
    weights[group][thread] = words_of(active ? load_pack(weight + column) : zero_pack<T>());
    float total_weight[Size] = {};
    float total_bias[Size] = {};

    // A row's loads are asked for while the row before is worked on. Rows number less than 2³¹.
    int32 stride = int32(gridDim.x) * Groups;
    int32 row = int32(blockIdx.x) * Groups + group;
    int32 end = int32(rows);
    RowLoads<T> next(grad_y, sum, mean, rstd, row, C, column, active && row < end);
    int parity = 0;
    for (; row - group < end; row += stride) {
        bool real = active && row < end;
        RowLoads<T> own = next;
        int64 offset = int64(row) * C + column;
        Pack<T> residual = real && accumulate ? load_pack(grad_sum + offset) : zero_pack<T>();
        next = RowLoads<T>(grad_y, sum, mean, rstd, row + stride, C, column, active && row + stride < end);

        // h = gradY·weight, n = (sum − mean)·rstd; gradWeight += gradY·n, gradBias += gradY
        float gradients[Size], values[Size], factors[Size];
        to_floats(own.gradients, gradients);
        to_floats(own.values, values);
        to_floats(pack_of<T>(weights[group][thread]), factors);
        float2 sums = make_float2(0.0f, 0.0f);
#pragma unroll
        for (int e = 0; e < Size; ++e) {
            float n = (values[e] - own.average) * own.scale;
            float h = gradients[e] * factors[e];
            sums.x += h;
            sums.y += h * n;
            total_weight[e] += gradients[e] * n;
            total_bias[e] += gradients[e];
        }

        // Two buffers in turn: a round's sums may be read while the next round's are written.
        sums = group_sum(sums, shared[parity], group, thread);
        parity ^= 1;
        hold_packed(own.gradients);
        hold_packed(own.values);
        hold_packed(residual);
        float mean_h = sums.x / float(C);
        float mean_hn = sums.y / float(C);

        // gradSum (+)= rstd·(h − mean(h) − n·mean(h·n))
        if (real) {
            float kept[Size];
            to_floats(own.gradients, gradients);
            to_floats(own.values, values);
            to_floats(pack_of<T>(weights[group][thread]), factors);
            to_floats(residual, kept);
#pragma unroll
            for (int e = 0; e < Size; ++e) {
                float n = (values[e] - own.average) * own.scale;
                float h = gradients[e] * factors[e];
                kept[e] += own.scale * (h - mean_h - n * mean_hn);
            }
            Pack<T> stored = pack_of<T>(kept);
            store_pack(grad_sum + offset, stored);
            if constexpr (HasDropout) {
                to_floats(stored, kept);
                DropoutRow(dropout, row).drop_all(kept, column);
                store_pack(grad_delta + offset, pack_of<T>(kept));
            }
        }
    }

    // Finish: fold the groups in order, and hand the block's sums to layer_norm_backward_reduce.
    if constexpr (Groups > 1) {
        for (int g = 1; g < Groups; ++g) {
            __syncthreads();
            if (group == g && active) {
                store_quads<Packs>(combined, total_weight, thread);
                store_quads<Packs>(combined + C, total_bias, thread);
            }
            __syncthreads();
            if (group == 0 && active) {
                add_quads<Packs>(total_weight, combined, thread);
                add_quads<Packs>(total_bias, combined + C, thread);
            }
        }
    }
    if (group == 0) {
        float* destination = partials + int64(blockIdx.x) * 2 * C + column;
        store_floats_of_warp(destination, total_weight, active);
        store_floats_of_warp(destination + C, total_bias, active);
    }
}
