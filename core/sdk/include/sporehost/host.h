/* sporehost plugin ABI, part 2: what the host offers every object of a plugin.
 *
 * `create` gets one `spore_host`. It belongs to that one object: what the object logs, counts or watches is booked under
 * its plugin, factory and instance name. Services that only some objects need are asked for by name with
 * `query_interface("sporehost.<name>/<revision>")`; absent means NULL, and an object that cannot live without it fails
 * `create` with SPORE_E_UNSUPPORTED and a sentence, or names it in its factory's `uses`.
 *
 * Every kind of object gets the whole table. Guest memory is there from the moment the machine is built until it goes:
 * before and after that, and for a policy or a backend that is only asked something (`sporehost plan`, `backend probe`),
 * read_memory and write_memory give SPORE_E_STATE; before that, watch_fd and start_timer too. A device finds memory in `create`
 * already; one that is made for a trial (`check`, `plan`) finds memory that holds nothing, and timers that never fire.
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

enum { SPORE_FD_READABLE = 1u, SPORE_FD_WRITABLE = 2u, SPORE_FD_HANGUP = 4u };

/* Called back [device] for a device: with its lock held, on a thread of the host's choice. [main] for every other kind. */
typedef void (*spore_fd_callback)(void* argument, uint32_t events);
typedef void (*spore_timer_callback)(void* argument);

typedef struct spore_host {
  uint32_t size;
  uint32_t abi_minor; /* of the host */
  void* context;      /* first argument of every function below */

  /* Writes one line to the host's log. [any] Never blocks on the guest. Of an object that says much at once some lines are
   * left out and counted. */
  void (*log)(void* context, int32_t level, spore_string text);

  /* Asks for a service by name. [any] NULL when this host has none. The table lives as long as the object. */
  const void* (*query_interface)(void* context, spore_string name);

  /* Copies between guest memory and the caller, by guest-physical address (GPA), across regions. [any]
   * All or nothing: SPORE_E_RANGE, and nothing is copied, when any byte is no memory or is not plugged. */
  spore_status (*read_memory)(void* context, uint64_t gpa, void* to, uint64_t bytes);
  spore_status (*write_memory)(void* context, uint64_t gpa, const void* from, uint64_t bytes);

  /* Watches a file descriptor, level-triggered. [any] `events`: SPORE_FD_READABLE, SPORE_FD_WRITABLE or both;
   * SPORE_FD_HANGUP is always told. The descriptor stays the caller's; it must be unwatched before it is closed.
   * SPORE_E_EXISTS: this descriptor is watched already. SPORE_E_INVALID: no callback, no or unknown events, no
   * descriptor. SPORE_E_UNSUPPORTED: a regular file, which is always ready. */
  spore_status (*watch_fd)(void* context, int32_t fd, uint32_t events, spore_fd_callback callback, void* argument);
  /* Changes the events of a watched descriptor; 0: none but SPORE_FD_HANGUP. [any] SPORE_E_NOT_FOUND: it is not watched. */
  spore_status (*modify_fd)(void* context, int32_t fd, uint32_t events);
  /* Ends a watch; of a descriptor that is not watched it does nothing. [any] When it returns to a caller that holds the
   * device's lock (for other kinds: on the main thread), the callback is not running and will not come any more
   * (SDK-28). To another caller a callback may still be on its way. */
  void (*unwatch_fd)(void* context, int32_t fd);

  /* Calls back once after `delay_ns`; UINT64_MAX and the like are never. [any] `timer`, unless NULL, gets a number to cancel
   * it with. Timers that are left are cancelled when the object is destroyed. SPORE_E_INVALID: no callback. */
  spore_status (*start_timer)(void* context, uint64_t delay_ns, spore_timer_callback callback, void* argument,
                              uint64_t* timer);
  /* Cancels a timer; one that has fired or that there never was is harmless. [any] The promise of unwatch_fd (SDK-28). */
  void (*cancel_timer)(void* context, uint64_t timer);

  /* A counter of this object by name ("requests"), starting at 0. [any] Add to it with an atomic, relaxed addition. It
   * appears in the report. The pointer lives as long as the object; the same name gives the same counter. */
  uint64_t* (*counter)(void* context, spore_string name);

  /* Monotonic time in nanoseconds. [any] */
  uint64_t (*now_ns)(void* context);
  SPORE_LATER_FIELDS
} spore_host;
SPORE_SIZED(spore_host, 104);

/* ---- sporehost.machine/1: for every object of a machine ---------------------------------------------------------- */
#define SPORE_MACHINE_1 "sporehost.machine/1"

enum {
  SPORE_STOP_POWER_OFF = 1, /* as if the guest had switched itself off */
  SPORE_STOP_RESET = 2,     /* as if the guest had asked for a reset */
  SPORE_STOP_STATUS = 3     /* the run ends with `status` as the program's exit status, as a debug-exit device wants it */
};

typedef struct spore_machine {
  uint32_t size;
  uint32_t reserved;
  void* context;
  /* Asks the machine to stop; the first request counts. [any] Returns at once: vCPUs may run on for a moment. `status`:
   * 0 to 255, with SPORE_STOP_STATUS. `reason`: one line for the log. SPORE_E_UNSUPPORTED: unknown `how`; SPORE_E_INVALID: a status that is
   * none; SPORE_E_STATE: there is no machine yet. */
  spore_status (*stop)(void* context, uint32_t how, uint32_t status, spore_string reason);
  SPORE_LATER_FIELDS
} spore_machine;
SPORE_SIZED(spore_machine, 24);

/* ---- sporehost.device-lock/1: for devices of both kinds ---------------------------------------------------------- */
#define SPORE_DEVICE_LOCK_1 "sporehost.device-lock/1"

/* The device's lock, for its own threads and for interfaces called [any]. Recursive. What is called with it held is
 * [device]. */
typedef struct spore_device_lock {
  uint32_t size;
  uint32_t reserved;
  void* context;
  void (*lock)(void* context);   /* [any] */
  void (*unlock)(void* context); /* [device] */
  SPORE_LATER_FIELDS
} spore_device_lock;
SPORE_SIZED(spore_device_lock, 32);

/* ---- sporehost.interrupts/1: for SPORE_KIND_IO_DEVICE ----------------------------------------------------------- */
#define SPORE_INTERRUPTS_1 "sporehost.interrupts/1"
typedef struct spore_interrupts {
  uint32_t size;
  uint32_t reserved;
  void* context;
  /* Makes one edge on the device's interrupt `index` (0 .. irq_count-1 of its traits), which is SPORE_TRIGGER_EDGE. [any]
   * Before the machine is built, or on a wrong index, nothing happens and the host counts it. */
  void (*pulse)(void* context, uint32_t index);
  /* Drives the device's interrupt `index`, which is SPORE_TRIGGER_LEVEL, high (1) or low (0). [any] It starts low. */
  void (*set_level)(void* context, uint32_t index, uint32_t level);
  SPORE_LATER_FIELDS
} spore_interrupts;
SPORE_SIZED(spore_interrupts, 32);

/* ---- sporehost.streams/1: byte streams between a device and the host ---------------------------------------------
 * Streams are named: "console" (text for a person) and "sporehost.agent" (the guest channel). A device opens the ones it
 * carries. Either side may be slow: what a call does not accept, the caller keeps and offers again when told. */
#define SPORE_STREAMS_1 "sporehost.streams/1"

typedef struct spore_stream_events {
  uint32_t size;
  uint32_t reserved;
  /* The host has bytes for the guest: call `take`. [device] */
  void (*readable)(void* argument, uint32_t stream);
  /* The host accepts bytes again after `give` had accepted fewer than it was given. [device] */
  void (*writable)(void* argument, uint32_t stream);
  SPORE_LATER_FIELDS
} spore_stream_events;
SPORE_SIZED(spore_stream_events, 24);

typedef struct spore_streams {
  uint32_t size;
  uint32_t reserved;
  void* context;
  /* Opens the stream `name`; `events` must outlive the object. [main], in `create` only.
   * SPORE_E_NOT_FOUND: the host has no such stream. SPORE_E_EXISTS: the host allows one holder and has one. */
  spore_status (*open)(void* context, spore_string name, const spore_stream_events* events, void* argument,
                       uint32_t* stream);
  /* Guest to host. [device] Returns how many bytes the host accepted; fewer than `bytes` means: wait for `writable`. */
  uint64_t (*give)(void* context, uint32_t stream, const void* data, uint64_t bytes);
  /* Host to guest. [device] Copies out at most `bytes` and returns how many; 0: nothing now, wait for `readable`. */
  uint64_t (*take)(void* context, uint32_t stream, void* data, uint64_t bytes);
  /* The guest's side was opened (1) or closed (0). [device] Before it is open the host sends nothing. */
  void (*guest_open)(void* context, uint32_t stream, uint32_t open);
  SPORE_LATER_FIELDS
} spore_streams;
SPORE_SIZED(spore_streams, 48);

/* ---- sporehost.elastic-memory/1: the region that virtio-mem plugs ------------------------------------------------
 * One reserved range of guest-physical addresses. It knows which blocks are plugged, and which size is requested: the device asks, and
 * keeps no copy.
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
  uint64_t requested_bytes; /* what the guest shall plug, now; a multiple of block_bytes, at most bytes */
  SPORE_LATER_FIELDS
} spore_elastic_info;
SPORE_SIZED(spore_elastic_info, 48);

typedef struct spore_elastic_memory {
  uint32_t size;
  uint32_t reserved;
  void* context;
  /* Describes the region. [any] The caller sets out->size. */
  spore_status (*info)(void* context, spore_elastic_info* out);
  /* Plugs or unplugs [offset, offset + bytes), offsets from the region's start, multiples of block_bytes. [device]
   * SPORE_E_INVALID where they are none, SPORE_E_RANGE outside the region, SPORE_E_STATE when a block already is (un)plugged, SPORE_E_BUSY when memory may
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
   * [0, bytes) of the region stay in the VM although nothing in them is plugged. [device] Unplugged blocks then read as zero and may cost
   * the host memory. SPORE_E_BUSY as above. */
  spore_status (*keep_mapped)(void* context, uint64_t bytes, spore_error* error);
  SPORE_LATER_FIELDS
} spore_elastic_memory;
SPORE_SIZED(spore_elastic_memory, 72);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SPOREHOST_HOST_H */
