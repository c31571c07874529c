/* sporehost plugin ABI, part 1: the words every other header uses, and the plugin's one entry point.
 *
 * A plugin is one shared object that exports one function, `sporehost_plugin_entry`, and nothing else. The host calls
 * it once after loading; it returns a constant descriptor that lists the plugin's factories. Everything after that goes
 * through tables of function pointers: `host.h` (what the host offers), `backend.h`, `device.h` and `memory_policy.h`
 * (what a plugin offers).
 *
 * Rules for plugin authors carry numbers, SDK-nn; docs/sdk.md lists them all, with what happens when one is broken.
 *
 * Thread tags. Each function pointer bears exactly one:
 *   [main]    the host's main thread.
 *   [vcpu]    the thread that owns one vCPU; for one vCPU it is always the same thread.
 *   [device]  with the device's lock held: from any thread, but never two at once for one device.
 *   [any]     from any thread, at any time between create and destroy, also concurrently.
 *
 * Growth. A struct that may grow begins with `size`, the number of bytes its writer knows. A minor version only appends
 * fields; a reader asks SPORE_HAS(p, field) before it touches a field that is newer than 1.0. The major version
 * changes when that promise cannot be kept.
 *
 * Ownership. Nobody frees what the other side allocated. Pointers passed into a call are borrowed until it returns,
 * unless the function says otherwise.
 */
#ifndef SPOREHOST_ABI_H
#define SPOREHOST_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPORE_ABI_MAJOR 1u
#define SPORE_ABI_MINOR 0u

/* "sporehst" read as little-endian bytes. */
#define SPORE_PLUGIN_MAGIC UINT64_C(0x74736865726f7073)

/* Whether the struct that `p` points to was written by somebody who knows `field`. */
#define SPORE_HAS(p, field) \
  ((p)->size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field))

/* Outcome of a call. Every value but SPORE_OK is a failure. */
typedef int32_t spore_status;
enum {
  SPORE_OK = 0,
  SPORE_E_INVALID = 1,     /* an argument or a configuration value breaks a rule */
  SPORE_E_UNSUPPORTED = 2, /* this plugin, machine or version cannot do it */
  SPORE_E_NO_MEMORY = 3,   /* out of host memory or of guest address space */
  SPORE_E_IO = 4,          /* the operating system refused; the text carries its reason */
  SPORE_E_PERMISSION = 5,  /* the user lacks a right */
  SPORE_E_BUSY = 6,        /* not now; trying again later may work */
  SPORE_E_RANGE = 7,       /* an address or length lies outside what exists */
  SPORE_E_STATE = 8,       /* not in this state of the object's life */
  SPORE_E_NOT_FOUND = 9,   /* no such thing */
  SPORE_E_EXISTS = 10,     /* there already is one */
  SPORE_E_INTERNAL = 11,   /* a defect, an exception among them */
  SPORE_E_TIMEOUT = 12     /* the time allowed for it ran out */
};

/* Where a failing call puts its sentence. The host owns it and prefixes what is in it with the plugin's path and id.
 * The callee writes a NUL-terminated UTF-8 text without a line break, cut to fit; it says what failed and what to do. */
typedef struct spore_error {
  char text[1024];
} spore_error;

/* Text that is not NUL-terminated; borrowed. */
typedef struct spore_string {
  const char* data;
  size_t length; /* bytes */
} spore_string;

/* What a factory makes. */
enum {
  SPORE_KIND_BACKEND = 1,       /* a hypervisor: backend.h */
  SPORE_KIND_VIRTIO_DEVICE = 2, /* a virtio personality on the host's shared transport: device.h */
  SPORE_KIND_IO_DEVICE = 3,     /* a device with MMIO or port-I/O registers of its own: device.h */
  SPORE_KIND_MEMORY_POLICY = 4  /* decides boot memory, region and requested size: memory_policy.h */
};

/* Instruction set a plugin was built for. */
enum { SPORE_ARCH_X86_64 = 1, SPORE_ARCH_AARCH64 = 2 };

#if defined(__x86_64__)
#define SPORE_ARCH_NATIVE SPORE_ARCH_X86_64
#elif defined(__aarch64__)
#define SPORE_ARCH_NATIVE SPORE_ARCH_AARCH64
#else
#error "sporehost runs on x86-64 and arm64"
#endif

struct spore_host;

/* An object of a plugin: its table of functions (the type that the kind asks for) and the first argument they take. */
typedef struct spore_object {
  const void* ops;
  void* self;
} spore_object;

/* One thing a plugin can make. Constant; lives as long as the plugin is loaded. */
typedef struct spore_factory {
  uint32_t size;
  uint32_t kind;              /* SPORE_KIND_* */
  const char* id;             /* lower-case kebab, unique among the factories of one kind: "virtio-mem" */
  const char* summary;        /* one line for `plugin list` */
  /* JSON Schema (an object schema) of the YAML options, with defaults; never NULL. Its key "x-sporehost-uses" lists host
   * services without which the object makes no sense, such as ["sporehost.elastic-memory/1"]: on a machine that lacks one,
   * the object is left out instead of failing. */
  const char* options_schema;

  /* Makes one object. [main]
   * host: the services for this object; valid until the object is destroyed.
   * options: the YAML options as canonical JSON, checked against the schema, defaults filled in; borrowed.
   * out: set on SPORE_OK. The host destroys the object exactly once, by its table's `destroy`.
   * On failure nothing is left behind and `error` says why. */
  spore_status (*create)(const struct spore_host* host, spore_string options, spore_object* out, spore_error* error);
} spore_factory;

/* What sporehost_plugin_entry returns. Constant; lives as long as the plugin is loaded. */
typedef struct spore_plugin {
  uint64_t magic;      /* SPORE_PLUGIN_MAGIC */
  uint32_t size;       /* sizeof(spore_plugin) as the plugin was built */
  uint16_t abi_major;  /* SPORE_ABI_MAJOR */
  uint16_t abi_minor;  /* SPORE_ABI_MINOR; a plugin newer than the host must still work with this host's tables */
  uint32_t arch;       /* SPORE_ARCH_NATIVE */
  uint32_t factory_count;
  const char* id;      /* lower-case kebab: "example-mem" */
  const char* version; /* for people: "1.2.0" */
  const spore_factory* const* factories;
} spore_plugin;

#define SPORE_PLUGIN_ENTRY_SYMBOL "sporehost_plugin_entry"

/* SDK-1: the only exported symbol. No side effect, cannot fail, may be called more than once. [main] */
typedef const spore_plugin* (*spore_plugin_entry_fn)(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SPOREHOST_ABI_H */
