// bias_gradient.cu: sums over the rows of a linear layer's output gradient.
// Math      gradBias[c] (+)= Σ_n gradY[n, c]
// Shapes    gradY (rows, columns) T, gradBias (columns) float, partials (slices, columns) float. Any sizes ≥ 1.
// Layout    row-major. Packed: columns a whole number of packs, gradY 16-byte aligned. T is float, Half or BFloat16.
// Writes    partials overwritten; gradBias overwritten, or added to where `accumulate`. No aliasing.
// Launch    partials: block (32, 8), grid (⌈columns/(32·pack)⌉, slices), shared memory at most 9 KiB;
//           reduce: block (32, 8), grid ⌈columns/32⌉.
// Cost      rows·columns·sizeof(T) + 8·columns bytes, rows·columns FLOP: memory bound. A thread has four rows' loads under way.
// Numerics  float sums in an order that only the shape fixes; no atomics.
// Arch      sm_70 and newer.
// Source    the gradient of a sum.
#include "Common/packs.cuh"
#include "Common/reduce.cuh"

constexpr int RowsAtOnce = 8;
constexpr int LoadsInFlight = 4;

template <typename T, bool Packed>
__global__ void __launch_bounds__(WarpSize* RowsAtOnce, 1)
    bias_gradient_partials(const T* grad_y, float* partials, int64 rows, int32 columns, int64 rows_per_slice) {
    constexpr int Size = Packed ? Pack<T>::Size : 1;
    // Lanes write neighbouring words and threads read neighbouring columns: with this pitch both lie in different banks.
    constexpr int Pitch = WarpSize + WarpSize / Size;
    __shared__ float shared[RowsAtOnce][Size * Pitch];
    int32 column = (int32(blockIdx.x) * WarpSize + int32(threadIdx.x)) * Size;
    int64 first = int64(blockIdx.y) * rows_per_slice;
    int64 end = first + rows_per_slice < rows ? first + rows_per_slice : rows;

    float sums[Size] = {};
    for (int64 row = first + threadIdx.y; row < end; row += RowsAtOnce * LoadsInFlight) {
        Pack<T> packs[LoadsInFlight];
#pragma unroll
        for (int i = 0; i < LoadsInFlight; ++i) {
            int64 next = row + i * RowsAtOnce;
            bool real = next < end && column < columns;
            if constexpr (Packed) {
                packs[i] = real ? load_pack(grad_y + next * columns + column) : zero_pack<T>();
            } else {
                packs[i] = zero_pack<T>();
                packs[i].elements[0] = real ? grad_y[next * columns + column] : from_float<T>(0.0f);
            }
        }
#pragma unroll
        for (int i = 0; i < LoadsInFlight; ++i) {
            float values[Pack<T>::Size];
            to_floats(packs[i], values);
#pragma unroll
            for (int e = 0; e < Size; ++e) {
                sums[e] += values[e];
            }
        }
    }
#pragma unroll
    for (int e = 0; e < Size; ++e) {
        shared[threadIdx.y][e * Pitch + threadIdx.x] = sums[e];
    }
    __syncthreads();

    // A column a thread.
    int32 own = int32(threadIdx.y) * WarpSize + int32(threadIdx.x);
    int32 target = int32(blockIdx.x) * WarpSize * Size + own;
    if (own < WarpSize * Size && target < columns) {
        float total = 0.0f;
#pragma unroll
        for (int i = 0; i < RowsAtOnce; ++i) {
            total += shared[i][own % Size * Pitch + own / Size];
        }
        partials[int64(blockIdx.y) * columns + target] = total;
    }
}

__global__ void __launch_bounds__(WarpSize* RowsAtOnce, 1)
    bias_gradient_reduce(const float* partials, float* grad_bias, int32 slices, int32 columns, bool accumulate) {
    __shared__ float shared[RowsAtOnce][WarpSize];
    int32 column = int32(blockIdx.x) * WarpSize + int32(threadIdx.x);
    float total = sum_of_slices<RowsAtOnce>(partials, slices, columns, column, shared);
    if (threadIdx.y == 0 && column < columns) {
        grad_bias[column] = accumulate ? grad_bias[column] + total : total;
    }
}
