#include "core/arch/aarch64/fdt.hpp"

#include <libfdt.h>

#include <cinttypes>
#include <cstdio>
#include <initializer_list>

namespace sporehost::arch::aarch64 {

namespace {

using spore::fail;
using spore::Result;

constexpr uint32_t kGicPhandle = 1;
constexpr uint32_t kClockPhandle = 2;

// Interrupt specifiers (arm,gic-v3.yaml): kind, number, trigger.
constexpr uint32_t kSpi = 0, kPpi = 1;
constexpr uint32_t kEdgeRising = 1, kLevelHigh = 4;

// The architected timers' private interrupts: secure, non-secure, virtual, hypervisor (Arm BSA, appendix on PPIs).
constexpr uint32_t kTimerPpis[] = {13, 14, 11, 10};

// Remembers the first error, so that a tree reads like a tree.
class Tree {
 public:
  Tree() : bytes_(kFdtRoom) {
    note(fdt_create(bytes_.data(), static_cast<int>(bytes_.size())));
    note(fdt_finish_reservemap(bytes_.data()));
  }

  template <typename Body>
  void node(const std::string& name, Body body) {
    note(fdt_begin_node(bytes_.data(), name.c_str()));
    body();
    note(fdt_end_node(bytes_.data()));
  }

  void flag(const char* name) { note(fdt_property(bytes_.data(), name, nullptr, 0)); }
  void text(const char* name, const std::string& value) { bytes(name, value.c_str(), value.size() + 1); }
  void bytes(const char* name, const void* value, size_t size) {
    note(fdt_property(bytes_.data(), name, value, static_cast<int>(size)));
  }
  void cells(const char* name, const std::vector<uint32_t>& values) {
    std::vector<fdt32_t> raw;
    raw.reserve(values.size());
    for (const uint32_t value : values) raw.push_back(cpu_to_fdt32(value));
    bytes(name, raw.data(), raw.size() * sizeof(fdt32_t));
  }
  // With #address-cells and #size-cells of 2.
  void ranges(const char* name, std::initializer_list<GpaRange> values) {
    std::vector<uint32_t> raw;
    for (const GpaRange& range : values)
      for (const uint64_t number : {range.gpa, range.bytes}) {
        raw.push_back(static_cast<uint32_t>(number >> 32));
        raw.push_back(static_cast<uint32_t>(number));
      }
    cells(name, raw);
  }
  void number64(const char* name, uint64_t value) {
    const fdt64_t raw = cpu_to_fdt64(value);
    bytes(name, &raw, sizeof raw);
  }
  // A list of strings, each with its NUL.
  void texts(const char* name, std::initializer_list<const char*> values) {
    std::string joined;
    for (const char* value : values) joined.append(value).push_back('\0');
    bytes(name, joined.data(), joined.size());
  }

  Result<std::vector<uint8_t>> finish() {
    note(fdt_finish(bytes_.data()));
    if (error_ != 0) {
      return fail(SPORE_E_RANGE, std::string("the device tree cannot be made: ") + fdt_strerror(error_) +
                                     "; use a shorter command line or fewer devices");
    }
    bytes_.resize(fdt_totalsize(bytes_.data()));
    return std::move(bytes_);
  }

 private:
  void note(int result) {
    if (error_ == 0 && result < 0) error_ = result;
  }

  std::vector<uint8_t> bytes_;
  int error_ = 0;
};

std::string at(const char* name, uint64_t address) {
  char text[48];
  std::snprintf(text, sizeof text, "%s@%" PRIx64, name, address);
  return text;
}

void add_chosen(Tree& tree, const FdtInfo& info) {
  tree.node("chosen", [&] {
    tree.text("bootargs", info.bootargs);
    if (info.initrd.bytes != 0) {
      tree.number64("linux,initrd-start", info.initrd.gpa);
      tree.number64("linux,initrd-end", info.initrd.end());
    }
    if (info.serial) tree.text("stdout-path", "/" + at("pl011", kPl011));
    tree.bytes("rng-seed", info.rng_seed.data(), info.rng_seed.size());
    tree.number64("kaslr-seed", info.kaslr_seed);
  });
}

void add_cpus(Tree& tree, uint32_t count) {
  tree.node("cpus", [&] {
    tree.cells("#address-cells", {1});
    tree.cells("#size-cells", {0});
    for (uint32_t index = 0; index < count; ++index) {
      const uint64_t affinity = mpidr_affinity(index);
      tree.node(at("cpu", affinity), [&] {
        tree.text("device_type", "cpu");
        tree.text("compatible", "arm,armv8");
        tree.text("enable-method", "psci");
        tree.cells("reg", {static_cast<uint32_t>(affinity)});
      });
    }
  });
  tree.node("psci", [&] {
    tree.texts("compatible", {"arm,psci-1.0", "arm,psci-0.2"});
    tree.text("method", "hvc");
  });
}

void add_interrupts_and_timer(Tree& tree, uint32_t vcpus) {
  tree.node(at("intc", kGicDist), [&] {
    tree.text("compatible", "arm,gic-v3");
    tree.flag("interrupt-controller");
    tree.cells("#interrupt-cells", {3});
    tree.ranges("reg", {{kGicDist, kGicDistSize}, {kGicRedist, vcpus * kGicRedistSize}});
    tree.cells("phandle", {kGicPhandle});
  });
  tree.node("timer", [&] {
    tree.text("compatible", "arm,armv8-timer");
    std::vector<uint32_t> interrupts;
    for (const uint32_t ppi : kTimerPpis) interrupts.insert(interrupts.end(), {kPpi, ppi, kLevelHigh});
    tree.cells("interrupts", interrupts);
    tree.flag("always-on");
  });
}

void add_serial(Tree& tree) {
  constexpr uint32_t kClockHz = 24'000'000; // the PL011's usual one; nothing here depends on it
  tree.node("apb-pclk", [&] {
    tree.text("compatible", "fixed-clock");
    tree.cells("#clock-cells", {0});
    tree.cells("clock-frequency", {kClockHz});
    tree.cells("phandle", {kClockPhandle});
  });
  tree.node(at("pl011", kPl011), [&] {
    tree.texts("compatible", {"arm,pl011", "arm,primecell"});
    tree.ranges("reg", {{kPl011, kPl011Size}});
    tree.cells("interrupts", {kSpi, kPl011Gsi, kEdgeRising});
    tree.cells("clocks", {kClockPhandle, kClockPhandle});
    tree.texts("clock-names", {"uartclk", "apb_pclk"});
  });
}

void add_virtio(Tree& tree, const MmioSlot& device) {
  tree.node(at("virtio_mmio", device.gpa), [&] {
    tree.text("compatible", "virtio,mmio");
    tree.ranges("reg", {{device.gpa, device.bytes}});
    tree.cells("interrupts", {kSpi, device.gsi, kEdgeRising});
    tree.flag("dma-coherent");
  });
}

} // namespace

Result<std::vector<uint8_t>> make_fdt(const FdtInfo& info) {
  if (info.vcpus == 0 || info.vcpus > kMaxVcpus) {
    return fail(SPORE_E_RANGE, "the board has room for 1 to " + std::to_string(kMaxVcpus) + " vCPUs, not " +
                                   std::to_string(info.vcpus));
  }
  Tree tree;
  tree.node("", [&] {
    tree.text("compatible", "linux,dummy-virt");
    tree.text("model", "sporehost");
    tree.cells("#address-cells", {2});
    tree.cells("#size-cells", {2});
    tree.cells("interrupt-parent", {kGicPhandle});
    add_chosen(tree, info);
    tree.node(at("memory", info.ram.gpa), [&] {
      tree.text("device_type", "memory");
      tree.ranges("reg", {info.ram});
    });
    add_cpus(tree, info.vcpus);
    add_interrupts_and_timer(tree, info.vcpus);
    if (info.serial) add_serial(tree);
    for (const MmioSlot& device : info.devices) add_virtio(tree, device);
  });
  return tree.finish();
}

} // namespace sporehost::arch::aarch64
