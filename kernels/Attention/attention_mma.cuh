// attention_mma.cuh: tiles of attention on the tensor cores of sm_80 and newer: rows in shared memory in 16 bits, a warp's 16 rows of each
// product in registers. Fragments as mma.m16n8k16 lays them out: of 8 columns a lane has those at 2·(lane mod 4), of 16 rows those at
// lane / 4 and lane / 4 + 8.
#pragma once
#include "Attention/attention_head.cuh"
#include "Common/async_copy.cuh"
#include "Common/packs.cuh"

constexpr int Threads = 128;
constexpr int WarpRows = 16;
constexpr int BlockRows = Threads / WarpSize * WarpRows;

// Rows in shared memory: padded with zeros to whole steps of 16, then by 16 bytes: an odd number of 16-byte chunks apart, any eight rows
// lie in different banks.
template <int D> struct Rows {
    static constexpr int Padded = (D + 15) / 16 * 16;
    static constexpr int Pitch = Padded + 8;
    static constexpr int Steps = Padded / 16;
    static constexpr int Tiles = Padded / 8;
    static constexpr int Chunks = Padded / 8;
};

// Load: `Count` rows (a multiple of 8) from `source` on, `stride` elements apart; from `valid` on zeros. Eight neighbouring lanes write
// chunks in different banks: `Width` of a row each, of rows `Width` apart.
template <typename T, int D, int Count, int Copiers>
__device__ inline void copy_rows(T* tile, const T* source, int64 stride, int valid, int thread) {
    constexpr int Chunks = Rows<D>::Chunks;
    constexpr int Width = Chunks % 8 == 0 ? 8 : Chunks % 4 == 0 ? 4 : 2;
#pragma unroll 4
    for (int base = 0; base < Count * Chunks; base += Copiers) {
        int index = base + thread;
        if (Count * Chunks % Copiers == 0 || index < Count * Chunks) {
            int eighth = index / Width % 8;
            int block = index / (Width * 8);
            int chunk = block % (Chunks / Width) * Width + index % Width;
            int row = block / (Chunks / Width) * 8 + eighth % (8 / Width) * Width + eighth / (8 / Width);
            bool real = row < valid && chunk * 8 < D;
            copy_async(tile + row * Rows<D>::Pitch + chunk * 8, real ? source + row * stride + chunk * 8 : source, real);
        }
    }
}

// The left side of a product: 16 rows of D, held in registers.
template <typename T, int D> struct HeldRows {
    uint32 fragments[Rows<D>::Steps][4];

    __device__ HeldRows(const T* rows, int lane) {
        uint32 start = shared_address(rows + lane % 16 * Rows<D>::Pitch + lane / 16 * 8);
#pragma unroll
        for (int step = 0; step < Rows<D>::Steps; ++step) {
            load_tiles(fragments[step], start + step * 32);
        }
    }

    __device__ void get(int step, uint32 (&fragment)[4]) const {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            fragment[i] = fragments[step][i];
        }
    }
};

// The same, left in shared memory and read at each use.
template <typename T, int D> struct SharedRows {
    uint32 start;

    __device__ SharedRows(const T* rows, int lane) : start(shared_address(rows + lane % 16 * Rows<D>::Pitch + lane / 16 * 8)) {}

    __device__ void get(int step, uint32 (&fragment)[4]) const { load_tiles(fragment, start + step * 32); }
};

// product = a·bᵀ: 16 rows by 8·Tiles rows of b, over D.
template <typename T, int D, int Tiles, typename Left>
__device__ inline void multiply_rows(float (&product)[Tiles][4], const Left& a, const T* b, int lane) {
#pragma unroll
    for (int tile = 0; tile < Tiles; ++tile) {
        product[tile][0] = product[tile][1] = product[tile][2] = product[tile][3] = 0.0f;
    }
    uint32 start = shared_address(b + (lane / 16 * 8 + lane % 8) * Rows<D>::Pitch + lane / 8 % 2 * 8);
#pragma unroll
    for (int step = 0; step < Rows<D>::Steps; ++step) {
        uint32 left[4];
        a.get(step, left);
#pragma unroll
        for (int tile = 0; tile < Tiles; tile += 2) {
            uint32 right[4];
            load_tiles(right, start + (tile * 8 * Rows<D>::Pitch + step * 16) * 2);
            mma_16x8x16<T>(product[tile], left, {right[0], right[1]});
            mma_16x8x16<T>(product[tile + 1], left, {right[2], right[3]});
        }
    }
}

// 16 rows of D sums.
template <typename T, int D> struct Sums {
    float values[Rows<D>::Tiles][4] = {};

    // sums += weights·b, with b of 8·Tiles rows; the weights rounded to storage.
    template <int Tiles> __device__ void add_product(const float (&weights)[Tiles][4], const T* b, int lane) {
        uint32 start = shared_address(b + lane % 16 * Rows<D>::Pitch + lane / 16 * 8);
#pragma unroll
        for (int step = 0; step < Tiles / 2; ++step) {
            uint32 left[4] = {pack_pair<T>(weights[2 * step][0], weights[2 * step][1]),
                              pack_pair<T>(weights[2 * step][2], weights[2 * step][3]),
                              pack_pair<T>(weights[2 * step + 1][0], weights[2 * step + 1][1]),
                              pack_pair<T>(weights[2 * step + 1][2], weights[2 * step + 1][3])};
#pragma unroll
            for (int tile = 0; tile < Rows<D>::Tiles; tile += 2) {
                uint32 right[4];
                load_tiles_transposed(right, start + (step * 16 * Rows<D>::Pitch + tile * 8) * 2);
                mma_16x8x16<T>(values[tile], left, {right[0], right[1]});
                mma_16x8x16<T>(values[tile + 1], left, {right[2], right[3]});
            }
        }
    }

    // Rows lane / 4 (i = 0) and lane / 4 + 8 (i = 1).
    __device__ void scale(int i, float factor) {
#pragma unroll
        for (int tile = 0; tile < Rows<D>::Tiles; ++tile) {
            values[tile][2 * i] *= factor;
            values[tile][2 * i + 1] *= factor;
        }
    }

    // Finish: by way of 16 rows of shared memory that are this warp's own, so that rows leave in whole sectors.
    __device__ void store(T* staging, T* target, int64 stride, int valid, int lane) const {
        __syncwarp();
#pragma unroll
        for (int tile = 0; tile < Rows<D>::Tiles; ++tile) {
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                T* place = staging + (lane / 4 + 8 * i) * Rows<D>::Pitch + tile * 8 + lane % 4 * 2;
                *reinterpret_cast<uint32*>(place) = pack_pair<T>(values[tile][2 * i], values[tile][2 * i + 1]);
            }
        }
        __syncwarp();
        constexpr int Chunks = D / 8;
#pragma unroll
        for (int base = 0; base < WarpRows * Chunks; base += WarpSize) {
            int row = (base + lane) / Chunks;
            int chunk = (base + lane) % Chunks;
            if (row < WarpRows && row < valid) {
                store_words(target + row * stride + chunk * 8, *reinterpret_cast<const uint4*>(staging + row * Rows<D>::Pitch + chunk * 8));
            }
        }
    }
};

// Over the four lanes that share rows.
__device__ inline float row_maximum(float value) {
    value = fmaxf(value, __shfl_xor_sync(FullWarp, value, 1));
    return fmaxf(value, __shfl_xor_sync(FullWarp, value, 2));
}

__device__ inline float row_sum(float value) {
    value += __shfl_xor_sync(FullWarp, value, 1);
    return value + __shfl_xor_sync(FullWarp, value, 2);
}
