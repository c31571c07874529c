#include "core/bus/bus.hpp"

#include <algorithm>
#include <cstdio>

namespace sporehost {
namespace {

constexpr uint64_t kLastPort = 0xffff;

const char* space_name(BusSpace space) {
  return space == BusSpace::kPort ? "port" : "MMIO";
}

std::string hex(uint64_t value) {
  char text[2 + 16 + 1];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string describe(const BusWindow& window) {
  return "'" + window.name + "' [" + hex(window.first) + ", " + hex(window.last) + "]";
}

} // namespace

Bus::Bus(BusSpace space, LogSink log) : space_(space), log_(std::move(log)) {}

spore::Result<void> Bus::insert(uint64_t base, uint64_t bytes, std::string name, BusHandler& handler) {
  const std::string who = std::string(space_name(space_)) + " window '" + name + "'";
  if (sealed_) return spore::fail(SPORE_E_STATE, who + ": the machine is built already; claim windows before that");
  const uint64_t limit = space_ == BusSpace::kPort ? kLastPort : UINT64_MAX;
  if (bytes == 0 || base > limit || bytes - 1 > limit - base) {
    return spore::fail(SPORE_E_INVALID, who + ": " + hex(bytes) + " bytes at " + hex(base) +
                                            " are empty or reach beyond the last address " + hex(limit));
  }
  BusWindow window{base, base + (bytes - 1), std::move(name), &handler};
  const auto next = std::ranges::upper_bound(windows_, window.first, {}, &BusWindow::first);
  const BusWindow* clash = nullptr;
  if (next != windows_.end() && next->first <= window.last) clash = &*next;
  if (next != windows_.begin() && std::prev(next)->last >= window.first) clash = &*std::prev(next);
  if (clash != nullptr) {
    return spore::fail(SPORE_E_EXISTS, std::string(space_name(space_)) + " window " + describe(window) + " overlaps " +
                                           describe(*clash) + "; move one of the two devices");
  }
  windows_.insert(next, std::move(window));
  return {};
}

void Bus::on_unclaimed(UnclaimedHook hook) {
  if (!sealed_) hook_ = std::move(hook);
}

void Bus::read(uint64_t address, std::span<uint8_t> data) {
  if (const BusWindow* window = find(address, data.size())) return window->handler->read(address - window->first, data);
  std::ranges::fill(data, uint8_t{0xff});
  unclaimed({space_, false, address, data.size()});
}

void Bus::write(uint64_t address, std::span<const uint8_t> data) {
  if (const BusWindow* window = find(address, data.size()))
    return window->handler->write(address - window->first, data);
  unclaimed({space_, true, address, data.size()});
}

const BusWindow* Bus::find(uint64_t address, size_t bytes) const {
  const auto next = std::ranges::upper_bound(windows_, address, {}, &BusWindow::first);
  if (bytes == 0 || next == windows_.begin()) return nullptr;
  const BusWindow& window = *std::prev(next);
  // Written without `address + bytes`, which may wrap round at the end of the space.
  return address <= window.last && bytes - 1 <= window.last - address ? &window : nullptr;
}

void Bus::unclaimed(const UnclaimedAccess& access) {
  if (hook_ && hook_(access)) return;
  log_.write(SPORE_LOG_WARN, [&] {
    return std::string("no device claims the guest's ") + space_name(space_) + (access.is_write ? " write" : " read") +
           " of " + std::to_string(access.bytes) + " bytes at " + hex(access.address);
  });
}

} // namespace sporehost
