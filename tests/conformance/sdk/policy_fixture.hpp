// A memory policy from a plugin, and the facts it is asked about.
#pragma once

#include <sporehost/testing/plugin_loader.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace policy {

constexpr uint64_t MiB = uint64_t{1} << 20;
constexpr uint64_t GiB = uint64_t{1} << 30;

inline spore_memory_request request(uint32_t mode, uint64_t bytes) {
  spore_memory_request out{};
  out.size = sizeof out;
  out.mode = mode;
  out.bytes = bytes;
  return out;
}

inline const spore_memory_request kAuto = request(SPORE_MEMORY_AUTO, 0);

inline spore_memory_request exactly(uint64_t bytes) {
  return request(SPORE_MEMORY_EXPLICIT, bytes);
}

// A fresh managed run in which everything can grow.
inline spore_memory_facts managed() {
  spore_memory_facts facts{};
  facts.size = sizeof facts;
  facts.kernel_origin = SPORE_ORIGIN_MANAGED;
  facts.initrd_origin = SPORE_ORIGIN_MANAGED;
  facts.kernel_can_grow = facts.backend_can_grow = facts.device_present = 1;
  facts.host_total_bytes = 4 * GiB;
  facts.host_available_bytes = 2 * GiB;
  return facts;
}

inline spore_memory_event event(uint32_t type, uint64_t operator_bytes = 0) {
  spore_memory_event out{};
  out.size = sizeof out;
  out.type = type;
  out.operator_bytes = operator_bytes;
  return out;
}

inline spore_memory_state state(uint64_t region_bytes, uint64_t requested_bytes = 0) {
  spore_memory_state out{};
  out.size = sizeof out;
  out.ready = 1;
  out.boot_bytes = 512 * MiB;
  out.region_bytes = region_bytes;
  out.requested_bytes = requested_bytes;
  return out;
}

using Options = std::map<std::string, spore::testing::OptionValue>;

// One policy with its host.
class Policy {
 public:
  explicit Policy(const std::string& id, const Options& options = {}, bool past_the_schema = false)
      : plugin_(load(id)) {
    spore::testing::Json all{spore::testing::Json::Object()};
    for (const auto& [pointer, value] : options) {
      host_.set_option(pointer, value);
      all.set(pointer, value);
    }
    if (past_the_schema) host_.set_options_json(all.text());
    auto made = plugin_.memory_policy(id, host_);
    if (!made.ok()) throw std::runtime_error(made.error().text);
    policy_.emplace(std::move(made).value());
  }

  // The text of the error that `create` gives, also to what the schema would keep from it, or "".
  static std::string error_of(const std::string& id, const Options& options) {
    try {
      Policy made(id, options, true);
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "";
  }

  spore::testing::PolicyHandle* operator->() { return &*policy_; }

 private:
  static spore::testing::LoadedPlugin load(const std::string& id) {
    auto loaded = spore::testing::load_plugin(SPOREHOST_PLUGIN_DIR "/" + id + ".so");
    if (!loaded.ok()) throw std::runtime_error(loaded.error().text);
    return std::move(loaded).value();
  }

  spore::testing::LoadedPlugin plugin_;
  spore::testing::FakeHost host_;
  std::optional<spore::testing::PolicyHandle> policy_;
};

} // namespace policy
