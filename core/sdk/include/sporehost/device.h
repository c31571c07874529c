/* sporehost plugin ABI, part 3: devices.
 *
 * A virtio device (SPORE_KIND_VIRTIO_DEVICE) is a *personality*: device id, feature bits, configuration space and what its
 * queues mean. The host owns the transport (virtio-mmio version 2, VIRTIO 1.2 section 4.2), the split virtqueues
 * (section 2.7), the status machine and the interrupts. The personality sees descriptor chains whose every segment has
 * been checked against guest memory, and copies in and out of them: it never holds a pointer into the guest.
 *
 * An I/O device (SPORE_KIND_IO_DEVICE) has registers of its own in MMIO or port-I/O space and interrupts of its own.
 *
 * Locking. The host holds the device's lock around every [device] call. What a device does from its own threads it
 * wraps in `lock` and `unlock` of sporehost.virtio/1.
 */
#ifndef SPOREHOST_DEVICE_H
#define SPOREHOST_DEVICE_H

#include <sporehost/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- virtio personality ------------------------------------------------------------------------------------------ */

enum { SPORE_VIRTIO_QUEUES_MAX = 64 };

typedef struct spore_virtio_traits {
  uint32_t size;
  uint32_t device_id;    /* VIRTIO 1.2 section 5: 3 console, 4 entropy, 24 memory, ... */
  uint64_t features;     /* offered device-specific bits (0..23, 50..127 below 64); the host adds the transport's own */
  uint32_t queue_count;  /* 1 .. SPORE_VIRTIO_QUEUES_MAX */
  uint32_t config_bytes; /* length of the configuration space; at most 3840 */
  uint16_t queue_size_max[SPORE_VIRTIO_QUEUES_MAX]; /* a power of two, at most 32768 */
} spore_virtio_traits;

typedef struct spore_virtio_device_ops {
  uint32_t size;

  /* Ends the object. [main] The device's lock is not held, so that threads of the device which take it can be joined here.
   * After it no call comes, and none of its timers or descriptors is served. */
  void (*destroy)(void* self);

  /* Asks for an optional interface of the device ("sporehost.resizable-memory/1"). [any] NULL when it has none. */
  const void* (*query_interface)(void* self, const char* name);

  /* Says what the device is; constant over its life. [main] The host sets out->size and zeroes the rest. */
  void (*describe)(void* self, spore_virtio_traits* out);

  /* Reads or writes the configuration space. [device] The range lies within config_bytes. */
  void (*read_config)(void* self, uint32_t offset, void* data, uint32_t bytes);
  void (*write_config)(void* self, uint32_t offset, const void* data, uint32_t bytes);

  /* The driver has chosen features and sets FEATURES_OK (VIRTIO 1.2 section 3.1.1). [device]
   * Anything but SPORE_OK refuses: the driver reads the bit back as 0. */
  spore_status (*accept_features)(void* self, uint64_t features);

  /* The driver has set DRIVER_OK; queues are live from now on. [device] On failure the device shows
   * DEVICE_NEEDS_RESET. */
  spore_status (*activate)(void* self, uint64_t features, spore_error* error);

  /* The driver rang the doorbell of `queue`, or there may be work on it. [device] Only while active. */
  void (*notify)(void* self, uint32_t queue);

  /* Device reset (status := 0). [device] Chains taken before it are void; pushing one has no effect. */
  void (*reset)(void* self);

  /* The whole machine is reset: back to the state after `create`. [device] A device reset has come before. A host may make
   * a new object instead, and the one of today does: a guest that restarts gets a new machine. */
  void (*system_reset)(void* self);
} spore_virtio_device_ops;

/* A descriptor chain that the driver made available (VIRTIO 1.2 section 2.7). Plain data; copy it freely. It is the
 * device's from `pop` to `push` or reset. */
typedef struct spore_chain {
  uint32_t size;
  uint16_t queue;
  uint16_t head;          /* index of the first descriptor */
  uint64_t serial;        /* tells chains apart across resets */
  uint64_t readable_bytes; /* device-readable part, all segments together */
  uint64_t writable_bytes; /* device-writable part */
} spore_chain;

#define SPORE_VIRTIO_1 "sporehost.virtio/1"
typedef struct spore_virtio {
  uint32_t size;
  void* context;

  /* Takes the next chain of `queue`. [device] SPORE_E_NOT_FOUND: none is there (the driver will ring again).
   * Malformed chains are dropped, counted and logged by the host and never seen here. */
  spore_status (*pop)(void* context, uint32_t queue, spore_chain* out);

  /* Copies from the readable part, or into the writable part, at `offset` bytes into that part. [device]
   * SPORE_E_RANGE, and nothing is copied, when it does not fit or when guest memory is no longer plugged;
   * SPORE_E_STATE for a chain that is not the device's. */
  spore_status (*read)(void* context, const spore_chain* chain, uint64_t offset, void* to, size_t bytes);
  spore_status (*write)(void* context, const spore_chain* chain, uint64_t offset, const void* from, size_t bytes);

  /* Gives the chain back with `written` bytes in its writable part. [device] The queue's interrupt is raised, where the
   * driver wants one (VIRTIO 1.2 section 2.7.7), when the current [device] call returns or at `unlock`. */
  void (*push)(void* context, const spore_chain* chain, uint32_t written);

  /* The configuration space changed: raises the configuration interrupt and advances ConfigGeneration. [device]
   * Before DRIVER_OK it only advances ConfigGeneration. */
  void (*config_changed)(void* context);

  /* The content of the configuration space changed in a way the driver is not told of by an interrupt: advances
   * ConfigGeneration only, so that a field read in halves is consistent. [device] */
  void (*config_touched)(void* context);

  /* The device's lock, for the device's own threads and for interfaces called [any]. Recursive. [any] */
  void (*lock)(void* context);
  void (*unlock)(void* context);
} spore_virtio;

/* ---- sporehost.resizable-memory/1: offered by a virtio-mem device -------------------------------------------------- */
#define SPORE_RESIZABLE_MEMORY_1 "sporehost.resizable-memory/1"

typedef struct spore_resizable_state {
  uint32_t size;
  uint32_t active; /* the driver has set DRIVER_OK */
  uint64_t region_bytes;
  uint64_t block_bytes;
  uint64_t requested_bytes;
  uint64_t usable_bytes;
  uint64_t plugged_bytes;
} spore_resizable_state;

typedef struct spore_resizable_memory {
  uint32_t size;
  uint32_t reserved;
  /* Sets the requested size; takes effect with DRIVER_OK at the earliest (VMEM-37). [any] SPORE_E_INVALID when it is
   * larger than the region or no multiple of the block size. */
  spore_status (*request)(void* self, uint64_t bytes, spore_error* error);
  void (*state)(void* self, spore_resizable_state* out); /* [any] the caller sets out->size */
  /* Memory may change again after plug or unplug had answered SPORE_E_BUSY: wakes the driver (VMEM-26). [any] */
  void (*retry)(void* self);
} spore_resizable_memory;

/* ---- sporehost.saved-state/1: offered by any device that can be saved ---------------------------------------------- */
#define SPORE_SAVED_STATE_1 "sporehost.saved-state/1"

typedef struct spore_saved_state {
  uint32_t size;
  uint32_t reserved;
  /* Writes the device's own state. [main], with the guest stopped. Two calls: with `to` NULL it gives the length. */
  spore_status (*save)(void* self, void* to, size_t capacity, size_t* bytes, spore_error* error);
  /* Takes state back, after `create` and before the guest runs. [main] The bytes are untrusted: everything is validated
   * before anything changes. */
  spore_status (*restore)(void* self, const void* from, size_t bytes, spore_error* error);
} spore_saved_state;

/* ---- plain I/O device ---------------------------------------------------------------------------------------------- */

enum { SPORE_IO_PORT = 1, SPORE_IO_MMIO = 2 };
enum { SPORE_IO_WINDOWS_MAX = 8, SPORE_IO_IRQS_MAX = 4 };

typedef struct spore_io_window {
  uint32_t space; /* SPORE_IO_PORT or SPORE_IO_MMIO */
  uint32_t reserved;
  uint64_t base;  /* port number or GPA */
  uint64_t bytes;
} spore_io_window;

typedef struct spore_io_traits {
  uint32_t size;
  uint32_t window_count;
  spore_io_window windows[SPORE_IO_WINDOWS_MAX];
  uint32_t irq_count;
  uint32_t irqs[SPORE_IO_IRQS_MAX]; /* GSI wanted */
  char hardware_id[16];             /* ACPI _HID for the guest's tables, such as "PNP0501"; empty: not described */
} spore_io_traits;

typedef struct spore_io_device_ops {
  uint32_t size;
  void (*destroy)(void* self);                                     /* [main] the device's lock is not held */
  const void* (*query_interface)(void* self, const char* name);    /* [any] */
  /* Says where the registers are; constant over its life. [main] The host sets out->size and zeroes the rest. */
  void (*describe)(void* self, spore_io_traits* out);
  /* Accesses a register. [device] `bytes` is 1, 2, 4 or 8; the range lies within the window. `data` is little-endian. */
  void (*read)(void* self, uint32_t window, uint64_t offset, void* data, uint32_t bytes);
  void (*write)(void* self, uint32_t window, uint64_t offset, const void* data, uint32_t bytes);
  void (*system_reset)(void* self); /* [device] back to the state after `create` */
} spore_io_device_ops;

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SPOREHOST_DEVICE_H */
