// embedding.cu: token and position embedding, forward and backward; the backward pass sums each token's rows in a fixed order.
// Math      output[n] = dropout(tokenTable[tokens[n]] + positionTable[firstPosition + n mod T])
//           gradToken[v] += Σ_{n: tokens[n] = v} dropout(gradOutput[n]);  gradPosition[t] (+)= Σ_b dropout(gradOutput[b·T + t])
// Shapes    tokens (N) int32, each in [0, rows of the table);  tables (·, C) T;  output, gradOutput (N, C) T;  gradToken, gradPosition
//           (·, C) float;  order, sorted (N) int32. Any N in [1, 2³¹), any C ≥ 1.
// Layout    row-major, contiguous. Packed: C·sizeof(T) a multiple of 16, tensors 16-byte aligned. T is float, Half or BFloat16.
// Writes    forward: output. order: order, sorted overwritten. backward: gradToken accumulated. position_backward: rows below T
//           of gradPosition accumulated or overwritten, rows from T on zeroed where it overwrites.
// Launch    forward: block (64, 4), grid ⌈N/4⌉. order: block (32, 8), grid ⌈N/32⌉. backward: block (32, 4), grid N.
//           position_backward: block 128, grid (rows of gradPosition). No dynamic shared memory.
// Cost      forward 2·N·C·sizeof(T) (and the position table once); backward N·C·sizeof(T) + 8·C·(distinct tokens): memory bound.
//           order: N² comparisons, 40 µs at N = 18,000; it needs the tokens alone, so it can run beside the forward pass.
// Numerics  float sums; rows of a token are added in order of n within each of four interleaved parts: no atomics, the same bits each time.
// Arch      sm_70 and newer.
// Source    own; the order is a rank sort: a position's rank is the number of (token, position) pairs below its own.
#include "Common/dropout.cuh"
#include "Common/packs.cuh"

constexpr int ForwardThreads = 64;
constexpr int ForwardRows = 4;
constexpr int OrderSlices = 8;
constexpr int SumWarps = 4;
constexpr int PositionThreads = 128;

template <typename T, bool Packed, bool HasDropout>
__global__ void __launch_bounds__(ForwardThreads * ForwardRows, 1)
    embedding_forward(const int32* tokens, const T* token_table, const T* position_table, T* output, int64 rows, int32 channels, int32 time,
                      int32 first_position, Dropout dropout) {
    constexpr int Size = Packed ? Pack<T>::Size : 1;
    int64 row = int64(blockIdx.x) * ForwardRows + threadIdx.y;
    if (row >= rows) {
        return;
    }
    const T* token_row = token_table + int64(tokens[row]) * channels;
    const T* position_row = position_table + (int64(first_position) + uint32(row) % uint32(time)) * channels;

    for (int32 c = threadIdx.x * Size; c < channels; c += ForwardThreads * Size) {
        if constexpr (Packed) {
            Pack<T> pack = load_pack(token_row + c);
            if (position_table != nullptr || HasDropout) {
                Pack<T> position = position_table != nullptr ? load_pack(position_row + c) : zero_pack<T>();
                float values[Size];
#pragma unroll
                for (int e = 0; e < Size; ++e) {
                    values[e] = to_float(pack.elements[e]) + to_float(position.elements[e]);
                }
                if constexpr (HasDropout) {
                    DropoutRow(dropout, row).drop_all(values, c);
                }
#pragma unroll
                for (int e = 0; e < Size; ++e) {
                    pack.elements[e] = from_float<T>(values[e]);
                }
            }
            store_pack(output + row * channels + c, pack);
        } else {
            float value = to_float(token_row[c]);
            if (position_table != nullptr) {
                value += to_float(position_row[c]);
            }
            if constexpr (HasDropout) {
                value = DropoutRow(dropout, row).drop_one(value, c);
            }
            output[row * channels + c] = from_float<T>(value);
        }
    }
}

// order: positions sorted by token, then by position; sorted: their tokens. Lane: a position; warp: a slice of those it is compared with.
__global__ void __launch_bounds__(WarpSize * OrderSlices, 1)
    embedding_order(const int32* tokens, int32* order, int32* sorted, int32 rows) {
    __shared__ int32 counts[OrderSlices][WarpSize];
    int32 position = blockIdx.x * WarpSize + threadIdx.x;
    int32 token = position < rows ? tokens[position] : 0;
    int32 length = (rows + OrderSlices - 1) / OrderSlices;
    int32 first = threadIdx.y * length;
    int32 end = min(first + length, rows);

    int32 below = 0;
#pragma unroll 8
    for (int32 other = first; other < end; ++other) {
        int32 key = tokens[other];
        below += key < token || (key == token && other < position);
    }
    counts[threadIdx.y][threadIdx.x] = below;
    __syncthreads();

    if (threadIdx.y == 0 && position < rows) {
        for (int slice = 1; slice < OrderSlices; ++slice) {
            below += counts[slice][threadIdx.x];
        }
        order[below] = position;
        sorted[below] = token;
    }
}

// One element or pack of gradOutput, as floats, dropout undone the forward pass's way.
template <typename T, int Size, bool HasDropout>
__device__ inline void add_row(float (&total)[Size], const T* grad_output, int64 row, int32 channels, int32 c, const Dropout& dropout) {
    float values[Size];
    if constexpr (Size > 1) {
        Pack<T> pack = load_pack(grad_output + row * channels + c);
#pragma unroll
        for (int e = 0; e < Size; ++e) {
            values[e] = to_float(pack.elements[e]);
        }
        if constexpr (HasDropout) {
            DropoutRow(dropout, row).drop_all(values, c);
        }
    } else {
        values[0] = to_float(grad_output[row * channels + c]);
        if constexpr (HasDropout) {
            values[0] = DropoutRow(dropout, row).drop_one(values[0], c);
        }
    }
#pragma unroll
    for (int e = 0; e < Size; ++e) {
        total[e] += values[e];
    }
}

// The block at the first place of a token in the order owns the token; all others leave at once.
template <typename T, bool Packed, bool HasDropout>
__global__ void __launch_bounds__(WarpSize * SumWarps, 1)
    embedding_backward(const int32* order, const int32* sorted, const T* grad_output, float* grad_token, int32 rows, int32 channels,
                       Dropout dropout) {
    constexpr int Size = Packed ? Pack<T>::Size : 1;
    __shared__ float shared[SumWarps][WarpSize * Size];
    int32 first = blockIdx.x;
    int32 token = sorted[first];
    if (first > 0 && sorted[first - 1] == token) {
        return;
    }
    int lane = threadIdx.x;
    int warp = threadIdx.y;

    // Where the token's run ends: 32 places a look.
    int32 end = first;
    for (uint32 same = FullWarp; same == FullWarp; end += __popc(same)) {
        int32 place = end + lane;
        same = __ballot_sync(FullWarp, place < rows && sorted[place] == token);
    }

    for (int32 tile = 0; tile < channels; tile += WarpSize * Size) {
        int32 c = tile + lane * Size;
        float total[Size] = {};
        if (c < channels) {
#pragma unroll 4
            for (int32 place = first + warp; place < end; place += SumWarps) {
                add_row<T, Size, HasDropout>(total, grad_output, order[place], channels, c, dropout);
            }
        }
#pragma unroll
        for (int e = 0; e < Size; ++e) {
            shared[warp][e * WarpSize + lane] = total[e];
        }
        __syncthreads();
        if (warp == 0) {
            float* destination = grad_token + int64(token) * channels + c;
            for (int w = 1; w < SumWarps; ++w) {
#pragma unroll
                for (int e = 0; e < Size; ++e) {
                    total[e] += shared[w][e * WarpSize + lane];
                }
            }
            if constexpr (Packed) {
                float held[Size];
                load_floats_of_warp(destination, held, c < channels);
#pragma unroll
                for (int e = 0; e < Size; ++e) {
                    total[e] += held[e];
                }
                store_floats_of_warp(destination, total, c < channels);
            } else if (c < channels) {
                *destination += total[0];
            }
        }
        __syncthreads();
    }
}

template <typename T, bool Packed, bool HasDropout>
__global__ void __launch_bounds__(PositionThreads, 1)
    embedding_position_backward(const T* grad_output, float* grad_position, int32 batch, int32 time, int32 channels, bool accumulate,
                                Dropout dropout) {
    constexpr int Size = Packed ? Pack<T>::Size : 1;
    int32 position = blockIdx.x;
    if (position >= time && accumulate) {
        return;
    }
    for (int32 tile = 0; tile < channels; tile += PositionThreads * Size) {
        int32 c = tile + threadIdx.x * Size;
        float* destination = grad_position + int64(position) * channels + c;
        float total[Size] = {};
        if (position < time && c < channels) {
#pragma unroll 4
            for (int32 b = 0; b < batch; ++b) {
                add_row<T, Size, HasDropout>(total, grad_output, int64(b) * time + position, channels, c, dropout);
            }
        }
        if constexpr (Packed) {
            if (accumulate) {
                float held[Size];
                load_floats_of_warp(destination, held, c < channels);
#pragma unroll
                for (int e = 0; e < Size; ++e) {
                    total[e] += held[e];
                }
            }
            store_floats_of_warp(destination, total, c < channels);
        } else if (c < channels) {
            *destination = accumulate ? *destination + total[0] : total[0];
        }
    }
}
