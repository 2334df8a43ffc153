// adamw.cu: one AdamW update of the whole parameter arena in one launch.
// Math      g = gradients·GradientFactor;  m = β1·m + (1−β1)·g;  v = β2·v + (1−β2)·g²;  t = AppliedUpdates
//           w −= LearningRate·((m/(1−β1^t)) / (√(v/(1−β2^t)) + ε) + λ·w), λ = 0 from element decayCount on;  copy = w as T
// Shapes    parameters, gradients, first, second (count) float;  copy (count) T. Any count ≥ 1.
// Layout    contiguous, 16-byte aligned. T is float (then there is no copy), Half or BFloat16.
// Writes    parameters, first, second in place, copy overwritten; nothing at all where IsFinite is 0.
// Launch    block 256, 4 elements a thread: grid ⌈count/1024⌉; shared memory 0.
// Cost      (28 + sizeof(T), or 28 without copy)·count bytes, about 16·count FLOP: memory bound.
// Numerics  float. 1−β^t = −expm1(t·ln β), which keeps its digits for small t.
// Arch      sm_70 and newer.
// Source    Loshchilov and Hutter 2019, algorithm 2.
#include "Common/numbers.cuh"
#include "Common/step_scalars.cuh"

constexpr int UpdateThreads = 256;
constexpr int Width = 4;

// As AdamW/AdamWArgument.cs lays it out.
struct AdamWConstants {
    float beta1, beta2;
    float one_minus_beta1, one_minus_beta2; // rounded once from the exact differences of the floats
    float log_beta1, log_beta2;
    float epsilon, weight_decay;
};

struct Update {
    float factor, learning_rate, correction1, correction2;

    __device__ Update(const float* scalars, const AdamWConstants& constants) {
        float t = float(__float_as_uint(scalars[scalar::AppliedUpdates]));
        factor = scalars[scalar::GradientFactor];
        learning_rate = scalars[scalar::LearningRate];
        correction1 = 1.0f / -expm1f(t * constants.log_beta1);
        correction2 = 1.0f / -expm1f(t * constants.log_beta2);
    }

    __device__ void apply(float& w, float g, float& m, float& v, float decay, const AdamWConstants& constants) const {
        g *= factor;
        m = constants.beta1 * m + constants.one_minus_beta1 * g;
        v = constants.beta2 * v + constants.one_minus_beta2 * g * g;
        float direction = (m * correction1) / (sqrtf(v * correction2) + constants.epsilon);
        w -= learning_rate * (direction + decay * w);
    }
};

// Four elements as one access of 16 or 8 bytes.
__device__ inline void store_copy(float*, const float (&)[Width]) {}

template <typename T> __device__ inline void store_copy(T* address, const float (&values)[Width]) {
    uint32 low = from_float<T>(values[0]).bits | uint32(from_float<T>(values[1]).bits) << 16;
    uint32 high = from_float<T>(values[2]).bits | uint32(from_float<T>(values[3]).bits) << 16;
    *reinterpret_cast<uint2*>(address) = make_uint2(low, high);
}

template <typename T>
__global__ void __launch_bounds__(UpdateThreads, 1)
    adamw(float* parameters, const float* gradients, float* first, float* second, T* copy, int64 count, int64 decay_count,
          const float* scalars, AdamWConstants constants) {
    if (scalars[scalar::IsFinite] == 0.0f) {
        return;
    }
    int64 start = (int64(blockIdx.x) * UpdateThreads + threadIdx.x) * Width;
    if (start >= count) {
        return;
    }

    if (start + Width <= count) {
        float4 gradient = *reinterpret_cast<const float4*>(gradients + start);
        float4 weight = *reinterpret_cast<const float4*>(parameters + start);
        float4 moment1 = *reinterpret_cast<const float4*>(first + start);
        float4 moment2 = *reinterpret_cast<const float4*>(second + start);
        Update update(scalars, constants);
        float w[Width] = {weight.x, weight.y, weight.z, weight.w};
        float m[Width] = {moment1.x, moment1.y, moment1.z, moment1.w};
        float v[Width] = {moment2.x, moment2.y, moment2.z, moment2.w};
        float g[Width] = {gradient.x, gradient.y, gradient.z, gradient.w};
#pragma unroll
        for (int e = 0; e < Width; ++e) {
            update.apply(w[e], g[e], m[e], v[e], start + e < decay_count ? constants.weight_decay : 0.0f, constants);
        }
        *reinterpret_cast<float4*>(parameters + start) = make_float4(w[0], w[1], w[2], w[3]);
        *reinterpret_cast<float4*>(first + start) = make_float4(m[0], m[1], m[2], m[3]);
        *reinterpret_cast<float4*>(second + start) = make_float4(v[0], v[1], v[2], v[3]);
        store_copy(copy + start, w);
    } else {
        Update update(scalars, constants);
        for (int64 i = start; i < count; ++i) {
            update.apply(parameters[i], gradients[i], first[i], second[i], i < decay_count ? constants.weight_decay : 0.0f, constants);
            if constexpr (sizeof(T) == 2) {
                copy[i] = from_float<T>(parameters[i]);
            }
        }
    }
}
