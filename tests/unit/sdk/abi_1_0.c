/* The layout of SDK 1.0, as every plugin that is out there was built with it: a minor version only appends. So
 * nothing here is ever changed; a line that no longer holds does not compile, and means that the header broke the promise.
 * What a later minor adds gets a file like this one.
 *
 * AT: where a member lies. EXACT: a struct that cannot grow. GROWS: one that begins with its size. IS: a number. The
 * same on x86-64 and arm64. */
#include <sporehost/abi.h>
#include <sporehost/backend.h>
#include <sporehost/device.h>
#include <sporehost/host.h>
#include <sporehost/memory_policy.h>

#define AT(type, member, offset) \
  _Static_assert(offsetof(type, member) == (offset), "SDK 1.0 has " #type "." #member " at byte " #offset)
#define EXACT(type, bytes) _Static_assert(sizeof(type) == (bytes), "SDK 1.0 has " #bytes " bytes of " #type)
#define GROWS(type, bytes)                                                                                   \
  _Static_assert(sizeof(type) >= (bytes), "SDK 1.0 has " #bytes " bytes of " #type ", which may only grow"); \
  _Static_assert(type##_10_bytes == (bytes), "SDK 1.0 has " #bytes " bytes of " #type)
#define IS(name, value) _Static_assert((name) == (value), "SDK 1.0 has " #name " = " #value)

/* ---- abi.h */

IS(SPORE_ABI_MAJOR, 1); IS(SPORE_PLUGIN_MAGIC, UINT64_C(0x74736865726f7073)); IS(SPORE_OK, 0); IS(SPORE_E_INVALID, 1);
IS(SPORE_E_UNSUPPORTED, 2); IS(SPORE_E_NO_MEMORY, 3); IS(SPORE_E_IO, 4); IS(SPORE_E_PERMISSION, 5);
IS(SPORE_E_BUSY, 6); IS(SPORE_E_RANGE, 7); IS(SPORE_E_STATE, 8); IS(SPORE_E_NOT_FOUND, 9); IS(SPORE_E_EXISTS, 10);
IS(SPORE_E_INTERNAL, 11); IS(SPORE_E_TIMEOUT, 12); IS(SPORE_KIND_BACKEND, 1); IS(SPORE_KIND_VIRTIO_DEVICE, 2);
IS(SPORE_KIND_IO_DEVICE, 3); IS(SPORE_KIND_MEMORY_POLICY, 4); IS(SPORE_ARCH_X86_64, 1); IS(SPORE_ARCH_AARCH64, 2);

EXACT(spore_string, 16); AT(spore_string, data, 0); AT(spore_string, length, 8);

EXACT(spore_text, 24); AT(spore_text, data, 0); AT(spore_text, capacity, 8); AT(spore_text, length, 16);

GROWS(spore_error, 32); AT(spore_error, size, 0); AT(spore_error, reserved, 4); AT(spore_error, text, 8);

EXACT(spore_object, 16); AT(spore_object, ops, 0); AT(spore_object, self, 8);

GROWS(spore_factory, 80); AT(spore_factory, size, 0); AT(spore_factory, kind, 4); AT(spore_factory, id, 8);
AT(spore_factory, summary, 24); AT(spore_factory, options_schema, 40); AT(spore_factory, uses, 56);
AT(spore_factory, uses_count, 64); AT(spore_factory, reserved, 68); AT(spore_factory, create, 72);

GROWS(spore_plugin, 64); AT(spore_plugin, magic, 0); AT(spore_plugin, size, 8); AT(spore_plugin, abi_major, 12);
AT(spore_plugin, abi_minor, 14); AT(spore_plugin, arch, 16); AT(spore_plugin, factory_count, 20);
AT(spore_plugin, id, 24); AT(spore_plugin, version, 40); AT(spore_plugin, factories, 56);

/* ---- host.h */

IS(SPORE_LOG_DEBUG, 0); IS(SPORE_LOG_INFO, 1); IS(SPORE_LOG_WARN, 2); IS(SPORE_LOG_ERROR, 3); IS(SPORE_FD_READABLE, 1);
IS(SPORE_FD_WRITABLE, 2); IS(SPORE_FD_HANGUP, 4); IS(SPORE_STOP_POWER_OFF, 1); IS(SPORE_STOP_RESET, 2);
IS(SPORE_STOP_STATUS, 3); IS(SPORE_BLOCKS_UNPLUGGED, 0); IS(SPORE_BLOCKS_PLUGGED, 1); IS(SPORE_BLOCKS_MIXED, 2);

GROWS(spore_host, 104); AT(spore_host, size, 0); AT(spore_host, abi_minor, 4); AT(spore_host, context, 8);
AT(spore_host, log, 16); AT(spore_host, query_interface, 24); AT(spore_host, read_memory, 32);
AT(spore_host, write_memory, 40); AT(spore_host, watch_fd, 48); AT(spore_host, modify_fd, 56);
AT(spore_host, unwatch_fd, 64); AT(spore_host, start_timer, 72); AT(spore_host, cancel_timer, 80);
AT(spore_host, counter, 88); AT(spore_host, now_ns, 96);

GROWS(spore_machine, 24); AT(spore_machine, size, 0); AT(spore_machine, reserved, 4); AT(spore_machine, context, 8);
AT(spore_machine, stop, 16);

GROWS(spore_device_lock, 32); AT(spore_device_lock, size, 0); AT(spore_device_lock, reserved, 4);
AT(spore_device_lock, context, 8); AT(spore_device_lock, lock, 16); AT(spore_device_lock, unlock, 24);

GROWS(spore_interrupts, 32); AT(spore_interrupts, size, 0); AT(spore_interrupts, reserved, 4);
AT(spore_interrupts, context, 8); AT(spore_interrupts, pulse, 16); AT(spore_interrupts, set_level, 24);

GROWS(spore_stream_events, 24); AT(spore_stream_events, size, 0); AT(spore_stream_events, reserved, 4);
AT(spore_stream_events, readable, 8); AT(spore_stream_events, writable, 16);

GROWS(spore_streams, 48); AT(spore_streams, size, 0); AT(spore_streams, reserved, 4); AT(spore_streams, context, 8);
AT(spore_streams, open, 16); AT(spore_streams, give, 24); AT(spore_streams, take, 32);
AT(spore_streams, guest_open, 40);

GROWS(spore_elastic_info, 48); AT(spore_elastic_info, size, 0); AT(spore_elastic_info, reserved, 4);
AT(spore_elastic_info, gpa, 8); AT(spore_elastic_info, bytes, 16); AT(spore_elastic_info, block_bytes, 24);
AT(spore_elastic_info, slot_bytes, 32); AT(spore_elastic_info, requested_bytes, 40);

GROWS(spore_elastic_memory, 72); AT(spore_elastic_memory, size, 0); AT(spore_elastic_memory, reserved, 4);
AT(spore_elastic_memory, context, 8); AT(spore_elastic_memory, info, 16); AT(spore_elastic_memory, plug, 24);
AT(spore_elastic_memory, unplug, 32); AT(spore_elastic_memory, unplug_all, 40); AT(spore_elastic_memory, blocks, 48);
AT(spore_elastic_memory, plugged_bytes, 56); AT(spore_elastic_memory, keep_mapped, 64);

/* ---- device.h */

IS(SPORE_ANY_BASE, UINT64_MAX); IS(SPORE_ANY_IRQ, UINT32_MAX); IS(SPORE_VIRTIO_QUEUES_MAX, 1024);
IS(SPORE_VIRTIO_QUEUE_SIZE_MAX, 32768); IS(SPORE_VIRTIO_CONFIG_BYTES_MAX, 3840); IS(SPORE_VIRTIO_NOTIFY_INLINE, 1);
IS(SPORE_IO_PORT, 1); IS(SPORE_IO_MMIO, 2); IS(SPORE_TRIGGER_EDGE, 1); IS(SPORE_TRIGGER_LEVEL, 2);
IS(SPORE_IO_WINDOWS_MAX, 64); IS(SPORE_IO_IRQS_MAX, 64);

GROWS(spore_virtio_traits, 48); AT(spore_virtio_traits, size, 0); AT(spore_virtio_traits, device_id, 4);
AT(spore_virtio_traits, features, 8); AT(spore_virtio_traits, queue_count, 24);
AT(spore_virtio_traits, config_bytes, 28); AT(spore_virtio_traits, queue_size_max, 32);
AT(spore_virtio_traits, flags, 40); AT(spore_virtio_traits, reserved, 44);

GROWS(spore_virtio_activation, 32); AT(spore_virtio_activation, size, 0); AT(spore_virtio_activation, queue_count, 4);
AT(spore_virtio_activation, features, 8); AT(spore_virtio_activation, queue_size, 24);

GROWS(spore_virtio_device_ops, 80); AT(spore_virtio_device_ops, size, 0); AT(spore_virtio_device_ops, reserved, 4);
AT(spore_virtio_device_ops, destroy, 8); AT(spore_virtio_device_ops, query_interface, 16);
AT(spore_virtio_device_ops, describe, 24); AT(spore_virtio_device_ops, read_config, 32);
AT(spore_virtio_device_ops, write_config, 40); AT(spore_virtio_device_ops, accept_features, 48);
AT(spore_virtio_device_ops, activate, 56); AT(spore_virtio_device_ops, notify, 64);
AT(spore_virtio_device_ops, reset, 72);

GROWS(spore_chain, 32); AT(spore_chain, size, 0); AT(spore_chain, queue, 4); AT(spore_chain, head, 6);
AT(spore_chain, serial, 8); AT(spore_chain, readable_bytes, 16); AT(spore_chain, writable_bytes, 24);

GROWS(spore_virtio, 64); AT(spore_virtio, size, 0); AT(spore_virtio, reserved, 4); AT(spore_virtio, context, 8);
AT(spore_virtio, pop, 16); AT(spore_virtio, read, 24); AT(spore_virtio, write, 32); AT(spore_virtio, push, 40);
AT(spore_virtio, config_changed, 48); AT(spore_virtio, config_touched, 56);

GROWS(spore_resizable_state, 48); AT(spore_resizable_state, size, 0); AT(spore_resizable_state, active, 4);
AT(spore_resizable_state, region_bytes, 8); AT(spore_resizable_state, block_bytes, 16);
AT(spore_resizable_state, requested_bytes, 24); AT(spore_resizable_state, usable_bytes, 32);
AT(spore_resizable_state, plugged_bytes, 40);

GROWS(spore_resizable_memory, 32); AT(spore_resizable_memory, size, 0); AT(spore_resizable_memory, reserved, 4);
AT(spore_resizable_memory, requested_changed, 8); AT(spore_resizable_memory, state, 16);
AT(spore_resizable_memory, retry, 24);

GROWS(spore_saved_state, 24); AT(spore_saved_state, size, 0); AT(spore_saved_state, reserved, 4);
AT(spore_saved_state, save, 8); AT(spore_saved_state, restore, 16);

GROWS(spore_io_window, 32); AT(spore_io_window, size, 0); AT(spore_io_window, space, 4); AT(spore_io_window, base, 8);
AT(spore_io_window, bytes, 16); AT(spore_io_window, alignment, 24);

GROWS(spore_io_irq, 16); AT(spore_io_irq, size, 0); AT(spore_io_irq, trigger, 4); AT(spore_io_irq, gsi, 8);
AT(spore_io_irq, reserved, 12);

GROWS(spore_io_traits, 64); AT(spore_io_traits, size, 0); AT(spore_io_traits, reserved, 4);
AT(spore_io_traits, windows, 8); AT(spore_io_traits, irqs, 16); AT(spore_io_traits, window_count, 24);
AT(spore_io_traits, irq_count, 28); AT(spore_io_traits, acpi_hid, 32); AT(spore_io_traits, fdt_compatible, 48);

GROWS(spore_io_placement, 24); AT(spore_io_placement, size, 0); AT(spore_io_placement, reserved, 4);
AT(spore_io_placement, bases, 8); AT(spore_io_placement, gsis, 16);

GROWS(spore_io_device_ops, 56); AT(spore_io_device_ops, size, 0); AT(spore_io_device_ops, reserved, 4);
AT(spore_io_device_ops, destroy, 8); AT(spore_io_device_ops, query_interface, 16);
AT(spore_io_device_ops, describe, 24); AT(spore_io_device_ops, placed, 32); AT(spore_io_device_ops, read, 40);
AT(spore_io_device_ops, write, 48);

/* ---- backend.h */

IS(SPORE_CAN_GROW, 1); IS(SPORE_CAN_READ_ONLY, 2); IS(SPORE_CAN_DOORBELL, 4); IS(SPORE_CAN_IRQCHIP, 8);
IS(SPORE_CAN_LEVEL, 16); IS(SPORE_VM_IRQCHIP, 1); IS(SPORE_EXIT_KICKED, 1); IS(SPORE_EXIT_SHUTDOWN, 2);
IS(SPORE_EXIT_RESET, 3); IS(SPORE_EXIT_POWER_OFF, 4); IS(SPORE_EXIT_HALTED, 5); IS(SPORE_EXIT_FAULT, 6);
IS(SPORE_MAP_READ, 1); IS(SPORE_MAP_WRITE, 2); IS(SPORE_MAP_EXECUTE, 4);

GROWS(spore_probe, 72); AT(spore_probe, size, 0); AT(spore_probe, usable, 4); AT(spore_probe, fit_for_linux, 8);
AT(spore_probe, vcpus_max, 12); AT(spore_probe, instructions_per_second, 16); AT(spore_probe, capabilities, 24);
AT(spore_probe, page_bytes, 32); AT(spore_probe, memory_slots_max, 40); AT(spore_probe, guest_address_bits, 44);
AT(spore_probe, summary, 48);

GROWS(spore_vm_config, 24); AT(spore_vm_config, size, 0); AT(spore_vm_config, vcpu_count, 4);
AT(spore_vm_config, flags, 8); AT(spore_vm_config, reserved, 12); AT(spore_vm_config, gpa_end, 16);

GROWS(spore_exit, 104); AT(spore_exit, size, 0); AT(spore_exit, reason, 4); AT(spore_exit, address, 8);
AT(spore_exit, text, 16); AT(spore_exit, data, 40);

GROWS(spore_vm_callbacks, 48); AT(spore_vm_callbacks, size, 0); AT(spore_vm_callbacks, reserved, 4);
AT(spore_vm_callbacks, context, 8); AT(spore_vm_callbacks, mmio_read, 16); AT(spore_vm_callbacks, mmio_write, 24);
AT(spore_vm_callbacks, port_read, 32); AT(spore_vm_callbacks, port_write, 40);

GROWS(spore_doorbell, 40); AT(spore_doorbell, size, 0); AT(spore_doorbell, port_space, 4);
AT(spore_doorbell, address, 8); AT(spore_doorbell, bytes, 16); AT(spore_doorbell, match, 20);
AT(spore_doorbell, value, 24); AT(spore_doorbell, fd, 32); AT(spore_doorbell, reserved, 36);

GROWS(spore_backend_ops, 120); AT(spore_backend_ops, size, 0); AT(spore_backend_ops, reserved, 4);
AT(spore_backend_ops, destroy, 8); AT(spore_backend_ops, query_interface, 16); AT(spore_backend_ops, probe, 24);
AT(spore_backend_ops, open, 32); AT(spore_backend_ops, map_memory, 40); AT(spore_backend_ops, unmap_memory, 48);
AT(spore_backend_ops, create_vcpu, 56); AT(spore_backend_ops, destroy_vcpu, 64); AT(spore_backend_ops, run, 72);
AT(spore_backend_ops, kick, 80); AT(spore_backend_ops, set_irq_line, 88); AT(spore_backend_ops, pulse_irq, 96);
AT(spore_backend_ops, add_doorbell, 104); AT(spore_backend_ops, remove_doorbell, 112);

EXACT(spore_x86_segment, 16); AT(spore_x86_segment, base, 0); AT(spore_x86_segment, limit, 8);
AT(spore_x86_segment, selector, 12); AT(spore_x86_segment, attributes, 14);

EXACT(spore_x86_table, 16); AT(spore_x86_table, base, 0); AT(spore_x86_table, limit, 8);
AT(spore_x86_table, reserved, 12);

GROWS(spore_x86_state, 352); AT(spore_x86_state, size, 0); AT(spore_x86_state, reserved, 4);
AT(spore_x86_state, rax, 8); AT(spore_x86_state, rbx, 16); AT(spore_x86_state, rcx, 24); AT(spore_x86_state, rdx, 32);
AT(spore_x86_state, rsi, 40); AT(spore_x86_state, rdi, 48); AT(spore_x86_state, rsp, 56); AT(spore_x86_state, rbp, 64);
AT(spore_x86_state, r8, 72); AT(spore_x86_state, r9, 80); AT(spore_x86_state, r10, 88); AT(spore_x86_state, r11, 96);
AT(spore_x86_state, r12, 104); AT(spore_x86_state, r13, 112); AT(spore_x86_state, r14, 120);
AT(spore_x86_state, r15, 128); AT(spore_x86_state, rip, 136); AT(spore_x86_state, rflags, 144);
AT(spore_x86_state, cs, 152); AT(spore_x86_state, ds, 168); AT(spore_x86_state, es, 184); AT(spore_x86_state, fs, 200);
AT(spore_x86_state, gs, 216); AT(spore_x86_state, ss, 232); AT(spore_x86_state, tr, 248);
AT(spore_x86_state, ldt, 264); AT(spore_x86_state, gdt, 280); AT(spore_x86_state, idt, 296);
AT(spore_x86_state, cr0, 312); AT(spore_x86_state, cr2, 320); AT(spore_x86_state, cr3, 328);
AT(spore_x86_state, cr4, 336); AT(spore_x86_state, efer, 344);

GROWS(spore_x86_vcpu, 24); AT(spore_x86_vcpu, size, 0); AT(spore_x86_vcpu, reserved, 4);
AT(spore_x86_vcpu, get_state, 8); AT(spore_x86_vcpu, set_state, 16);

GROWS(spore_arm64_gic, 48); AT(spore_arm64_gic, size, 0); AT(spore_arm64_gic, reserved, 4);
AT(spore_arm64_gic, distributor_bytes, 8); AT(spore_arm64_gic, distributor_alignment, 16);
AT(spore_arm64_gic, redistributor_bytes, 24); AT(spore_arm64_gic, redistributor_alignment, 32);
AT(spore_arm64_gic, gsi_count, 40); AT(spore_arm64_gic, reserved2, 44);

GROWS(spore_arm64_vm, 24); AT(spore_arm64_vm, size, 0); AT(spore_arm64_vm, reserved, 4);
AT(spore_arm64_vm, describe_gic, 8); AT(spore_arm64_vm, set_gic, 16);

GROWS(spore_arm64_state, 288); AT(spore_arm64_state, size, 0); AT(spore_arm64_state, reserved, 4);
AT(spore_arm64_state, x, 8); AT(spore_arm64_state, sp_el0, 256); AT(spore_arm64_state, sp_el1, 264);
AT(spore_arm64_state, pc, 272); AT(spore_arm64_state, pstate, 280);

GROWS(spore_arm64_vcpu, 24); AT(spore_arm64_vcpu, size, 0); AT(spore_arm64_vcpu, reserved, 4);
AT(spore_arm64_vcpu, get_state, 8); AT(spore_arm64_vcpu, set_state, 16);

/* ---- memory_policy.h */

IS(SPORE_ORIGIN_MANAGED, 0); IS(SPORE_ORIGIN_CUSTOM_CONFIG, 1); IS(SPORE_ORIGIN_CUSTOM_OPTION, 2);
IS(SPORE_ORIGIN_CUSTOM_ENVIRONMENT, 3); IS(SPORE_ORIGIN_NONE, 4); IS(SPORE_MEMORY_AUTO, 0);
IS(SPORE_MEMORY_EXPLICIT, 1); IS(SPORE_EVENT_READY, 1); IS(SPORE_EVENT_IDLE, 2); IS(SPORE_EVENT_PRESSURE, 3);
IS(SPORE_EVENT_PLUGGED, 4); IS(SPORE_EVENT_TICK, 5); IS(SPORE_EVENT_OPERATOR, 6);

GROWS(spore_memory_request, 16); AT(spore_memory_request, size, 0); AT(spore_memory_request, mode, 4);
AT(spore_memory_request, bytes, 8);

GROWS(spore_memory_facts, 64); AT(spore_memory_facts, size, 0); AT(spore_memory_facts, kernel_origin, 4);
AT(spore_memory_facts, initrd_origin, 8); AT(spore_memory_facts, capture, 12); AT(spore_memory_facts, resume, 16);
AT(spore_memory_facts, kernel_can_grow, 20); AT(spore_memory_facts, backend_can_grow, 24);
AT(spore_memory_facts, device_present, 28); AT(spore_memory_facts, host_total_bytes, 32);
AT(spore_memory_facts, host_available_bytes, 40); AT(spore_memory_facts, page_bytes, 48);
AT(spore_memory_facts, memory_slots_max, 56); AT(spore_memory_facts, guest_address_bits, 60);

GROWS(spore_memory_plan, 72); AT(spore_memory_plan, size, 0); AT(spore_memory_plan, reserved, 4);
AT(spore_memory_plan, boot_bytes, 8); AT(spore_memory_plan, region_bytes, 16);
AT(spore_memory_plan, requested_bytes, 24); AT(spore_memory_plan, block_bytes, 32);
AT(spore_memory_plan, slot_bytes, 40); AT(spore_memory_plan, reason, 48);

GROWS(spore_memory_event, 24); AT(spore_memory_event, size, 0); AT(spore_memory_event, type, 4);
AT(spore_memory_event, operator_bytes, 8); AT(spore_memory_event, pressure_some_permille, 16);
AT(spore_memory_event, pressure_full_permille, 20);

GROWS(spore_memory_state, 64); AT(spore_memory_state, size, 0); AT(spore_memory_state, ready, 4);
AT(spore_memory_state, boot_bytes, 8); AT(spore_memory_state, region_bytes, 16);
AT(spore_memory_state, requested_bytes, 24); AT(spore_memory_state, plugged_bytes, 32);
AT(spore_memory_state, guest_total_bytes, 40); AT(spore_memory_state, guest_available_bytes, 48);
AT(spore_memory_state, host_available_bytes, 56);

GROWS(spore_memory_action, 48); AT(spore_memory_action, size, 0); AT(spore_memory_action, change, 4);
AT(spore_memory_action, requested_bytes, 8); AT(spore_memory_action, tick_ms, 16); AT(spore_memory_action, reason, 24);

GROWS(spore_memory_policy_ops, 40); AT(spore_memory_policy_ops, size, 0); AT(spore_memory_policy_ops, reserved, 4);
AT(spore_memory_policy_ops, destroy, 8); AT(spore_memory_policy_ops, query_interface, 16);
AT(spore_memory_policy_ops, plan, 24); AT(spore_memory_policy_ops, on_event, 32);
