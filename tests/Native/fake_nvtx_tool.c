// Stands for the library by which a tool listens to NVTX ranges: attaches itself as Nsight's do, by the layouts and numbers of nvtxTypes.h,
// version 3. NVTX_INJECTION64_PATH names it; what it hears goes to NVTX_HEARD, a line an event: thread, event, depth on the thread's stack,
// category, name, payload.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { EXPORT_CALLBACKS = 1, MODULE_CORE = 1, MODULE_CORE2 = 5, RANGE_PUSH_EX = 8, RANGE_POP = 11, NAME_CATEGORY_A = 12, DOMAIN_REGISTER_STRING_A = 10,
       PAYLOAD_INT64 = 2, MESSAGE_REGISTERED = 3 };

typedef struct {
    uint16_t version, size;
    uint32_t category;
    int32_t color_type;
    uint32_t color;
    int32_t payload_type, reserved;
    int64_t payload;
    int32_t message_type;
    const void *message;
} Attributes;

typedef void (*Function)(void);
typedef struct {
    size_t struct_size;
    int (*module_table)(int module, Function ***table, unsigned int *size);
} Callbacks;

static FILE *heard;
static __thread int depth;

static int push(const Attributes *range) {
    const char *name = range->message_type == MESSAGE_REGISTERED ? range->message : "not registered";
    fprintf(heard, "%ld push %d %u %s", (long)syscall(SYS_gettid), depth, (unsigned)range->category, name);
    if (range->payload_type == PAYLOAD_INT64) fprintf(heard, " %lld", (long long)range->payload);
    fprintf(heard, range->version == 3 && range->size == sizeof(Attributes) ? "\n" : " of another version\n");
    return depth++;
}

static int pop(void) {
    fprintf(heard, "%ld pop %d\n", (long)syscall(SYS_gettid), --depth);
    fflush(heard);
    return depth;
}

static void name_category(uint32_t category, const char *name) { fprintf(heard, "%ld category %u %s\n", (long)syscall(SYS_gettid), category, name); }

static const void *register_string(const void *domain, const char *text) { return domain ? NULL : strdup(text); }

static int set(const Callbacks *callbacks, int module, unsigned int number, Function function) {
    Function **table = NULL;
    unsigned int size = 0;
    if (!callbacks->module_table(module, &table, &size) || number >= size || !table[number]) return 0;
    *table[number] = function;
    return 1;
}

int InitializeInjectionNvtx2(const void *(*export_table)(uint32_t)) {
    const Callbacks *callbacks = export_table(EXPORT_CALLBACKS);
    const char *path = getenv("NVTX_HEARD");
    if (!callbacks || callbacks->struct_size < sizeof(Callbacks) || !path) return 0;
    heard = fopen(path, "a");
    return heard && set(callbacks, MODULE_CORE, RANGE_PUSH_EX, (Function)push) && set(callbacks, MODULE_CORE, RANGE_POP, (Function)pop)
        && set(callbacks, MODULE_CORE, NAME_CATEGORY_A, (Function)name_category) && set(callbacks, MODULE_CORE2, DOMAIN_REGISTER_STRING_A, (Function)register_string);
}
