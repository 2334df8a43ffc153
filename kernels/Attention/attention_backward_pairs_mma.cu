// attention_backward_pairs_mma.cu: attention within documents on the tensor cores, backward by keys, wide heads by pairs of warps.
// Math      as in attention.cu. After attention_backward_queries_mma, which makes δ.
// Shapes    qkv, gradQkv (B, T, 3, H, D) T;  gradOutput (B, T, H, D) T;  documentStart (B, T) int32;  logSumExp, delta (B, H, T) float.
//           Any B, T, H ≥ 1, D a multiple of 32 up to 128.
// Layout    row-major, contiguous, 16-byte aligned. T is Half or BFloat16.
// Writes    K's and V's part of gradQkv overwritten. No aliasing.
// Launch    block 256, grid ⌈T/128⌉·B·H, dynamic shared memory 512·pitch·2 + 128·144 + 1536 bytes, pitch = D + 8.
// Cost      ≥ 6·N·C·sizeof(T) bytes, 8·D FLOP a pair that sees. Tiles that the masks empty are neither loaded nor computed.
// Numerics  products of T summed in float; P and gradS are rounded to T for the second product; no atomics, order fixed by T alone.
// Arch      sm_80 and newer, where a block may have that much shared memory.
// Source    Dao 2023, algorithm 2.
#include "Attention/attention_backward_keys.cuh"

constexpr int Teams = 4;
constexpr int PairThreads = 2 * Teams * WarpSize;
constexpr int PairTiles = 2; // of a pair's rows
constexpr int PairRows = PairTiles * TileRows;
constexpr int PairStep = 2 * Step;
constexpr int PairPitch = Rows<PairStep>::Pitch;

// A barrier for the two warps of a team; 0 is the block's.
__device__ inline void await_partner(int team) { asm volatile("bar.sync %0, %1;" : : "r"(team + 1), "n"(2 * WarpSize) : "memory"); }

// gradK and gradV of 128 keys. The sums of 32 keys and all of D are more than a warp's registers hold: two warps share the keys. Of S and
// gradP each makes the columns of half a step's queries, and hands them to the other; of the gradients each sums half of D. So every
// operand read from shared memory serves two tiles, as it does where heads are narrow.
template <typename T, int D>
__global__ void __launch_bounds__(PairThreads, 1)
    attention_backward_keys_pairs_mma(const T* qkv, const int32* document_start, const float* log_sum_exp, const float* delta,
                                      const T* grad_output, T* grad_qkv, AttentionShape shape) {
    static_assert(D % 32 == 0, "two halves of whole blocks");
    constexpr int BlockRows = Teams * PairRows;
    constexpr int Pitch = Rows<D>::Pitch;
    constexpr int Size = PairStep * Pitch;
    extern __shared__ uint4 shared[];
    T* keys = reinterpret_cast<T*>(shared);
    T* values = keys + BlockRows * Pitch;
    T* queries = values + BlockRows * Pitch; // two buffers of each
    T* gradients = queries + 2 * Size;
    T* weights = gradients + 2 * Size;
    auto* statistics = reinterpret_cast<Statistics<PairStep>*>(weights + BlockRows * PairPitch); // of each buffer

    Head head(shape, (shape.time + BlockRows - 1) / BlockRows, false);
    int lane = threadIdx.x % WarpSize;
    int part = head.part_of_warp(2 * Teams);
    int team = part / 2;
    int member = part % 2;
    int64 stride = int64(3) * shape.heads * D;
    int32 first_key = head.tile * BlockRows;
    int32 own_key = first_key + team * PairRows;
    const int32* starts = document_start + head.in_sequence(shape, 0);

    auto load = [&](int32 first_query, int buffer) {
        int thread = threadIdx.x;
        asm volatile("" : "+r"(thread)); // places are worked out anew: kept from step to step they would take too many registers
        copy_rows<T, D, PairStep, PairThreads>(queries + buffer * Size, qkv + head.in_qkv<D>(shape, 0, first_query), stride,
                                               shape.time - first_query, thread);
        copy_rows<T, D, PairStep, PairThreads>(gradients + buffer * Size, grad_output + head.in_output<D>(shape, first_query),
                                               int64(shape.heads) * D, shape.time - first_query, thread);
        commit_copies();
        int64 row = head.in_statistics(shape, 0);
        load_statistics(statistics[buffer], starts, log_sum_exp + row, delta + row, first_query, shape.time);
    };
    // Starts never decrease: once a step's first query sees none of the keys, no later one does.
    auto sees = [&](int32 first_query) { return first_query < shape.time && starts[first_query] < first_key + BlockRows; };

    copy_rows<T, D, BlockRows, PairThreads>(keys, qkv + head.in_qkv<D>(shape, 1, first_key), stride, shape.time - first_key, threadIdx.x);
    copy_rows<T, D, BlockRows, PairThreads>(values, qkv + head.in_qkv<D>(shape, 2, first_key), stride, shape.time - first_key, threadIdx.x);
    load(first_key, 0);
    bool more = sees(first_key + PairStep);

    SharedRows<T, D, PairTiles> key_rows(keys + team * PairRows * Pitch, lane);
    SharedRows<T, D, PairTiles> value_rows(values + team * PairRows * Pitch, lane);
    T* team_weights = weights + team * PairRows * PairPitch;
    SharedRows<T, PairStep, PairTiles> weight_rows(team_weights, lane);
    Sums<T, D / 2, PairTiles, Pitch> grad_keys;
    Sums<T, D / 2, PairTiles, Pitch> grad_values;
    for (int32 first_query = first_key, buffer = 0;; first_query += PairStep, buffer ^= 1) {
        if (more) {
            load(first_query + PairStep, buffer ^ 1);
            wait_copies<1>();
        } else {
            wait_copies<0>();
        }
        // From global memory it takes long: so it is asked for before the step's work.
        bool more_then = more && sees(first_query + 2 * PairStep);
        __syncthreads();
        const Statistics<PairStep>& columns = statistics[buffer];
        if (own_key < first_query + PairStep && columns.start[0] < own_key + PairRows) {
            const T* own_queries = queries + buffer * Size + member * Step * Pitch;
            const T* own_gradients = gradients + buffer * Size + member * Step * Pitch;
            float weight[PairTiles][Blocks][8];
            multiply_rows<T, D>(weight, key_rows, own_queries, lane);
            to_probabilities(weight, columns, member * Step, own_key, first_query + member * Step, shape.scale * Log2E, lane);
            share_weights<T, PairPitch>(team_weights + member * Step, weight, lane);
            await_partner(team);

            // gradV += Pᵀ·gradO;  gradS = P ⊙ (gradP − δ);  gradK += gradSᵀ·Q
            grad_values.add_product(weight_rows, gradients + buffer * Size + member * (D / 2), lane);
            float grad_weight[PairTiles][Blocks][8];
            multiply_rows<T, D>(grad_weight, value_rows, own_gradients, lane);
            to_score_gradients(weight, grad_weight, columns, member * Step, lane);
            await_partner(team); // until it has read P
            share_weights<T, PairPitch>(team_weights + member * Step, weight, lane);
            await_partner(team);
            grad_keys.add_product(weight_rows, queries + buffer * Size + member * (D / 2), lane);
        }
        if (!more) {
            break;
        }
        more = more_then;
        __syncthreads();
    }

    await_partner(team); // rows of K that the pair needs no more: a half of each is this warp's staging
    if (own_key < shape.time) {
        grad_keys.scale(shape.scale);
        T* staging = keys + team * PairRows * Pitch + member * (D / 2);
        grad_keys.store(staging, grad_qkv + head.in_qkv<D>(shape, 1, own_key) + member * (D / 2), stride, shape.time - own_key, lane);
        grad_values.store(staging, grad_qkv + head.in_qkv<D>(shape, 2, own_key) + member * (D / 2), stride, shape.time - own_key, lane);
    }
}
