// memory_barrier.cuh: mbarrier objects: barriers at which threads arrive, and go on, and wait later; sm_80 and newer, waiting sm_90.
// Phase n is complete once `count` arrivals have come since phase n − 1; what was written before an arrival is seen after the wait.
// Source: PTX ISA 8.4, "mbarrier".
#pragma once
#include "Common/mma.cuh"

// By one thread, with a barrier of the block before any other use.
__device__ inline void open_barrier(uint64* barrier, int count) {
    asm volatile("mbarrier.init.shared.b64 [%0], %1;" : : "r"(shared_address(barrier)), "r"(count) : "memory");
}

__device__ inline void arrive(uint64* barrier) {
    asm volatile("{ .reg .b64 state; mbarrier.arrive.shared.b64 state, [%0]; }" : : "r"(shared_address(barrier)) : "memory");
}

// Until phase n is complete, by n mod 2.
__device__ inline void await_phase(uint64* barrier, uint32 parity) {
    uint32 complete;
    do {
        asm volatile("{ .reg .pred done; mbarrier.try_wait.parity.shared.b64 done, [%1], %2; selp.u32 %0, 1, 0, done; }"
                     : "=r"(complete)
                     : "r"(shared_address(barrier)), "r"(parity)
                     : "memory");
    } while (complete == 0);
}
