// attention_backward_warpgroup.cuh: what both passes of attention's backward pass on warpgroups' products have in common; sm_90a.
//
// A block is one warpgroup or two (Groups), each with 64 rows of its own: keys, or queries. Steps of 64 of the others pass by. What
// products give is the left side of the next products where it is, in registers: the gradients of scores never go through shared memory.
// Blocks of one warpgroup begin and end while others on the SM multiply; of two, where heads are so wide that an SM holds no more, load
// what passes by once for both.
#pragma once
#include "Attention/attention_backward.cuh"
#include "Common/warpgroup.cuh"

constexpr int GroupStep = 64; // queries, or keys, of a step
constexpr int GroupSteps = GroupStep / ProductStep;

// What a product over D gives, and its pairs as the left side of the next.
using GroupProduct = float[GroupStep / 2];
using GroupLeft = uint32[GroupSteps][4];

// `Count` rows of D from `source` on, `stride` elements apart, to a tile; from `valid` on, and beyond D, zeros. By `Copiers` threads: where
// a thread's chunks lie differs by constants.
template <typename T, int D, int Count, int Copiers>
__device__ inline void copy_panels(unsigned char* tile, const T* source, int64 stride, int valid, int thread) {
    using Tile = PanelRows<D, Count>;
    constexpr int Rows = Copiers / Tile::RowChunks; // at a time
    static_assert(Count % Rows == 0 && Rows % 8 == 0, "whole rounds");
    int row = thread / Tile::RowChunks;
    int chunk = thread % Tile::RowChunks;
    uint32 target = shared_address(tile) + Tile::offset(row, chunk);
    const T* origin = source + row * stride + chunk * 8;
#pragma unroll
    for (int base = 0; base < Count; base += Rows, origin += Rows * stride) {
#pragma unroll
        for (int panel = 0; panel < Tile::Panels; ++panel) {
            // Where nothing is read an address may be anything.
            bool real = row + base < valid && (D % Tile::Width == 0 || panel * Tile::Width + chunk * 8 < D);
            copy_async(target + panel * Tile::PanelBytes + base * Tile::RowBytes, origin + panel * Tile::Width, real);
        }
    }
}

// The left side of products over D: a warpgroup's 64 rows of a block's tile, left there.
template <typename T, int D, int Rows> struct SharedPanels {
    using Tile = PanelRows<D, Rows>;
    uint32 rows;

    __device__ SharedPanels(const unsigned char* tile, int)
        : rows(shared_address(tile) + warpgroup_of_thread() * WarpgroupRows * Tile::RowBytes) {}

    template <bool Adds> __device__ void multiply(GroupProduct& product, int step, uint64 b) const {
        uint32 again = rows;
        asm volatile("" : "+r"(again)); // descriptors are made anew: kept, they would take two registers each
        WarpgroupProduct<T, GroupStep>::template of_shared<Adds, false, false>(product, Tile::along_rows(again, step), b);
    }
};

// The same in registers, so that shared memory is read for the right side alone.
template <typename T, int D, int Rows> struct HeldPanels {
    using Tile = PanelRows<D, Rows>;
    uint32 fragments[Tile::Padded / ProductStep][4];

    __device__ HeldPanels(const unsigned char* tile, int lane) {
        int row = int(threadIdx.x) / WarpSize * TileRows + lane % 16;
#pragma unroll
        for (int step = 0; step < Tile::Padded / ProductStep; ++step) {
            load_tiles(fragments[step], tile + Tile::offset(row, 2 * step + lane / 16));
            hold(fragments[step]);
        }
    }

    template <bool Adds> __device__ void multiply(GroupProduct& product, int step, uint64 b) const {
        WarpgroupProduct<T, GroupStep>::template of_registers<Adds, false>(product, fragments[step], b);
    }
};

template <typename T, int D, int Rows, bool Held>
using LeftPanels = typename Select<Held, HeldPanels<T, D, Rows>, SharedPanels<T, D, Rows>>::Type;

// product = a·bᵀ over D, with 64 rows of b from `b` on: a group of its own.
template <typename T, int D, typename Left> __device__ inline void multiply_panels(GroupProduct& product, const Left& a, uint32 b) {
    using Right = PanelRows<D, GroupStep>;
    a.template multiply<false>(product, 0, Right::along_rows(b, 0));
#pragma unroll
    for (int step = 1; step < Right::Padded / ProductStep; ++step) {
        a.template multiply<true>(product, step, Right::along_rows(b, step));
    }
    close_products();
}

// sums += a·b, with 64 rows of b from `b` on: a group of its own.
template <typename T, int D>
__device__ inline void add_panels(float (&sums)[PanelRows<D, GroupStep>::Padded / 2], const GroupLeft& a, uint32 b) {
    using Right = PanelRows<D, GroupStep>;
#pragma unroll
    for (int step = 0; step < GroupSteps; ++step) {
        WarpgroupProduct<T, Right::Padded>::template of_registers<true, true>(sums, a[step], Right::down_rows(b, step));
    }
    close_products();
}

// What a product gave, rounded to storage, as the left side of the next.
template <typename T> __device__ inline void pack_left(GroupLeft& a, const GroupProduct& product) {
#pragma unroll
    for (int step = 0; step < GroupSteps; ++step) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            a[step][i] = pack_pair<T>(product[8 * step + 2 * i], product[8 * step + 2 * i + 1]);
        }
        hold(a[step]);
    }
}

// The first of the two columns that element 4·block of a product is of.
__device__ inline int first_column(int block, int lane) { return block * 8 + lane % 4 * 2; }

// Finish: a warp's 16 rows of sums by way of its own rows of a tile, from `row` on, so that they leave in whole sectors.
template <typename T, int D, int Count>
__device__ inline void store_panels(const float (&sums)[PanelRows<D, Count>::Padded / 2], float scale, unsigned char* tile, int row,
                                    T* target, int64 stride, int valid, int lane) {
    using Tile = PanelRows<D, Count>;
#pragma unroll
    for (int i = 0; i < Tile::Padded / 2; i += 2) {
        int place = Tile::offset(row + row_of(lane, i / 2 % 2), i / 4) + lane % 4 * 4;
        *reinterpret_cast<uint32*>(tile + place) = pack_pair<T>(sums[i] * scale, sums[i + 1] * scale);
    }
    __syncwarp();
    constexpr int Rows = WarpSize / Tile::RowChunks;
#pragma unroll
    for (int panel = 0; panel < Tile::Panels; ++panel) {
#pragma unroll
        for (int base = 0; base < TileRows; base += Rows) {
            int own = base + lane / Tile::RowChunks;
            int chunk = panel * Tile::RowChunks + lane % Tile::RowChunks;
            if (own < valid && (D % Tile::Width == 0 || chunk * 8 < D)) {
                store_words(target + own * stride + chunk * 8, *reinterpret_cast<const uint4*>(tile + Tile::offset(row + own, chunk)));
            }
        }
    }
}
