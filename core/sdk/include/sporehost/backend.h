/* sporehost plugin ABI, part 5: backends, that is, hypervisors.
 *
 * Designed for the strictest one: HVF has one VM a process, a vCPU that only the thread that created it may touch, and
 * nothing but `kick` from elsewhere. So one backend object is one VM, every vCPU call is [vcpu], and `kick` is [any].
 *
 * Life: create -> probe -> open -> map_memory, create_vcpu, run, ... -> destroy_vcpu on each vCPU's thread -> destroy.
 * Boards, boot tables and loaders are the host's: a backend knows no guest. Register state is neutral, never a struct of
 * one hypervisor.
 */
#ifndef SPOREHOST_BACKEND_H
#define SPOREHOST_BACKEND_H

#include <sporehost/host.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a backend can do. An unknown one does not count. */
enum {
  SPORE_CAN_GROW = 1u,      /* memory is mapped and unmapped while vCPUs run */
  SPORE_CAN_READ_ONLY = 2u, /* memory is mapped without SPORE_MAP_WRITE */
  SPORE_CAN_DOORBELL = 4u,  /* add_doorbell works */
  SPORE_CAN_IRQCHIP = 8u,   /* SPORE_VM_IRQCHIP works */
  SPORE_CAN_LEVEL = 16u     /* set_irq_line works */
};

/* What a probe found. With `measure` 0 it costs a few milliseconds at most, with 1 about 50. The host asks before it plans. */
typedef struct spore_probe {
  uint32_t size;
  uint32_t usable;                  /* 1: VMs can be made here */
  uint32_t fit_for_linux;           /* 1: usable, and fast enough for a stock Linux kernel */
  uint32_t vcpus_max;
  uint64_t instructions_per_second; /* measured with a small guest loop; 0: not measured */
  uint64_t capabilities;            /* SPORE_CAN_* */
  uint64_t page_bytes;              /* every mapping's gpa, host address and length is a multiple of this power of two */
  uint32_t memory_slots_max;        /* mappings there can be at once; 0: no limit is known */
  uint32_t guest_address_bits;      /* width of guest-physical addresses */
  spore_text summary;               /* what was found, and if not usable what to do */
  SPORE_LATER_FIELDS
} spore_probe;
SPORE_SIZED(spore_probe, 72);

enum {
  SPORE_VM_IRQCHIP = 1u /* interrupt controllers in the backend: local APICs and IOAPIC, or GICv3 */
};

typedef struct spore_vm_config {
  uint32_t size;
  uint32_t vcpu_count;
  uint32_t flags; /* SPORE_VM_*; one that is not known is SPORE_E_UNSUPPORTED */
  uint32_t reserved;
  uint64_t gpa_end; /* one past the highest address that will ever be mapped */
  SPORE_LATER_FIELDS
} spore_vm_config;
SPORE_SIZED(spore_vm_config, 24);

/* Why `run` returned. One that is not known counts as SPORE_EXIT_FAULT. */
enum {
  SPORE_EXIT_KICKED = 1,    /* somebody called `kick`; run again to go on */
  SPORE_EXIT_SHUTDOWN = 2,  /* the guest shut the VM down hard: a triple fault on x86-64 */
  SPORE_EXIT_RESET = 3,     /* the guest asked for a reset (PSCI) */
  SPORE_EXIT_POWER_OFF = 4, /* the guest asked for power-off (PSCI) */
  SPORE_EXIT_HALTED = 5,    /* the vCPU halted and no interrupt controller can wake it */
  SPORE_EXIT_FAULT = 6      /* the backend cannot go on; `text` says why */
};

typedef struct spore_exit {
  uint32_t size;
  uint32_t reason;  /* SPORE_EXIT_* */
  uint64_t address; /* the guest's instruction pointer where known */
  spore_text text;  /* for a person; may stay empty but for SPORE_EXIT_FAULT */
  uint64_t data[8]; /* what belongs to the reason; 0 where nothing is said of it */
  SPORE_LATER_FIELDS
} spore_exit;
SPORE_SIZED(spore_exit, 104);

/* Served while `run` is inside, so that it returns seldom. [vcpu] `data` is little-endian; `bytes` is 1 to 8.
 * A callback that wants the vCPU to leave `run` kicks it. */
typedef struct spore_vm_callbacks {
  uint32_t size;
  uint32_t reserved;
  void* context;
  void (*mmio_read)(void* context, uint32_t vcpu, uint64_t gpa, void* data, uint32_t bytes);
  void (*mmio_write)(void* context, uint32_t vcpu, uint64_t gpa, const void* data, uint32_t bytes);
  void (*port_read)(void* context, uint32_t vcpu, uint16_t port, void* data, uint32_t bytes);
  void (*port_write)(void* context, uint32_t vcpu, uint16_t port, const void* data, uint32_t bytes);
  SPORE_LATER_FIELDS
} spore_vm_callbacks;
SPORE_SIZED(spore_vm_callbacks, 48);

/* A flag that a backend does not know is SPORE_E_UNSUPPORTED. */
enum { SPORE_MAP_READ = 1u, SPORE_MAP_WRITE = 2u, SPORE_MAP_EXECUTE = 4u };

/* A write to guest address `gpa` (or port) of `bytes` width signals `fd`, an eventfd, without leaving the kernel. Only for
 * backends with SPORE_CAN_DOORBELL. */
typedef struct spore_doorbell {
  uint32_t size;
  uint32_t port_space; /* 1: `address` is a port number */
  uint64_t address;
  uint32_t bytes; /* width of the write: 1, 2, 4 or 8 */
  uint32_t match; /* 1: only writes of `value` */
  uint64_t value;
  int32_t fd;
  uint32_t reserved;
  SPORE_LATER_FIELDS
} spore_doorbell;
SPORE_SIZED(spore_doorbell, 40);

typedef struct spore_backend_ops {
  uint32_t size;
  uint32_t reserved;

  /* Ends the VM. [main] Every vCPU has been destroyed by its thread before. */
  void (*destroy)(void* self);

  /* Optional interfaces: "sporehost.x86-vcpu/1", "sporehost.arm64-vcpu/1", ... [any] NULL when absent. */
  const void* (*query_interface)(void* self, spore_string name);

  /* Looks whether this backend works here, how well, and says it in words. [main], before or without `open`.
   * `measure` 0 skips the speed measurement. The host sets out->size and zeroes the rest. Fails only on defects: "not usable" is an answer. */
  spore_status (*probe)(void* self, uint32_t measure, spore_probe* out, spore_error* error);

  /* Creates the VM. [main], once. `callbacks` is copied. */
  spore_status (*open)(void* self, const spore_vm_config* config, const spore_vm_callbacks* callbacks,
                       spore_error* error);

  /* Maps `bytes` of this process at `host` into the guest at `gpa`, at any time. [any] Aligned to page_bytes of the probe; overlaps nothing
   * mapped. The memory stays the caller's and must stay there until it is unmapped,
   * or until every vCPU has been destroyed. SPORE_E_NO_MEMORY: out of slots. */
  spore_status (*map_memory)(void* self, uint64_t gpa, void* host, uint64_t bytes, uint32_t flags, spore_error* error);
  /* Takes away exactly one earlier mapping; when it returns no vCPU reaches the memory any more. [any] */
  spore_status (*unmap_memory)(void* self, uint64_t gpa, uint64_t bytes, spore_error* error);

  /* Creates vCPU `index` on the calling thread, which owns it from now on. [vcpu] vCPU 0 starts where its state says,
   * the others wait until the guest starts them. */
  spore_status (*create_vcpu)(void* self, uint32_t index, spore_error* error);
  void (*destroy_vcpu)(void* self, uint32_t index); /* [vcpu] */

  /* Runs the vCPU until something in SPORE_EXIT_* happens. [vcpu] The host sets out->size. */
  spore_status (*run)(void* self, uint32_t index, spore_exit* out, spore_error* error);

  /* Makes `run` of that vCPU return SPORE_EXIT_KICKED, soon, and exactly once for one or more kicks; a kick while it is
   * not running makes the next `run` return at once. [any] */
  void (*kick)(void* self, uint32_t index);

  /* Drives an interrupt line to a level, high (1) or low (0), or makes one edge on it. [any] The guest's tables say which
   * lines are level-triggered. */
  spore_status (*set_irq_line)(void* self, uint32_t gsi, uint32_t level);
  spore_status (*pulse_irq)(void* self, uint32_t gsi);

  /* Registers or removes a doorbell. [any] SPORE_E_UNSUPPORTED: the host matches the write itself, in the callback. */
  spore_status (*add_doorbell)(void* self, const spore_doorbell* doorbell, spore_error* error);
  spore_status (*remove_doorbell)(void* self, const spore_doorbell* doorbell);
  SPORE_LATER_FIELDS
} spore_backend_ops;
SPORE_SIZED(spore_backend_ops, 120);

/* ---- sporehost.x86-vcpu/1 ------------------------------------------------------------------------------------------ */
#define SPORE_X86_VCPU_1 "sporehost.x86-vcpu/1"

/* As the architecture has them: never grow. */
typedef struct spore_x86_segment {
  uint64_t base;
  uint32_t limit;
  uint16_t selector;
  uint16_t attributes; /* as in the descriptor: type 0-3, s 4, dpl 5-6, p 7, avl 12, l 13, db 14, g 15 (Intel SDM 3A 3.4.5) */
} spore_x86_segment;

typedef struct spore_x86_table {
  uint64_t base;
  uint32_t limit;
  uint32_t reserved;
} spore_x86_table;

/* General state of one vCPU (Intel SDM volume 3A, chapters 2 and 3). */
typedef struct spore_x86_state {
  uint32_t size;
  uint32_t reserved;
  uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
  uint64_t rip, rflags;
  spore_x86_segment cs, ds, es, fs, gs, ss, tr, ldt;
  spore_x86_table gdt, idt;
  uint64_t cr0, cr2, cr3, cr4, efer;
  SPORE_LATER_FIELDS
} spore_x86_state;
SPORE_SIZED(spore_x86_state, 352);

typedef struct spore_x86_vcpu {
  uint32_t size;
  uint32_t reserved;
  /* Reads or replaces the state. [vcpu], not inside `run`. The caller sets size. */
  spore_status (*get_state)(void* self, uint32_t index, spore_x86_state* out, spore_error* error);
  spore_status (*set_state)(void* self, uint32_t index, const spore_x86_state* state, spore_error* error);
  SPORE_LATER_FIELDS
} spore_x86_vcpu;
SPORE_SIZED(spore_x86_vcpu, 24);

/* ---- sporehost.arm64-vm/1 ------------------------------------------------------------------------------------------ */
#define SPORE_ARM64_VM_1 "sporehost.arm64-vm/1"

/* Offered by an arm64 backend. A VM opened with SPORE_VM_IRQCHIP has a GICv3 once set_gic has said where.
 *
 * GSI n is the shared peripheral interrupt n: the GIC's interrupt 32 + n. pulse_irq makes a rising edge on it. Doorbells
 * are MMIO writes; there are no ports. PSCI 1.0 by HVC starts the other vCPUs, and its SYSTEM_OFF and SYSTEM_RESET end
 * `run` with SPORE_EXIT_POWER_OFF and SPORE_EXIT_RESET. Every vCPU of the VM is created before any of them runs. */
typedef struct spore_arm64_gic {
  uint32_t size;
  uint32_t reserved;
  uint64_t distributor_bytes;
  uint64_t distributor_alignment;
  uint64_t redistributor_bytes; /* for each vCPU; they lie side by side */
  uint64_t redistributor_alignment;
  uint32_t gsi_count; /* GSIs 0 to this, without it: the shared peripheral interrupts */
  uint32_t reserved2;
  SPORE_LATER_FIELDS
} spore_arm64_gic;
SPORE_SIZED(spore_arm64_gic, 48);

typedef struct spore_arm64_vm {
  uint32_t size;
  uint32_t reserved;
  /* Says how much room the GICv3 takes and what it has. [main], after `open`. The caller sets out->size. */
  spore_status (*describe_gic)(void* self, spore_arm64_gic* out, spore_error* error);
  /* Places the GICv3. [main], once, after `open` and before the first create_vcpu. The addresses are aligned, and the
   * ranges sized, as describe_gic says; the redistributors lie in the order of the vCPUs' indices. SPORE_E_STATE: too
   * late, or the VM has no SPORE_VM_IRQCHIP. SPORE_E_INVALID: an address is not aligned. */
  spore_status (*set_gic)(void* self, uint64_t dist_gpa, uint64_t redist_gpa, spore_error* error);
  SPORE_LATER_FIELDS
} spore_arm64_vm;
SPORE_SIZED(spore_arm64_vm, 24);

/* ---- sporehost.arm64-vcpu/1 ---------------------------------------------------------------------------------------- */
#define SPORE_ARM64_VCPU_1 "sporehost.arm64-vcpu/1"

/* General state of one vCPU at EL1 and EL0 (Arm ARM, B1.2 and D1.2). A new vCPU has what reset leaves: EL1h with
 * interrupts masked, MMU and caches off. Its MPIDR_EL1 has Aff0 = index % 16, Aff1 = index / 16 % 256,
 * Aff2 = index / 4096. */
typedef struct spore_arm64_state {
  uint32_t size;
  uint32_t reserved;
  uint64_t x[31];
  uint64_t sp_el0, sp_el1;
  uint64_t pc;
  uint64_t pstate; /* as in SPSR_EL1 */
  SPORE_LATER_FIELDS
} spore_arm64_state;
SPORE_SIZED(spore_arm64_state, 288);

typedef struct spore_arm64_vcpu {
  uint32_t size;
  uint32_t reserved;
  /* Reads or replaces the state. [vcpu], not inside `run`. The caller sets size. */
  spore_status (*get_state)(void* self, uint32_t index, spore_arm64_state* out, spore_error* error);
  spore_status (*set_state)(void* self, uint32_t index, const spore_arm64_state* state, spore_error* error);
  SPORE_LATER_FIELDS
} spore_arm64_vcpu;
SPORE_SIZED(spore_arm64_vcpu, 24);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* SPOREHOST_BACKEND_H */
