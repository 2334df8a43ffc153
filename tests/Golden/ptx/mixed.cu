// mixed.cu: what ordinary CUDA C++ needs beyond arithmetic: the math library, 64-bit division, votes and matches, atomics, structures, switches.
typedef unsigned short u16; typedef unsigned int u32; typedef long long i64;
struct half { u16 x; };
__device__ __forceinline__ float h2f(u16 h){ float f; asm("{ cvt.f32.f16 %0, %1; }" : "=f"(f) : "h"(h)); return f; }
__device__ __forceinline__ u16 f2h(float f){ u16 h; asm("cvt.rn.f16.f32 %0, %1;" : "=h"(h) : "f"(f)); return h; }
__device__ __forceinline__ u16 f2b(float f){ u16 h; 
#if __CUDA_ARCH__ >= 800
 asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(h) : "f"(f));
#else
 u32 u = __float_as_uint(f); u += 0x7fff + ((u>>16)&1); h = u>>16;
#endif
 return h; }
extern "C" __global__ void mathy(int n, const float* x, float* y, double* z, i64* w) {
  int i = blockIdx.x*blockDim.x+threadIdx.x; if (i>=n) return;
  float v = x[i];
  y[i] = sinf(v*1000.f) + cosf(v) + expf(v) + logf(fabsf(v)+1.f) + powf(fabsf(v), 1.3f) + tanf(v) + erff(v) + sqrtf(fabsf(v)) + v/3.7f + fmodf(v, 0.3f) + rsqrtf(fabsf(v)+.1f) + __expf(v) + __fdividef(v, 2.f) + erfcf(v) + log1pf(fabsf(v)) + floorf(v)+ rintf(v) + truncf(v);
  z[i] = exp((double)v) + log(fabs((double)v)+1) + sqrt(fabs((double)v)) + sin((double)v) + (double)v / 3.0 + pow(fabs((double)v), 0.3);
  i64 q = (i64)(v * 1e9f) + i;
  w[i] = q / (i + 3) + q % (i + 7) + __popcll(q) + __clzll(q) + __ffsll(q) + (q >> (i & 63)) + (i64)__umulhi((u32)q, 0x12345678u) + __byte_perm((u32)q, 0x1234, 0x5140);
}
extern "C" __global__ void halfy(int n, const u16* x, u16* y, u16* b) {
  int i = blockIdx.x*blockDim.x+threadIdx.x; if (i>=n) return;
  float f = h2f(x[i]); y[i] = f2h(f*1.5f); b[i] = f2b(f);
}
extern "C" __global__ void warpy(u32* y) {
  u32 t = threadIdx.x;
  u32 b = __ballot_sync(~0u, t % 3 == 0);
  int any = __any_sync(~0u, t == 77), all = __all_sync(~0u, t < 1000);
  u32 m = 0;
#if __CUDA_ARCH__ >= 800
  m = __reduce_add_sync(~0u, t) + __reduce_max_sync(~0u, t ^ 5);
#endif
  u32 mt = __match_any_sync(~0u, t / 5);
  int pr; u32 ma = __match_all_sync(~0u, t / 32, &pr);
  u32 s = __shfl_sync(~0u, t * 3, 5) + __shfl_up_sync(~0u, t, 3) + __shfl_down_sync(~0u, t, 2, 8) + __shfl_sync(~0u, t, 3, 8);
  u32 c = __syncthreads_count(t % 2), o = __syncthreads_or(t == 3), an = __syncthreads_and(t < 200);
  y[t] = b + any + all + m + mt + ma + pr + s + c + o + an + __activemask();
}
extern "C" __global__ void histogram(const int* x, int n, int* h, float* fs) {
  __shared__ int local[16];
  if (threadIdx.x < 16) local[threadIdx.x] = 0;
  __syncthreads();
  for (int i = blockIdx.x*blockDim.x+threadIdx.x; i < n; i += gridDim.x*blockDim.x) atomicAdd(&local[x[i] & 15], 1);
  __syncthreads();
  if (threadIdx.x < 16) atomicAdd(&h[threadIdx.x], local[threadIdx.x]);
  if (threadIdx.x == 0) { atomicMax(h + 16, blockIdx.x); atomicExch(h+17, 5); atomicOr(h+18, 1 << blockIdx.x); unsigned long long* p = (unsigned long long*)(h+20); atomicAdd(p, 1ull); atomicAdd(fs, 1.0f);}
}
struct Big { float a[5]; int n; const float* p; };
__device__ float pick(const Big& b, int i) { return b.a[i % 5]; }
extern "C" __global__ void structy(Big b, float* y) { int t = threadIdx.x; y[t] = pick(b, t) + b.p[t] + b.n; }
template<int N> __device__ __noinline__ int sw(int x) { switch (x % 9) { case 0: return x*2; case 1: return x+7; case 2: return x^3; case 3: return x-9; case 4: return x/3; case 5: return N; case 6: return x*x; case 7: return -x; default: return 1; } }
extern "C" __global__ void switchy(int* y) { y[threadIdx.x] = sw<4>(threadIdx.x) + sw<5>(threadIdx.x * 2); }
