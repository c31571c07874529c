/* sporehost plugin ABI, part 3: devices.
 *
 * A virtio device (SPORE_KIND_VIRTIO_DEVICE) is a *personality*: device id, feature bits, configuration space and what its
 * queues mean. The host owns the transport (virtio-mmio version 2, VIRTIO 1.2 section 4.2), the split virtqueues
 * (section 2.7), the status machine and the interrupts. The personality sees descriptor chains whose every segment has
 * been checked against guest memory, and copies in and out of them: it never holds a pointer into the guest.
 *
 * An I/O device (SPORE_KIND_IO_DEVICE) has registers of its own in MMIO or port-I/O space and interrupts of its own. It says
 * how large they are; where they lie is the board's choice, unless the device must have an address that is known to all.
 *
 * Locking. The host holds the device's lock around every [device] call. What a device does from its own threads it wraps
 * in `lock` and `unlock` of sporehost.device-lock/1.
 *
 * Life of a virtio device: created -> described -> (accept_features -> activate -> notify, ... -> reset)* -> destroyed. A guest
 * that restarts gets a new machine, with new objects.
 */
#ifndef SPOREHOST_DEVICE_H
#define SPOREHOST_DEVICE_H

#include <sporehost/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- virtio personality ------------------------------------------------------------------------------------------ */

enum {
  SPORE_VIRTIO_QUEUES_MAX = 1024,
  SPORE_VIRTIO_QUEUE_SIZE_MAX = 32768,
  SPORE_VIRTIO_CONFIG_BYTES_MAX = 3840 /* what the window of virtio-mmio has room for */
};

enum {
  /* `notify` is short, never waits, and may run on the vCPU that rang the doorbell: fewer switches between threads for a device whose
   * driver waits for each answer. Without it the host serves doorbells on a thread of its choice while the vCPU runs on. */
  SPORE_VIRTIO_NOTIFY_INLINE = 1u
};

typedef struct spore_virtio_traits {
  uint32_t size;
  uint32_t device_id;    /* VIRTIO 1.2 section 5: 3 console, 4 entropy, 24 memory, ... */
  uint64_t features[2];  /* offered device-specific bits: 0 to 23 and 50 to 127, bit n in word n / 64 (section 2.2). The host adds the
                          * transport's own, 24 to 49 */
  uint32_t queue_count;  /* 1 .. SPORE_VIRTIO_QUEUES_MAX */
  uint32_t config_bytes; /* length of the configuration space; at most SPORE_VIRTIO_CONFIG_BYTES_MAX */
  const uint16_t* queue_size_max; /* one for each queue: a power of two, at most SPORE_VIRTIO_QUEUE_SIZE_MAX; constant */
  uint32_t flags;        /* SPORE_VIRTIO_NOTIFY_INLINE */
  uint32_t reserved;
  SPORE_LATER_FIELDS
} spore_virtio_traits;
SPORE_SIZED(spore_virtio_traits, 48);

/* What the driver made of the device when it set DRIVER_OK. */
typedef struct spore_virtio_activation {
  uint32_t size;
  uint32_t queue_count;       /* as the device described itself */
  uint64_t features[2];       /* negotiated, with the transport's */
  const uint16_t* queue_size; /* one for each queue, as the driver set it up; 0: it does not use that queue */
  SPORE_LATER_FIELDS
} spore_virtio_activation;
SPORE_SIZED(spore_virtio_activation, 32);

typedef struct spore_virtio_device_ops {
  uint32_t size;
  uint32_t reserved;

  /* Ends the object. [main] The device's lock is not held, so that threads of the device which take it can be joined here.
   * After it no call comes, and none of its timers or descriptors is served. */
  void (*destroy)(void* self);

  /* Asks for an optional interface of the device ("sporehost.resizable-memory/1"). [any] NULL when it has none. */
  const void* (*query_interface)(void* self, spore_string name);

  /* Says what the device is; constant over its life, what it points to too. [main] The host sets out->size and zeroes
   * the rest. */
  spore_status (*describe)(void* self, spore_virtio_traits* out, spore_error* error);

  /* Reads or writes the configuration space. [device] The range lies within config_bytes. */
  void (*read_config)(void* self, uint32_t offset, void* data, uint32_t bytes);
  void (*write_config)(void* self, uint32_t offset, const void* data, uint32_t bytes);

  /* The driver has chosen features and sets FEATURES_OK (VIRTIO 1.2 section 3.1.1). [device & inactive] `features`: two
   * words. Anything but SPORE_OK refuses: the driver reads the bit back as 0. */
  spore_status (*accept_features)(void* self, const uint64_t* features);

  /* The driver has set DRIVER_OK; the device is active from now on. [device & inactive] On failure it stays inactive and shows
   * DEVICE_NEEDS_RESET. */
  spore_status (*activate)(void* self, const spore_virtio_activation* activation, spore_error* error);

  /* The driver rang the doorbell of `queue`, or there may be work on it. [device & active] */
  void (*notify)(void* self, uint32_t queue);

  /* Device reset (status := 0): inactive again. [device] Chains taken before it are void; pushing one has no effect. */
  void (*reset)(void* self);
  SPORE_LATER_FIELDS
} spore_virtio_device_ops;
SPORE_SIZED(spore_virtio_device_ops, 80);

/* A descriptor chain that the driver made available (VIRTIO 1.2 section 2.7). Plain data; copy it freely. It is the
 * device's from `pop` to `push` or reset. */
typedef struct spore_chain {
  uint32_t size;
  uint16_t queue;
  uint16_t head;          /* index of the first descriptor */
  uint64_t serial;        /* tells chains apart across resets */
  uint64_t readable_bytes; /* device-readable part, all segments together */
  uint64_t writable_bytes; /* device-writable part */
  SPORE_LATER_FIELDS
} spore_chain;
SPORE_SIZED(spore_chain, 32);

#define SPORE_VIRTIO_1 "sporehost.virtio/1"
typedef struct spore_virtio {
  uint32_t size;
  uint32_t reserved;
  void* context;

  /* Takes the next chain of `queue`; the caller sets out->size. [device] SPORE_E_NOT_FOUND: none is there (the driver will
   * ring again, or the host calls `notify` again by itself: one notify sees a bounded number of chains). SPORE_E_INVALID:
   * no such queue, or out->size is not set. Malformed chains are dropped, counted and logged by the host and never seen here. */
  spore_status (*pop)(void* context, uint32_t queue, spore_chain* out);

  /* Copies from the readable part, or into the writable part, at `offset` bytes into that part. [device]
   * SPORE_E_RANGE, and nothing is copied, when it does not fit or when guest memory is no longer plugged;
   * SPORE_E_STATE for a chain that is not the device's. */
  spore_status (*read)(void* context, const spore_chain* chain, uint64_t offset, void* to, uint64_t bytes);
  spore_status (*write)(void* context, const spore_chain* chain, uint64_t offset, const void* from, uint64_t bytes);

  /* Gives the chain back with `written` bytes in its writable part. [device] The queue's interrupt is raised, where the
   * driver wants one (VIRTIO 1.2 section 2.7.7), when the current [device] call returns or at `unlock`. */
  void (*push)(void* context, const spore_chain* chain, uint32_t written);

  /* The configuration space changed: raises the configuration interrupt and advances ConfigGeneration. [device]
   * Before DRIVER_OK it only advances ConfigGeneration. */
  void (*config_changed)(void* context);

  /* The content of the configuration space changed in a way the driver is not told of by an interrupt: advances
   * ConfigGeneration only, so that a field read in halves is consistent. [device] */
  void (*config_touched)(void* context);
  SPORE_LATER_FIELDS
} spore_virtio;
SPORE_SIZED(spore_virtio, 64);

/* ---- sporehost.resizable-memory/1: offered by a virtio-mem device -------------------------------------------------- */
#define SPORE_RESIZABLE_MEMORY_1 "sporehost.resizable-memory/1"

typedef struct spore_resizable_state {
  uint32_t size;
  uint32_t active; /* the driver has set DRIVER_OK */
  uint64_t region_bytes;
  uint64_t block_bytes;
  uint64_t requested_bytes; /* what the driver is told */
  uint64_t usable_bytes;
  uint64_t plugged_bytes;
  SPORE_LATER_FIELDS
} spore_resizable_state;
SPORE_SIZED(spore_resizable_state, 48);

typedef struct spore_resizable_memory {
  uint32_t size;
  uint32_t reserved;
  /* The requested size is another one: read it by `info` of sporehost.elastic-memory/1. Takes effect with DRIVER_OK at the
   * earliest (VMEM-37). [any] */
  void (*requested_changed)(void* self);
  spore_status (*state)(void* self, spore_resizable_state* out); /* [any] the caller sets out->size */
  /* Memory may change again after plug or unplug had answered SPORE_E_BUSY: wakes the driver (VMEM-26). [any] */
  void (*retry)(void* self);
  SPORE_LATER_FIELDS
} spore_resizable_memory;
SPORE_SIZED(spore_resizable_memory, 32);

/* ---- sporehost.saved-state/1: offered by any device that can be saved ---------------------------------------------- */
#define SPORE_SAVED_STATE_1 "sporehost.saved-state/1"

typedef struct spore_saved_state {
  uint32_t size;
  uint32_t reserved;
  /* Writes the device's own state. [main], with the guest stopped. Two calls: with `to` NULL it gives the length. */
  spore_status (*save)(void* self, void* to, uint64_t capacity, uint64_t* bytes, spore_error* error);
  /* Takes state back, after `create` and before the guest runs. [main] The bytes are untrusted: everything is validated
   * before anything changes. */
  spore_status (*restore)(void* self, const void* from, uint64_t bytes, spore_error* error);
  SPORE_LATER_FIELDS
} spore_saved_state;
SPORE_SIZED(spore_saved_state, 24);

/* ---- plain I/O device ---------------------------------------------------------------------------------------------- */

enum { SPORE_IO_PORT = 1, SPORE_IO_MMIO = 2 };
enum { SPORE_TRIGGER_EDGE = 1, SPORE_TRIGGER_LEVEL = 2 };
enum { SPORE_IO_WINDOWS_MAX = 64, SPORE_IO_IRQS_MAX = 64 };

#define SPORE_ANY_BASE UINT64_MAX /* the board chooses an address that is free */
#define SPORE_ANY_IRQ UINT32_MAX  /* likewise an interrupt */

typedef struct spore_io_window {
  uint32_t size;
  uint32_t space;     /* SPORE_IO_PORT or SPORE_IO_MMIO; a board without ports refuses the former */
  uint64_t base;      /* port number or GPA that the device must have; SPORE_ANY_BASE */
  uint64_t bytes;     /* not 0 */
  uint64_t alignment; /* of a base that the board chooses: a power of two; 0: the length, rounded up to one */
  SPORE_LATER_FIELDS
} spore_io_window;
SPORE_SIZED(spore_io_window, 32);

typedef struct spore_io_irq {
  uint32_t size;
  uint32_t trigger; /* SPORE_TRIGGER_*: edges by `pulse`, levels by `set_level` */
  uint32_t gsi;     /* GSI that the device must have; SPORE_ANY_IRQ */
  uint32_t reserved;
  SPORE_LATER_FIELDS
} spore_io_irq;
SPORE_SIZED(spore_io_irq, 16);

typedef struct spore_io_traits {
  uint32_t size;
  uint32_t reserved;
  const spore_io_window* const* windows; /* constant; NULL where there are none */
  const spore_io_irq* const* irqs;       /* likewise */
  uint32_t window_count;                 /* at most SPORE_IO_WINDOWS_MAX */
  uint32_t irq_count;                    /* at most SPORE_IO_IRQS_MAX */
  /* How the guest's tables name the device; empty: they do not. ACPI _HID ("PNP0501", "QEMU0001": three capitals, or four
   * capitals or digits that begin with a letter, then four hexadecimal digits) for a guest with ACPI, and `compatible` of the device tree ("arm,pl031") for
   * one with a tree. Both describe the windows and the interrupts where the board put them. */
  spore_string acpi_hid;
  spore_string fdt_compatible;
  SPORE_LATER_FIELDS
} spore_io_traits;
SPORE_SIZED(spore_io_traits, 64);

/* Where the board put the device. */
typedef struct spore_io_placement {
  uint32_t size;
  uint32_t reserved;
  const uint64_t* bases; /* one for each window */
  const uint32_t* gsis;  /* one for each interrupt */
  SPORE_LATER_FIELDS
} spore_io_placement;
SPORE_SIZED(spore_io_placement, 24);

typedef struct spore_io_device_ops {
  uint32_t size;
  uint32_t reserved;
  void (*destroy)(void* self);                                     /* [main] the device's lock is not held */
  const void* (*query_interface)(void* self, spore_string name);   /* [any] */
  /* Says where the registers are; constant over its life, what it points to too. [main] The host sets out->size and
   * zeroes the rest. */
  spore_status (*describe)(void* self, spore_io_traits* out, spore_error* error);
  /* Says where the device went. [device], once, before the guest runs and before any access; borrowed. */
  void (*placed)(void* self, const spore_io_placement* placement);
  /* Accesses a register. [device] `bytes` is 1, 2, 4 or 8; the range lies within the window. `data` is little-endian. */
  void (*read)(void* self, uint32_t window, uint64_t offset, void* data, uint32_t bytes);
  void (*write)(void* self, uint32_t window, uint64_t offset, const void* data, uint32_t bytes);
  SPORE_LATER_FIELDS
} spore_io_device_ops;
SPORE_SIZED(spore_io_device_ops, 56);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SPOREHOST_DEVICE_H */
