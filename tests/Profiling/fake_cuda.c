// Stands for libcuda.so.1 and libcupti together in tests: one GPU of compute capability 8.0 that runs nothing. Its memory is the host's, zeros
// and what is copied there; its launches, fills and copies take their places on the clock of fake_cupti.c, and events stand between them. So the
// real program goes its real way through the driver, with the kernels that NVRTC has really compiled. FAKE_MODE and FAKE_LAUNCH misbehave as
// FakeMode does, from the first launch that is recorded.
#define _GNU_SOURCE
#include "fake_cupti.c"
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct { uint64_t time; } Event;
typedef struct { uint32_t number; int capturing; } Stream;
typedef struct { size_t bytes; } Block;

enum { Page = 4096, NotFound = 500, Most = 21000 };

static uint32_t streams = 7;
static int isBusy, wasTracing;

static void *Take(size_t bytes)
{
    // Pages that nobody touches take nothing, however large a plan is.
    char *memory = mmap(NULL, bytes + Page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return NULL;
    ((Block *)memory)->bytes = bytes + Page;
    return memory + Page;
}

static int Give(void *memory)
{
    char *start = (char *)memory - Page;
    return munmap(start, ((Block *)start)->bytes) ? 1 : 0;
}

int cuInit(unsigned flags) { return flags; }
int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
int cuGetErrorName(int error, const char **name) { *name = error == NotFound ? "CUDA_ERROR_NOT_FOUND" : "CUDA_ERROR_UNKNOWN"; return 0; }
int cuGetErrorString(int error, const char **text) { *text = "it is a stand-in"; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = ordinal; return 0; }
int cuDeviceGetName(char *name, int length, int device) { snprintf(name, length, "Stand-in for an A100"); return 0; }
int cuDeviceGetPCIBusId(char *name, int length, int device) { snprintf(name, length, "0000:06:00.0"); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { *bytes = 80ull << 30; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)0xC0; return 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
int cuCtxSetCurrent(void *context) { return 0; }
int cuMemGetInfo_v2(size_t *free, size_t *total) { *free = *total = 80ull << 30; return 0; }

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    switch (attribute)
    {
        case 1: *value = 1024; return 0;       // threads a block
        case 13: *value = 1410000; return 0;   // kHz
        case 16: *value = 108; return 0;       // multiprocessors
        case 36: *value = 1593000; return 0;   // memory, kHz
        case 37: *value = 5120; return 0;      // its bus, bits
        case 38: *value = 40 << 20; return 0;  // second cache
        case 39: *value = 2048; return 0;      // threads a multiprocessor
        case 75: *value = 8; return 0;
        case 76: *value = 0; return 0;
        case 81: *value = 167936; return 0;    // shared memory a multiprocessor
        case 82: *value = 65536; return 0;     // registers a multiprocessor
        case 97: *value = 166912; return 0;    // shared memory a block
        case 106: *value = 32; return 0;       // blocks a multiprocessor
        default: return 1;
    }
}

// The program measures by the host's clock what large kernels take, and tries larger ones until one takes long.
int cuCtxSynchronize(void)
{
    if (isBusy) usleep(Most);
    isBusy = 0;
    FakeSynchronize();
    return 0;
}

int cuModuleLoadData(void **module, const void *image) { *module = (void *)0xD0; return 0; }
int cuModuleUnload(void *module) { return 0; }
int cuModuleGetFunction(char **function, void *module, const char *name) { *function = strdup(name); return 0; }
int cuModuleGetGlobal_v2(uint64_t *address, size_t *bytes, void *module, const char *name) { return NotFound; }
int cuFuncGetAttribute(int *value, int attribute, void *function) { *value = attribute == 0 ? 1024 : attribute == 8 ? 166912 : 40; return 0; }
int cuFuncSetAttribute(void *function, int attribute, int value) { return 0; }
int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function, int threads, size_t shared) { *blocks = 2; return 0; }

int cuMemAlloc_v2(uint64_t *address, size_t bytes) { return (*address = (uint64_t)Take(bytes)) ? 0 : 2; }
int cuMemFree_v2(uint64_t address) { return Give((void *)address); }
int cuMemHostAlloc(void **address, size_t bytes, unsigned flags) { return (*address = Take(bytes)) ? 0 : 2; }
int cuMemFreeHost(void *address) { return Give(address); }

int cuStreamCreate(Stream **stream, unsigned flags)
{
    *stream = calloc(1, sizeof(Stream));
    (*stream)->number = streams++;
    return 0;
}

int cuStreamDestroy_v2(Stream *stream) { free(stream); return 0; }
int cuStreamSynchronize(Stream *stream) { return cuCtxSynchronize(); }
int cuStreamQuery(Stream *stream) { return 0; }
int cuStreamWaitEvent(Stream *stream, Event *event, unsigned flags)
{
    uint64_t *end = &ends[stream->number % Streams];
    if (*end < event->time) *end = event->time;
    return 0;
}

int cuLaunchHostFunc(Stream *stream, void (*function)(void *), void *state) { if (!stream->capturing) function(state); return 0; }
int cuStreamBeginCapture_v2(Stream *stream, int mode) { stream->capturing = 1; return 0; }
int cuStreamEndCapture(Stream *stream, void **graph) { stream->capturing = 0; *graph = (void *)0xE0; return 0; }
int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long flags) { *executable = (void *)0xE1; return 0; }
int cuGraphLaunch(void *executable, Stream *stream) { return 0; }
int cuGraphExecDestroy(void *executable) { return 0; }
int cuGraphDestroy(void *graph) { return 0; }
int cuEventCreate(Event **event, unsigned flags) { *event = calloc(1, sizeof(Event)); return 0; }
int cuEventDestroy_v2(Event *event) { free(event); return 0; }

int cuEventRecord(Event *event, Stream *stream)
{
    uint64_t *end = &ends[stream->number % Streams];
    event->time = *end += 300;
    return 0;
}

int cuEventSynchronize(Event *event) { return cuCtxSynchronize(); }
int cuEventQuery(Event *event) { return 0; }
int cuEventElapsedTime(float *milliseconds, Event *start, Event *end) { *milliseconds = (float)((double)(end->time - start->time) * 1e-6); return 0; }

int cuMemsetD8Async(uint64_t destination, unsigned char value, size_t bytes, Stream *stream)
{
    // Memory is zeros from the start, and nothing computes.
    if (!stream->capturing) FakeTransfer(Fill, 0, bytes, stream->number);
    return 0;
}

int cuMemcpyHtoDAsync_v2(uint64_t destination, const void *source, size_t bytes, Stream *stream)
{
    memcpy((void *)destination, source, bytes);
    FakeTransfer(Copy, 1, bytes, stream->number);
    return 0;
}

int cuMemcpyDtoHAsync_v2(void *destination, uint64_t source, size_t bytes, Stream *stream)
{
    memcpy(destination, (void *)source, bytes);

    // The scalars of a step: every one counts as good.
    if (bytes == SCALAR_BYTES) for (size_t i = 0; i < bytes / 4; i++) ((float *)destination)[i] = 1;
    FakeTransfer(Copy, 2, bytes, stream->number);
    return 0;
}

int cuMemcpyDtoDAsync_v2(uint64_t destination, uint64_t source, size_t bytes, Stream *stream)
{
    if (stream->capturing) return 0;
    memcpy((void *)destination, (void *)source, bytes);
    FakeTransfer(Copy, 8, bytes, stream->number);
    return 0;
}

int cuLaunchKernel(const char *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, Stream *stream,
                   void **arguments, void **extra)
{
    if (stream->capturing) return 0;
    if (enabled[Kernel] && !wasTracing && getenv("FAKE_MODE")) FakeMode(getenv("FAKE_MODE"), atoi(getenv("FAKE_LAUNCH")));
    wasTracing = enabled[Kernel];
    isBusy |= (uint64_t)gx * gy * gz >= 200;
    FakeLaunch(function, gx, gy, gz, bx, by, bz, shared, stream->number);
    return 0;
}
