/* sporehost plugin ABI, part 1: the words every other header uses, and the plugin's one entry point.
 *
 * A plugin is one shared object that exports one function, `sporehost_plugin_entry`, and nothing else. The host calls
 * it once after loading; it returns a constant descriptor that lists the plugin's factories. Everything after that goes
 * through tables of function pointers: `host.h` (what the host offers), `backend.h`, `device.h` and `memory_policy.h`
 * (what a plugin offers).
 *
 * Rules for plugin authors carry numbers, SDK-nn; docs/sdk.md lists them all, with what happens when one is broken.
 * In C everything is called `spore_` or `SPORE_`, in C++ `spore::`; `sporehost` is the product, its headers and services.
 *
 * Thread tags. Each function pointer bears exactly one, some with the state of the object in which it may be called:
 *   [main]    the host's main thread.
 *   [vcpu]    the thread that owns one vCPU; for one vCPU it is always the same thread.
 *   [device]  with the device's lock held: on a thread of the host's choice, but never on two at once for one device.
 *   [any]     from any thread, at any time between create and destroy, also concurrently.
 *
 * Growth (SDK-26). A struct that may grow begins with `size`. Whoever makes a struct sets `size` to its sizeof as he was
 * compiled, and zeroes what he does not know how to fill; a minor version only appends fields.
 *   - Reading the other side's struct: a field that is newer than 1.0 is touched only where SPORE_HAS(p, field).
 *   - Filling a struct of the caller's: the caller has set `size`; the callee writes the smaller of that and its own
 *     sizeof, and leaves `size` alone. SPORE_TAKE and SPORE_FILL do both.
 *   - A `size` smaller than version 1.0's (SPORE_10_BYTES) is SPORE_E_INVALID; any other is served.
 * A struct without `size` never grows. Fields called `reserved` are 0, and who receives one that is not 0 refuses it with
 * SPORE_E_INVALID, so that they can be given a meaning later; they stand wherever there would be padding, which no struct
 * has. The major version changes when that promise cannot be kept.
 *
 * New values (SDK-27). What one side does not know of the other's numbers: an unknown status is a failure like
 * SPORE_E_INTERNAL, and is passed on as it is; an unknown SPORE_EXIT_* is a SPORE_EXIT_FAULT; an unknown event is ignored; an unknown
 * flag or request is refused with SPORE_E_UNSUPPORTED; an unknown capability does not count.
 *
 * Ownership. Nobody frees what the other side allocated. Pointers passed into a call are borrowed until it returns,
 * unless the function says otherwise. What a descriptor or a `describe` points to is constant and lives as long as the
 * plugin is loaded, or as long as the object.
 *
 * The ABI is for 64-bit processes, little-endian, with the C calling convention of the system.
 */
#ifndef SPOREHOST_ABI_H
#define SPOREHOST_ABI_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && !defined(__ILP32__)
#define SPORE_ARCH_NATIVE SPORE_ARCH_X86_64
#elif defined(__aarch64__) && !defined(__ILP32__)
#define SPORE_ARCH_NATIVE SPORE_ARCH_AARCH64
#else
#error "sporehost runs on x86-64 and arm64, as a 64-bit program"
#endif

#ifdef __cplusplus
extern "C" {
#define SPORE_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define SPORE_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

#define SPORE_ABI_MAJOR 1u
#define SPORE_ABI_MINOR 0u

/* "sporehst" read as little-endian bytes. */
#define SPORE_PLUGIN_MAGIC UINT64_C(0x74736865726f7073)

/* ---- structs that grow -------------------------------------------------------------------------------------------- */

/* Closes each struct that may grow. In a build that tests growth it stands for the fields of a later minor version. */
#ifdef SPORE_GROWN
#define SPORE_LATER_FIELDS uint64_t later_fields[8];
#else
#define SPORE_LATER_FIELDS
#endif

/* Pins what version 1.0 made of a struct; stands behind each one that has `size`. */
#ifdef __cplusplus
#define SPORE_SIZED(type, bytes_of_1_0)                                                                  \
  enum { type##_10_bytes = (bytes_of_1_0) };                                                             \
  extern "C++" constexpr uint32_t spore_10_bytes_of(const type*) { return (uint32_t)(bytes_of_1_0); } \
  SPORE_STATIC_ASSERT(sizeof(type) >= (bytes_of_1_0), #type " has shrunk")
#else
#define SPORE_SIZED(type, bytes_of_1_0)      \
  enum { type##_10_bytes = (bytes_of_1_0) }; \
  SPORE_STATIC_ASSERT(sizeof(type) >= (bytes_of_1_0), #type " has shrunk")
#endif
#define SPORE_10_BYTES(type) ((uint32_t)type##_10_bytes)

/* Whether the struct that `p` points to was written by somebody who knows `field`. */
#define SPORE_HAS(p, field) \
  ((p)->size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field))

/* Copies what both sides know of the other side's struct `from` into `to`, a struct of one's own, and zeroes the rest of
 * it; `to->size` becomes one's own. 0: `from` is shorter than version 1.0, and `to` is zero. */
#define SPORE_TAKE(type, to, from) spore_take((to), (from), (uint32_t)sizeof(type), SPORE_10_BYTES(type))

/* Writes one's own struct `from` over the caller's `to`, as far as both know it; `to->size` stays. 0: the caller's is
 * shorter than version 1.0, and nothing was written. */
#define SPORE_FILL(type, to, from) spore_fill((to), (from), (uint32_t)sizeof(type), SPORE_10_BYTES(type))

static inline int spore_take(void* to, const void* from, uint32_t own, uint32_t least) {
  uint32_t size = 0;
  memset(to, 0, own);
  memcpy(&size, from, sizeof size);
  if (size < least) return 0;
  memcpy(to, from, size < own ? size : own);
  memcpy(to, &own, sizeof own);
  return 1;
}

static inline int spore_fill(void* to, const void* from, uint32_t own, uint32_t least) {
  uint32_t size = 0;
  memcpy(&size, to, sizeof size);
  if (size < least) return 0;
  memcpy(to, from, size < own ? size : own);
  memcpy(to, &size, sizeof size);
  return 1;
}

/* ---- texts -------------------------------------------------------------------------------------------------------- */

/* Text that somebody else owns: UTF-8, not NUL-terminated; borrowed. Never grows. */
typedef struct spore_string {
  const char* data;
  uint64_t length; /* bytes */
} spore_string;

/* A spore_string of a literal, also in a constant initialiser. */
#ifdef __cplusplus
#define SPORE_STRING(literal) (spore_string{"" literal, sizeof(literal) - 1})
#else
#define SPORE_STRING(literal) {"" literal, sizeof(literal) - 1}
#endif

/* A buffer of the caller's that the callee writes a text into: one line of UTF-8, cut to fit at the end of a character.
 * The callee changes what is in it and `length`, nothing else; a capacity of 0 means that nobody wants the text. Never
 * grows. */
typedef struct spore_text {
  char* data;
  uint64_t capacity; /* bytes there is room for; no NUL is needed */
  uint64_t length;   /* bytes written */
} spore_text;

/* Whether `text` is the NUL-terminated `literal`: for the names that query_interface is asked for. */
static inline int spore_is(spore_string text, const char* literal) {
  const size_t length = strlen(literal);
  return text.length == length && (length == 0 || memcmp(text.data, literal, length) == 0);
}

/* Writes `bytes` at `from` into a spore_text, cut to fit but never inside a UTF-8 character. */
static inline void spore_put(spore_text* to, const char* from, uint64_t bytes) {
  if (bytes > to->capacity) {
    bytes = to->capacity;
    while (bytes > 0 && ((unsigned char)from[bytes] & 0xC0u) == 0x80u) --bytes;
  }
  if (bytes > 0) memcpy(to->data, from, bytes);
  to->length = bytes;
}

/* ---- outcomes ----------------------------------------------------------------------------------------------------- */

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

/* Where a failing call puts its sentence: what failed and what to do. The caller owns it and sets `size`; a pointer to one
 * is never NULL. The host prefixes what a plugin wrote with its path and id (SDK-8). */
typedef struct spore_error {
  uint32_t size;
  uint32_t reserved;
  spore_text text;
  SPORE_LATER_FIELDS
} spore_error;
SPORE_SIZED(spore_error, 32);

/* ---- the descriptor ----------------------------------------------------------------------------------------------- */

/* What a factory makes. */
enum {
  SPORE_KIND_BACKEND = 1,       /* a hypervisor: backend.h */
  SPORE_KIND_VIRTIO_DEVICE = 2, /* a virtio personality on the host's shared transport: device.h */
  SPORE_KIND_IO_DEVICE = 3,     /* a device with MMIO or port-I/O registers of its own: device.h */
  SPORE_KIND_MEMORY_POLICY = 4  /* decides boot memory, region and requested size: memory_policy.h */
};

/* Instruction set a plugin was built for. */
enum { SPORE_ARCH_X86_64 = 1, SPORE_ARCH_AARCH64 = 2 };

struct spore_host;

/* An object of a plugin: its table of functions (the type that the kind asks for) and the first argument they take. Never
 * grows. */
typedef struct spore_object {
  const void* ops;
  void* self;
} spore_object;

/* One thing a plugin can make. */
typedef struct spore_factory {
  uint32_t size;
  uint32_t kind;               /* SPORE_KIND_* */
  spore_string id;             /* lower-case kebab, unique among the factories of one kind: "virtio-mem" */
  spore_string summary;        /* one line for `plugin list` */
  spore_string options_schema; /* JSON Schema (an object schema) of the YAML options, with defaults */
  /* Host services without which the object makes no sense, such as "sporehost.elastic-memory/1": on a machine that lacks
   * one, the object is left out instead of failing. */
  const spore_string* uses;
  uint32_t uses_count;
  uint32_t reserved;

  /* Makes one object. [main]
   * host: the services for this object; valid until the object is destroyed.
   * options: the YAML options as canonical JSON, checked against the schema, defaults filled in; borrowed. Sizes are numbers
   * of bytes, durations of milliseconds. options.h reads it.
   * out: set on SPORE_OK. The host destroys the object exactly once, by its table's `destroy`.
   * On failure nothing is left behind and `error` says why. */
  spore_status (*create)(const struct spore_host* host, spore_string options, spore_object* out, spore_error* error);
  SPORE_LATER_FIELDS
} spore_factory;
SPORE_SIZED(spore_factory, 80);

/* What sporehost_plugin_entry returns. */
typedef struct spore_plugin {
  uint64_t magic;      /* SPORE_PLUGIN_MAGIC */
  uint32_t size;       /* sizeof(spore_plugin) as the plugin was built */
  uint16_t abi_major;  /* SPORE_ABI_MAJOR */
  uint16_t abi_minor;  /* SPORE_ABI_MINOR; a plugin newer than the host must still work with this host's tables */
  uint32_t arch;       /* SPORE_ARCH_NATIVE */
  uint32_t factory_count;
  spore_string id;      /* lower-case kebab: "example-mem" */
  spore_string version; /* for people: "1.2.0" */
  const spore_factory* const* factories;
  SPORE_LATER_FIELDS
} spore_plugin;
enum { spore_plugin_10_bytes = 64 };
SPORE_STATIC_ASSERT(sizeof(spore_plugin) >= 64, "spore_plugin has shrunk");

#define SPORE_PLUGIN_ENTRY_SYMBOL "sporehost_plugin_entry"

/* SDK-1: the only exported symbol. No side effect, cannot fail, may be called more than once. [main] */
typedef const spore_plugin* (*spore_plugin_entry_fn)(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SPOREHOST_ABI_H */
