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
  Watchdog(GuestMachine& machine, uint32_t vcpu, std::chrono::milliseconds patience)
      : thread_([this, &machine, vcpu, patience] {
          std::unique_lock lock(mutex_);
          if (over_.wait_for(lock, patience, [this] { return ended_; })) return;
          bit_ = true;
          machine.backend().kick(vcpu);
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
  auto backend = plugin_->backend(from_environment("SPORE_GUEST_BACKEND_ID", "kvm"), host_);
  if (!backend) throw std::runtime_error(backend.error().text);
  backend_.emplace(std::move(backend).value());
  state_ = backend_->find<StateInterface>(kStateInterface);
}

GuestMachine::~GuestMachine() {
  if (vcpu0_) backend_->destroy_vcpu(0);
}

spore::Result<spore::testing::BackendProbe> GuestMachine::probe(bool measure) {
  return backend_->probe(measure);
}

std::optional<std::string> GuestMachine::unusable() {
  const auto found = probe(false);
  if (!found) return found.error().text;
  if (found->usable == 0) return found->summary;
  if (state_ == nullptr) return std::string("the backend does not offer ") + kStateInterface;
  return std::nullopt;
}

spore::Result<void> GuestMachine::open(uint32_t vcpus, uint32_t flags) {
  spore_vm_config config{};
  config.vcpu_count = vcpus;
  config.flags = flags;
  config.gpa_end = kGpaEnd;
  spore_vm_callbacks callbacks{};
  callbacks.context = this;
  callbacks.mmio_read = [](void* context, uint32_t /*vcpu*/, uint64_t gpa, void* data, uint32_t bytes) {
    static_cast<GuestMachine*>(context)->on_access_read(Kind::kMmioRead, gpa, data, bytes);
  };
  callbacks.mmio_write = [](void* context, uint32_t vcpu, uint64_t gpa, const void* data, uint32_t bytes) {
    static_cast<GuestMachine*>(context)->on_access_write(Kind::kMmioWrite, vcpu, gpa, data, bytes);
  };
  callbacks.port_read = [](void* context, uint32_t /*vcpu*/, uint16_t port, void* data, uint32_t bytes) {
    static_cast<GuestMachine*>(context)->on_access_read(Kind::kPortRead, port, data, bytes);
  };
  callbacks.port_write = [](void* context, uint32_t vcpu, uint16_t port, const void* data, uint32_t bytes) {
    static_cast<GuestMachine*>(context)->on_access_write(Kind::kPortWrite, vcpu, port, data, bytes);
  };
  SPORE_CHECK(backend_->open(config, callbacks));
  SPORE_CHECK(prepare_vm(*backend_, flags));
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
  const spore::testing::Handed<State> handed(spore::testing::HostAge::newer, state, 0xee);
  const auto set = backend_->call(
      "set_state", [&](spore_error* error) { return state_->set_state(backend_->self(), vcpu, handed.get(), error); });
  if (!set) throw std::runtime_error(set.error().text);
}

spore_status GuestMachine::set_raw_state(const State& state) {
  spore::testing::HandedError reason(spore::testing::HostAge::older);
  return state_->set_state(backend_->self(), 0, &state, reason.get());
}

State GuestMachine::state(uint32_t vcpu) {
  spore::testing::Handed<State> state(spore::testing::HostAge::older);
  const auto got = backend_->call(
      "get_state", [&](spore_error* error) { return state_->get_state(backend_->self(), vcpu, state.get(), error); });
  if (!got) throw std::runtime_error(got.error().text);
  state.check(host_.checks(), "get_state");
  return state.value();
}

std::optional<spore::testing::BackendExit> GuestMachine::run(uint32_t vcpu, std::chrono::milliseconds patience) {
  Watchdog watchdog(*this, vcpu, patience);
  const auto exit = backend_->run(vcpu);
  const bool late = watchdog.end();
  if (exit && !late) return *exit;
  error_ = exit ? "the guest ran for too long" : exit.error().text;
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
  return backend_->map_memory(gpa, host, bytes, flags);
}

spore::Result<void> GuestMachine::unmap(uint64_t gpa, uint64_t bytes) {
  return backend_->unmap_memory(gpa, bytes);
}

spore::Result<void> GuestMachine::create_vcpu(uint32_t index) {
  return backend_->create_vcpu(index);
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
    backend_->kick(vcpu);
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
