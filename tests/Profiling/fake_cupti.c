// Stands for libcupti in tests: has its activity interface, and a GPU that runs what FakeLaunch and FakeTransfer are told, one piece behind the
// other in each stream, on a clock of its own. Its records are laid out as the headers of a CUDA version have them: sizes and offsets come
// from tests/oracles/cupti.json by the compiler's -D. What no reader may look at is garbage. FakeMode makes it misbehave.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { Copy = 1, Fill = 2, Driver = 4, Runtime = 5, Kernel = 10, Overhead = 17, Correlation = 39 };
enum { InvalidParameter = 1, MaxLimitReached = 12, InvalidKind = 21 };
enum { OverheadSize = 56, CallSize = 40, Streams = 16, Stack = 64 };

typedef void (*Request)(uint8_t **buffer, size_t *size, size_t *records);
typedef void (*Complete)(void *context, uint32_t stream, uint8_t *buffer, size_t size, size_t valid);

static Request request;
static Complete complete;
static uint8_t *buffer;
static size_t capacity, used, records, dropped;
static uint64_t now = 1700000000000000000ull, ends[Streams];
static uint64_t stack[Stack];
static int depth, enabled[64], launches, sessions;
static uint32_t calls = 100;
static char mode[32];
static int at;

static int Is(const char *name) { return !strcmp(mode, name); }
static int IsNow(const char *name) { return Is(name) && launches == at; }

void FakeMode(const char *name, int launch) { strncpy(mode, name, sizeof mode - 1); at = launch; launches = 0; }
void FakeSynchronize(void) { for (int i = 0; i < Streams; i++) if (ends[i] > now) now = ends[i]; }
int FakeEnabled(void) { int sum = 0; for (int i = 0; i < 64; i++) sum += enabled[i]; return sum; }
int FakeSessions(void) { return sessions; }

static void GiveBack(void)
{
    if (!buffer) return;
    complete(NULL, 0, buffer, capacity, Is("cut") ? used - 8 * at : used);
    buffer = NULL;
    used = capacity = records = 0;
}

static uint8_t *Record(int kind, size_t size)
{
    if (Is("small") && records == 3) GiveBack();
    if (buffer && capacity - used < size) GiveBack();
    if (!buffer)
    {
        size_t most = 7;
        request(&buffer, &capacity, &most);
        if (!buffer || capacity < size) { dropped++; return NULL; }
    }
    uint8_t *record = buffer + used;
    memset(record, 0xA5, size);
    memcpy(record, &kind, 4);
    used += size;
    records++;
    return record;
}

#define Put(record, offset, type, value) do { type put = (type)(value); memcpy((record) + (offset), &put, sizeof put); } while (0)

// What the driver was asked for: which piece of work it is for, the call, and something that nobody wants to know.
static uint32_t Call(void)
{
    uint32_t call = ++calls;
    uint8_t *record;
    if (enabled[Correlation] && depth > 0 && !Is("anonymous") && (record = Record(Correlation, CORRELATION_SIZE)))
    {
        Put(record, CORRELATION_EXTERNALKIND, int32_t, 3);
        Put(record, CORRELATION_EXTERNALID, uint64_t, stack[depth - 1]);
        Put(record, CORRELATION_CORRELATIONID, uint32_t, call);
    }
    if (enabled[Driver]) Record(Driver, CallSize);
    if (enabled[Driver]) Record(Overhead, OverheadSize);
    return call;
}

static uint64_t Run(uint32_t stream, uint64_t *end)
{
    now += 500;
    uint64_t *last = &ends[stream % Streams];
    uint64_t start = *last + 700 > now + 2000 ? *last + 700 : now + 2000;
    *end = *last = start + 5000;
    return start;
}

void FakeLaunch(const char *name, int gx, int gy, int gz, int bx, int by, int bz, int shared, uint32_t stream)
{
    launches++;
    uint64_t end, start = Run(stream, &end);
    uint32_t call = Call();
    if (!enabled[Kernel] || IsNow("lost")) return;
    if (IsNow("dropped")) { dropped++; return; }
    if (IsNow("strange")) { Record(200, 64); return; }
    uint8_t *record = Record(Kernel, KERNEL_SIZE);
    if (!record) return;
    if (IsNow("backwards")) end = start - 1;
    if (IsNow("untimed")) start = end = 0;
    if (IsNow("elsewhen")) { start += 3600000000000ull; end += 3600000000000ull; }
    if (IsNow("early")) start -= 15000;
    if (IsNow("grid")) gx++;
    if (IsNow("block")) bx = 4096;
    Put(record, KERNEL_REGISTERSPERTHREAD, uint16_t, 40);
    Put(record, KERNEL_START, uint64_t, start);
    Put(record, KERNEL_END, uint64_t, end);
    Put(record, KERNEL_STREAMID, uint32_t, stream);
    Put(record, KERNEL_GRIDX, int32_t, gx);
    Put(record, KERNEL_GRIDY, int32_t, gy);
    Put(record, KERNEL_GRIDZ, int32_t, gz);
    Put(record, KERNEL_BLOCKX, int32_t, bx);
    Put(record, KERNEL_BLOCKY, int32_t, by);
    Put(record, KERNEL_BLOCKZ, int32_t, bz);
    Put(record, KERNEL_STATICSHAREDMEMORY, int32_t, 1024);
    Put(record, KERNEL_DYNAMICSHAREDMEMORY, int32_t, shared);
    Put(record, KERNEL_LOCALMEMORYPERTHREAD, uint32_t, 16);
    Put(record, KERNEL_CORRELATIONID, uint32_t, call);
    Put(record, KERNEL_NAME, const char *, IsNow("name") ? "_Z5otherPf" : strdup(name));
    if (IsNow("twice")) { launches = -1; FakeLaunch(name, gx, gy, gz, bx, by, bz, shared, stream); }
}

void FakeTransfer(int kind, int copyKind, uint64_t bytes, uint32_t stream)
{
    uint64_t end, start = Run(stream, &end);
    uint32_t call = Call();
    if (!enabled[kind]) return;
    uint8_t *record = Record(kind, kind == Copy ? COPY_SIZE : FILL_SIZE);
    if (!record) return;
    if (Is("untimed copies") && depth == 0) start = end = 0;
    if (kind == Copy) Put(record, COPY_COPYKIND, uint8_t, copyKind);
    Put(record, kind == Copy ? COPY_BYTES : FILL_BYTES, uint64_t, bytes);
    Put(record, kind == Copy ? COPY_START : FILL_START, uint64_t, start);
    Put(record, kind == Copy ? COPY_END : FILL_END, uint64_t, end);
    Put(record, kind == Copy ? COPY_STREAMID : FILL_STREAMID, uint32_t, stream);
    Put(record, kind == Copy ? COPY_CORRELATIONID : FILL_CORRELATIONID, uint32_t, call);
}

// --- CUPTI's own interface ------------------------------------------------------------------------------------------------------------------

int cuptiGetVersion(uint32_t *version) { *version = Is("future") ? 140000 : Is("ancient") ? 12 : INTERFACE; return 0; }
int cuptiGetTimestamp(uint64_t *timestamp) { *timestamp = now += 10; return 0; }

int cuptiComputeCapabilitySupported(int major, int minor, int *support)
{
    *support = major >= 7 && major <= 9;
    return 0;
}

int cuptiGetResultString(int result, const char **text)
{
    *text = result == 39 ? "CUPTI_ERROR_MULTIPLE_SUBSCRIBERS_NOT_SUPPORTED" : result == 15 ? "CUPTI_ERROR_NOT_INITIALIZED" : NULL;
    return *text ? 0 : InvalidParameter;
}

int cuptiActivityRegisterCallbacks(Request r, Complete c)
{
    if (Is("refused")) return 15;
    request = r;
    complete = c;
    return 0;
}

int cuptiActivityEnable(int kind)
{
    if (Is("taken") && kind == Kernel) return 39;
    sessions += kind == Kernel;
    enabled[kind] = 1;
    return 0;
}

int cuptiActivityDisable(int kind) { enabled[kind] = 0; return 0; }

int cuptiActivityFlushAll(uint32_t flag)
{
    static uint8_t foreign[64];
    if (Is("foreign")) complete(NULL, 0, foreign, sizeof foreign, sizeof foreign);
    if (flag == 1) GiveBack();
    return 0;
}

int cuptiActivityGetNumDroppedRecords(void *context, uint32_t stream, size_t *count)
{
    *count = dropped;
    dropped = 0;
    return context || stream ? InvalidParameter : 0;
}

static size_t SizeOf(int kind)
{
    switch (kind)
    {
        case Kernel: return KERNEL_SIZE;
        case Copy: return COPY_SIZE;
        case Fill: return FILL_SIZE;
        case Correlation: return CORRELATION_SIZE;
        case Driver: return CallSize;
        case Overhead: return OverheadSize;
        default: return 0;
    }
}

int cuptiActivityGetNextRecord(uint8_t *from, size_t valid, uint8_t **record)
{
    uint8_t *next = from;
    int kind;
    if (*record)
    {
        memcpy(&kind, *record, 4);
        next = *record + SizeOf(kind);
        if (Is("outside")) next = from + valid + 64;
        if (Is("misaligned")) next += 4;
        if (Is("again")) next = *record;
        if (Is("outside") || Is("again")) { *record = next; return 0; }
    }
    if (next + 4 > from + valid) return MaxLimitReached;
    memcpy(&kind, next, 4);
    if (!Is("misaligned") && !SizeOf(kind)) return InvalidKind;
    if (!Is("cut") && !Is("misaligned") && next + SizeOf(kind) > from + valid) return MaxLimitReached;
    *record = next;
    return 0;
}

int cuptiActivityPushExternalCorrelationId(int kind, uint64_t id)
{
    if (kind != 3 || depth == Stack) return InvalidParameter;
    stack[depth++] = id;
    return 0;
}

int cuptiActivityPopExternalCorrelationId(int kind, uint64_t *last)
{
    if (kind != 3 || depth == 0) return 18;
    *last = stack[--depth];
    return 0;
}
