// cast.cu: numbers of one type to another.
// Math      destination = source, rounded to nearest even; beyond the range ±infinity
// Shapes    source (count) From, destination (count) To. Any count ≥ 1.
// Layout    contiguous. From and To are float, Half or BFloat16.
// Writes    destination overwritten; does not overlap source.
// Launch    block 256, 4 elements a thread: grid ⌈count/1024⌉; shared memory 0.
// Cost      count·(sizeof(From) + sizeof(To)) bytes, no FLOP: memory bound.
// Numerics  through float, which holds all three exactly.
// Arch      sm_70 and newer.
// Source    IEEE 754-2019, section 4.3.1.
#include "Common/numbers.cuh"

constexpr int BlockThreads = 256;
constexpr int ElementsPerThread = 4;

template <typename From, typename To>
__global__ void __launch_bounds__(BlockThreads, 1) cast(const From* source, To* destination, int64 count) {
    int64 first = int64(blockIdx.x) * BlockThreads * ElementsPerThread + threadIdx.x;
#pragma unroll
    for (int i = 0; i < ElementsPerThread; ++i) {
        int64 index = first + i * BlockThreads;
        if (index < count) {
            destination[index] = from_float<To>(to_float(source[index]));
        }
    }
}
