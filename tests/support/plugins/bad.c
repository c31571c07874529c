/* One plugin with many faults: which one it has says the name of its file, so that a single build serves for all of them.
 * Copied as crash-entry.so it crashes in its entry; as sound.so, or under any other name, it is a sound memory policy.
 * Names that begin with dev- are virtio devices. Its id, and that of its only factory, are the file's name. */
#define _GNU_SOURCE
#include <sporehost/device.h>
#include <sporehost/memory_policy.h>

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char* name(void) {
  static char text[64];
  Dl_info info;
  if (text[0] != '\0' || dladdr((const void*)&name, &info) == 0) return text;
  const char* file = strrchr(info.dli_fname, '/');
  snprintf(text, sizeof text, "%s", file != NULL ? file + 1 : info.dli_fname);
  char* dot = strchr(text, '.');
  if (dot != NULL) *dot = '\0';
  return text;
}
static int is(const char* fault) {
  return strcmp(name(), fault) == 0;
}

static spore_string text_of(const char* text) {
  return (spore_string){text, strlen(text)};
}
static void say(spore_text* to, const char* sentence) {
  spore_put(to, sentence, strlen(sentence));
}
/* More than there is room for, by what is claimed of it. */
static void say_without_end(spore_text* to, char letter) {
  memset(to->data, letter, to->capacity);
  to->length = to->capacity + 1000000;
}

/* A crash that no sanitizer of the host turns into something else. */
static void crash(void) {
  signal(SIGSEGV, SIG_DFL);
  raise(SIGSEGV);
}
static void loop_forever(void) {
  for (;;) usleep(1000);
}
static void* sleep_long(void* nothing) {
  sleep(60);
  return nothing;
}

static void* exit_soon(void* nothing) {
  usleep(300000);
  exit(0);
  return nothing;
}

/* ---- loading -------------------------------------------------------------------------------------------------------- */

/* Answers in the host's stead, of what cannot be true. */
static void forge(void) {
  char line[1000];
  const int bytes = snprintf(
      line, sizeof line,
      "{\"pid\":%d,\"state\":\"loaded\",\"reason\":\"\",\"rule\":%s,\"id\":\"%s\",\"version\":\"1\",\"abi\":[1,%s],\"arch\":%s,"
      "\"factories\":[{\"kind\":4,\"id\":\"%s\",\"summary\":\"s\",\"schema\":\"%s\",\"uses\":[]}]}\n",
      (int)getpid(), is("forge-rule") ? "-7" : "0", name(), is("forge-minor") ? "70000" : "0",
      is("forge-arch") ? "99" : SPORE_ARCH_NATIVE == SPORE_ARCH_X86_64 ? "1" : "2", is("forge-id") ? "A b" : name(),
      is("forge-schema") ? "nonsense{" : "{\\\"type\\\":\\\"object\\\"}");
  (void)!write(3, line, (size_t)bytes);
  _exit(0);
}

__attribute__((constructor)) static void begin(void) {
  pthread_t thread;
  if (is("crash-constructor")) crash();
  if (is("fault-constructor")) abort();
  if (is("thread-exits")) pthread_create(&thread, NULL, exit_soon, NULL);
  if (is("loop-constructor")) loop_forever();
  if (is("exit-constructor")) exit(0);
  if (is("print-constructor")) (void)!write(STDOUT_FILENO, "hello \"there\"\n", 14);
  if (is("complain-constructor")) (void)!write(STDERR_FILENO, "oh\x1b[31m no\n", 11);
  if (is("fork-constructor")) (void)!fork();
  if (is("daemon-constructor") && fork() == 0) {
    sleep(60);
    _exit(0);
  }
  if (is("thread-constructor")) pthread_create(&thread, NULL, sleep_long, NULL);
  if (strncmp(name(), "forge-", 6) == 0) forge();
  if (is("garble-constructor")) (void)!write(3, "{\"state\":\"loaded\"}\n[[[\n\xff\n", 26);
}
__attribute__((destructor)) static void end(void) {
  if (is("crash-destructor")) crash();
}

/* ---- a memory policy ------------------------------------------------------------------------------------------------- */

static int the_object;

static void destroy(void* self) {
  (void)self;
  if (is("crash-destroy") || is("dev-crash-destroy")) crash();
}
static const void* query_interface(void* self, spore_string wanted) {
  return (void)wanted, is("dev-any-interface") ? self : NULL;
}

static spore_status plan(void* self, const spore_memory_request* request, const spore_memory_facts* facts,
                         spore_memory_plan* out, spore_error* error) {
  (void)self;
  out->boot_bytes = request->mode == SPORE_MEMORY_EXPLICIT ? request->bytes : UINT64_C(1) << 30;
  say(&out->reason, "as asked");
  if (is("grows-if-checked")) out->region_bytes = facts->kernel_can_grow ? UINT64_C(1) << 30 : 0;
  if (is("crash-plan")) crash();
  if (is("loop-plan")) loop_forever();
  if (is("thread-exits")) sleep(5);
  if (is("exit-plan")) exit(7);
  if (is("region-odd")) out->region_bytes = 3 << 20, out->block_bytes = 2 << 20;
  if (is("region-huge")) {
    out->region_bytes = UINT64_C(1) << 61;
    out->block_bytes = out->slot_bytes = UINT64_C(1) << 60;
  }
  if (is("boot-none")) out->boot_bytes = 0;
  if (is("plan-status")) return 99;
  if (is("plan-silent")) return SPORE_E_IO;
  if (is("plan-no-end")) return say_without_end(&error->text, 'y'), SPORE_E_IO;
  if (is("plan-says-no")) return say(&error->text, "not\ntoday"), SPORE_E_UNSUPPORTED;
  if (is("reason-raw")) say(&out->reason, "red \x1b[31mnow\nram_mib=1 virtio_mem_mib=2");
  if (is("reason-cut")) say(&out->reason, "cut \xc3");
  if (is("reason-no-end")) say_without_end(&out->reason, 'z');
  return SPORE_OK;
}

static void on_event(void* self, const spore_memory_event* event, const spore_memory_state* state,
                     spore_memory_action* out) {
  (void)self, (void)event, (void)state, (void)out;
}
static const spore_memory_policy_ops policy_ops = {.size = sizeof(spore_memory_policy_ops),
                                                   .destroy = destroy,
                                                   .query_interface = query_interface,
                                                   .plan = plan,
                                                   .on_event = on_event};

/* ---- a virtio device ------------------------------------------------------------------------------------------------- */

static spore_status describe(void* self, spore_virtio_traits* out, spore_error* error) {
  static uint16_t sizes[2000];
  static uint32_t calls;
  (void)self, (void)error;
  out->device_id = 4;
  out->queue_count = 1;
  out->queue_size_max = sizes;
  for (int i = 0; i < 2000; ++i) sizes[i] = 64;
  if (is("dev-crash-describe")) crash();
  if (is("dev-no-id")) out->device_id = 0;
  if (is("dev-changing")) out->device_id = ++calls;
  if (is("dev-feature-32")) out->features[0] = UINT64_C(1) << 32;
  if (is("dev-queues-0")) out->queue_count = 0;
  if (is("dev-queues-2000")) out->queue_count = 2000;
  if (is("dev-queue-size")) sizes[0] = 100;
  if (is("dev-config-huge")) out->config_bytes = UINT32_C(1) << 30;
  return SPORE_OK;
}
static void read_config(void* self, uint32_t offset, void* data, uint32_t bytes) {
  (void)self, (void)offset, memset(data, 0, bytes);
}
static void write_config(void* self, uint32_t offset, const void* data, uint32_t bytes) {
  (void)self, (void)offset, (void)data, (void)bytes;
}
static spore_status accept_features(void* self, const uint64_t* features) {
  return (void)self, (void)features, SPORE_OK;
}
static spore_status activate(void* self, const spore_virtio_activation* activation, spore_error* error) {
  return (void)self, (void)activation, (void)error, SPORE_OK;
}
static void notify(void* self, uint32_t queue) {
  (void)self, (void)queue;
}
static void reset(void* self) {
  (void)self;
}
static const spore_virtio_device_ops device_ops = {.size = sizeof(spore_virtio_device_ops),
                                                   .destroy = destroy,
                                                   .query_interface = query_interface,
                                                   .describe = describe,
                                                   .read_config = read_config,
                                                   .write_config = write_config,
                                                   .accept_features = accept_features,
                                                   .activate = activate,
                                                   .notify = notify,
                                                   .reset = reset};

/* ---- the descriptor -------------------------------------------------------------------------------------------------- */

static spore_status create(const struct spore_host* host, spore_string options, spore_object* out, spore_error* error) {
  const int device = strncmp(name(), "dev-", 4) == 0;
  static char line[] = "up\x1b[2J and\nrunning";
  (void)options;
  if (is("logs-raw")) host->log(host->context, SPORE_LOG_WARN, (spore_string){line, sizeof line - 1});
  if (is("crash-create") || is("dev-crash-create")) crash();
  if (is("exit-create") || is("dev-exit-create")) exit(0);
  if (is("loop-create")) loop_forever();
  if (is("print-create")) (void)!write(STDOUT_FILENO, "made\n", 5);
  if (is("create-silent") || is("dev-create-silent")) return SPORE_E_INVALID;
  if (is("create-status") || is("dev-create-status")) return 77;
  if (is("create-no-end")) return say_without_end(&error->text, 'x'), SPORE_E_IO;
  if (is("dev-says-no")) return say(&error->text, "no such toy here"), SPORE_E_UNSUPPORTED;
  out->ops = device ? (const void*)&device_ops : (const void*)&policy_ops;
  out->self = &the_object;
  if (is("create-no-self") || is("dev-no-self")) out->self = NULL;
  if (is("create-no-ops") || is("dev-no-ops")) out->ops = NULL;
  return SPORE_OK;
}

static const char* schema(void) {
  if (is("schema-text")) return "{\"type\":\"object\",]";
  if (is("schema-list")) return "[]";
  if (is("schema-number")) return "{\"type\":\"object\",\"maximum\":1e309}";
  if (is("schema-recursive"))
    return "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#/properties/a\"}}}";
  if (is("schema-remote")) return "{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"http://x/y\"}}}";
  if (is("schema-default"))
    return "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"default\":\"x\"}}}";
  if (is("schema-keyword")) return "{\"type\":\"object\",\"properties\":{\"a\":{\"required\":7}}}";
  return "{\"type\":\"object\",\"additionalProperties\":false}";
}

__attribute__((visibility("default"))) const spore_plugin* sporehost_plugin_entry(void);
const spore_plugin* sporehost_plugin_entry(void) {
  static spore_factory factory;
  static const spore_factory* const factories[] = {&factory};
  static spore_plugin plugin;
  if (is("crash-entry")) crash();
  if (is("fault-entry")) abort();
  if (is("loop-entry")) loop_forever();
  if (is("exit-entry")) exit(3);
  const int device = strncmp(name(), "dev-", 4) == 0;
  factory = (spore_factory){.size = sizeof factory,
                            .kind = device ? SPORE_KIND_VIRTIO_DEVICE : SPORE_KIND_MEMORY_POLICY,
                            .id = text_of(is("other-id") ? "known-by-another-name" : name()),
                            .summary = SPORE_STRING("a test plugin"),
                            .options_schema = text_of(schema()),
                            .create = create};
  plugin = (spore_plugin){.magic = SPORE_PLUGIN_MAGIC,
                          .size = sizeof plugin,
                          .abi_major = SPORE_ABI_MAJOR,
                          .abi_minor = SPORE_ABI_MINOR,
                          .arch = SPORE_ARCH_NATIVE,
                          .factory_count = 1,
                          .id = text_of(name()),
                          .version = SPORE_STRING("1.0.0"),
                          .factories = factories};
  return &plugin;
}
