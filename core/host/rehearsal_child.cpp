// The child's side of a rehearsal: makes the objects, asks them, ends them, and says before each step whose turn it is.
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <mutex>

#include "core/base/size.hpp"
#include "core/board/board.hpp"
#include "core/host/backend.hpp"
#include "core/host/device_set.hpp"
#include "core/host/idle_backend.hpp"
#include "core/host/rehearsal.hpp"
#include "core/host/rehearsal_wire.hpp"

namespace sporehost {

using spore::fail;
using spore::Result;

namespace {

// Where nothing is planned: enough for every device to find what it may ask for.
constexpr uint64_t kMadeUpBoot = 512 * kMiB;
constexpr uint64_t kMadeUpRegion = 512 * kMiB;
constexpr uint64_t kMadeUpBlock = 2 * kMiB;
constexpr uint64_t kMadeUpSlot = 128 * kMiB;

std::string read_input() {
  std::string text;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<size_t>(count));
  }
}

// The log of the objects goes to the parent, whose level decides.
class AnswerSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit AnswerSink(const plugin::Answer& answer) : answer_(answer) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    answer_.send({{"log", static_cast<int>(message.level)},
                  {"text", std::string_view(message.payload.data(), message.payload.size())}});
  }
  void flush_() override {}

  const plugin::Answer& answer_;
};

class Stage {
 public:
  Stage(const Rehearsal& rehearsal, const plugin::Answer& answer) : rehearsal_(rehearsal), answer_(answer) {}

  Result<Rehearsed> perform() {
    if (rehearsal_.backend) {
      const Result<void> asked = at(*rehearsal_.backend, play_backend(*rehearsal_.backend));
      if (!asked && !rehearsal_.backend_may_fail) return asked.error();
    }
    if (rehearsal_.policy) SPORE_CHECK(at(*rehearsal_.policy, play_policy(*rehearsal_.policy)));
    if (!rehearsal_.devices.empty()) SPORE_CHECK(play_devices());
    return done_;
  }

 private:
  static Result<void> at(const RehearsedPart& part, Result<void> outcome) {
    if (outcome || part.place.empty()) return outcome;
    return outcome.error().in(part.place);
  }

  static std::string origin(const RehearsedPart& part) {
    return "plugin '" + part.file.string() + "' (id '" + part.id + "')";
  }

  void step(const RehearsedPart& part, const std::string& where) const {
    answer_.step(where, part.place.empty() ? origin(part) : part.place + ": " + origin(part));
  }

  Result<plugin::Found> load(const RehearsedPart& part) {
    step(part, "when it was loaded");
    const plugin::Plugin& plugin = registry_.load_file(part.file);
    if (!plugin::is_usable(plugin.state))
      return fail(SPORE_E_INVALID, plugin.origin() + " " + plugin.reason + plugin::rule_text(plugin.rule));
    for (const plugin::Factory& factory : plugin.descriptor.factories)
      if (factory.kind == part.kind && factory.id == part.id) return plugin::Found{&plugin, &factory};
    return fail(SPORE_E_STATE, plugin.origin() + " does not offer the same as a moment ago (SDK-2)");
  }

  // Makes the object of a part for as long as `play`, which says what step comes next, does with it what it likes.
  template <typename Play>
  Result<void> with_object(const RehearsedPart& part, Play&& play) {
    SPORE_TRY(const plugin::Found found, load(part));
    ObjectHost host(part.name, part.options);
    step(part, "in create");
    SPORE_TRY(plugin::PluginObject object, registry_.create(found, *host.table(), part.options));
    return play(std::move(object));
  }

  Result<void> play_policy(const RehearsedPart& part) {
    return with_object(part, [&](plugin::PluginObject object) -> Result<void> {
      PolicyRunner policy(std::move(object));
      step(part, "in plan");
      SPORE_TRY(done_.plan, policy.plan(rehearsal_.request, with_probe(rehearsal_.facts, done_.probe)));
      step(part, "in destroy");
      return {}; // `policy` goes here
    });
  }

  Result<void> play_devices() {
    const bool planned = rehearsal_.policy.has_value();
    const MemoryPlan& plan = done_.plan;
    const uint64_t boot = planned ? plan.boot_bytes : kMadeUpBoot;
    const uint64_t region = planned ? plan.region_bytes : kMadeUpRegion;
    SPORE_TRY(auto loop, EventLoop::create());
    auto board = make_board(boot, region, kMostAddressBits);
    if (!board) return planned ? at(*rehearsal_.policy, board.error().in(origin(*rehearsal_.policy))) : board.error();
    Backend backend(to_object(std::make_unique<IdleBackend>(), "the rehearsal's backend"));
    GuestMemory memory;
    const RequestedSize requested(plan.requested_bytes);
    std::unique_ptr<ElasticService> elastic;
    if (const GpaRange range = (*board)->elastic(); range.bytes != 0) {
      SPORE_TRY(auto made, ElasticRegion::create({range.gpa, range.bytes, planned ? plan.block_bytes : kMadeUpBlock,
                                                  planned ? plan.slot_bytes : kMadeUpSlot},
                                                 backend));
      elastic = std::make_unique<ElasticService>(*made, requested, ElasticService::Events{});
      SPORE_CHECK(memory.add_elastic(std::move(made)));
    }
    StreamHub streams(*loop);
    Bus mmio(BusSpace::kMmio, {});
    Bus ports(BusSpace::kPort, {});
    IoPlaces places(**board);
    const MachineSide machine{loop.get(), &memory, [](uint32_t, uint32_t, const std::string&) {}};
    DeviceSet devices({registry_, machine, streams, **board, backend, mmio, ports, places, elastic.get()});
    std::vector<const RehearsedPart*> made;
    for (const RehearsedPart& part : rehearsal_.devices) {
      SPORE_TRY(const plugin::Found found, load(part));
      step(part, "in create or describe");
      SPORE_CHECK(at(part, devices.add(found, part.name, part.options)));
      made.push_back(&part);
    }
    SPORE_CHECK((*board)->add_power_registers(ports, mmio, [](PowerRequest) {}));
    if (planned) SPORE_CHECK(devices.check_plugs(plan.region_bytes));
    for (; !made.empty(); made.pop_back()) {
      step(*made.back(), "in destroy");
      devices.remove(made.back()->name);
    }
    return {};
  }

  Result<void> play_backend(const RehearsedPart& part) {
    return with_object(part, [&](plugin::PluginObject object) -> Result<void> {
      Backend backend(std::move(object));
      step(part, "in probe");
      SPORE_TRY(done_.probe, backend.probe(rehearsal_.measure));
      step(part, "in destroy");
      return {};
    });
  }

  const Rehearsal& rehearsal_;
  const plugin::Answer& answer_;
  plugin::Registry registry_{plugin::SearchPath(plugin::SearchInputs{}), {}};
  Rehearsed done_;
};

} // namespace

void answer_rehearsal() {
  const plugin::Answer answer;
  const auto rehearsal = rehearsal_from_json(nlohmann::json::parse(read_input(), nullptr, false));
  if (!rehearsal) answer.end();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("rehearsal", std::make_shared<AnswerSink>(answer)));
  spdlog::set_level(spdlog::level::debug);
  // The libraries stay until the process is gone: a thread of a plugin's own may still run in one.
  Stage stage(*rehearsal, answer);
  answer.send(result_to_json(stage.perform()));
  answer.end();
}

} // namespace sporehost
