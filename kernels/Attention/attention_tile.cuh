// attention_tile.cuh: 32×32 tiles of attention on the plain units: rows in shared memory as floats, products of tiles in registers.
#pragma once
#include "Attention/attention_head.cuh"
#include "Common/packs.cuh"

constexpr int Tile = 32; // queries, and keys
constexpr int Threads = 128;
constexpr int WeightPitch = 40; // four rows, eight columns each: all 32 banks

// Rows of floats in shared memory: padded with zeros to whole eights, and then by four, so that eight rows start in eight banks' quads.
template <int D> struct Rows {
    static constexpr int Padded = (D + 7) / 8 * 8;
    static constexpr int Pitch = Padded + 4;
    static constexpr int Size = Tile * Pitch;
    static constexpr int Quads = Padded / 4;
    static constexpr int QuadsPerLane = (Quads + 7) / 8;
};

// A warp has eight rows of a tile; a lane has rows `row` and `row` + 4, and in a 32×32 tile the columns `column` + 8·j.
struct Place {
    int row, column;
    __device__ Place() : row(int(threadIdx.x) / 32 * 8 + int(threadIdx.x) % 32 / 8), column(int(threadIdx.x) % 8) {}
};

// Elements column .. column + 3 of a row of D; 0 past its end.
template <typename T, int D> __device__ inline float4 load_quad(const T* row, int column) {
    if constexpr (D % 4 == 0) {
        if (column >= D) {
            return make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        }
        if constexpr (sizeof(T) == 4) {
            return *reinterpret_cast<const float4*>(row + column);
        } else {
            uint2 raw = *reinterpret_cast<const uint2*>(row + column);
            const T* four = reinterpret_cast<const T*>(&raw);
            return make_float4(to_float(four[0]), to_float(four[1]), to_float(four[2]), to_float(four[3]));
        }
    } else {
        float four[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            four[i] = column + i < D ? to_float(row[column + i]) : 0.0f;
        }
        return make_float4(four[0], four[1], four[2], four[3]);
    }
}

template <typename T, int D> __device__ inline void store_quad(T* row, int column, const float* four) {
    if constexpr (D % 4 == 0) {
        if (column >= D) {
            return;
        }
        if constexpr (sizeof(T) == 4) {
            store_words(row + column, make_uint4(__float_as_uint(four[0]), __float_as_uint(four[1]), __float_as_uint(four[2]),
                                                 __float_as_uint(four[3])));
        } else {
            store_words(row + column, make_uint2(pack_pair<T>(four[0], four[1]), pack_pair<T>(four[2], four[3])));
        }
    } else {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            if (column + i < D) {
                row[column + i] = from_float<T>(four[i]);
            }
        }
    }
}

// Load: `count` rows from `source` on, `stride` elements apart, the others of the tile zero. Eight neighbouring lanes write eight quads
// that lie in different banks: `Width` quads of a row each, of rows `Width` apart.
template <typename T, int D> __device__ inline void load_tile(float* tile, const T* source, int64 stride, int count) {
    constexpr int Quads = Rows<D>::Quads;
    constexpr int Width = Quads % 8 == 0 ? 8 : Quads % 4 == 0 ? 4 : 2;
    for (int index = threadIdx.x; index < Tile * Quads; index += Threads) {
        int eighth = index / Width % 8;
        int block = index / (Width * 8);
        int quad = block % (Quads / Width) * Width + index % Width;
        int row = block / (Quads / Width) * 8 + eighth % (8 / Width) * Width + eighth / (8 / Width);
        float4 values = row < count ? load_quad<T, D>(source + row * stride, quad * 4) : make_float4(0.0f, 0.0f, 0.0f, 0.0f);
        *reinterpret_cast<float4*>(tile + row * Rows<D>::Pitch + quad * 4) = values;
    }
}

// product[i][j] = Σ_d a[row i][d]·b[column j][d]
template <int D> __device__ inline void multiply_rows(float (&product)[2][4], const float* a, const float* b, Place place) {
    constexpr int Pitch = Rows<D>::Pitch;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            product[i][j] = 0.0f;
        }
    }
#pragma unroll 4
    for (int d = 0; d < Rows<D>::Padded; d += 4) {
        float4 left[2];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            left[i] = *reinterpret_cast<const float4*>(a + (place.row + 4 * i) * Pitch + d);
        }
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            float4 right = *reinterpret_cast<const float4*>(b + (place.column + 8 * j) * Pitch + d);
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                product[i][j] = fmaf(left[i].x, right.x, product[i][j]);
                product[i][j] = fmaf(left[i].y, right.y, product[i][j]);
                product[i][j] = fmaf(left[i].z, right.z, product[i][j]);
                product[i][j] = fmaf(left[i].w, right.w, product[i][j]);
            }
        }
    }
}

// A lane's part of 32 rows of D sums: its two rows, and quads `column` + 8·q of each.
template <int D> struct Sums {
    static constexpr int Count = Rows<D>::QuadsPerLane;
    float values[2][4 * Count];

    __device__ Sums() {
#pragma unroll
        for (int c = 0; c < 4 * Count; ++c) {
            values[0][c] = values[1][c] = 0.0f;
        }
    }

    __device__ void scale(int i, float factor) {
#pragma unroll
        for (int c = 0; c < 4 * Count; ++c) {
            values[i][c] *= factor;
        }
    }

    // sums[row][c] += Σ_j weights[row][j]·b[j][c]. A warp reads no weights but its own rows'.
    __device__ void add_product(const float* weights, const float* b, Place place) {
#pragma unroll 2
        for (int j = 0; j < Tile; j += 4) {
            float left[2][4];
#pragma unroll
            for (int i = 0; i < 2; ++i) {
                float4 raw = *reinterpret_cast<const float4*>(weights + (place.row + 4 * i) * WeightPitch + j);
                left[i][0] = raw.x;
                left[i][1] = raw.y;
                left[i][2] = raw.z;
                left[i][3] = raw.w;
            }
#pragma unroll
            for (int k = 0; k < 4; ++k) {
#pragma unroll
                for (int q = 0; q < Count; ++q) {
                    int quad = place.column + 8 * q;
                    if (quad < Rows<D>::Quads) {
                        float4 right = *reinterpret_cast<const float4*>(b + (j + k) * Rows<D>::Pitch + quad * 4);
#pragma unroll
                        for (int i = 0; i < 2; ++i) {
                            values[i][4 * q] = fmaf(left[i][k], right.x, values[i][4 * q]);
                            values[i][4 * q + 1] = fmaf(left[i][k], right.y, values[i][4 * q + 1]);
                            values[i][4 * q + 2] = fmaf(left[i][k], right.z, values[i][4 * q + 2]);
                            values[i][4 * q + 3] = fmaf(left[i][k], right.w, values[i][4 * q + 3]);
                        }
                    }
                }
            }
        }
    }

    // Finish: row i of the lane's two.
    template <typename T> __device__ void store(T* row, int i, Place place) const {
#pragma unroll
        for (int q = 0; q < Count; ++q) {
            store_quad<T, D>(row, (place.column + 8 * q) * 4, &values[i][4 * q]);
        }
    }
};

// The warp's own eight rows of weights, for add_product.
__device__ inline void share_weights(float* weights, const float (&values)[2][4], Place place) {
    __syncwarp();
#pragma unroll
    for (int i = 0; i < 2; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            weights[(place.row + 4 * i) * WeightPitch + place.column + 8 * j] = values[i][j];
        }
    }
    __syncwarp();
}

// Over the eight lanes that share rows.
__device__ inline float row_maximum(float value) {
#pragma unroll
    for (int offset = 4; offset > 0; offset /= 2) {
        value = fmaxf(value, __shfl_xor_sync(FullWarp, value, offset));
    }
    return value;
}

__device__ inline float row_sum(float value) {
#pragma unroll
    for (int offset = 4; offset > 0; offset /= 2) {
        value += __shfl_xor_sync(FullWarp, value, offset);
    }
    return value;
}
