/* sporehost plugin ABI, part 2: what the host offers every object of a plugin.
 *
 * `create` gets one `spore_host`. It belongs to that one object: what the object logs, counts or watches is booked under
 * its plugin, factory and instance name. Services that only some objects need are asked for by name with
 * `query_interface("sporehost.<name>/<revision>")`; absent means NULL, and an object that cannot live without it fails
 * `create` with SPORE_E_UNSUPPORTED and a sentence.
 */
#ifndef SPOREHOST_HOST_H
#define SPOREHOST_HOST_H

#include <sporehost/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
  SPORE_LOG_DEBUG = 0, /* for who writes the plugin */
  SPORE_LOG_INFO = 1,  /* for who runs the machine: decisions and milestones */
  SPORE_LOG_WARN = 2,  /* something is off, the machine goes on */
  SPORE_LOG_ERROR = 3  /* something asked for will not happen */
};

/* A value of the object's options. `string` is borrowed and lives as long as the object. */
enum { SPORE_VALUE_BOOLEAN = 1, SPORE_VALUE_INTEGER = 2, SPORE_VALUE_NUMBER = 3, SPORE_VALUE_STRING = 4 };
typedef struct spore_value {
  uint32_t type; /* SPORE_VALUE_* */
  int32_t boolean;
  int64_t integer; /* sizes in bytes, durations in milliseconds */
  double number;
  spore_string string;
} spore_value;

enum { SPORE_FD_READABLE = 1u, SPORE_FD_WRITABLE = 2u, SPORE_FD_HANGUP = 4u };

/* Called back on the main thread; for a device with the device's lock held, which makes the call [device] too. */
typedef void (*spore_fd_callback)(void* argument, uint32_t events);
typedef void (*spore_timer_callback)(void* argument);

typedef struct spore_host {
  uint32_t size;
  uint32_t abi_minor; /* of the host */
  void* context;      /* first argument of every function below */

  /* Writes one line to the host's log. [any] Never blocks on the guest. */
  void (*log)(void* context, int32_t level, spore_string text);

  /* Asks for a service by name. [any] NULL when this host has none. The table lives as long as the object. */
  const void* (*query_interface)(void* context, const char* name);

  /* Gives the option at a JSON pointer ("/block-size"). [any] SPORE_E_NOT_FOUND when it is absent and has no default;
   * SPORE_E_INVALID when it is an object or a list: those are read from the JSON that `create` got. */
  spore_status (*option)(void* context, const char* pointer, spore_value* out);

  /* Copies between guest memory and the caller, by guest-physical address (GPA), across regions. [any]
   * All or nothing: SPORE_E_RANGE, and nothing is copied, when any byte is no memory or is not plugged. */
  spore_status (*read_memory)(void* context, uint64_t gpa, void* to, size_t bytes);
  spore_status (*write_memory)(void* context, uint64_t gpa, const void* from, size_t bytes);

  /* Watches a file descriptor on the host's event loop, level-triggered. [main] or [device]
   * The descriptor stays the caller's; it must be unwatched before it is closed. `events`: SPORE_FD_*. */
  spore_status (*watch_fd)(void* context, int fd, uint32_t events, spore_fd_callback callback, void* argument);
  void (*unwatch_fd)(void* context, int fd);

  /* Calls back once after `delay_ns`. [main] or [device] `timer` gets a number to cancel it with; cancelling one that
   * has fired is harmless. Timers that are left are cancelled when the object is destroyed. */
  spore_status (*start_timer)(void* context, uint64_t delay_ns, spore_timer_callback callback, void* argument,
                              uint64_t* timer);
  void (*cancel_timer)(void* context, uint64_t timer);

  /* A counter of this object by name ("requests"), starting at 0. [any] Add to it with an atomic, relaxed addition. It
   * appears in the report. The pointer lives as long as the object; the same name gives the same counter. */
  uint64_t* (*counter)(void* context, const char* name);

  /* Monotonic time in nanoseconds. [any] */
  uint64_t (*now_ns)(void* context);
} spore_host;

/* ---- sporehost.interrupts/1: for SPORE_KIND_IO_DEVICE ----------------------------------------------------------- */
#define SPORE_INTERRUPTS_1 "sporehost.interrupts/1"
typedef struct spore_interrupts {
  uint32_t size;
  void* context;
  /* Makes one edge on the device's interrupt `index` (0 .. irq_count-1 of its traits). [any] */
  void (*pulse)(void* context, uint32_t index);
} spore_interrupts;

/* ---- sporehost.streams/1: byte streams between a device and the host ---------------------------------------------
 * Streams are named: "console" (text for a person) and "sporehost.agent" (the guest channel). A device opens the ones it
 * carries. Either side may be slow: what a call does not accept, the caller keeps and offers again when told. */
#define SPORE_STREAMS_1 "sporehost.streams/1"

typedef struct spore_stream_events {
  uint32_t size;
  /* The host has bytes for the guest: call `take`. [device] */
  void (*readable)(void* argument, uint32_t stream);
  /* The host accepts bytes again after `give` had accepted fewer than it was given. [device] */
  void (*writable)(void* argument, uint32_t stream);
} spore_stream_events;

typedef struct spore_streams {
  uint32_t size;
  void* context;
  /* Opens the stream `name`; `events` must outlive the object. [main], in `create` only.
   * SPORE_E_NOT_FOUND: the host has no such stream. SPORE_E_EXISTS: the host allows one holder and has one. */
  spore_status (*open)(void* context, const char* name, const spore_stream_events* events, void* argument,
                       uint32_t* stream);
  /* Guest to host. [device] Returns how many bytes the host accepted; fewer than `bytes` means: wait for `writable`. */
  size_t (*give)(void* context, uint32_t stream, const void* data, size_t bytes);
  /* Host to guest. [device] Copies out at most `bytes` and returns how many; 0: nothing now, wait for `readable`. */
  size_t (*take)(void* context, uint32_t stream, void* data, size_t bytes);
  /* The guest's side was opened (1) or closed (0). [device] Before it is open the host sends nothing. */
  void (*guest_open)(void* context, uint32_t stream, int32_t open);
} spore_streams;

/* ---- sporehost.elastic-memory/1: the region that virtio-mem plugs ------------------------------------------------
 * One reserved range of guest-physical addresses. It knows which blocks are plugged: the device asks, and keeps no copy.
 * Plugging reserves, maps the slot into the VM and then records it; a failure leaves no trace. Unplugging takes the slot
 * out of the VM (where its last block goes), forgets the contents, and records it. Content after a plug is zero, whatever the
 * guest has written there while it was not plugged. One device of a machine gets this service; others find none. */
#define SPORE_ELASTIC_MEMORY_1 "sporehost.elastic-memory/1"

enum { SPORE_BLOCKS_UNPLUGGED = 0, SPORE_BLOCKS_PLUGGED = 1, SPORE_BLOCKS_MIXED = 2 };

typedef struct spore_elastic_info {
  uint32_t size;
  uint32_t reserved;
  uint64_t gpa;             /* of the region's first byte */
  uint64_t bytes;           /* length of the region */
  uint64_t block_bytes;     /* granularity of plug and unplug; a power of two */
  uint64_t slot_bytes;      /* granularity at which memory enters and leaves the VM */
  uint64_t requested_bytes; /* what the plan wants requested from the start */
} spore_elastic_info;

typedef struct spore_elastic_memory {
  uint32_t size;
  void* context;
  /* Describes the region. [any] The caller sets out->size. */
  void (*info)(void* context, spore_elastic_info* out);
  /* Plugs or unplugs [offset, offset + bytes), offsets from the region's start, multiples of block_bytes. [device]
   * SPORE_E_RANGE outside the region, SPORE_E_STATE when a block already is (un)plugged, SPORE_E_BUSY when memory may
   * not change now (a capture is running, say), SPORE_E_NO_MEMORY when the host has none or the backend has no slot
   * left, SPORE_E_IO when the host does not take memory back. All or nothing: after an error the same blocks are plugged
   * as before; after SPORE_E_IO of `unplug` or `unplug_all` their contents may be lost. */
  spore_status (*plug)(void* context, uint64_t offset, uint64_t bytes, spore_error* error);
  spore_status (*unplug)(void* context, uint64_t offset, uint64_t bytes, spore_error* error);
  /* Unplugs whatever is plugged. [device] Errors as above, all or nothing likewise. */
  spore_status (*unplug_all)(void* context, spore_error* error);
  /* SPORE_BLOCKS_*: state of the blocks in the range, which must be valid as for `plug`, else SPORE_BLOCKS_MIXED. [any] */
  uint32_t (*blocks)(void* context, uint64_t offset, uint64_t bytes);
  /* Bytes plugged. [any] */
  uint64_t (*plugged_bytes)(void* context);
  /* Compatibility with drivers that read unplugged memory (no VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE): the slots of
   * [0, bytes) stay in the VM although nothing in them is plugged. [device] Unplugged blocks then read as zero and may cost
   * the host memory. SPORE_E_BUSY as above. */
  spore_status (*keep_mapped)(void* context, uint64_t bytes, spore_error* error);
} spore_elastic_memory;

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SPOREHOST_HOST_H */
