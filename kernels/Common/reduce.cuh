// reduce.cuh: sums and maxima over a warp or a block, in an order that only the shape fixes, so the bits are the same every time.
#pragma once
#include "Common/numbers.cuh"

struct Sum {
    __device__ static float identity() { return 0.0f; }
    __device__ static float combine(float a, float b) { return a + b; }
};

struct Maximum {
    // Minus infinity. fmaxf drops a NaN, so whoever must see one checks for it apart.
    __device__ static float identity() { return __uint_as_float(0xff800000u); }
    __device__ static float combine(float a, float b) { return fmaxf(a, b); }
};

// Every lane gets the result. Exchanging with lane ^ 16, 8, 4, 2, 1 makes both partners add the same two numbers.
template <typename Operation> __device__ inline float warp_reduce(float value) {
#pragma unroll
    for (int offset = WarpSize / 2; offset > 0; offset /= 2) {
        value = Operation::combine(value, __shfl_xor_sync(FullWarp, value, offset));
    }
    return value;
}

__device__ inline float warp_sum(float value) { return warp_reduce<Sum>(value); }

// Every thread of a block of Warps warps gets the result. `shared` must not be in use by another reduction of the same round:
// whoever calls twice in a row gives two arrays, or puts a barrier between.
template <typename Operation, int Warps> __device__ inline float block_reduce(float value, float (&shared)[Warps], int warp, int lane) {
    value = warp_reduce<Operation>(value);
    if constexpr (Warps > 1) {
        if (lane == 0) {
            shared[warp] = value;
        }
        __syncthreads();
        // Every warp folds the same numbers in the same order: no second barrier is needed to hand the result round.
        value = warp_reduce<Operation>(lane < Warps ? shared[lane] : Operation::identity());
    }
    return value;
}

// Σ_slices partials[slice, column], for a block of (32, Rows) and a column a lane; the threads of row 0 get it. Row r takes slices r,
// r + Rows, ...; a thread has eight of them under way.
template <int Rows>
__device__ inline float sum_of_slices(const float* partials, int32 slices, int64 columns, int64 column, float (&shared)[Rows][WarpSize]) {
    constexpr int LoadsInFlight = 8;
    float total = 0.0f;
    for (int32 first = threadIdx.y; first < slices; first += Rows * LoadsInFlight) {
        float values[LoadsInFlight];
#pragma unroll
        for (int i = 0; i < LoadsInFlight; ++i) {
            int32 slice = first + i * Rows;
            values[i] = slice < slices && column < columns ? partials[slice * columns + column] : 0.0f;
        }
#pragma unroll
        for (int i = 0; i < LoadsInFlight; ++i) {
            total += values[i];
        }
    }
    shared[threadIdx.y][threadIdx.x] = total;
    __syncthreads();
    if (threadIdx.y == 0) {
#pragma unroll
        for (int i = 1; i < Rows; ++i) {
            total += shared[i][threadIdx.x];
        }
    }
    return total;
}
