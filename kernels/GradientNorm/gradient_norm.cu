// gradient_norm.cu: the global norm of all gradients, whether the step is sound, and what the optimizer multiplies gradients by.
// Math      norm = √(Σ g²) / LossScale;  sound = norm and Loss finite;  GradientFactor = sound ? min(1, clip/norm) / LossScale : 0
//           AppliedUpdates += sound;  with dynamic scaling: LossScale halves where not sound, doubles after `interval` sound steps
//           in a row, within [1, 2²⁴]
// Shapes    gradients (count) float;  partials (blocks) float;  scalars (32) float. Any count ≥ 1.
// Layout    contiguous, gradients 16-byte aligned.
// Writes    partials overwritten; scalars GradientNorm, GradientFactor, IsFinite overwritten, AppliedUpdates, LossScale, GoodSteps updated.
// Launch    partials: block 256, grid fixed by count alone (at most 4096). finish: one block of 256. No dynamic shared memory.
//           With gradients in parts, on one device or many: partials of each part, then finish over the partials of all.
// Cost      4·count bytes, 2·count FLOP: memory bound.
// Numerics  float sums of a thread's share in four parts, then double; fixed order, no atomics: the same bits each time. A sum of squares
//           that overflows float counts as not finite.
// Arch      sm_70 and newer.
// Source    Pascanu et al. 2013, algorithm 1; Micikevicius et al. 2018, section 3.2, for the loss scale.
#include "Common/reduce.cuh"
#include "Common/step_scalars.cuh"

constexpr int NormThreads = 256;
constexpr float SmallestLossScale = 1.0f;
constexpr float LargestLossScale = 16777216.0f;

__global__ void __launch_bounds__(NormThreads, 1)
    gradient_norm_partials(const float* gradients, float* partials, int64 count) {
    __shared__ float shared[NormThreads / WarpSize];
    int64 quads = count / 4;
    int64 stride = int64(gridDim.x) * NormThreads;
    int64 start = int64(blockIdx.x) * NormThreads + threadIdx.x;
    float4 sums = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
#pragma unroll 4
    for (int64 i = start; i < quads; i += stride) {
        float4 g = reinterpret_cast<const float4*>(gradients)[i];
        sums.x += g.x * g.x;
        sums.y += g.y * g.y;
        sums.z += g.z * g.z;
        sums.w += g.w * g.w;
    }
    // The last one to three elements.
    int64 rest = quads * 4 + start;
    if (rest < count) {
        sums.x += gradients[rest] * gradients[rest];
    }
    float total = block_reduce<Sum>((sums.x + sums.y) + (sums.z + sums.w), shared, threadIdx.x / WarpSize, threadIdx.x % WarpSize);
    if (threadIdx.x == 0) {
        partials[blockIdx.x] = total;
    }
}

__global__ void __launch_bounds__(NormThreads, 1)
    gradient_norm_finish(const float* partials, float* scalars, int32 blocks, float clip, bool dynamic_scale, int32 interval) {
    __shared__ double shared[NormThreads];
    double sum = 0.0;
    for (int i = threadIdx.x; i < blocks; i += NormThreads) {
        sum += double(partials[i]);
    }
    shared[threadIdx.x] = sum;
    for (int width = NormThreads / 2; width > 0; width /= 2) {
        __syncthreads();
        if (threadIdx.x < width) {
            shared[threadIdx.x] += shared[threadIdx.x + width];
        }
    }
    if (threadIdx.x != 0) {
        return;
    }

    float scale = scalars[scalar::LossScale];
    float norm = float(sqrt(shared[0]) / double(scale));
    bool sound = isfinite(norm) && isfinite(scalars[scalar::Loss]);
    float coefficient = clip > 0.0f && norm > clip ? clip / norm : 1.0f;
    scalars[scalar::GradientNorm] = norm;
    scalars[scalar::GradientFactor] = sound ? coefficient / scale : 0.0f;
    scalars[scalar::IsFinite] = sound ? 1.0f : 0.0f;
    if (sound) {
        scalars[scalar::AppliedUpdates] = __uint_as_float(__float_as_uint(scalars[scalar::AppliedUpdates]) + 1u);
    }
    if (dynamic_scale) {
        float good = sound ? scalars[scalar::GoodSteps] + 1.0f : 0.0f;
        bool grow = good >= float(interval);
        scalars[scalar::LossScale] = !sound ? fmaxf(scale * 0.5f, SmallestLossScale) : grow ? fminf(scale * 2.0f, LargestLossScale) : scale;
        scalars[scalar::GoodSteps] = grow ? 0.0f : good;
    }
}
