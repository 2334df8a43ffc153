// layer_norm.cu: residual add and layer normalisation over the last axis, forward and backward: the plain kernels, for any size.
// Math      sum = x + dropout(delta);  mean = (1/C) Σ sum;  rstd = 1/√((1/C) Σ (sum−mean)² + ε);  y = (sum−mean)·rstd·weight + bias
//           h = gradY·weight;  n = (sum−mean)·rstd;  gradSum (+)= rstd·(h − (1/C) Σ h − n·(1/C) Σ h·n);  gradDelta = dropout(gradSum)
//           gradWeight (+)= Σ_rows gradY·n;  gradBias (+)= Σ_rows gradY
// Shapes    x, delta, sum, y, gradY, gradSum, gradDelta (N, C) T;  weight, bias (C) T;  mean, rstd (N) float;
//           gradWeight, gradBias (C) float;  partials (S, 2, C) float, S slices. Any N ≥ 1, any C ≥ 1.
// Layout    row-major, contiguous, elements aligned. T is float, Half or BFloat16. Statistics are those of the sum as stored.
// Writes    forward: sum (unless delta is null), y, mean, rstd overwritten; sum may be x. backward_rows: gradSum accumulated
//           or overwritten, gradDelta overwritten if not null. backward_columns: partials overwritten. backward_reduce:
//           gradWeight, gradBias accumulated or overwritten.
// Launch    forward, backward_rows: a warp a row, block (32, 4), grid ⌈N/4⌉. backward_columns: block (32, 8), grid (⌈C/32⌉, S).
//           backward_reduce: block (32, 8), grid ⌈2C/32⌉. No dynamic shared memory.
// Cost      forward ≥ (2 or 4)·N·C·sizeof(T) + 8·N bytes, about 9·N·C FLOP; backward ≥ 4·N·C·sizeof(T) + 8·N bytes, about 17·N·C FLOP:
//           memory bound. These read a row again for every pass; layer_norm_resident.cu reads it once.
// Numerics  two-pass variance, float sums, fixed order, no atomics: the same bits on every run; backward's depend on S, which only N fixes.
// Arch      sm_70 and newer.
// Source    Ba et al. 2016, eq. 3–4.
#include "Common/dropout.cuh"
#include "Common/reduce.cuh"

constexpr int RowsPerBlock = 4;
constexpr int ColumnRows = 8;

// The row of this warp.
__device__ inline int64 row_of_warp() { return int64(blockIdx.x) * RowsPerBlock + threadIdx.y; }

template <typename T, bool HasDropout>
__global__ void __launch_bounds__(WarpSize * RowsPerBlock, 1)
    layer_norm_forward(const T* x, const T* delta, T* sum, const T* weight, const T* bias, T* y, float* mean, float* rstd, int64 rows,
                       int32 channels, float epsilon, Dropout dropout) {
    int64 row = row_of_warp();
    if (row >= rows) {
        return;
    }
    int lane = threadIdx.x;
    int64 start = row * channels;

    // sum = x + dropout(delta), and its mean. Each lane comes back to the elements that it wrote itself. Unrolled as far as compilers like
    // this takes registers, and a quarter of the warps with them (NVRTC 11.8).
    float total = 0.0f;
    if (delta != nullptr) {
#pragma unroll HasDropout ? 1 : 4
        for (int32 c = lane; c < channels; c += WarpSize) {
            float added = to_float(delta[start + c]);
            if constexpr (HasDropout) {
                added = DropoutRow(dropout, row).drop_one(added, c);
            }
            T stored = from_float<T>(to_float(x[start + c]) + added);
            sum[start + c] = stored;
            total += to_float(stored);
        }
    } else {
        for (int32 c = lane; c < channels; c += WarpSize) {
            total += to_float(x[start + c]);
        }
    }
    const T* source = delta != nullptr ? sum : x;
    float average = warp_sum(total) / float(channels);

    // variance = (1/C) Σ (sum − mean)²
    float squares = 0.0f;
    for (int32 c = lane; c < channels; c += WarpSize) {
        float centred = to_float(source[start + c]) - average;
        squares += centred * centred;
    }
    float scale = 1.0f / sqrtf(warp_sum(squares) / float(channels) + epsilon);

    // y = (sum − mean)·rstd·weight + bias
    for (int32 c = lane; c < channels; c += WarpSize) {
        float normal = (to_float(source[start + c]) - average) * scale;
        y[start + c] = from_float<T>(normal * to_float(weight[c]) + to_float(bias[c]));
    }
    if (lane == 0) {
        mean[row] = average;
        rstd[row] = scale;
    }
}

template <typename T, bool HasDropout>
__global__ void __launch_bounds__(WarpSize * RowsPerBlock, 1)
    layer_norm_backward_rows(const T* grad_y, const T* sum, const T* weight, const float* mean, const float* rstd, T* grad_sum,
                             T* grad_delta, int64 rows, int32 channels, bool accumulate, Dropout dropout) {
    int64 row = row_of_warp();
    if (row >= rows) {
        return;
    }
    int lane = threadIdx.x;
    int64 start = row * channels;
    float average = mean[row];
    float scale = rstd[row];

    // (1/C) Σ h and (1/C) Σ h·n
    float sum_h = 0.0f;
    float sum_hn = 0.0f;
    for (int32 c = lane; c < channels; c += WarpSize) {
        float h = to_float(grad_y[start + c]) * to_float(weight[c]);
        sum_h += h;
        sum_hn += h * ((to_float(sum[start + c]) - average) * scale);
    }
    float mean_h = warp_sum(sum_h) / float(channels);
    float mean_hn = warp_sum(sum_hn) / float(channels);

    // gradSum (+)= rstd·(h − mean(h) − n·mean(h·n))
    for (int32 c = lane; c < channels; c += WarpSize) {
        float h = to_float(grad_y[start + c]) * to_float(weight[c]);
        float n = (to_float(sum[start + c]) - average) * scale;
        float gradient = scale * (h - mean_h - n * mean_hn);
        if (accumulate) {
            gradient += to_float(grad_sum[start + c]);
        }
        T stored = from_float<T>(gradient);
        grad_sum[start + c] = stored;
        if constexpr (HasDropout) {
            grad_delta[start + c] = from_float<T>(DropoutRow(dropout, row).drop_one(to_float(stored), c));
        }
    }
}

template <typename T>
__global__ void __launch_bounds__(WarpSize * ColumnRows, 1)
    layer_norm_backward_columns(const T* grad_y, const T* sum, const float* mean, const float* rstd, float* partials, int64 rows,
                                int32 channels) {
    __shared__ float shared_weight[ColumnRows][WarpSize];
    __shared__ float shared_bias[ColumnRows][WarpSize];
    int64 column = int64(blockIdx.x) * WarpSize + threadIdx.x;
    int slice = blockIdx.y;

    // Slice s takes rows s·8 + threadIdx.y, then every (8·S)th one after.
    float weight = 0.0f;
    float bias = 0.0f;
    if (column < channels) {
        for (int64 row = int64(slice) * ColumnRows + threadIdx.y; row < rows; row += int64(gridDim.y) * ColumnRows) {
            float gradient = to_float(grad_y[row * channels + column]);
            weight += gradient * ((to_float(sum[row * channels + column]) - mean[row]) * rstd[row]);
            bias += gradient;
        }
    }
    shared_weight[threadIdx.y][threadIdx.x] = weight;
    shared_bias[threadIdx.y][threadIdx.x] = bias;
    __syncthreads();

    if (threadIdx.y == 0 && column < channels) {
        for (int i = 1; i < ColumnRows; ++i) {
            weight += shared_weight[i][threadIdx.x];
            bias += shared_bias[i][threadIdx.x];
        }
        partials[int64(slice) * 2 * channels + column] = weight;
        partials[(int64(slice) * 2 + 1) * channels + column] = bias;
    }
}

// gradWeight and gradBias (+)= Σ_slices partials; columns 0 .. C − 1 are the weight's, C .. 2C − 1 the bias's.
__global__ void __launch_bounds__(WarpSize * ColumnRows, 1)
    layer_norm_backward_reduce(const float* partials, float* grad_weight, float* grad_bias, int32 slices, int32 channels,
                               bool accumulate) {
    __shared__ float shared[ColumnRows][WarpSize];
    int64 columns = 2 * int64(channels);
    int64 column = int64(blockIdx.x) * WarpSize + threadIdx.x;
    float total = sum_of_slices<ColumnRows>(partials, slices, columns, column, shared);
    if (threadIdx.y == 0 && column < columns) {
        float* destination = column < channels ? grad_weight + column : grad_bias + (column - channels);
        *destination = accumulate ? *destination + total : total;
    }
}
