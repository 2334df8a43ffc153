// sample.cu: draws a token for each row of logits.
// Math      as Common/SamplingOptions.cs defines it: rank by descending logit (lower id first on a tie), keep the first k, weigh each by
//           exp((z − max z)/temperature), keep the shortest run that reaches p of the weight, draw by Philox in ascending order of ids
// Shapes    logits (B, P) T, of which the first V columns count; ids (B) int32. Any B ≥ 1, 1 ≤ V ≤ P < 2^24.
// Layout    row-major. T is float, Half or BFloat16.
// Writes    ids overwritten.
// Launch    block 512, a block a row: grid B; shared memory about 6 KiB.
// Cost      2·V·sizeof(T) bytes a row at least; with a top-k or top-p 32 passes over the row each, out of cache.
// Numerics  float weights, double sums in a fixed order. A cut's limit is found bit by bit over the floats in the integers' order: exact
//           for top-k, and as exact as the weights for top-p.
// Arch      sm_70 and newer.
// Source    Salmon et al. 2011 for the draw; Holtzman et al. 2020 for top-p.
#include "Common/philox.cuh"
#include "Common/reduce.cuh"

constexpr int SampleThreads = 512;
constexpr int SampleWarps = SampleThreads / WarpSize;

// A prefix of the ranking: all above a key, and the first few, by id, of those that equal it.
struct RankCut {
    uint32 key;
    int ties;
};

// Floats as integers of the same order; the two zeros are one.
__device__ inline uint32 order_of(float value) {
    uint32 bits = __float_as_uint(value + 0.0f);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

__device__ inline float value_of(uint32 key) { return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key); }

struct Sampler {
    float maximum;
    float temperature;

    __device__ float weight(float logit) const { return expf((logit - maximum) / temperature); }
};

// Sum over the block, in an order that the block's shape fixes; each call behind a barrier of its own. In double, because a limit that many
// weights are held against falls between two of them: what rounding there is must not decide which.
__device__ inline double sum_of_block(double value, double (&shared)[SampleWarps]) {
#pragma unroll
    for (int offset = WarpSize / 2; offset > 0; offset /= 2) {
        value += __shfl_xor_sync(FullWarp, value, offset);
    }
    __syncthreads();
    if (threadIdx.x % WarpSize == 0) {
        shared[threadIdx.x / WarpSize] = value;
    }
    __syncthreads();
    double sum = 0.0;
    for (int warp = 0; warp < SampleWarps; ++warp) {
        sum += shared[warp];
    }
    return sum;
}

__device__ inline float maximum_of_block(float value, float (&shared)[SampleWarps]) {
    __syncthreads();
    return block_reduce<Maximum, SampleWarps>(value, shared, threadIdx.x / WarpSize, threadIdx.x % WarpSize);
}

// How many keys are at least `key`.
template <typename T> __device__ inline int count_from(const T* row, int vocabulary, uint32 key, double (&shared)[SampleWarps]) {
    int count = 0;
    for (int id = threadIdx.x; id < vocabulary; id += SampleThreads) {
        count += order_of(to_float(row[id])) >= key;
    }
    return int(sum_of_block(count, shared));
}

// Weight of what both the cut keeps and has a key of at least `key`.
template <typename T>
__device__ inline double weight_from(const T* row, int vocabulary, Sampler sampler, RankCut cut, uint32 key,
                                     double (&shared)[SampleWarps]) {
    double sum = 0.0;
    for (int id = threadIdx.x; id < vocabulary; id += SampleThreads) {
        float logit = to_float(row[id]);
        uint32 order = order_of(logit);
        sum += order >= key && order > cut.key ? sampler.weight(logit) : 0.0f;
    }
    sum = sum_of_block(sum, shared);
    return cut.ties > 0 && key <= cut.key ? sum + double(cut.ties) * sampler.weight(value_of(cut.key)) : sum;
}

// The first `kept` of the ranking: the largest key that so many reach, found from its highest bit down.
template <typename T> __device__ inline RankCut cut_by_rank(const T* row, int vocabulary, int kept, double (&shared)[SampleWarps]) {
    uint32 key = 0;
    for (int bit = 31; bit >= 0; --bit) {
        uint32 candidate = key | (1u << bit);
        if (count_from(row, vocabulary, candidate, shared) >= kept) {
            key = candidate;
        }
    }
    int above = key == 0xffffffffu ? 0 : count_from(row, vocabulary, key + 1, shared);
    return {key, kept - above};
}

// The shortest run within `outer` whose weight is at least top_p of it.
template <typename T>
__device__ inline RankCut cut_by_weight(const T* row, int vocabulary, Sampler sampler, RankCut outer, float top_p,
                                        double (&shared)[SampleWarps]) {
    double enough = double(top_p) * weight_from(row, vocabulary, sampler, outer, 0, shared);
    uint32 key = 0;
    for (int bit = 31; bit >= 0; --bit) {
        uint32 candidate = key | (1u << bit);
        if (weight_from(row, vocabulary, sampler, outer, candidate, shared) >= enough) {
            key = candidate;
        }
    }
    double above = key == 0xffffffffu ? 0.0 : weight_from(row, vocabulary, sampler, outer, key + 1, shared);
    int available = outer.ties;
    if (key > outer.key) {
        available = count_from(row, vocabulary, key, shared) - count_from(row, vocabulary, key + 1, shared);
    }
    double needed = ceil((enough - above) / sampler.weight(value_of(key)));
    int ties = needed < double(available) ? int(needed) : available;
    return {key, ties < 1 ? 1 : ties};
}

template <typename T>
__global__ void __launch_bounds__(SampleThreads, 1)
    sample(const T* logits, int32* ids, int32 vocabulary, int32 padded, int64 position, float temperature, int32 top_k, float top_p,
           uint64 seed) {
    __shared__ float shared_maximum[SampleWarps];
    __shared__ double shared[SampleWarps];
    __shared__ int ties_before[SampleThreads];
    __shared__ double weights[SampleThreads];
    __shared__ int chosen;
    __shared__ double chosen_before;
    const T* row = logits + int64(blockIdx.x) * padded;

    // A row of −∞ alone has no maximum above its start, and then id 0 is as good as any.
    float maximum = Maximum::identity();
    for (int id = threadIdx.x; id < vocabulary; id += SampleThreads) {
        maximum = fmaxf(maximum, to_float(row[id]));
    }
    maximum = maximum_of_block(maximum, shared_maximum);
    if (temperature == 0.0f) {
        float first = -float(vocabulary - 1);
        for (int id = vocabulary - 1 - int(threadIdx.x); id >= 0; id -= SampleThreads) {
            first = to_float(row[id]) == maximum ? -float(id) : first;
        }
        first = maximum_of_block(first, shared_maximum);
        if (threadIdx.x == 0) {
            ids[blockIdx.x] = int(-first);
        }
        return;
    }

    Sampler sampler{maximum, temperature};
    RankCut cut{0, 0};
    if (top_k > 0 && top_k < vocabulary) {
        cut = cut_by_rank(row, vocabulary, top_k, shared);
    }
    if (top_p < 1.0f) {
        cut = cut_by_weight(row, vocabulary, sampler, cut, top_p, shared);
    }

    // Each thread takes a run of ids, so that running sums go by ascending id; first how many ties come before its run.
    int length = (vocabulary + SampleThreads - 1) / SampleThreads;
    int begin = int(threadIdx.x) * length;
    int end = begin + length < vocabulary ? begin + length : vocabulary;
    int ties = 0;
    for (int id = begin; id < end; ++id) {
        ties += order_of(to_float(row[id])) == cut.key;
    }
    ties_before[threadIdx.x] = ties;
    __syncthreads();
    if (threadIdx.x == 0) {
        int before = 0;
        for (int i = 0; i < SampleThreads; ++i) {
            int here = ties_before[i];
            ties_before[i] = before;
            before += here;
        }
    }
    __syncthreads();

    double sum = 0.0;
    int seen = ties_before[threadIdx.x];
    for (int id = begin; id < end; ++id) {
        float logit = to_float(row[id]);
        uint32 order = order_of(logit);
        bool kept = order > cut.key || (order == cut.key && seen++ < cut.ties);
        sum += kept ? sampler.weight(logit) : 0.0f;
    }
    weights[threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        double total = 0.0;
        for (int i = 0; i < SampleThreads; ++i) {
            total += weights[i];
        }
        uint4 counter = make_uint4(blockIdx.x, uint32(position), uint32(uint64(position) >> 32), 0);
        uint4 words = philox(uint32(seed), uint32(seed >> 32), counter);
        double target = (float(words.x) + 1.0f) * (1.0f / 4294967296.0f) * total;
        double before = 0.0;
        int run = 0;
        for (int i = 0; i < SampleThreads; ++i) {
            if (weights[i] > 0.0) {
                run = i;
                chosen_before = before;
                if (before + weights[i] >= target) {
                    break;
                }
            }
            before += weights[i];
        }
        chosen = run;
        weights[0] = target;
    }
    __syncthreads();

    if (int(threadIdx.x) == chosen) {
        double running = chosen_before;
        double target = weights[0];
        int token = begin < vocabulary ? begin : 0;
        int passed = ties_before[threadIdx.x];
        for (int id = begin; id < end; ++id) {
            float logit = to_float(row[id]);
            uint32 order = order_of(logit);
            bool kept = order > cut.key || (order == cut.key && passed++ < cut.ties);
            float weight = kept ? sampler.weight(logit) : 0.0f;
            if (weight > 0.0f) {
                token = id;
                running += weight;
                if (running >= target) {
                    break;
                }
            }
        }
        ids[blockIdx.x] = token;
    }
}
