// rotary.cu: rotary positions on Q and K, in place, forth and back.
// Math      (a, b) = (x[i], x[i + D/2]) → (a·cos − b·sin, a·sin + b·cos) at angle (firstPosition + t, i); back: with −sin
// Shapes    qkv (B, T, 3, H, D) T, its first two parts;  cosine, sine (≥ firstPosition + T, D/2) float. Any B, T, H ≥ 1, even D.
// Layout    row-major, contiguous, elements aligned; 16-byte aligned and D/2 whole packs where Packed.
//           T is float, Half or BFloat16.
// Writes    Q and K of qkv, in place.
// Launch    a warp a row: block (32, 4), grid ⌈N/4⌉; no dynamic shared memory.
// Cost      4·N·C·sizeof(T) bytes and the tables, 6·N·C FLOP: memory bound.
// Numerics  in float, rounded once on storing.
// Arch      sm_70 and newer.
// Source    Su et al. 2021, eq. 34, in the half-split form.
#include "Common/packs.cuh"

constexpr int RowsPerBlock = 4;

// `Size` elements, or a pack of them, to and from floats.
template <typename T, int Size> __device__ inline void load_elements(const T* address, float (&values)[Size]) {
    if constexpr (Size == 1) {
        values[0] = to_float(*address);
    } else {
        Pack<T> pack = load_pack(address);
#pragma unroll
        for (int e = 0; e < Size; ++e) {
            values[e] = to_float(pack.elements[e]);
        }
    }
}

template <typename T, int Size> __device__ inline void store_elements(T* address, const float (&values)[Size]) {
    if constexpr (Size == 1) {
        *address = from_float<T>(values[0]);
    } else {
        Pack<T> pack;
#pragma unroll
        for (int e = 0; e < Size; ++e) {
            pack.elements[e] = from_float<T>(values[e]);
        }
        store_pack(address, pack);
    }
}

template <typename T, bool Packed>
__global__ void __launch_bounds__(WarpSize * RowsPerBlock, 1)
    rotary(T* qkv, const float* cosine, const float* sine, int64 rows, int32 time, int32 heads, int32 head_size, int32 first_position,
           bool inverse) {
    constexpr int Size = Packed ? Pack<T>::Size : 1;
    int64 row = int64(blockIdx.x) * RowsPerBlock + threadIdx.y;
    if (row >= rows) {
        return;
    }
    int32 half = head_size / 2;
    int32 units = half / Size; // of each half of a head
    int64 angles = (first_position + row % time) * half;
    // Q's heads and then K's are neighbours in a row.
    T* start = qkv + row * 3 * heads * head_size;
    for (int32 index = threadIdx.x; index < 2 * heads * units; index += WarpSize) {
        int32 head = index / units;
        int32 i = (index - head * units) * Size;
        T* low = start + int64(head) * head_size + i;
        T* high = low + half;
        float a[Size], b[Size], cosines[Size], sines[Size];
        load_elements<T>(low, a);
        load_elements<T>(high, b);
        if constexpr (Packed) {
            load_floats(cosine + angles + i, cosines);
            load_floats(sine + angles + i, sines);
        } else {
            cosines[0] = cosine[angles + i];
            sines[0] = sine[angles + i];
        }
#pragma unroll
        for (int e = 0; e < Size; ++e) {
            float s = inverse ? -sines[e] : sines[e];
            float rotated = a[e] * cosines[e] - b[e] * s;
            b[e] = a[e] * s + b[e] * cosines[e];
            a[e] = rotated;
        }
        store_elements(low, a);
        store_elements(high, b);
    }
}
