// embedding.cu: token and position embedding, forward and backward; the backward pass sums each token's rows in a fixed order.
// Math      output[n] = dropout(tokenTable[tokens[n]] + positionTable[firstPosition + n mod T])
//           gradToken[v] += Σ_{n: tokens[n] = v} dropout(gradOutput[n]);  gradPosition[t] (+)= Σ_b dropout(gradOutput[b·T + t])
// Shapes    tokens (N) int32, each in [0, rows of the table);  tables (·, C) T;  output, gradOutput (N, C) T;  gradToken, gradPosition
//           (·, C) float;  order, sorted (N) int32. Any N in [1, 2³¹), any C ≥ 1.
// Layout    row-major, contiguous. Packed: C·sizeof(T) a multiple of 16, tensors 16-byte aligned. T is float, Half or BFloat16.
// Writes    forward: output. order: order, sorted overwritten. backward: gradToken accumulated. position_backward: rows below T
//           of gradPosition accumulated or overwritten, rows from T on zeroed where it overwrites.
// Launch    forward: block (64, 4), two rows a thread, grid ⌈N/8⌉. order: block (32, 8), grid ⌈N/32⌉. backward: block (32, 4), grid N.
//           position_backward: block 128, grid (rows of gradPosition). No dynamic shared memory.
// Cost      forward 2·N·C·sizeof(T) (and the position table once); backward N·C·sizeof(T) + 8·C·(distinct tokens): memory bound.
//           order: N² comparisons, two instructions of a warp for 32 of them; it needs the tokens alone, so it can run beside the
//           forward pass.
// Numerics  float sums; rows of a token are added in order of n within each of four interleaved parts: no atomics, the same bits each time.
// Arch      sm_70 and newer.
// Source    own; the order is a rank sort: a position's rank is the number of (token, position) pairs below its own.
#include "Common/dropout.cuh"
#include "Common/packs.cuh"

constexpr int ForwardThreads = 64;
constexpr int ForwardRows = 4;
constexpr int RowsPerThread = 2;
constexpr int OrderSlices = 8;
constexpr int SumWarps = 4;
constexpr int PositionThreads = 128;

// An element or pack of the output: what the tables have, added, and dropout.
template <typename T, int Size, bool HasDropout>
__device__ inline void store_sum(T* output, Pack<T> token, Pack<T> position, int64 row, int32 c, const Dropout& dropout) {
    float values[Pack<T>::Size];
    float added[Pack<T>::Size];
    to_floats(token, values);
    to_floats(position, added);
#pragma unroll
    for (int e = 0; e < Size; ++e) {
        values[e] += added[e];
    }
    if constexpr (Size > 1) {
        if constexpr (HasDropout) {
            DropoutRow(dropout, row).drop_all(values, c);
        }
        store_pack(output, pack_of<T>(values));
    } else {
        if constexpr (HasDropout) {
            values[0] = DropoutRow(dropout, row).drop_one(values[0], c);
        }
        *output = from_float<T>(values[0]);
    }
}

// An element or pack, or zeros.
template <typename T, int Size> __device__ inline Pack<T> load_or_zero(const T* address, bool real) {
    Pack<T> pack = zero_pack<T>();
    if (real) {
        if constexpr (Size > 1) {
            pack = load_pack(address);
        } else {
            pack.elements[0] = *address;
        }
    }
    return pack;
}

template <typename T, bool Packed, bool HasDropout>
__global__ void __launch_bounds__(ForwardThreads * ForwardRows, 1)
    embedding_forward(const int32* tokens, const T* token_table, const T* position_table, T* output, int64 rows, int32 channels, int32 time,
                      int32 first_position, Dropout dropout) {
    constexpr int Size = Packed ? Pack<T>::Size : 1;
    int64 first = int64(blockIdx.x) * ForwardRows * RowsPerThread + threadIdx.y;

    // Rows' tokens all at once, and then their elements: each waits for the memory once.
    const T* token_rows[RowsPerThread];
#pragma unroll
    for (int i = 0; i < RowsPerThread; ++i) {
        int64 row = first + i * ForwardRows;
        token_rows[i] = token_table + (row < rows ? int64(tokens[row]) * channels : 0);
    }
    for (int32 c = threadIdx.x * Size; c < channels; c += ForwardThreads * Size) {
        Pack<T> packs[RowsPerThread];
        Pack<T> positions[RowsPerThread];
#pragma unroll
        for (int i = 0; i < RowsPerThread; ++i) {
            int64 row = first + i * ForwardRows;
            packs[i] = load_or_zero<T, Size>(token_rows[i] + c, row < rows);
            int64 position = int64(first_position) + uint32(row) % uint32(time);
            positions[i] = load_or_zero<T, Size>(position_table + position * channels + c, row < rows && position_table != nullptr);
        }
#pragma unroll
        for (int i = 0; i < RowsPerThread; ++i) {
            int64 row = first + i * ForwardRows;
            if (row < rows) {
                store_sum<T, Size, HasDropout>(output + row * channels + c, packs[i], positions[i], row, c, dropout);
            }
        }
    }
}

// Of the tokens in [first, end), those below `bound`, by the signs of the differences; sixteen under way but for the first and last few.
__device__ inline uint32 count_below(const int32* tokens, int32 first, int32 end, int32 bound) {
    uint32 counts[4] = {};
    int32 other = first;
#pragma unroll
    for (int i = 0; i < 3; ++i) {
        if (other < end && reinterpret_cast<uint64>(tokens + other) % 16 != 0) {
            counts[i] += uint32(tokens[other++] - bound) >> 31;
        }
    }
    for (; other + 16 <= end; other += 16) {
        int4 quads[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            quads[i] = reinterpret_cast<const int4*>(tokens + other)[i];
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            counts[0] += uint32(quads[i].x - bound) >> 31;
            counts[1] += uint32(quads[i].y - bound) >> 31;
            counts[2] += uint32(quads[i].z - bound) >> 31;
            counts[3] += uint32(quads[i].w - bound) >> 31;
        }
    }
#pragma unroll
    for (int i = 0; i < 15; ++i) {
        if (other + i < end) {
            counts[i % 4] += uint32(tokens[other + i] - bound) >> 31;
        }
    }
    return (counts[0] + counts[1]) + (counts[2] + counts[3]);
}

// order: positions sorted by token, then by position; sorted: their tokens. Lane: a position; warp: a slice of those it is compared with.
// Before a position its own token counts, behind it not: only the warp's own positions need both compared.
__global__ void __launch_bounds__(WarpSize * OrderSlices, 1)
    embedding_order(const int32* tokens, int32* order, int32* sorted, int32 rows) {
    __shared__ int32 counts[OrderSlices][WarpSize];
    int32 own = blockIdx.x * WarpSize;
    int32 position = own + threadIdx.x;
    int32 token = position < rows ? tokens[position] : 0;
    int32 length = (rows + OrderSlices - 1) / OrderSlices;
    int32 first = min(threadIdx.y * length, rows);
    int32 end = min(first + length, rows);

    int32 middle = min(max(own, first), end);
    int32 after = min(max(own + WarpSize, first), end);
    int32 below = int32(count_below(tokens, first, middle, token + 1));
    for (int32 other = middle; other < after; ++other) {
        below += tokens[other] < token + int32(other < position);
    }
    below += int32(count_below(tokens, after, end, token));
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
