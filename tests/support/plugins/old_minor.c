/* A plugin as somebody built it against SDK 1.0: the layouts below are frozen copies, and must never follow the
 * headers. It proves that a host of a later minor keeps such a plugin working without a rebuild (SDK-3, SDK-15). */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
  const char* data;
  uint64_t length;
} string_10;

typedef struct {
  char* data;
  uint64_t capacity, length;
} text_10;

typedef struct {
  uint32_t size;
  uint32_t abi_minor;
  void* context;
  void (*log)(void* context, int32_t level, string_10 text);
  const void* (*query_interface)(void* context, string_10 name);
  int32_t (*read_memory)(void* context, uint64_t gpa, void* to, uint64_t bytes);
  int32_t (*write_memory)(void* context, uint64_t gpa, const void* from, uint64_t bytes);
  int32_t (*watch_fd)(void* context, int32_t fd, uint32_t events, void (*callback)(void*, uint32_t), void* argument);
  int32_t (*modify_fd)(void* context, int32_t fd, uint32_t events);
  void (*unwatch_fd)(void* context, int32_t fd);
  int32_t (*start_timer)(void* context, uint64_t delay_ns, void (*callback)(void*), void* argument, uint64_t* timer);
  void (*cancel_timer)(void* context, uint64_t timer);
  uint64_t* (*counter)(void* context, string_10 name);
  uint64_t (*now_ns)(void* context);
} host_10;

typedef struct {
  uint32_t size, reserved;
  text_10 text;
} error_10;

typedef struct {
  const void* ops;
  void* self;
} object_10;

typedef struct {
  uint32_t size;
  uint32_t kind;
  string_10 id, summary, options_schema;
  const string_10* uses;
  uint32_t uses_count, reserved;
  int32_t (*create)(const host_10* host, string_10 options, object_10* out, error_10* error);
} factory_10;

typedef struct {
  uint64_t magic;
  uint32_t size;
  uint16_t abi_major;
  uint16_t abi_minor;
  uint32_t arch;
  uint32_t factory_count;
  string_10 id, version;
  const factory_10* const* factories;
} plugin_10;

typedef struct {
  uint32_t size, mode;
  uint64_t bytes;
} request_10;

typedef struct {
  uint32_t size, reserved;
  uint64_t boot_bytes, region_bytes, requested_bytes, block_bytes, slot_bytes;
  text_10 reason;
} plan_10;

typedef struct {
  uint32_t size, change;
  uint64_t requested_bytes, tick_ms;
  text_10 reason;
} action_10;

typedef struct {
  uint32_t size, reserved;
  void (*destroy)(void* self);
  const void* (*query_interface)(void* self, string_10 name);
  int32_t (*plan)(void* self, const request_10* request, const void* facts, plan_10* out, error_10* error);
  void (*on_event)(void* self, const void* event, const void* state, action_10* out);
} policy_ops_10;

/* Of literals, in constants too. */
#define TEXT(literal) {literal, sizeof(literal) - 1}

static const host_10* the_host;

static void destroy(void* self) {
  (void)self;
  const string_10 name = TEXT("destroyed");
  ++*the_host->counter(the_host->context, name);
}
static const void* query_interface(void* self, string_10 name) {
  return (void)self, (void)name, NULL;
}
static const char kReason[] = "as 1.0 decided";
static int32_t plan(void* self, const request_10* request, const void* facts, plan_10* out, error_10* error) {
  (void)self, (void)facts, (void)error;
  if (out->size < sizeof *out || out->reason.capacity < sizeof kReason) return 1;
  out->boot_bytes = request->bytes;
  out->slot_bytes = 128u << 20;
  memcpy(out->reason.data, kReason, sizeof kReason - 1);
  out->reason.length = sizeof kReason - 1;
  return 0;
}
static void on_event(void* self, const void* event, const void* state, action_10* out) {
  (void)self, (void)event, (void)state;
  out->change = 0;
}
static const policy_ops_10 ops = {sizeof ops, 0, destroy, query_interface, plan, on_event};

static int32_t create(const host_10* host, string_10 options, object_10* out, error_10* error) {
  const string_10 text = TEXT("made by 1.0");
  (void)options, (void)error;
  the_host = host;
  host->log(host->context, 1, text);
  out->ops = &ops;
  out->self = &the_host;
  return 0;
}

static const factory_10 factory = {
    sizeof factory, 4, TEXT("old-minor"), TEXT("a policy of SDK 1.0"), TEXT("{\"type\":\"object\"}"), NULL, 0, 0, create};
static const factory_10* const factories[] = {&factory};
static const plugin_10 plugin = {UINT64_C(0x74736865726f7073),
                                 sizeof plugin,
                                 1,
                                 0,
#if defined(__x86_64__)
                                 1,
#else
                                 2,
#endif
                                 1,
                                 TEXT("old-minor"),
                                 TEXT("0.9"),
                                 factories};

__attribute__((visibility("default"))) const plugin_10* sporehost_plugin_entry(void);
const plugin_10* sporehost_plugin_entry(void) {
  return &plugin;
}
