#include "plugins/kvm/kick.hpp"

#include <linux/kvm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "plugins/kvm/device.hpp"

namespace kvm {
namespace {

// A signal's disposition belongs to the process, hence the only state of this plugin that does so too.
struct SharedSignal {
  std::mutex mutex;
  unsigned users = 0;
  int number = 0;
};

SharedSignal& shared_signal() {
  static SharedSignal shared;
  return shared;
}

void do_nothing(int /*signal*/) {}

// The first real-time signal that nobody in the process handles; 0 where there is none.
int find_free_signal() {
  for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) {
    struct sigaction current {};
    if (::sigaction(number, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) return number;
  }
  return 0;
}

void set_immediate_exit(kvm_run* run, uint8_t value) {
  __atomic_store_n(&run->immediate_exit, value, __ATOMIC_SEQ_CST);
}

} // namespace

spore::Result<KickSignal> KickSignal::acquire() {
  SharedSignal& shared = shared_signal();
  const std::lock_guard lock(shared.mutex);
  if (shared.users == 0) {
    const int number = find_free_signal();
    if (number == 0) return spore::fail(SPORE_E_BUSY, "every real-time signal of this process has a handler already");
    struct sigaction action {};
    action.sa_handler = do_nothing;
    action.sa_flags = SA_RESTART;
    if (::sigaction(number, &action, nullptr) != 0) return system_error("cannot install a signal handler", errno);
    shared.number = number;
  }
  ++shared.users;
  return KickSignal(shared.number);
}

KickSignal::KickSignal(KickSignal&& other) noexcept : number_(std::exchange(other.number_, 0)) {}

KickSignal& KickSignal::operator=(KickSignal&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

KickSignal::~KickSignal() {
  if (number_ == 0) return;
  SharedSignal& shared = shared_signal();
  const std::lock_guard lock(shared.mutex);
  // None can be pending: KickBox::detach waited for the last sender, and its thread has made system calls since.
  if (--shared.users == 0) ::signal(number_, SIG_DFL);
}

void KickBox::attach(kvm_run* run, int signal) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);

  const std::lock_guard lock(mutex_);
  run_ = run;
  thread_ = static_cast<pid_t>(::syscall(SYS_gettid));
  signal_ = signal;
  if (kicked_.load()) set_immediate_exit(run_, 1);
}

void KickBox::detach() {
  const std::lock_guard lock(mutex_);
  run_ = nullptr;
}

void KickBox::kick() {
  if (kicked_.exchange(true)) return; // whoever set it is on its way
  const std::lock_guard lock(mutex_);
  if (run_ == nullptr) return;
  set_immediate_exit(run_, 1);
  if (inside_.load()) ::syscall(SYS_tgkill, ::getpid(), thread_, signal_);
}

bool KickBox::take() {
  // In this order: a kick that comes between the two lines is either taken here or still has to set immediate_exit.
  set_immediate_exit(run_, 0);
  return kicked_.exchange(false);
}

} // namespace kvm
