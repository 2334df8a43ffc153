// bias_gradient.cu: sums over the rows of a linear layer's output gradient.
// Math      gradBias[c] (+)= Σ_n gradY[n, c]
// Shapes    gradY (rows, columns) T, gradBias (columns) float, partials (slices, columns) float. Any sizes ≥ 1.
// Layout    row-major. T is float, Half or BFloat16.
// Writes    partials overwritten; gradBias overwritten, or added to where `accumulate`. No aliasing.
// Launch    partials: block (32, 8), grid (⌈columns/32⌉, slices), shared memory 1 KiB; reduce: block 128, grid ⌈columns/128⌉.
// Cost      rows·columns·sizeof(T) + 8·columns bytes, rows·columns FLOP: memory bound.
// Numerics  float sums in an order that only the shape fixes; no atomics.
// Arch      sm_70 and newer.
// Source    the gradient of a sum.
#include "Common/numbers.cuh"

constexpr int RowsAtOnce = 8;
constexpr int ReduceThreads = 128;

template <typename T>
__global__ void __launch_bounds__(WarpSize* RowsAtOnce, 1)
    bias_gradient_partials(const T* grad_y, float* partials, int64 rows, int columns, int64 rows_per_slice) {
    __shared__ float sums[RowsAtOnce][WarpSize];
    int column = int(blockIdx.x) * WarpSize + int(threadIdx.x);
    int64 first = int64(blockIdx.y) * rows_per_slice;
    int64 end = first + rows_per_slice < rows ? first + rows_per_slice : rows;
    float sum = 0.0f;
    if (column < columns) {
        for (int64 row = first + threadIdx.y; row < end; row += RowsAtOnce) {
            sum += to_float(grad_y[row * columns + column]);
        }
    }
    sums[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && column < columns) {
#pragma unroll
        for (int i = 1; i < RowsAtOnce; ++i) {
            sum += sums[i][threadIdx.x];
        }
        partials[int64(blockIdx.y) * columns + column] = sum;
    }
}

__global__ void __launch_bounds__(ReduceThreads, 1)
    bias_gradient_reduce(const float* partials, float* grad_bias, int slices, int columns, bool accumulate) {
    int column = int(blockIdx.x) * ReduceThreads + int(threadIdx.x);
    if (column < columns) {
        float sum = 0.0f;
        for (int slice = 0; slice < slices; ++slice) {
            sum += partials[int64(slice) * columns + column];
        }
        grad_bias[column] = accumulate ? grad_bias[column] + sum : sum;
    }
}
