// Stands for libnccl.so.2 in tests: has its C interface, writes every call with its arguments to FAKE_NCCL_LOG, and moves no data, but hands
// collectives to whoever has set a mover: at once, or those of a group at its end.
// FAKE_NCCL_VERSION is the version that it says it is; FAKE_NCCL_FAIL="call:result" makes one call fail, with ":in a group" behind it only
// there; FAKE_NCCL_ASYNC is the state that ncclCommGetAsyncError gives once a collective was enqueued. A communicator that does not block is
// busy for two polls after each call.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { unsigned char bytes[128]; } UniqueId;
typedef struct { size_t size; unsigned magic, version; int blocking; } Config;
typedef struct { int blocking, busy, collectives, aborted; } Comm;
typedef void (*Mover)(int kind, void *source, void *target, size_t count, int type, int root, void *stream);
typedef struct { int kind, type, root; void *source, *target, *stream; size_t count; } Move;

// What a thread gives between start and end of a group begins with the end, which then says that it is under way.
static __thread int groupDepth;
static __thread Comm *grouped;
static __thread Move waiting[2048];
static __thread int waitingCount;
static Mover mover;

void fakeNcclSetMover(Mover set) { mover = set; }

static void Start(const Move *move)
{
    mover(move->kind, move->source, move->target, move->count, move->type, move->root, move->stream);
}

static void Collective(Comm *comm, Move move)
{
    comm->collectives++;
    if (!mover) return;
    if (groupDepth) waiting[waitingCount++] = move;
    else Start(&move);
}

static const char *Failing(const char *call)
{
    const char *failing = getenv("FAKE_NCCL_FAIL");
    size_t length = strlen(call);
    if (!failing || strncmp(failing, call, length) || failing[length] != ':') return NULL;
    return strstr(failing, ":in a group") && !groupDepth ? NULL : failing + length + 1;
}

static int Answer(Comm *comm, const char *call, const char *format, ...)
{
    FILE *log = fopen(getenv("FAKE_NCCL_LOG"), "a");
    va_list arguments;
    fprintf(log, "%s", call);
    va_start(arguments, format);
    vfprintf(log, format, arguments);
    va_end(arguments);
    fputc('\n', log);
    fclose(log);
    const char *result = Failing(call);
    if (result) return atoi(result);
    if (comm && groupDepth) { grouped = comm; return 0; }
    if (comm && !comm->blocking) { comm->busy = 2; return 7; }
    return 0;
}

static unsigned Sum(const UniqueId *id)
{
    unsigned sum = 0;
    for (int i = 0; i < 128; i++) sum = sum * 31 + id->bytes[i];
    return sum;
}

int ncclGetVersion(int *version)
{
    *version = atoi(getenv("FAKE_NCCL_VERSION"));
    return 0;
}

int ncclGetUniqueId(UniqueId *id)
{
    for (int i = 0; i < 128; i++) id->bytes[i] = (unsigned char)(i * 7 + 3);
    return Answer(NULL, "ncclGetUniqueId", " %u", Sum(id));
}

int ncclCommInitRank(void **comm, int ranks, UniqueId id, int rank)
{
    Comm *made = calloc(1, sizeof(Comm));
    made->blocking = 1;
    *comm = made;
    return Answer(made, "ncclCommInitRank", " ranks %d id %u rank %d", ranks, Sum(&id), rank);
}

int ncclCommInitRankConfig(void **comm, int ranks, UniqueId id, int rank, Config *config)
{
    Comm *made = calloc(1, sizeof(Comm));
    made->blocking = config->blocking;
    *comm = made;
    return Answer(made, "ncclCommInitRankConfig", " ranks %d id %u rank %d config %zu %x %u %d", ranks, Sum(&id), rank, config->size, config->magic,
                  config->version, config->blocking);
}

int ncclCommFinalize(Comm *comm) { return Answer(comm, "ncclCommFinalize", ""); }
int ncclCommDestroy(Comm *comm) { return Answer(NULL, "ncclCommDestroy", " aborted %d", comm->aborted); }

int ncclCommAbort(Comm *comm)
{
    comm->aborted = 1;
    return Answer(NULL, "ncclCommAbort", "");
}

int ncclCommGetAsyncError(Comm *comm, int *state)
{
    const char *later = getenv("FAKE_NCCL_ASYNC");
    *state = comm->busy > 0 ? 7 : later && comm->collectives > 4 ? atoi(later) : 0;
    if (comm->busy > 0) comm->busy--;
    return 0;
}

const char *ncclGetErrorString(int result) { return result == 2 ? "unhandled system error" : "another error"; }
const char *ncclGetLastError(void *comm) { return comm ? "asked with a communicator" : "socketStartConnect: Connect to 10.0.0.1 failed."; }

int ncclCommRegister(Comm *comm, void *address, size_t bytes, void **handle)
{
    *handle = (void *)0xABC;
    return Answer(comm, "ncclCommRegister", " %p %zu", address, bytes);
}

int ncclCommDeregister(Comm *comm, void *handle) { return Answer(comm, "ncclCommDeregister", " %p", handle); }

int ncclGroupStart(void)
{
    groupDepth++;
    return Answer(NULL, "ncclGroupStart", "");
}

int ncclGroupEnd(void)
{
    Comm *comm = grouped;
    if (groupDepth == 0) return 5;
    groupDepth--;
    grouped = NULL;
    for (int i = 0; i < waitingCount; i++) Start(&waiting[i]);
    waitingCount = 0;
    return Answer(comm, "ncclGroupEnd", "");
}

int ncclAllReduce(void *source, void *target, size_t count, int type, int operation, Comm *comm, void *stream)
{
    Collective(comm, (Move){0, type, 0, source, target, stream, count});
    return Answer(comm, "ncclAllReduce", " %p %p %zu type %d operation %d stream %p", source, target, count, type, operation, stream);
}

int ncclReduceScatter(void *source, void *target, size_t count, int type, int operation, Comm *comm, void *stream)
{
    Collective(comm, (Move){1, type, 0, source, target, stream, count});
    return Answer(comm, "ncclReduceScatter", " %p %p %zu type %d operation %d stream %p", source, target, count, type, operation, stream);
}

int ncclAllGather(void *source, void *target, size_t count, int type, Comm *comm, void *stream)
{
    Collective(comm, (Move){2, type, 0, source, target, stream, count});
    return Answer(comm, "ncclAllGather", " %p %p %zu type %d stream %p", source, target, count, type, stream);
}

int ncclBroadcast(void *source, void *target, size_t count, int type, int root, Comm *comm, void *stream)
{
    Collective(comm, (Move){3, type, root, source, target, stream, count});
    return Answer(comm, "ncclBroadcast", " %p %p %zu type %d root %d stream %p", source, target, count, type, root, stream);
}
