// activation.cu: the MLP's non-linearity as a kernel of its own, forward and backward, where no GEMM epilogue does it.
// Math      y = f(z);  gradZ = gradY·f'(z);  f: GELU by tanh, GELU by erf, ReLU (derivative 0 at 0)
// Shapes    z, y, gradY, gradZ (count) T. Any count ≥ 1.
// Layout    contiguous. Packed: 16-byte aligned. T is float, Half or BFloat16.
// Writes    forward: y overwritten, may be z. backward: gradZ overwritten, may be gradY or z.
// Launch    block 256, 2 packs (Packed) or 2 elements a thread: grid ⌈count/(512·pack)⌉; shared memory 0.
// Cost      forward 2·count·sizeof(T) bytes, about 15·count FLOP; backward 3·count·sizeof(T), about 25·count: memory bound.
// Numerics  float inside; 16-bit types use the hardware's exp and reciprocal, 2 ulp of float.
// Arch      sm_70 and newer.
// Source    Hendrycks and Gimpel 2016, section 2.
#include "Activation/activation.cuh"
#include "Common/packs.cuh"

constexpr int BlockThreads = 256;
constexpr int StepsPerThread = 2;

template <typename T, Activation Kind, bool Packed>
__global__ void __launch_bounds__(BlockThreads, 1) activation_forward(const T* z, T* y, int64 count) {
    constexpr int Size = Packed ? Pack<T>::Size : 1;
    int64 first = int64(blockIdx.x) * BlockThreads * StepsPerThread + threadIdx.x;

    // Load both packs before using the first.
    Pack<T> packs[StepsPerThread];
#pragma unroll
    for (int step = 0; step < StepsPerThread; ++step) {
        int64 index = (first + step * BlockThreads) * Size;
        if (Packed && index + Size <= count) {
            packs[step] = load_pack(z + index);
        }
    }
#pragma unroll
    for (int step = 0; step < StepsPerThread; ++step) {
        int64 index = (first + step * BlockThreads) * Size;
        if (Packed && index + Size <= count) {
#pragma unroll
            for (int e = 0; e < Size; ++e) {
                packs[step].elements[e] = from_float<T>(activation<T, Kind>(to_float(packs[step].elements[e])));
            }
            store_pack(y + index, packs[step]);
        } else {
            for (int64 i = index; i < index + Size && i < count; ++i) {
                y[i] = from_float<T>(activation<T, Kind>(to_float(z[i])));
            }
        }
    }
}

template <typename T, Activation Kind, bool Packed>
__global__ void __launch_bounds__(BlockThreads, 1)
    activation_backward(const T* grad_y, const T* z, T* grad_z, int64 count) {
    constexpr int Size = Packed ? Pack<T>::Size : 1;
    int64 first = int64(blockIdx.x) * BlockThreads * StepsPerThread + threadIdx.x;

    Pack<T> inputs[StepsPerThread];
    Pack<T> gradients[StepsPerThread];
#pragma unroll
    for (int step = 0; step < StepsPerThread; ++step) {
        int64 index = (first + step * BlockThreads) * Size;
        if (Packed && index + Size <= count) {
            inputs[step] = load_pack(z + index);
            gradients[step] = load_pack(grad_y + index);
        }
    }
#pragma unroll
    for (int step = 0; step < StepsPerThread; ++step) {
        int64 index = (first + step * BlockThreads) * Size;
        if (Packed && index + Size <= count) {
#pragma unroll
            for (int e = 0; e < Size; ++e) {
                float derivative = activation_derivative<T, Kind>(to_float(inputs[step].elements[e]));
                gradients[step].elements[e] = from_float<T>(to_float(gradients[step].elements[e]) * derivative);
            }
            store_pack(grad_z + index, gradients[step]);
        } else {
            for (int64 i = index; i < index + Size && i < count; ++i) {
                grad_z[i] = from_float<T>(to_float(grad_y[i]) * activation_derivative<T, Kind>(to_float(z[i])));
            }
        }
    }
}
