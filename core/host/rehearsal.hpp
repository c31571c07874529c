// Objects of plugins made for a trial, in a child process, with surroundings as in a machine but no guest: what a run
// would refuse is found before it, and a plugin that crashes or hangs there is named.
#pragma once

#include <sporehost/backend.h>
#include <sporehost/memory_policy.h>
#include <sporehost/result.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/host/backend.hpp"
#include "core/host/memory_plan.hpp"
#include "core/plugin/examination.hpp"

namespace sporehost {

// One object to make.
struct RehearsedPart {
  std::filesystem::path file;
  uint32_t kind = 0; // SPORE_KIND_*
  std::string id;
  std::string name;    // of the instance
  std::string options; // canonical JSON
  std::string place;   // "machine.yaml:3:11", for messages; may be empty
};

struct Rehearsal {
  std::optional<RehearsedPart> policy;
  spore_memory_request request{}; // for `policy`
  spore_memory_facts facts{};
  std::vector<RehearsedPart> devices; // with the region that the policy plans, or one made up where there is no policy
  std::optional<RehearsedPart> backend; // asked first; what it says completes the policy's facts
  bool backend_may_fail = false;        // nobody has asked for this one: a failure means that nothing is known of it
  bool measure = false;                 // the backend's speed, too
};

struct Rehearsed {
  MemoryPlan plan; // where there was a policy
  Probe probe;     // where there was a backend
  std::vector<plugin::Remark> remarks;
};

// Makes policy, devices and backend in a child, asks each what it is asked before a guest runs, and ends them. [main]
// Errors begin with the place, the plugin's path and its id, and are those of a run, or say how the child ended.
[[nodiscard]] spore::Result<Rehearsed> rehearse(const Rehearsal& rehearsal);

// The hidden command with which the program is started as that child, and its work: the rehearsal comes on standard
// input. [main]
inline constexpr const char* kRehearseCommand = "rehearse-plugins";
[[noreturn]] void answer_rehearsal();

} // namespace sporehost
