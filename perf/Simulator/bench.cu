// bench.cu: ordinary kernels for the simulator's benchmark. bench.sm70.ptx is what NVRTC 12.4 makes of it for compute_70.
extern "C" __global__ void saxpy(int n, float a, const float* x, float* y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) y[i] = a * x[i] + y[i];
}
extern "C" __global__ void matmul(int n, const float* a, const float* b, float* c) {
    __shared__ float ta[32][33], tb[32][33];
    int tx = threadIdx.x, ty = threadIdx.y, row = blockIdx.y * 32 + ty, column = blockIdx.x * 32 + tx;
    float sum[4] = {0, 0, 0, 0};
    for (int k = 0; k < n; k += 32) {
        for (int i = 0; i < 4; i++) {
            ta[ty + 8 * i][tx] = a[(row + 8 * i) * n + k + tx];
            tb[ty + 8 * i][tx] = b[(k + ty + 8 * i) * n + column];
        }
        __syncthreads();
        for (int j = 0; j < 32; j++)
            for (int i = 0; i < 4; i++) sum[i] += ta[ty + 8 * i][j] * tb[j][tx];
        __syncthreads();
    }
    for (int i = 0; i < 4; i++) c[(row + 8 * i) * n + column] = sum[i];
}
extern "C" __global__ void reduce(int n, const float* x, float* sums) {
    __shared__ float partial[8];
    float sum = 0;
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) sum += x[i];
    for (int o = 16; o; o >>= 1) sum += __shfl_xor_sync(0xffffffffu, sum, o);
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int i = 1; i < 8; i++) sum += partial[i];
        sums[blockIdx.x] = sum;
    }
}
extern "C" __global__ void layer_norm(int rows, int columns, const float* x, const float* w, const float* b, float* y) {
    int row = blockIdx.x * blockDim.y + threadIdx.y;
    if (row >= rows) return;
    x += (long long)row * columns; y += (long long)row * columns;
    float sum = 0, squares = 0;
    for (int i = threadIdx.x; i < columns; i += 32) sum += x[i];
    for (int o = 16; o; o >>= 1) sum += __shfl_xor_sync(0xffffffffu, sum, o);
    float mean = sum / columns;
    for (int i = threadIdx.x; i < columns; i += 32) { float d = x[i] - mean; squares += d * d; }
    for (int o = 16; o; o >>= 1) squares += __shfl_xor_sync(0xffffffffu, squares, o);
    float scale = rsqrtf(squares / columns + 1e-5f);
    for (int i = threadIdx.x; i < columns; i += 32) y[i] = (x[i] - mean) * scale * w[i] + b[i];
}
extern "C" __global__ void gelu(int n, const float* x, float* y) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) { float v = x[i]; y[i] = 0.5f * v * (1.0f + tanhf(0.7978845608f * (v + 0.044715f * v * v * v))); }
}
