__device__ float table[4] = {1.f,2.f,3.f,4.f};
__constant__ int ctab[8];
__device__ const char* msg = "hello";
template<class T> __device__ __forceinline__ T warpsum(T v){ for(int o=16;o;o>>=1) v += __shfl_xor_sync(0xffffffffu,v,o); return v; }
extern "C" __global__ void saxpy(int n, float a, const float* __restrict__ x, float* __restrict__ y){
  int i = blockIdx.x*blockDim.x+threadIdx.x;
  if(i<n) y[i]=a*x[i]+y[i];
}
struct P { const float* x; float* y; int n; float4 q; };
extern "C" __global__ void __launch_bounds__(256) ln(const P p){
  __shared__ float s[8];
  extern __shared__ float dyn[];
  float4 v = reinterpret_cast<const float4*>(p.x)[threadIdx.x];
  float t = warpsum(v.x+v.y+v.z+v.w);
  if((threadIdx.x&31)==0) s[threadIdx.x>>5]=t;
  dyn[threadIdx.x]=t;
  __syncthreads();
  float tot=0; for(int i=0;i<8;i++) tot+=s[i];
  p.y[threadIdx.x]=tanhf(tot)*expf(v.x)*rsqrtf(v.y)+table[threadIdx.x&3]+ctab[threadIdx.x&7]+sinf(v.z)+dyn[255-threadIdx.x]+p.q.z;
}
__device__ __noinline__ float slow(float x,int k){ float a[16]; for(int i=0;i<16;i++) a[i]=x*i; return a[k]; }
extern "C" __global__ void loc(float* y,int k){ 
  switch(k){case 0: y[0]=1;break;case 1:y[1]=sqrtf(y[0]);break;case 2: y[3]=y[0]/y[1];break;case 3:atomicAdd((int*)y,2);break;case 4: y[1]=7;break;case 5:y[5]=__ldg(y);break; case 6: atomicCAS((int*)y,1,2);break;case 7: y[9]=3;}
  y[threadIdx.x]+=slow(y[threadIdx.x],k); }
