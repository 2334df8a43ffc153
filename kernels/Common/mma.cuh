// mma.cuh: the tensor cores' matrix products and the copies that feed them, one function an instruction, over PTX.
//
// A fragment's registers are numbered as the PTX ISA's figures of each shape number them ("Matrix Fragments for mma.m16n8k16" and so
// on). Half and BFloat16 come packed in pairs, the element of the lower index in the lower half. All accumulate in float.
#pragma once
#include "Common/numbers.cuh"

// d += a·b, 16×16 by 16×8; sm_80 and newer. a: 4 registers of pairs, b: 2, d: 4 floats.
template <typename T> __device__ inline void mma_16x8x16(float (&d)[4], const uint32 (&a)[4], const uint32 (&b)[2]) {
    if constexpr (Same<T, Half>::Value) {
        asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    } else {
        asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    }
}

// d += a·b, 8×4 by 4×8 in each of the warp's four quad pairs; sm_70. a row-major, b column-major: 2 registers of pairs each, d: 8 floats.
__device__ inline void mma_8x8x4(float (&d)[8], const uint32 (&a)[2], const uint32 (&b)[2]) {
    asm("mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32 {%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %9}, {%10, %11}, "
        "{%0, %1, %2, %3, %4, %5, %6, %7};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
        : "r"(a[0]), "r"(a[1]), "r"(b[0]), "r"(b[1]));
}

// The same with b row-major: a lane's pairs are of row lane mod 4, columns 0 to 3 below lane 16 and 4 to 7 from there on.
__device__ inline void mma_8x8x4_rows(float (&d)[8], const uint32 (&a)[2], const uint32 (&b)[2]) {
    asm("mma.sync.aligned.m8n8k4.row.row.f32.f16.f16.f32 {%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %9}, {%10, %11}, "
        "{%0, %1, %2, %3, %4, %5, %6, %7};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
        : "r"(a[0]), "r"(a[1]), "r"(b[0]), "r"(b[1]));
}

__device__ inline uint32 shared_address(const void* pointer) { return uint32(__cvta_generic_to_shared(pointer)); }

// Four 8×8 tiles of 16-bit elements from shared memory; lane l gives the address of row l mod 8 of tile l / 8; sm_75 and newer.
// By shared address, so that constants added to it become part of the instruction.
__device__ inline void load_tiles(uint32 (&tiles)[4], uint32 row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
                 : "r"(row)
                 : "memory");
}

__device__ inline void load_tiles(uint32 (&tiles)[4], const void* row) { load_tiles(tiles, shared_address(row)); }

// The same, each tile transposed.
__device__ inline void load_tiles_transposed(uint32 (&tiles)[4], uint32 row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(tiles[0]), "=r"(tiles[1]), "=r"(tiles[2]), "=r"(tiles[3])
                 : "r"(row)
                 : "memory");
}

__device__ inline void load_tiles_transposed(uint32 (&tiles)[4], const void* row) { load_tiles_transposed(tiles, shared_address(row)); }
