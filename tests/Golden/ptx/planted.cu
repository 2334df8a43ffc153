// planted.cu: one kernel for each kind of bug, and beside it the kernel without. planted.sm80.ptx is what NVRTC 12.4 makes of it
// (--gpu-architecture=compute_80 -lineinfo). Blocks of 128 threads unless said otherwise; n is the number of floats in x and y.

extern "C" __global__ void missing_barrier(const float* x, float* y) {
    __shared__ float tile[128];
    tile[threadIdx.x] = x[threadIdx.x];
    y[threadIdx.x] = tile[127 - threadIdx.x];  // LINE missing_barrier
}
extern "C" __global__ void with_barrier(const float* x, float* y) {
    __shared__ float tile[128];
    tile[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = tile[127 - threadIdx.x];
}

extern "C" __global__ void divergent_barrier(float* y) {
    __shared__ float tile[128];
    tile[threadIdx.x] = 1.0f;
    if (threadIdx.x % 32 < 16) {
        __syncthreads();  // LINE divergent_barrier
        y[threadIdx.x] = tile[threadIdx.x ^ 64];
    }
}
extern "C" __global__ void uniform_barrier(float* y) {
    __shared__ float tile[128];
    tile[threadIdx.x] = 1.0f;
    __syncthreads();
    if (threadIdx.x % 32 < 16) {
        y[threadIdx.x] = tile[threadIdx.x ^ 64];
    }
}

extern "C" __global__ void one_past_the_end(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i <= n) y[i] = x[i];  // LINE one_past_the_end
}
extern "C" __global__ void to_the_end(const float* x, float* y, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = x[i];
}

extern "C" __global__ void misaligned_vector(const float* x, float4* y) {
    y[threadIdx.x] = *reinterpret_cast<const float4*>(x + 4 * threadIdx.x + 1);  // LINE misaligned_vector
}
extern "C" __global__ void aligned_vector(const float* x, float4* y) {
    y[threadIdx.x] = *reinterpret_cast<const float4*>(x + 4 * threadIdx.x);
}

extern "C" __global__ void unwritten_shared(float* y) {
    __shared__ float tile[128];
    if (threadIdx.x < 100) tile[threadIdx.x] = threadIdx.x;
    __syncthreads();
    y[threadIdx.x] = tile[threadIdx.x];  // LINE unwritten_shared
}
extern "C" __global__ void written_shared(float* y) {
    __shared__ float tile[128];
    tile[threadIdx.x] = threadIdx.x < 100 ? threadIdx.x : 0;
    __syncthreads();
    y[threadIdx.x] = tile[threadIdx.x];
}

extern "C" __global__ void wrong_shuffle_mask(float* y) {
    float v = threadIdx.x;
    if (threadIdx.x % 32 < 16) v += __shfl_down_sync(0x000000ff, v, 1, 16);  // LINE wrong_shuffle_mask
    y[threadIdx.x] = v;
}
extern "C" __global__ void right_shuffle_mask(float* y) {
    float v = threadIdx.x;
    if (threadIdx.x % 32 < 16) v += __shfl_down_sync(0x0000ffff, v, 1, 16);
    y[threadIdx.x] = v;
}

extern "C" __global__ void global_race(float* y, float* sums) {
    float v = y[threadIdx.x];
    y[threadIdx.x] = v + blockIdx.x;  // LINE global_race
    sums[blockIdx.x * blockDim.x + threadIdx.x] = v;
}
extern "C" __global__ void global_atomics(float* y, int* count, float* sums) {
    atomicAdd(count, 1);
    sums[blockIdx.x * blockDim.x + threadIdx.x] = y[threadIdx.x];
}
// The last block to finish adds up what all have written: ordered by a fence and an atomic.
extern "C" __global__ void last_block_sums(float* partial, int* count, float* total) {
    __shared__ bool last;
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = blockIdx.x + 1;
        __threadfence();
        last = atomicAdd(count, 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (last && threadIdx.x == 0) {
        __threadfence();
        float sum = 0;
        for (int i = 0; i < gridDim.x; i++) sum += partial[i];
        *total = sum;
    }
}

__device__ void copy16(void* shared, const void* global) {
    unsigned s = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(s), "l"(global) : "memory");
}
extern "C" __global__ void async_without_wait(const float4* x, float4* y) {
    __shared__ float4 tile[128];
    copy16(&tile[threadIdx.x], &x[threadIdx.x]);
    asm volatile("cp.async.commit_group;" ::: "memory");
    __syncthreads();
    y[threadIdx.x] = tile[threadIdx.x];  // LINE async_without_wait
}
extern "C" __global__ void async_with_wait(const float4* x, float4* y) {
    __shared__ float4 tile[2][128];
    copy16(&tile[0][threadIdx.x], &x[threadIdx.x]);
    asm volatile("cp.async.commit_group;" ::: "memory");
    copy16(&tile[1][threadIdx.x], &x[threadIdx.x]);
    asm volatile("cp.async.commit_group;" ::: "memory");
    asm volatile("cp.async.wait_group 1;" ::: "memory");
    __syncthreads();
    y[threadIdx.x] = tile[0][127 - threadIdx.x];
    asm volatile("cp.async.wait_all;" ::: "memory");
}

// One warp writes, all read: with a single warp __syncwarp would do, with four it does not.
extern "C" __global__ void between_warps(float* y) {
    __shared__ float tile[32];
    if (threadIdx.x < 32) tile[threadIdx.x] = threadIdx.x;
    __syncwarp();
    y[threadIdx.x] = tile[31 - threadIdx.x % 32];  // LINE between_warps
}
// Lanes of one warp, with nothing between write and read.
extern "C" __global__ void within_warp(float* y) {
    __shared__ float tile[32];
    tile[threadIdx.x] = threadIdx.x;
    y[threadIdx.x] = tile[31 - threadIdx.x];  // LINE within_warp
}
extern "C" __global__ void within_warp_synced(float* y) {
    __shared__ float tile[32];
    tile[threadIdx.x] = threadIdx.x;
    __syncwarp();
    y[threadIdx.x] = tile[31 - threadIdx.x];
}

// Producers and consumers over named barriers.
extern "C" __global__ void named_barriers(float* y) {
    __shared__ float tile[64];
    if (threadIdx.x < 64) {
        for (int i = 0; i < 3; i++) {
            asm volatile("bar.sync 1, 128;" ::: "memory");
            tile[threadIdx.x] = threadIdx.x + i;
            asm volatile("bar.arrive 2, 128;" ::: "memory");
        }
    } else {
        for (int i = 0; i < 3; i++) {
            asm volatile("bar.arrive 1, 128;" ::: "memory");
            asm volatile("bar.sync 2, 128;" ::: "memory");
            y[threadIdx.x - 64 + 64 * i] = tile[127 - threadIdx.x];
        }
    }
}
extern "C" __global__ void barrier_deadlock() {
    if (threadIdx.x < 64) {
        asm volatile("bar.sync 1, 128;" ::: "memory");  // LINE barrier_deadlock
    } else {
        asm volatile("bar.sync 2, 128;" ::: "memory");
    }
}

// A lock that lanes of one warp take in turn: makes progress only with independent thread scheduling.
extern "C" __global__ void spin_lock(int* lock, int* sum) {
    bool done = false;
    while (!done) {
        if (atomicCAS(lock, 0, 1) == 0) {
            *(volatile int*)sum = *(volatile int*)sum + 1;
            __threadfence();
            atomicExch(lock, 0);
            done = true;
        }
    }
}
// Odd lanes go round more often than even ones; all meet again behind the loop.
extern "C" __global__ void uneven_loops(int* y) {
    int rounds = threadIdx.x % 2 ? 10 : 3;
    int sum = 0;
    for (int i = 0; i < rounds; i++) {
        if (i % 3 == (threadIdx.x & 3)) sum += i * 5; else sum -= 1;
    }
    y[threadIdx.x] = __shfl_xor_sync(0xffffffffu, sum, 1);
}
extern "C" __global__ void use_after_free(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }

extern "C" __global__ void coalesced_copy(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }
extern "C" __global__ void vector_copy(const float4* x, float4* y) { y[threadIdx.x] = x[threadIdx.x]; }
extern "C" __global__ void strided_copy(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x * 8]; }
extern "C" __global__ void bank_conflicts(float* y, int stride) {
    extern __shared__ float tile[];
    volatile float* mine = tile + threadIdx.x * stride;
    *mine = 1.0f;
    y[threadIdx.x] = *mine;
}
__device__ __noinline__ float twice(float x, int depth) { float a[4] = {x, x + 1, x + 2, x + 3}; return a[depth & 3] * 2.0f; }
extern "C" __global__ void calls(float* y) { y[threadIdx.x] = twice(threadIdx.x, threadIdx.x) + twice(1.0f, threadIdx.x + 1); }
