#include "core/machine/signals.hpp"

#include <sporehost/host.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <cstring>

namespace sporehost {

using spore::fail;
using spore::Result;

Result<std::unique_ptr<Signals>> Signals::create(EventLoop& loop, std::function<void(int)> handler) {
  sigset_t wanted;
  sigset_t before;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGINT);
  ::sigaddset(&wanted, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &wanted, &before);
  ::signal(SIGPIPE, SIG_IGN); // a reader of ours that is gone is an error of write(2), not our end
  UniqueFd fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return fail(SPORE_E_IO, std::string("cannot watch signals: ") + std::strerror(errno));
  const int number = fd.get();
  std::unique_ptr<Signals> signals(new Signals(loop, before, std::move(fd)));
  SPORE_CHECK(loop.watch(number, SPORE_FD_READABLE, [number, handler = std::move(handler)](uint32_t) {
    signalfd_siginfo info{};
    while (::read(number, &info, sizeof info) == sizeof info) handler(static_cast<int>(info.ssi_signo));
  }));
  return signals;
}

void Signals::discard() {
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof info) == sizeof info) {
  }
}

Signals::~Signals() {
  loop_.unwatch(fd_.get());
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

} // namespace sporehost
