/* A memory policy in plain C, without the C++ wrapper. As it is, it is sound; each FAULT_* breaks one rule. */
#include <sporehost/memory_policy.h>

#include <string.h>

static int the_object;

static void destroy(void* self) {
  (void)self;
}
static const void* query_interface(void* self, spore_string name) {
  return (void)self, (void)name, NULL;
}

static spore_status plan(void* self, const spore_memory_request* request, const spore_memory_facts* facts,
                         spore_memory_plan* out, spore_error* error) {
  (void)self, (void)facts, (void)error;
  out->boot_bytes = request->bytes;
  spore_put(&out->reason, "as asked", 8);
  return SPORE_OK;
}

static void on_event(void* self, const spore_memory_event* event, const spore_memory_state* state,
                     spore_memory_action* out) {
  (void)self, (void)event, (void)state, (void)out;
}

static const spore_memory_policy_ops ops = {
#ifdef FAULT_SHORT_TABLE
    .size = 24,
#else
    .size = sizeof(spore_memory_policy_ops),
#endif
    .destroy = destroy,
    .query_interface = query_interface,
#ifndef FAULT_NULL_FUNCTION
    .plan = plan,
#endif
    .on_event = on_event,
};

static spore_status create(const struct spore_host* host, spore_string options, spore_object* out, spore_error* error) {
  (void)host, (void)options, (void)error, (void)&ops, (void)&plan, (void)&the_object;
#if defined(FAULT_CREATE_FAILS)
  memset(error->text.data, 'x', error->text.capacity); /* a line break in it, and no end within its bounds */
  memcpy(error->text.data, "no luck\ntoday ", 14);
  error->text.length = UINT64_MAX;
  return SPORE_E_BUSY;
#elif defined(FAULT_UNKNOWN_STATUS)
  return 77;
#endif
#ifndef FAULT_CREATE_NO_TABLE
  out->ops = &ops;
#endif
#ifndef FAULT_CREATE_NOTHING
  out->self = &the_object;
#endif
  return SPORE_OK;
}

#define FACTORY(bytes, its_kind, its_id, words)                      \
  {                                                                  \
      .size = (bytes),                                               \
      .kind = (its_kind),                                            \
      .id = SPORE_STRING(its_id),                                    \
      .summary = SPORE_STRING(words),                                \
      .options_schema = SPORE_STRING("{\"type\":\"object\"}"),       \
      .create = create,                                              \
  }

#ifndef FAULT_NEWER_MINOR
static const spore_factory factory =
    FACTORY(sizeof(spore_factory), SPORE_KIND_MEMORY_POLICY, FIXTURE_ID, "a test policy");
#endif

#if defined(FAULT_NEWER_MINOR)
/* What a later minor may look like: longer structs, and a kind that this host has not heard of. */
static const struct {
  spore_factory base;
  const char* documentation;
} longer = {FACTORY(sizeof longer, SPORE_KIND_MEMORY_POLICY, FIXTURE_ID, "a test policy"), "of 1.7"};
static const spore_factory unheard_of = FACTORY(sizeof(spore_factory), 99, "unheard-of", "of a kind of 1.7");
static const spore_factory* const factories[] = {&longer.base, &unheard_of};
#elif defined(FAULT_DUPLICATE_FACTORY)
static const spore_factory* const factories[] = {&factory, &factory};
#else
static const spore_factory* const factories[] = {&factory};
#endif

static const struct {
  spore_plugin base;
  uint64_t of_a_later_minor;
} plugin = {
    .base =
        {
#ifdef FAULT_WRONG_MAGIC
            .magic = UINT64_C(0x1122334455667788),
#else
            .magic = SPORE_PLUGIN_MAGIC,
#endif
#ifdef FAULT_NEWER_MINOR
            .size = sizeof plugin,
            .abi_minor = 7,
#else
            .size = sizeof(spore_plugin),
            .abi_minor = SPORE_ABI_MINOR,
#endif
#ifdef FAULT_WRONG_MAJOR
            .abi_major = 2,
#else
            .abi_major = SPORE_ABI_MAJOR,
#endif
#ifdef FAULT_WRONG_ARCH
            .arch = SPORE_ARCH_X86_64 + SPORE_ARCH_AARCH64 - SPORE_ARCH_NATIVE,
#else
            .arch = SPORE_ARCH_NATIVE,
#endif
            .factory_count = sizeof factories / sizeof factories[0],
            .id = SPORE_STRING(FIXTURE_ID),
            .version = SPORE_STRING("1.0.0"),
            .factories = factories,
        },
    .of_a_later_minor = 7};

#ifndef FAULT_NO_ENTRY
__attribute__((visibility("default"))) const spore_plugin* sporehost_plugin_entry(void);
const spore_plugin* sporehost_plugin_entry(void) {
#if defined(FAULT_NULL_DESCRIPTOR)
  (void)plugin;
  return NULL;
#elif defined(FAULT_WILD_DESCRIPTOR)
  (void)plugin;
  return (const spore_plugin*)16;
#else
  return &plugin.base;
#endif
}
#else
const void* used_by_nobody(void);
const void* used_by_nobody(void) {
  return &plugin;
}
#endif
