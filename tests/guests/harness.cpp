#include "tests/guests/harness.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <ostream>
#include <stdexcept>
#include <thread>

namespace guests {
namespace {

std::string from_environment(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

// Kicks a vCPU when it has run for too long.
class Watchdog {
 public:
  Watchdog(const GuestMachine& machine, uint32_t vcpu, std::chrono::milliseconds patience)
      : thread_([this, &machine, vcpu, patience] {
          std::unique_lock lock(mutex_);
          if (over_.wait_for(lock, patience, [this] { return ended_; })) return;
          bit_ = true;
          machine.ops().kick(machine.self(), vcpu);
        }) {}
  ~Watchdog() { end(); }

  // Whether it had to kick.
  bool end() {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    over_.notify_all();
    if (thread_.joinable()) thread_.join();
    return bit_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable over_;
  bool ended_ = false;
  bool bit_ = false;
  std::thread thread_;
};

} // namespace

std::ostream& operator<<(std::ostream& out, const Access& access) {
  static constexpr const char* kNames[] = {"port read", "port write", "mmio read", "mmio write"};
  return out << kNames[static_cast<int>(access.kind)] << std::hex << " at 0x" << access.address << ", value 0x"
             << access.value << std::dec << ", bytes " << access.bytes;
}

Pages::Pages(size_t bytes) : bytes_(bytes) {
  void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<uint8_t*>(address);
}

Pages::~Pages() {
  ::munmap(data_, bytes_);
}

GuestMachine::GuestMachine(const std::string& device) {
  if (!device.empty()) host_.set_option("/device", device);
  auto plugin = spore::testing::load_plugin(from_environment("SPORE_GUEST_BACKEND", SPORE_GUEST_BACKEND));
  if (!plugin) throw std::runtime_error(plugin.error().text);
  plugin_.emplace(std::move(plugin).value());
  auto object = plugin_->make(SPORE_KIND_BACKEND, from_environment("SPORE_GUEST_BACKEND_ID", "kvm"), host_);
  if (!object) throw std::runtime_error(object.error().text);
  object_ = *object;
  state_ = static_cast<const StateInterface*>(ops().query_interface(self(), kStateInterface));
}

GuestMachine::~GuestMachine() {
  if (vcpu0_) ops().destroy_vcpu(self(), 0);
  ops().destroy(self());
}

spore::Result<spore_probe> GuestMachine::probe(bool measure) const {
  spore_probe found{};
  found.size = sizeof found;
  spore_error error{};
  SPORE_CHECK(spore::testing::to_result(ops().probe(self(), measure ? 1 : 0, &found, &error), error));
  return found;
}

std::optional<std::string> GuestMachine::unusable() const {
  const auto found = probe(false);
  if (!found) return found.error().text;
  if (found->usable == 0) return found->summary;
  if (state_ == nullptr) return std::string("the backend does not offer ") + kStateInterface;
  return std::nullopt;
}

spore::Result<void> GuestMachine::open(uint32_t vcpus, uint32_t flags) {
  const spore_vm_config config{sizeof config, vcpus, flags, 0, kGpaEnd};
  const spore_vm_callbacks callbacks{
      .size = sizeof callbacks,
      .context = this,
      .mmio_read =
          [](void* context, uint32_t /*vcpu*/, uint64_t gpa, void* data, uint32_t bytes) {
            static_cast<GuestMachine*>(context)->on_access_read(Kind::kMmioRead, gpa, data, bytes);
          },
      .mmio_write =
          [](void* context, uint32_t vcpu, uint64_t gpa, const void* data, uint32_t bytes) {
            static_cast<GuestMachine*>(context)->on_access_write(Kind::kMmioWrite, vcpu, gpa, data, bytes);
          },
      .port_read =
          [](void* context, uint32_t /*vcpu*/, uint16_t port, void* data, uint32_t bytes) {
            static_cast<GuestMachine*>(context)->on_access_read(Kind::kPortRead, port, data, bytes);
          },
      .port_write =
          [](void* context, uint32_t vcpu, uint16_t port, const void* data, uint32_t bytes) {
            static_cast<GuestMachine*>(context)->on_access_write(Kind::kPortWrite, vcpu, port, data, bytes);
          },
  };
  spore_error error{};
  SPORE_CHECK(spore::testing::to_result(ops().open(self(), &config, &callbacks, &error), error));
  SPORE_CHECK(spore::testing::to_result(prepare_vm(ops(), self(), flags, &error), error));
  SPORE_CHECK(map(0, ram_.data(), kRamBytes, SPORE_MAP_READ | SPORE_MAP_WRITE | SPORE_MAP_EXECUTE));
  SPORE_CHECK(create_vcpu(0));
  vcpu0_ = true;
  return {};
}

void GuestMachine::load(const std::string& program) {
  const std::string path = from_environment("SPORE_GUEST_IMAGES", SPORE_GUEST_IMAGES) + "/" + program + ".bin";
  std::ifstream file(path, std::ios::binary);
  const std::string image((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (image.empty() || image.size() > kResults - kOrigin) throw std::runtime_error("no guest program in " + path);
  std::memcpy(ram_.data() + kOrigin, image.data(), image.size());
}

void GuestMachine::start() {
  set_state(entry_state({ram_.data(), kRamBytes}, kOrigin));
}

void GuestMachine::set_state(const State& state, uint32_t vcpu) {
  spore_error error{};
  if (state_->set_state(self(), vcpu, &state, &error) != SPORE_OK) throw std::runtime_error(error.text);
}

State GuestMachine::state(uint32_t vcpu) {
  State state{};
  state.size = sizeof state;
  spore_error error{};
  if (state_->get_state(self(), vcpu, &state, &error) != SPORE_OK) throw std::runtime_error(error.text);
  return state;
}

std::optional<spore_exit> GuestMachine::run(uint32_t vcpu, std::chrono::milliseconds patience) {
  Watchdog watchdog(*this, vcpu, patience);
  spore_exit exit{};
  exit.size = sizeof exit;
  spore_error error{};
  const spore_status status = ops().run(self(), vcpu, &exit, &error);
  const bool late = watchdog.end();
  if (status != SPORE_OK) {
    error_ = error.text;
  } else if (late) {
    error_ = "the guest ran for too long";
  } else {
    return exit;
  }
  return std::nullopt;
}

bool GuestMachine::run_to_done() {
  {
    const std::lock_guard lock(mutex_);
    done_ = false;
  }
  const auto exit = run();
  const std::lock_guard lock(mutex_);
  if (exit && !done_) error_ = "left for reason " + std::to_string(exit->reason) + ": " + exit->text;
  return exit && exit->reason == SPORE_EXIT_KICKED && done_;
}

spore::Result<void> GuestMachine::map(uint64_t gpa, void* host, uint64_t bytes, uint32_t flags) {
  spore_error error{};
  return spore::testing::to_result(ops().map_memory(self(), gpa, host, bytes, flags, &error), error);
}

spore::Result<void> GuestMachine::unmap(uint64_t gpa, uint64_t bytes) {
  spore_error error{};
  return spore::testing::to_result(ops().unmap_memory(self(), gpa, bytes, &error), error);
}

spore::Result<void> GuestMachine::create_vcpu(uint32_t index) {
  spore_error error{};
  return spore::testing::to_result(ops().create_vcpu(self(), index, &error), error);
}

std::vector<Access> GuestMachine::accesses() {
  const std::lock_guard lock(mutex_);
  return accesses_;
}

int GuestMachine::marks() {
  const std::lock_guard lock(mutex_);
  return marks_;
}

bool GuestMachine::wait_for_marks(int count) {
  std::unique_lock lock(mutex_);
  return marked_.wait_for(lock, kPatience, [&] { return marks_ >= count; });
}

void GuestMachine::on_access_write(Kind kind, uint32_t vcpu, uint64_t address, const void* data, uint32_t bytes) {
  Access access{kind, address, bytes, 0};
  std::memcpy(&access.value, data, bytes);
  if (!kHasPorts && kind == Kind::kMmioWrite && address - kPortWindow < kPortWindowBytes) {
    kind = access.kind = Kind::kPortWrite;
    address = access.address = address - kPortWindow;
  }
  if (on_write) on_write(access);
  const std::lock_guard lock(mutex_);
  if (kind == Kind::kPortWrite && address == kDonePort) {
    done_ = true;
    ops().kick(self(), vcpu);
  } else if (kind == Kind::kPortWrite && address == kMarkPort) {
    ++marks_;
    marked_.notify_all();
  } else {
    accesses_.push_back(access);
  }
}

void GuestMachine::on_access_read(Kind kind, uint64_t address, void* data, uint32_t bytes) {
  uint64_t value = answer ? answer(kind, address, bytes) : 0;
  std::memcpy(data, &value, bytes);
  if (bytes < sizeof value) value &= (uint64_t{1} << (8 * bytes)) - 1;
  const std::lock_guard lock(mutex_);
  accesses_.push_back({kind, address, bytes, value});
}

} // namespace guests
