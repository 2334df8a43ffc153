// linear.cu: matrix products on the plain units, for any size and either orientation of both operands: the readable rung below cuBLASLt,
// and a second opinion on it.
// Math      S = op(left)·op(right) [+ result] [+ bias];  result = S, or GELU(S) by its tanh form with S kept in `sum` where given
// Shapes    op(left) (rows, depth), op(right) (depth, columns), result and sum (rows, columns), bias (columns). Any sizes ≥ 1.
// Layout    row-major without gaps; left is stored (depth, rows) if LeftTransposed, right (columns, depth) if RightTransposed.
//           In is float, Half or BFloat16; Out is In or float.
// Writes    result overwritten, or added to where `accumulate`; sum overwritten. No aliasing.
// Launch    block 256, a tile of 64 × 64: grid (⌈columns/64⌉, ⌈rows/64⌉); shared memory 8.25 KiB, static.
// Cost      2·rows·columns·depth FLOP; at least (rows·depth + depth·columns)·sizeof(In) + rows·columns·sizeof(Out) bytes.
// Numerics  float accumulators, each element's products added in the order of depth: the same bits for any grid.
// Arch      sm_70 and newer.
// Source    Volkov and Demmel 2008, section 3.
#include "Activation/activation.cuh"

constexpr int BlockThreads = 256;
constexpr int Tile = 64;
constexpr int DepthStep = 16;

// A thread owns the rows and columns of its own number and every 16th from there: neighbours read neighbouring words.
constexpr int Stride = 16;
constexpr int PerThread = Tile / Stride;

// Two words beyond the tile: lanes that store along depth then fall on different banks.
constexpr int Pitch = Tile + 2;

// Brings op(source)[first + 0..63][start + 0..15] to tile[depth][line], zeros beyond its ends. Contiguous along depth unless Transposed.
// Only the corner's place takes 64 bits: what is left of the matrix from there on is counted in 32.
template <typename In, bool Transposed>
__device__ inline void load_tile(const In* source, float (&tile)[DepthStep][Pitch], int64 first, int64 lines, int64 start, int64 depth) {
    const In* corner = source + (Transposed ? start * lines + first : first * depth + start);
    int64 pitch = Transposed ? lines : depth;
    int lines_left = int(lines - first < Tile ? lines - first : Tile);
    int steps_left = int(depth - start < DepthStep ? depth - start : DepthStep);
#pragma unroll
    for (int i = 0; i < Tile * DepthStep / BlockThreads; ++i) {
        int element = int(threadIdx.x) + i * BlockThreads;
        int line = Transposed ? element % Tile : element / DepthStep;
        int step = Transposed ? element / Tile : element % DepthStep;
        bool inside = line < lines_left && step < steps_left;
        tile[step][line] = inside ? to_float(corner[Transposed ? step * pitch + line : line * pitch + step]) : 0.0f;
    }
}

template <typename In, typename Out, bool LeftTransposed, bool RightTransposed, bool Gelu>
__global__ void __launch_bounds__(BlockThreads, 3)
    matrix_product(const In* left, const In* right, Out* result, const In* bias, Out* sum, int64 rows, int64 columns, int64 depth,
                   bool accumulate) {
    __shared__ float left_tile[DepthStep][Pitch];
    __shared__ float right_tile[DepthStep][Pitch];
    int64 first_row = int64(blockIdx.y) * Tile;
    int64 first_column = int64(blockIdx.x) * Tile;
    int lane_row = int(threadIdx.x) / Stride;
    int lane_column = int(threadIdx.x) % Stride;
    float sums[PerThread][PerThread] = {};

    for (int64 start = 0; start < depth; start += DepthStep) {
        load_tile<In, LeftTransposed>(left, left_tile, first_row, rows, start, depth);
        load_tile<In, !RightTransposed>(right, right_tile, first_column, columns, start, depth);
        __syncthreads();
#pragma unroll
        for (int step = 0; step < DepthStep; ++step) {
            float a[PerThread];
            float b[PerThread];
#pragma unroll
            for (int i = 0; i < PerThread; ++i) {
                a[i] = left_tile[step][lane_row + i * Stride];
                b[i] = right_tile[step][lane_column + i * Stride];
            }
#pragma unroll
            for (int i = 0; i < PerThread; ++i) {
#pragma unroll
                for (int j = 0; j < PerThread; ++j) {
                    sums[i][j] += a[i] * b[j];
                }
            }
        }
        __syncthreads();
    }

#pragma unroll
    for (int i = 0; i < PerThread; ++i) {
#pragma unroll
        for (int j = 0; j < PerThread; ++j) {
            int64 row = first_row + lane_row + i * Stride;
            int64 column = first_column + lane_column + j * Stride;
            if (row < rows && column < columns) {
                int64 index = row * columns + column;
                float value = sums[i][j] + (accumulate ? to_float(result[index]) : 0.0f) + (bias ? to_float(bias[column]) : 0.0f);
                if constexpr (Gelu) {
                    if (sum) {
                        sum[index] = from_float<Out>(value);
                    }
                    // The backward pass sees the sum as it was stored.
                    value = activation<Out, Activation::GeluTanh>(rounded<Out>(value));
                }
                result[index] = from_float<Out>(value);
            }
        }
    }
}
