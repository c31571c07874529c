/* A complete memory policy in plain C: boots with what was asked for, or with a fixed amount.
 *
 * Copy it, rename what says "thrift", build it as docs/sdk.md shows for C, put thrift.so into a plugin folder and write
 *   memory: {policy: {plugin: thrift, options: {size: 1GiB}}}
 */
#include <sporehost/memory_policy.h>
#include <sporehost/options.h>

#include <stdlib.h>

struct thrift {
  uint64_t bytes;
};

static void say(spore_text* to, const char* sentence) {
  spore_put(to, sentence, strlen(sentence));
}

static void destroy(void* self) {
  free(self);
}

static const void* query_interface(void* self, spore_string name) {
  (void)self, (void)name; /* it offers nothing beyond its table (SDK-16) */
  return NULL;
}

static spore_status plan(void* self, const spore_memory_request* request, const spore_memory_facts* facts,
                         spore_memory_plan* out, spore_error* error) {
  const struct thrift* thrift = self;
  const int asked = request->mode == SPORE_MEMORY_EXPLICIT;
  const uint64_t bytes = asked ? request->bytes : thrift->bytes;
  const uint64_t page = facts->page_bytes != 0 ? facts->page_bytes : 4096;
  if (facts->host_total_bytes != 0 && bytes > facts->host_total_bytes) {
    say(&error->text, "the host has less memory than that; ask for less");
    return SPORE_E_NO_MEMORY;
  }
  out->boot_bytes = bytes / page * page;
  say(&out->reason, asked ? "the size was given" : "thrift's size");
  return SPORE_OK;
}

static void on_event(void* self, const spore_memory_event* event, const spore_memory_state* state,
                     spore_memory_action* out) {
  (void)self, (void)event, (void)state, (void)out; /* doing nothing is doing nothing */
}

static const spore_memory_policy_ops ops = {
    .size = sizeof ops,
    .destroy = destroy,
    .query_interface = query_interface,
    .plan = plan,
    .on_event = on_event,
};

/* The host has checked the options against the schema and filled in the defaults. */
static spore_status create(const spore_host* host, spore_string options, spore_object* out, spore_error* error) {
  int64_t size = 0;
  (void)host;
  if (spore_option_integer(options, "/size", &size) != SPORE_OK) {
    say(&error->text, "option 'size' is missing");
    return SPORE_E_INVALID;
  }
  struct thrift* thrift = malloc(sizeof *thrift);
  if (thrift == NULL) {
    say(&error->text, "no memory");
    return SPORE_E_NO_MEMORY;
  }
  thrift->bytes = (uint64_t)size;
  out->ops = &ops;
  out->self = thrift;
  return SPORE_OK;
}

static const spore_factory factory = {
    .size = sizeof factory,
    .kind = SPORE_KIND_MEMORY_POLICY,
    .id = SPORE_STRING("thrift"),
    .summary = SPORE_STRING("boots with a fixed amount of memory"),
    .options_schema = SPORE_STRING("{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {\"size\": "
                                   "{\"type\": \"string\", \"format\": \"size\", \"default\": \"512MiB\"}}}"),
    .create = create,
};
static const spore_factory* const factories[] = {&factory};
static const spore_plugin plugin = {
    .magic = SPORE_PLUGIN_MAGIC,
    .size = sizeof plugin,
    .abi_major = SPORE_ABI_MAJOR,
    .abi_minor = SPORE_ABI_MINOR,
    .arch = SPORE_ARCH_NATIVE,
    .factory_count = 1,
    .id = SPORE_STRING("thrift"),
    .version = SPORE_STRING("1.0.0"),
    .factories = factories,
};

__attribute__((visibility("default"))) const spore_plugin* sporehost_plugin_entry(void);
const spore_plugin* sporehost_plugin_entry(void) {
  return &plugin;
}
