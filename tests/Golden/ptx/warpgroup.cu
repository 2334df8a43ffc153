// warpgroup.cu: one kernel for each way to use wgmma wrongly, and some that are right. warpgroup.sm90a.ptx is what NVRTC 12.4 makes of it
// (--gpu-architecture=compute_90a -lineinfo). Blocks of 128 threads unless said otherwise. A is 64×16 bf16 at byte 0 of shared memory, B
// 16×8 at byte 2048, both K-major without a swizzle: core matrices of 128 bytes, two for eight rows.

__device__ inline unsigned long long descriptor(const void* place) {
    unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(place));
    return address >> 4 | 128ull >> 4 << 16 | 256ull >> 4 << 32;
}
__device__ inline void open() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ inline void close() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int Pending> __device__ inline void await() { asm volatile("wgmma.wait_group.sync.aligned %0;" : : "n"(Pending) : "memory"); }
__device__ inline void show() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }
__device__ inline void hold(float (&d)[4]) { asm volatile("" : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])::"memory"); }
__device__ inline void add_one(float& x) { asm volatile("add.f32 %0, %0, 0f3F800000;" : "+f"(x)::"memory"); }
__device__ inline void store(float* y, const float (&d)[4]) {
    for (int i = 0; i < 4; ++i) y[threadIdx.x * 4 + i] = d[i];
}
__device__ inline void fill(unsigned* tile) {
    for (int i = threadIdx.x; i < 4096 / 4; i += blockDim.x) tile[i] = 0x3F803F80 + i;
}
__device__ inline void copy(unsigned* tile, const float* x) {
    for (int i = threadIdx.x; i < 4096 / 16; i += blockDim.x) {
        unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(tile + i * 4));
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" : : "r"(to), "l"(x + i * 4) : "memory");
    }
    asm volatile("cp.async.wait_all;" ::: "memory");
}

#define PRODUCT(d, a, b) \
    asm volatile("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%0, %1, %2, %3}, %4, %5, 1, 1, 1, 0, 0;" \
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "l"(a), "l"(b))
#define PRODUCT_OF_REGISTERS(d, a, b) \
    asm volatile("wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%0, %1, %2, %3}, {%4, %5, %6, %7}, %8, 1, 1, 1, 0;" \
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))
#define BEGIN \
    __shared__ __align__(1024) unsigned tile[1024]; \
    float d[4] = {1, 2, 3, 4};
#define READY \
    fill(tile); \
    show(); \
    __syncthreads();

extern "C" __global__ void right(const float* x, float* y) {
    BEGIN READY
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));
    close();
    await<0>();
    hold(d);
    __syncthreads();
    fill(tile);
    store(y, d);
}
extern "C" __global__ void right_with_copies(const float* x, float* y) {
    BEGIN
    copy(tile, x);
    show();
    __syncthreads();
    unsigned a[4] = {tile[threadIdx.x], 1, 2, 3};
    open();
    PRODUCT_OF_REGISTERS(d, a, descriptor(tile + 512));
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void right_with_groups(const float* x, float* y) {
    BEGIN READY
    float e[4] = {5, 6, 7, 8};
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));
    close();
    PRODUCT(e, descriptor(tile), descriptor(tile + 512));
    close();
    await<1>();
    hold(d);
    add_one(d[0]);
    store(y, d);
    await<0>();
    hold(e);
    store(y, e);
}
extern "C" __global__ void sums_read_early(const float* x, float* y) {
    BEGIN READY
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));
    close();
    asm volatile("add.f32 %0, %0, 0f3F800000;" : "+f"(d[0])::"memory");  // LINE sums_read_early
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void later_group_read_early(const float* x, float* y) {
    BEGIN READY
    float e[4] = {5, 6, 7, 8};
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));
    close();
    PRODUCT(e, descriptor(tile), descriptor(tile + 512));
    close();
    await<1>();
    hold(d);
    asm volatile("add.f32 %0, %0, 0f3F800000;" : "+f"(e[0])::"memory");  // LINE later_group_read_early
    await<0>();
    hold(e);
    store(y, d);
    store(y, e);
}
extern "C" __global__ void not_committed(const float* x, float* y) {
    BEGIN READY
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));
    await<0>();
    asm volatile("add.f32 %0, %0, 0f3F800000;" : "+f"(d[0])::"memory");  // LINE not_committed
    store(y, d);
}
extern "C" __global__ void left_read_early(const float* x, float* y) {
    BEGIN READY
    unsigned a[4] = {tile[threadIdx.x], 1, 2, 3};
    open();
    PRODUCT_OF_REGISTERS(d, a, descriptor(tile + 512));
    close();
    asm volatile("st.global.u32 [%0], %1;" : : "l"(y + threadIdx.x), "r"(a[0]) : "memory");  // LINE left_read_early
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void sums_written_after_fence(const float* x, float* y) {
    BEGIN READY
    open();
    add_one(d[0]);
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));  // LINE sums_written_after_fence
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void left_written_after_fence(const float* x, float* y) {
    BEGIN READY
    unsigned a[4] = {0, 1, 2, 3};
    open();
    a[0] = *(volatile unsigned*)(tile + threadIdx.x);
    PRODUCT_OF_REGISTERS(d, a, descriptor(tile + 512));  // LINE left_written_after_fence
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void never_fenced(const float* x, float* y) {
    BEGIN READY
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));  // LINE never_fenced
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void stores_not_shown(const float* x, float* y) {
    BEGIN
    fill(tile);
    __syncthreads();
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));  // LINE stores_not_shown
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void copies_not_shown(const float* x, float* y) {
    BEGIN
    copy(tile, x);
    __syncthreads();
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));  // LINE copies_not_shown
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void shown_too_late(const float* x, float* y) {
    BEGIN
    fill(tile);
    __syncthreads();
    show();
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));  // LINE shown_too_late
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void shown_by_one_lane(const float* x, float* y) {
    BEGIN
    fill(tile);
    if (threadIdx.x % 32 == 0) show();
    __syncthreads();
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));  // LINE shown_by_one_lane
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void no_barrier(const float* x, float* y) {
    BEGIN
    fill(tile);
    show();
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));  // LINE no_barrier
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void overwritten_early(const float* x, float* y) {
    BEGIN READY
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));
    close();
    tile[512 + threadIdx.x] = 0;  // LINE overwritten_early
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void copied_over_early(const float* x, float* y) {
    BEGIN READY
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));
    close();
    unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(tile + threadIdx.x * 4));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" : : "r"(to), "l"(x + threadIdx.x * 4) : "memory");  // LINE copied_over_early
    await<0>();
    asm volatile("cp.async.wait_all;" ::: "memory");
    hold(d);
    store(y, d);
}
// 256 threads: the second warpgroup writes behind a barrier that the first reaches before it waits.
extern "C" __global__ void overwritten_by_others(const float* x, float* y) {
    BEGIN READY
    if (threadIdx.x < 128) {
        open();
        PRODUCT(d, descriptor(tile), descriptor(tile + 512));
        close();
    }
    __syncthreads();
    if (threadIdx.x < 128) {
        await<0>();
        hold(d);
        store(y, d);
    } else {
        tile[threadIdx.x] = 0;  // LINE overwritten_by_others
    }
}
extern "C" __global__ void swizzle_misaligned(const float* x, float* y) {
    BEGIN READY
    open();
    PRODUCT(d, descriptor(tile + 32) | 1ull << 62, descriptor(tile + 512));  // LINE swizzle_misaligned
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void address_not_encoded(const float* x, float* y) {
    BEGIN READY
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512) | 0xC000);  // LINE address_not_encoded
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void beyond_the_end(const float* x, float* y) {
    BEGIN READY
    open();
    PRODUCT(d, descriptor(tile + 544), descriptor(tile + 512));  // LINE beyond_the_end
    close();
    await<0>();
    hold(d);
    store(y, d);
}
extern "C" __global__ void three_warps(const float* x, float* y) {
    BEGIN READY
    if (threadIdx.x < 96) {
        open();  // LINE three_warps
        PRODUCT(d, descriptor(tile), descriptor(tile + 512));
        close();
        await<0>();
        hold(d);
        store(y, d);
    }
}
// 192 threads, the warps 2 to 5.
extern "C" __global__ void odd_warps(const float* x, float* y) {
    BEGIN READY
    if (threadIdx.x >= 64) {
        open();  // LINE odd_warps
        PRODUCT(d, descriptor(tile), descriptor(tile + 512));
        close();
        await<0>();
        hold(d);
        store(y, d);
    }
}
extern "C" __global__ void different_descriptors(const float* x, float* y) {
    BEGIN READY
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512 + threadIdx.x / 64 * 64));  // LINE different_descriptors
    close();
    await<0>();
    hold(d);
    store(y, d);
}

__device__ inline bool elected() {
    unsigned leads;
    asm volatile("{ .reg .pred p; elect.sync _|p, -1; selp.u32 %0, 1, 0, p; }" : "=r"(leads));
    return leads != 0;
}
__device__ inline unsigned address(const void* place) { return static_cast<unsigned>(__cvta_generic_to_shared(place)); }
__device__ inline void open_barrier(unsigned long long* barrier) {
    if (threadIdx.x == 0) {
        asm volatile("mbarrier.init.shared.b64 [%0], 1;" : : "r"(address(barrier)) : "memory");
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    __syncthreads();
}
__device__ inline void expect(unsigned long long* barrier, unsigned bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared.b64 _, [%0], %1;" : : "r"(address(barrier)), "r"(bytes) : "memory");
}
__device__ inline void await_phase(unsigned long long* barrier, unsigned parity) {
    unsigned done;
    do {
        asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                     : "=r"(done) : "r"(address(barrier)), "r"(parity) : "memory");
    } while (done == 0);
}
#define BULK_COPY(to, from, bytes, barrier) \
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" \
                 : : "r"(address(to)), "l"(from), "r"(bytes), "r"(address(barrier)) : "memory")

extern "C" __global__ void right_with_bulk_copies(const float* x, float* y) {
    BEGIN
    __shared__ unsigned long long barrier;
    open_barrier(&barrier);
    for (int phase = 0; phase < 3; ++phase) {
        if (threadIdx.x < 32 && elected()) {
            expect(&barrier, 4096);
            BULK_COPY(tile, x, 2048, &barrier);
            BULK_COPY(tile + 512, x + 512, 2048, &barrier);
        }
        await_phase(&barrier, phase % 2);
        open();
        PRODUCT(d, descriptor(tile), descriptor(tile + 512));
        close();
        await<0>();
        hold(d);
        y[1024 + threadIdx.x] = __uint_as_float(tile[phase * 128 + threadIdx.x]);
        __syncthreads();
    }
    store(y, d);
}
extern "C" __global__ void bulk_read_early(const float* x, float* y) {
    BEGIN
    __shared__ unsigned long long barrier;
    open_barrier(&barrier);
    if (threadIdx.x == 0) {
        expect(&barrier, 4096);
        BULK_COPY(tile, x, 4096, &barrier);
    }
    __syncthreads();
    y[threadIdx.x] = __uint_as_float(tile[threadIdx.x]) + d[0];  // LINE bulk_read_early
    await_phase(&barrier, 0);
}
extern "C" __global__ void bulk_over_product(const float* x, float* y) {
    BEGIN READY
    __shared__ unsigned long long barrier;
    open_barrier(&barrier);
    open();
    PRODUCT(d, descriptor(tile), descriptor(tile + 512));
    close();
    if (threadIdx.x == 0) {
        expect(&barrier, 1024);
        BULK_COPY(tile, x, 1024, &barrier);  // LINE bulk_over_product
    }
    await<0>();
    hold(d);
    await_phase(&barrier, 0);
    store(y, d);
}
extern "C" __global__ void bulk_too_short(const float* x, float* y) {
    BEGIN
    __shared__ unsigned long long barrier;
    open_barrier(&barrier);
    if (threadIdx.x == 0) {
        expect(&barrier, 4096);
        BULK_COPY(tile, x, 2048, &barrier);
    }
    await_phase(&barrier, 0);
    store(y, d);
}
