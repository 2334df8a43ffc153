// attention_mma.cuh: tiles of attention on the tensor cores: rows in shared memory in 16 bits, a warp's rows of each product in registers.
// From sm_80 on by mma.m16n8k16, ldmatrix and cp.async, for Half and BFloat16; before by mma.m8n8k4, for Half.
//
// A warp has Tiles tiles of 16 rows. What limits these kernels is shared memory, which gives an operand of 16×16 in as many cycles as the
// tensor cores need for it once: with two tiles each operand read is used twice.
//
// Of each 16×16 block of a product a lane has eight elements: e is in row row_of(lane, e / 2 mod 2), column column_of(lane, e). Where
// mma.m8n8k4's quad pairs put the blocks that they compute is ours to choose: so that the eight lanes of a phase read different rows.
#pragma once
#include "Attention/attention_head.cuh"
#include "Common/async_copy.cuh"
#include "Common/packs.cuh"

constexpr bool Wide = __CUDA_ARCH__ >= 800;
constexpr int Threads = 128;
constexpr int Warps = Threads / WarpSize;
constexpr int TileRows = 16;

// Rows in shared memory: padded with zeros to whole steps of 16, then by 16 bytes: an odd number of 16-byte chunks apart, any eight rows
// lie in different banks.
template <int D> struct Rows {
    static constexpr int Padded = (D + 15) / 16 * 16;
    static constexpr int Pitch = Padded + 8;
    static constexpr int Blocks = Padded / 16;
    static constexpr int Steps = Wide ? Padded / 16 : Padded / 8; // of a product over D
    static constexpr int Chunks = Padded / 8;
};

__device__ inline int row_of(int lane, int i) { return Wide ? lane / 4 + 8 * i : lane % 2 + 2 * i + (lane & 4) + lane / 16 * 8; }

__device__ inline int column_of(int lane, int e) {
    return (Wide ? lane % 4 * 2 : (lane & 2) + (lane & 8) / 2) + e % 2 + e / 4 * 8;
}

// The four lanes that share rows.
__device__ inline bool leads_row(int lane) { return (lane & (Wide ? 3 : 10)) == 0; }

__device__ inline float row_maximum(float value) {
    value = fmaxf(value, __shfl_xor_sync(FullWarp, value, Wide ? 1 : 8));
    return fmaxf(value, __shfl_xor_sync(FullWarp, value, 2));
}

__device__ inline float row_sum(float value) {
    value += __shfl_xor_sync(FullWarp, value, Wide ? 1 : 8);
    return value + __shfl_xor_sync(FullWarp, value, 2);
}

__device__ inline void load_words(uint32 (&words)[4], uint32 address) {
    asm volatile("ld.shared.v4.b32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(address)
                 : "memory");
}

__device__ inline void load_words(uint32 (&words)[2], uint32 address) {
    asm volatile("ld.shared.v2.b32 {%0, %1}, [%2];" : "=r"(words[0]), "=r"(words[1]) : "r"(address) : "memory");
}

// Before sm_80 copies are done when they return.
__device__ inline void close_copies() {
    if constexpr (Wide) {
        commit_copies();
    }
}

template <int Pending> __device__ inline void await_copies() {
    if constexpr (Wide) {
        wait_copies<Pending>();
    }
}

// Where chunk `index` of rows of `Chunks` lies. Eight neighbours are in different banks: `Width` chunks of a row each, of rows `Width`
// apart.
template <int Chunks> struct ChunkPlace {
    static constexpr int Width = Chunks % 8 == 0 ? 8 : Chunks % 4 == 0 ? 4 : Chunks % 2 == 0 ? 2 : 1;
    int row, chunk;

    __device__ explicit ChunkPlace(int index) {
        int eighth = index / Width % 8;
        int block = index / (Width * 8);
        chunk = block % (Chunks / Width) * Width + index % Width;
        row = block / (Chunks / Width) * 8 + eighth % (8 / Width) * Width + eighth / (8 / Width);
    }
};

// 16 bytes to shared memory; zeros, and nothing read, where not `real`.
__device__ inline void copy_chunk(void* target, const void* origin, bool real) {
    if constexpr (Wide) {
        copy_async(target, origin, real);
    } else {
        *reinterpret_cast<uint4*>(target) = real ? *reinterpret_cast<const uint4*>(origin) : make_uint4(0, 0, 0, 0);
    }
}

// Load: `Count` rows (a multiple of 8) from `source` on, `stride` elements apart; from `valid` on zeros.
template <typename T, int D, int Count, int Copiers>
__device__ inline void copy_rows(T* tile, const T* source, int64 stride, int valid, int thread) {
    constexpr int Chunks = Rows<D>::Chunks;
#pragma unroll 4
    for (int base = 0; base < Count * Chunks; base += Copiers) {
        int index = base + thread;
        if (Count * Chunks % Copiers == 0 || index < Count * Chunks) {
            ChunkPlace<Chunks> place(index);
            bool real = place.row < valid && (D % 16 == 0 || place.chunk * 8 < D);
            T* target = tile + place.row * Rows<D>::Pitch + place.chunk * 8;
            copy_chunk(target, real ? source + place.row * stride + place.chunk * 8 : source, real);
        }
    }
}

// The left side of a product: Tiles·16 rows of D, held in registers.
template <typename T, int D, int Tiles> struct HeldRows {
    static constexpr int Unrolled = Rows<D>::Steps; // registers have no index
    uint32 fragments[Tiles][Rows<D>::Steps][4];

    __device__ HeldRows(const T* rows, int lane) {
        uint32 start = shared_address(rows + lane % 16 * Rows<D>::Pitch + lane / 16 * 8);
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
            for (int step = 0; step < Rows<D>::Steps; ++step) {
                load_tiles(fragments[tile][step], start + tile * TileRows * Rows<D>::Pitch * 2 + step * 32);
            }
        }
    }

    __device__ void get(int tile, int step, uint32 (&fragment)[4]) const {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            fragment[i] = fragments[tile][step][i];
        }
    }
};

// The same, left in shared memory and read at each use; of a product over D so many steps at a time. With more the compiler would load
// ahead until registers run out.
template <typename T, int D, int Tiles, int StepsAtATime = (D <= 64 ? Rows<D>::Steps : D * Tiles > 192 ? 1 : 2)> struct SharedRows {
    static constexpr int Unrolled = StepsAtATime;
    uint32 start;

    __device__ SharedRows(const T* rows, int lane)
        : start(shared_address(Wide ? rows + lane % 16 * Rows<D>::Pitch + lane / 16 * 8
                                    : rows + (lane % 8 + lane / 16 * 8) * Rows<D>::Pitch)) {}

    __device__ void get(int tile, int step, uint32 (&fragment)[4]) const {
        uint32 row = start + tile * TileRows * Rows<D>::Pitch * 2;
        if constexpr (Wide) {
            load_tiles(fragment, row + step * 32);
        } else {
            load_words(fragment, row + step * 16);
        }
    }
};

// Where a lane reads the right side of a·bᵀ from.
template <typename T, int D> __device__ inline uint32 right_rows(const T* b, int lane) {
    int row = Wide ? lane / 16 * 8 + lane % 8 : lane % 4 + (lane & 8) / 2 + lane / 16 * 8;
    return shared_address(b + row * Rows<D>::Pitch + (Wide ? lane / 8 % 2 * 8 : 0));
}

// product = a·bᵀ: Tiles·16 rows by 16·Blocks rows of b, over D.
template <typename T, int D, int Tiles, int Blocks, typename Left>
__device__ inline void multiply_rows(float (&product)[Tiles][Blocks][8], const Left& a, uint32 start) {
#pragma unroll
    for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
        for (int block = 0; block < Blocks; ++block) {
#pragma unroll
            for (int e = 0; e < 8; ++e) {
                product[tile][block][e] = 0.0f;
            }
        }
    }
    constexpr int Group = Wide ? Blocks : 1; // read before the first product of them; registers before sm_80 have other uses
#pragma unroll(Left::Unrolled)
    for (int step = 0; step < Rows<D>::Steps; ++step) {
        uint32 left[Tiles][4];
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
            a.get(tile, step, left[tile]);
        }
        // Two in a row never add to the same sums, or the second would wait for the first.
#pragma unroll
        for (int first = 0; first < Blocks; first += Group) {
            uint32 right[Group][4];
#pragma unroll
            for (int i = 0; i < Group; ++i) {
                uint32 rows = start + (first + i) * 16 * Rows<D>::Pitch * 2;
                if constexpr (Wide) {
                    load_tiles(right[i], rows + step * 32);
                } else {
                    load_words(right[i], rows + step * 16);
                }
            }
#pragma unroll
            for (int half = 0; half < 2; ++half) {
#pragma unroll
                for (int i = 0; i < Group; ++i) {
#pragma unroll
                    for (int tile = 0; tile < Tiles; ++tile) {
                        float(&sums)[8] = product[tile][first + i];
                        uint32 pairs[2] = {right[i][2 * half], right[i][2 * half + 1]};
                        if constexpr (Wide) {
                            mma_16x8x16<T>(reinterpret_cast<float(&)[4]>(sums[4 * half]), left[tile], pairs);
                        } else {
                            mma_8x8x4(sums, {left[tile][2 * half], left[tile][2 * half + 1]}, pairs);
                        }
                    }
                }
            }
        }
    }
}

template <typename T, int D, int Tiles, int Blocks, typename Left>
__device__ inline void multiply_rows(float (&product)[Tiles][Blocks][8], const Left& a, const T* b, int lane) {
    multiply_rows<T, D>(product, a, right_rows<T, D>(b, lane));
}

// A lane's elements of 16 by 16 weights as the left operands of a product, in storage. By mma.m8n8k4 a lane has as a result 4 of each of
// two rows, as an operand 4 in turn of one row: the lanes of a row exchange them.
template <typename T> __device__ inline void pack_weights(uint32 (&left)[4], const float (&weights)[8], int lane) {
    if constexpr (Wide) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            left[i] = pack_pair<T>(weights[2 * i], weights[2 * i + 1]);
        }
    } else {
        bool upper = lane & 2;
#pragma unroll
        for (int s = 0; s < 2; ++s) {
            uint32 first = pack_pair<T>(weights[4 * s], weights[4 * s + 1]);
            uint32 second = pack_pair<T>(weights[4 * s + 2], weights[4 * s + 3]);
            uint32 received = __shfl_xor_sync(FullWarp, upper ? first : second, 2);
            left[2 * s] = upper ? received : first;
            left[2 * s + 1] = upper ? second : received;
        }
    }
}

// Tiles·16 rows of D sums; what they are made of and staged in are rows of shared memory Pitch apart.
template <typename T, int D, int Tiles, int Pitch = Rows<D>::Pitch> struct Sums {
    float values[Tiles][Rows<D>::Blocks][8] = {};

    // Where a lane reads b from.
    __device__ static uint32 rows_of(const T* b, int lane) {
        return shared_address(Wide ? b + lane % 16 * Pitch + lane / 16 * 8 : b + lane % 4 * Pitch + (lane & 8) / 2 + lane / 16 * 8);
    }

    // sums += weights·b, with b of 16·Blocks rows; the weights rounded to storage.
    template <int Blocks> __device__ void add_product(const float (&weights)[Tiles][Blocks][8], const T* b, int lane) {
        uint32 start = rows_of(b, lane);
#pragma unroll
        for (int step = 0; step < Blocks; ++step) {
            uint32 left[Tiles][4];
#pragma unroll
            for (int tile = 0; tile < Tiles; ++tile) {
                pack_weights<T>(left[tile], weights[tile][step], lane);
            }
            add_step(left, start + step * 16 * Pitch * 2, lane);
        }
    }

    // The same from sm_80 on, with weights of storage in shared memory: Tiles·16 rows of Count.
    template <int Count> __device__ void add_product(const SharedRows<T, Count, Tiles>& weights, const T* b, int lane) {
        uint32 start = rows_of(b, lane);
#pragma unroll
        for (int step = 0; step < Count / 16; ++step) {
            uint32 left[Tiles][4];
#pragma unroll
            for (int tile = 0; tile < Tiles; ++tile) {
                weights.get(tile, step, left[tile]);
            }
            add_step(left, start + step * 16 * Pitch * 2, lane);
        }
    }

    // Sixteen rows of b, from `rows` on. By mma.m8n8k4, lanes apart by 8 come to the two halves of each 8 rows in opposite order.
    __device__ void add_step(const uint32 (&weights)[Tiles][4], uint32 rows, int lane) {
        if constexpr (Wide) {
#pragma unroll
            for (int block = 0; block < Rows<D>::Blocks; ++block) {
                uint32 right[4];
                load_tiles_transposed(right, rows + block * 32);
#pragma unroll
                for (int tile = 0; tile < Tiles; ++tile) {
                    mma_16x8x16<T>(reinterpret_cast<float(&)[4]>(values[tile][block][0]), weights[tile], {right[0], right[1]});
                    mma_16x8x16<T>(reinterpret_cast<float(&)[4]>(values[tile][block][4]), weights[tile], {right[2], right[3]});
                }
            }
        } else {
            uint32 half = (lane & 8) / 2;
#pragma unroll
            for (int s = 0; s < 2; ++s) {
#pragma unroll
                for (int side = 0; side < 2; ++side) {
                    uint32 left[Tiles][2];
#pragma unroll
                    for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
                        for (int i = 0; i < 2; ++i) {
                            uint32 own = weights[tile][2 * s + i];
                            left[tile][i] = side == 0 ? own : __shfl_xor_sync(FullWarp, own, 8);
                        }
                    }
#pragma unroll
                    for (int block = 0; block < Rows<D>::Blocks; ++block) {
                        uint32 right[2];
                        load_words(right, rows + (8 * s + (half ^ (4 * side))) * Pitch * 2 + block * 32);
#pragma unroll
                        for (int tile = 0; tile < Tiles; ++tile) {
                            mma_8x8x4_rows(values[tile][block], left[tile], right);
                        }
                    }
                }
            }
        }
    }

    // Rows row_of(lane, i) of a tile.
    __device__ void scale(int tile, int i, float factor) {
#pragma unroll
        for (int block = 0; block < Rows<D>::Blocks; ++block) {
#pragma unroll
            for (int e = 0; e < 8; e += 4) {
                values[tile][block][e + 2 * i] *= factor;
                values[tile][block][e + 2 * i + 1] *= factor;
            }
        }
    }

    __device__ void scale(float factor) {
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
            scale(tile, 0, factor);
            scale(tile, 1, factor);
        }
    }

    // Finish: by way of Tiles·16 rows of shared memory that are this warp's own, so that rows leave in whole sectors.
    __device__ void store(T* staging, T* target, int64 stride, int valid, int lane) const {
        // Before sm_80 the upper lanes' rows fall into the lower ones' banks: they go through theirs in the other order.
        bool turned = !Wide && lane >= 16;
        __syncwarp();
#pragma unroll
        for (int tile = 0; tile < Tiles; ++tile) {
#pragma unroll
            for (int block = 0; block < Rows<D>::Blocks; ++block) {
#pragma unroll
                for (int e = 0; e < 8; e += 4) {
                    const float* four = &values[tile][block][e];
                    uint32 pairs[2] = {pack_pair<T>(four[0], four[1]), pack_pair<T>(four[2], four[3])};
#pragma unroll
                    for (int i = 0; i < 2; ++i) {
                        int row = tile * TileRows + row_of(lane, turned ? 1 - i : i);
                        *reinterpret_cast<uint32*>(staging + row * Pitch + block * 16 + column_of(lane, e)) =
                            turned ? pairs[1 - i] : pairs[i];
                    }
                }
            }
        }
        __syncwarp();
        constexpr int Chunks = D / 8;
#pragma unroll
        for (int base = 0; base < Tiles * TileRows * Chunks; base += WarpSize) {
            ChunkPlace<Chunks> place(base + lane);
            if (place.row < Tiles * TileRows && place.row < valid) {
                store_words(target + place.row * stride + place.chunk * 8,
                            *reinterpret_cast<const uint4*>(staging + place.row * Pitch + place.chunk * 8));
            }
        }
    }
};
