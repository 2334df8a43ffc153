// async_copy.cuh: copies from global to shared memory that pass no register; sm_80 and newer. Both addresses are multiples of 16.
#pragma once
#include "Common/mma.cuh"

// 16 bytes; where not `valid`, zeros are written and nothing is read.
__device__ inline void copy_async(uint32 shared, const void* global, bool valid) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" : : "r"(shared), "l"(global), "r"(valid ? 16 : 0) : "memory");
}

__device__ inline void copy_async(void* shared, const void* global, bool valid) { copy_async(shared_address(shared), global, valid); }

// 4 bytes; where not `valid`, zero is written and nothing is read.
__device__ inline void copy_word_async(void* shared, const void* global, bool valid) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;"
                 :
                 : "r"(shared_address(shared)), "l"(global), "r"(valid ? 4 : 0)
                 : "memory");
}

// Closes a group of copies.
__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most Pending groups of this thread are still under way; a barrier hands the data to the other threads.
template <int Pending> __device__ inline void wait_copies() {
    asm volatile("cp.async.wait_group %0;" : : "n"(Pending) : "memory");
}
