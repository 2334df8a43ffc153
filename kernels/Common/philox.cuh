// philox.cuh: Philox4x32-10, Salmon et al. 2011, table 2 and section 4.3; the same words as Common/Philox.cs.
#pragma once
#include "Common/numbers.cuh"

__device__ inline uint4 philox(uint32 key0, uint32 key1, uint4 counter) {
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        uint64 product0 = uint64(0xD2511F53u) * counter.x;
        uint64 product1 = uint64(0xCD9E8D57u) * counter.z;
        counter = make_uint4(uint32(product1 >> 32) ^ counter.y ^ key0, uint32(product1),
                             uint32(product0 >> 32) ^ counter.w ^ key1, uint32(product0));
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return counter;
}
