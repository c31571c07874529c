#include "core/arch/aarch64/fdt.hpp"

#include <libfdt.h>

#include <algorithm>
#include <cctype>
#include <cinttypes>
#include <cstdio>
#include <initializer_list>
#include <optional>

#include "core/arch/io_names.hpp"

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
  void ranges(const char* name, const std::vector<GpaRange>& values) {
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

std::string at(const std::string& name, uint64_t address) {
  char text[64];
  std::snprintf(text, sizeof text, "%.31s@%" PRIx64, name.c_str(), address);
  return text;
}

bool is_primecell(const IoNode& node) {
  return node.fdt_compatible.starts_with("arm,pl0");
}

// What the device is without who made it, as nodes are named; the address of its first window tells it from its like.
std::string node_name(const IoNode& node, size_t index) {
  const std::string& compatible = node.fdt_compatible;
  std::string name = compatible.substr(compatible.rfind(',') + 1);
  if (name.empty() || !std::isalpha(static_cast<unsigned char>(name.front()))) name = "device";
  if (!node.windows.empty()) return at(name, node.windows.front().range.gpa);
  return name.substr(0, 24) + "-" + std::to_string(index);
}

std::optional<std::string> serial_path(const FdtInfo& info) {
  for (size_t i = 0; i < info.io_devices.size(); ++i) {
    const IoNode& node = info.io_devices[i];
    const bool there = !node.windows.empty() && node.windows.front().range.gpa == kPl011;
    if (info.serial && there && !node.fdt_compatible.empty()) return "/" + node_name(node, i);
  }
  return std::nullopt;
}

void add_chosen(Tree& tree, const FdtInfo& info) {
  tree.node("chosen", [&] {
    tree.text("bootargs", info.bootargs);
    if (info.initrd.bytes != 0) {
      tree.number64("linux,initrd-start", info.initrd.gpa);
      tree.number64("linux,initrd-end", info.initrd.end());
    }
    if (const auto path = serial_path(info)) tree.text("stdout-path", *path);
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

void add_interrupts_and_timer(Tree& tree, const GicPlaces& gic) {
  tree.node(at("intc", gic.distributor.gpa), [&] {
    tree.text("compatible", "arm,gic-v3");
    tree.flag("interrupt-controller");
    tree.cells("#interrupt-cells", {3});
    tree.ranges("reg", {gic.distributor, gic.redistributors});
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

// The bus clock that every primecell asks for.
void add_clock(Tree& tree) {
  constexpr uint32_t kClockHz = 24'000'000; // the PL011's usual one; nothing here depends on it
  tree.node("apb-pclk", [&] {
    tree.text("compatible", "fixed-clock");
    tree.cells("#clock-cells", {0});
    tree.cells("clock-frequency", {kClockHz});
    tree.cells("phandle", {kClockPhandle});
  });
}

void add_primecell(Tree& tree, const std::string& compatible) {
  tree.texts("compatible", {compatible.c_str(), "arm,primecell"});
  if (compatible == "arm,pl011") {
    tree.cells("clocks", {kClockPhandle, kClockPhandle});
    tree.texts("clock-names", {"uartclk", "apb_pclk"});
  } else {
    tree.cells("clocks", {kClockPhandle});
    tree.texts("clock-names", {"apb_pclk"});
  }
}

void add_io_device(Tree& tree, const IoNode& node, size_t index) {
  std::vector<GpaRange> windows;
  std::vector<uint32_t> interrupts;
  for (const IoWindowPlace& window : node.windows) windows.push_back(window.range);
  for (const IoIrqPlace& irq : node.irqs)
    interrupts.insert(interrupts.end(), {kSpi, irq.gsi, irq.level ? kLevelHigh : kEdgeRising});
  tree.node(node_name(node, index), [&] {
    if (is_primecell(node)) {
      add_primecell(tree, node.fdt_compatible);
    } else {
      tree.text("compatible", node.fdt_compatible);
    }
    if (!windows.empty()) tree.ranges("reg", windows);
    if (!interrupts.empty()) tree.cells("interrupts", interrupts);
  });
}

void add_io_devices(Tree& tree, const std::vector<IoNode>& nodes) {
  if (std::ranges::any_of(nodes, is_primecell)) add_clock(tree);
  for (size_t i = 0; i < nodes.size(); ++i)
    if (!nodes[i].fdt_compatible.empty()) add_io_device(tree, nodes[i], i);
}

Result<void> check_node(const IoNode& node) {
  SPORE_CHECK(check_io_names(node));
  for (const IoWindowPlace& window : node.windows)
    if (window.port) return fail(SPORE_E_INVALID, node.fdt_compatible + " has ports, which this board does not");
  for (const IoIrqPlace& irq : node.irqs)
    if (irq.gsi >= kSpis)
      return fail(SPORE_E_INVALID, node.fdt_compatible + " has interrupt " + std::to_string(irq.gsi) +
                                       "; the board has 0 to " + std::to_string(kSpis - 1));
  return {};
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
  for (const IoNode& node : info.io_devices)
    if (!node.fdt_compatible.empty()) SPORE_CHECK(check_node(node));
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
    add_interrupts_and_timer(tree, info.gic);
    for (const MmioSlot& device : info.devices) add_virtio(tree, device);
    add_io_devices(tree, info.io_devices);
  });
  return tree.finish();
}

} // namespace sporehost::arch::aarch64
