// cast.cu: numbers of one type to another.
// Math      destination = source, rounded to nearest even; beyond the range ±infinity
// Shapes    source (count) From, destination (count) To. Any count ≥ 1.
// Layout    contiguous. Packed: 16-byte aligned. From and To are float, Half or BFloat16.
// Writes    destination overwritten; does not overlap source.
// Launch    block 256, 4 quads (Packed) or 4 elements a thread: grid ⌈count/(1024·4)⌉ or ⌈count/1024⌉; shared memory 0.
// Cost      count·(sizeof(From) + sizeof(To)) bytes, no FLOP: memory bound. A thread has four loads under way.
// Numerics  through float, which holds all three exactly.
// Arch      sm_70 and newer.
// Source    IEEE 754-2019, section 4.3.1.
#include "Common/packs.cuh"

constexpr int BlockThreads = 256;
constexpr int StepsPerThread = 4;

template <typename From, typename To, bool Packed>
__global__ void __launch_bounds__(BlockThreads, 1) cast(const From* source, To* destination, int64 count) {
    constexpr int Size = Packed ? 4 : 1;
    int64 first = int64(blockIdx.x) * BlockThreads * StepsPerThread + threadIdx.x;

    // Load all quads before using the first.
    Quad<From> quads[StepsPerThread];
#pragma unroll
    for (int step = 0; step < StepsPerThread; ++step) {
        int64 index = (first + step * BlockThreads) * Size;
        if (Packed && index + Size <= count) {
            quads[step] = load_quad(source + index);
        }
    }
#pragma unroll
    for (int step = 0; step < StepsPerThread; ++step) {
        int64 index = (first + step * BlockThreads) * Size;
        if (Packed && index + Size <= count) {
            store_quad(destination + index, to_floats(quads[step]));
        } else {
            for (int64 i = index; i < index + Size && i < count; ++i) {
                destination[i] = from_float<To>(to_float(source[i]));
            }
        }
    }
}
