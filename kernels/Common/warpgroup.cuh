// warpgroup.cuh: what surrounds the products of a warpgroup (four warps, the first a multiple of four), and how operands lie in shared
// memory for them; sm_90a.
//
// A product runs beside the warps that asked for it. Its order, for each warp of the four alike:
//   open_products();                    what was written to registers before is seen
//   WarpgroupProduct<T, N>::of_...      any number
//   close_products();                   a group
//   await_products<Pending>();          all but the last groups are done
//   hold(sums);                         nothing that reads them moves ahead of the wait
// In between neither sums nor operands may be touched. Products read shared memory through another proxy than threads write it: what
// threads wrote, by cp.async or stores, is shown to it by show_to_products(), in the thread that wrote, before the barrier that follows.
// Source: PTX ISA 8.4, "Asynchronous warpgroup level matrix instructions" and "Async proxy".
#pragma once
#include "Common/async_copy.cuh"
#include "Common/warpgroup_products.cuh"

constexpr int WarpgroupThreads = 128;
constexpr int WarpgroupRows = 64;
constexpr int ProductStep = 16; // what a product goes over

__device__ inline void open_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

__device__ inline void close_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

template <int Pending> __device__ inline void await_products() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" : : "n"(Pending) : "memory");
}

__device__ inline void show_to_products() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// The compiler knows no order between a wait and the registers that it makes ready.
template <int Count> __device__ inline void hold(float (&values)[Count]) {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
        asm volatile("" : "+f"(values[i])::"memory");
    }
}

template <int Count> __device__ inline void hold(uint32 (&values)[Count]) {
#pragma unroll
    for (int i = 0; i < Count; ++i) {
        asm volatile("" : "+r"(values[i])::"memory");
    }
}

// The same in all lanes, and known to the compiler to be: descriptors are taken from uniform registers.
__device__ inline int warpgroup_of_thread() { return __shfl_sync(FullWarp, int(threadIdx.x / WarpgroupThreads), 0); }

// Dynamic shared memory begins at a multiple of 16; swizzled panels do at one of 1024.
__device__ inline unsigned char* aligned_panels(uint4* shared) {
    return reinterpret_cast<unsigned char*>(shared) + (-shared_address(shared) & 1023);
}

// `Count` rows (a multiple of 8) of D 16-bit elements in shared memory, padded to whole 32: in panels of 64 columns, or 32 where 64 do not
// divide, one behind the other. Within a panel rows are 128 or 64 bytes, and the chunks of 16 bytes of a row change places by its number:
// that is the swizzle of wgmma's descriptors, with which neither a chunk of eight rows nor the chunks of a row share banks.
// The first byte of a tile is at a multiple of Alignment.
template <int D, int Count> struct PanelRows {
    static constexpr int Padded = (D + 31) / 32 * 32;
    static constexpr int Width = Padded % 64 == 0 ? 64 : 32;
    static constexpr int Panels = Padded / Width;
    static constexpr int RowBytes = Width * 2;
    static constexpr int RowChunks = Width / 8;
    static constexpr int PanelBytes = Count * RowBytes;
    static constexpr int Bytes = Panels * PanelBytes;
    static constexpr int Chunks = Count * Padded / 8;
    static constexpr int Alignment = 8 * RowBytes;
    static_assert(Count % 8 == 0, "eight rows repeat");

    // The place of a row's chunk within its panel.
    __device__ static uint32 swizzled(uint32 row, uint32 chunk) { return chunk ^ (Width == 64 ? row % 8 : row / 2 % 4); }

    // Unsigned, so that a division is a shift. Bytes from the first to chunk `chunk`, columns 8·chunk .. 8·chunk + 7, of row `row`.
    __device__ static int offset(uint32 row, uint32 chunk) {
        return chunk / RowChunks * PanelBytes + row * RowBytes + swizzled(row, chunk % RowChunks) * 16;
    }

    // Which row and chunk is the index-th: eight neighbours lie in different banks, and fill whole sectors of memory.
    __device__ static int row_of(uint32 index) { return index / RowChunks % Count; }
    __device__ static int chunk_of(uint32 index) { return index / RowChunks / Count * RowChunks + index % RowChunks; }

    // The operand whose rows (M or N) are the tile's from `tile` on, the product going over columns 16·step .. 16·step + 15. The leading
    // offset has no meaning then.
    __device__ static uint64 along_rows(uint32 tile, int step) {
        constexpr int Steps = Width / ProductStep;
        return descriptor(tile, step / Steps * PanelBytes + step % Steps * ProductStep * 2, 16);
    }

    // The operand whose rows (M or N) are the tile's columns from panel `panel` on, the product going over rows 16·step .. 16·step + 15.
    // The leading offset is from panel to panel.
    __device__ static uint64 down_rows(uint32 tile, int step, int panel = 0) {
        return descriptor(tile, panel * PanelBytes + step * ProductStep * RowBytes, PanelBytes);
    }

    // Bits 0–13 address, 16–29 leading offset, 32–45 stride (from eight rows to the next), all in units of 16 bytes; 62–63 the swizzle: 1
    // of 128 bytes, 2 of 64. Addresses are below 2^18, so that sums do not pass from one field to the next.
    // Sources: CUTLASS 3's make_gmma_desc and ThunderKittens' matrix descriptors, which agree; PTX ISA, "Matrix Descriptor Format".
    __device__ static uint64 descriptor(uint32 tile, int offset, int leading_offset) {
        constexpr uint32 Upper = uint32(Width == 64 ? 1 : 2) << 30 | uint32(8 * RowBytes / 16);
        return uint64(Upper) << 32 | (tile / 16 + (uint32(leading_offset / 16) << 16 | uint32(offset / 16)));
    }
};
