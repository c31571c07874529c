// Which backend a machine gets: the one it names, or the best one here that is fit for a Linux guest.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/config/machine_config.hpp"
#include "core/host/backend.hpp"
#include "core/host/object_host.hpp"
#include "core/plugin/registry.hpp"

namespace sporehost {

struct ChosenBackend {
  std::string id;
  std::unique_ptr<ObjectHost> host; // outlives `backend`
  std::unique_ptr<Backend> backend;
  Probe probe;
};

// [main] The usual one (kvm) is asked in this process. Where it is not fit, a child asks the others, and only the one
// that is taken is loaded. With `config.backend` empty ("auto") a backend that is not fit for Linux is passed over, and
// the error carries what each probe said.
spore::Result<ChosenBackend> choose_backend(const MachineConfig& config, plugin::Registry& registry);

// What the backend says of itself, asked in a child. [main] `measure`: as below.
spore::Result<Probe> probe_in_child(const std::string& id, plugin::Registry& registry, bool measure);

// Makes the backend `use` and probes it. [main] `measure`: take the time to measure its speed.
spore::Result<ChosenBackend> make_backend(const PluginUse& use, plugin::Registry& registry, bool measure);

// The backend that `backend: auto` asks first.
inline constexpr const char* kUsualBackend =
#if defined(__APPLE__)
    "hvf";
#else
    "kvm";
#endif

// Ids of every backend that can be loaded here. [main]
std::vector<std::string> backend_ids(plugin::Registry& registry);

} // namespace sporehost
