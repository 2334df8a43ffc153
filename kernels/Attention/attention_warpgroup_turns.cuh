// attention_warpgroup_turns.cuh: keys and values on their way through shared memory past the warpgroups of a block; sm_90a.
//
// They come and go in turns. In that of step s a warpgroup begins the scores of step s + 1 and the sums of step s: the first turn is that
// of the step before the first. Each turn has one barrier, at which a warp arrives in the middle (hand_over) and waits before its next
// turn (begin): a warpgroup may be half a turn ahead of another, so that one multiplies while the other takes its exponentials.
//
// Who has arrived in turn s has its keys of s + 1 and its values of s − 1 behind it, and its copies for turn s + 1 before it. So, in turn
// s, keys of s + 3 may take the place of those of s, and values of s + 2 the place of those of s − 2.
#pragma once
#include "Attention/attention_head.cuh"
#include "Common/memory_barrier.cuh"
#include "Common/warpgroup.cuh"

constexpr int Keys = 64; // of a step
constexpr int KeyBuffers = 3;
constexpr int ValueBuffers = 4;

// What a thread copies of `Count` rows of D, `row_bytes` apart in memory: chunks that lie by constants from its first, on both sides.
template <int D, int Count, int Threads> struct PanelCopy {
    using Tile = PanelRows<D, Count>;
    static constexpr int Rows = Threads / Tile::RowChunks; // at a time
    static constexpr int PanelRounds = Count / Rows;
    static_assert(Count % Rows == 0 && Rows % 8 == 0, "whole rounds, in all of which a chunk has the same place in its row");
    uint32 row, chunk;
    uint32 place;  // bytes of the first chunk from a tile's begin
    uint32 offset; // the same in memory

    __device__ explicit PanelCopy(uint32 row_bytes) : row(Tile::row_of(threadIdx.x)), chunk(Tile::chunk_of(threadIdx.x)) {
        place = Tile::offset(row, chunk);
        offset = row * row_bytes + chunk * 16;
    }

    // Of the rows from `source` on the first `valid`; the others are zeros.
    __device__ void copy(uint32 tile, const char* source, uint32 row_bytes, int32 valid) const {
#pragma unroll
        for (int i = 0; i < PanelRounds * Tile::Panels; ++i) {
            int panel = i / PanelRounds;
            int further = i % PanelRounds * Rows;
            bool real = int32(row) + further < valid && chunk * 8 + panel * Tile::Width < D;
            copy_async(tile + place + (panel * Tile::PanelBytes + further * Tile::RowBytes),
                       source + (real ? offset + further * row_bytes + panel * Tile::RowBytes : 0u), real);
        }
    }
};

template <int D, int Threads> struct Turns {
    using Tile = PanelRows<D, Keys>;
    static constexpr int Bytes = (KeyBuffers + ValueBuffers) * Tile::Bytes;
    static constexpr int Warps = Threads / WarpSize;

    int32 step, last_step;

  private:
    uint64* barrier;
    uint32 first_keys, first_values; // buffers
    const char* source;              // of the keys to be copied next
    int32 left;                      // rows from there on
    uint32 row_bytes, part_bytes;
    PanelCopy<D, Keys, Threads> passing;
    int key_buffer = 0, value_buffer = ValueBuffers - 1; // of step + 1, of step
    uint32 parity = 0;

    __device__ void advance() {
        source += int64(Keys) * row_bytes;
        left -= Keys;
    }

  public:
    // Asks for the first keys, in the group of copies that is open, and for what the first step's turn needs, in one of its own.
    // `keys`: those of the first step in memory. To be opened by all threads, once their other copies have been asked for.
    __device__ Turns(uint64* turn_barrier, uint32 tiles, const char* keys, const AttentionShape& shape, int32 first, int32 last)
        : step(first - 1), last_step(last), barrier(turn_barrier), first_keys(tiles), first_values(tiles + KeyBuffers * Tile::Bytes),
          source(keys), left(shape.time - first * Keys), row_bytes(3 * shape.heads * D * 2), part_bytes(shape.heads * D * 2),
          passing(row_bytes) {
        passing.copy(first_keys, source, row_bytes, left);
        commit_copies();
        passing.copy(first_values, source + part_bytes, row_bytes, left);
        advance();
        if (first < last) {
            passing.copy(first_keys + Tile::Bytes, source, row_bytes, left);
        }
        advance();
        commit_copies();
        if (threadIdx.x == 0) {
            open_barrier(barrier, Warps);
        }
        wait_copies<1>();
        show_to_products();
        __syncthreads();
        arrive_as_warp();
    }

    __device__ uint32 next_keys() const { return first_keys + key_buffer * Tile::Bytes; }

    __device__ uint32 values() const { return first_values + value_buffer * Tile::Bytes; }

    // Waits until the turn's keys and values are there for all to read.
    __device__ void begin() {
        await_phase(barrier, parity);
        parity ^= 1;
    }

    // To be called when the turn's scores are there. Goes on to the next step; its turn is to be begun before any of its products.
    __device__ void hand_over() {
        wait_copies<0>();
        show_to_products();
        arrive_as_warp();
        if (step + 3 <= last_step) {
            passing.copy(first_keys + (key_buffer == 0 ? KeyBuffers - 1 : key_buffer - 1) * Tile::Bytes, source, row_bytes, left);
        }
        if (step + 2 <= last_step) {
            passing.copy(first_values + (value_buffer ^ 2) * Tile::Bytes, source - int64(Keys) * row_bytes + part_bytes, row_bytes,
                         left + Keys);
        }
        advance();
        commit_copies();
        ++step;
        key_buffer = key_buffer == KeyBuffers - 1 ? 0 : key_buffer + 1;
        value_buffer = (value_buffer + 1) % ValueBuffers;
    }

    // Turns of steps that only others see, up to that of step `end` − 1.
    __device__ void pass(int32 end) {
        while (step < end) {
            begin();
            hand_over();
        }
    }

  private:
    // What the lanes have copied is shown by each; then one speaks for all.
    __device__ void arrive_as_warp() {
        __syncwarp();
        if (threadIdx.x % WarpSize == 0) {
            arrive(barrier);
        }
    }
};
