#include "core/system/own_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

#include "core/system/pipe.hpp"

namespace sporehost::portable {
namespace {

constexpr size_t kPiece = 4096; // an empty pipe takes so much at once

// write(2) answers EFAULT where a program's own access would be its end.
MemoryCopy copy_piece(const Pipe& pipe, const uint8_t* from, uint8_t* to, size_t bytes) {
  ssize_t count = 0;
  while ((count = ::write(pipe.write.get(), from, bytes)) < 0 && errno == EINTR) {
  }
  if (count != static_cast<ssize_t>(bytes)) return MemoryCopy::fault;
  for (size_t done = 0; done < bytes;) {
    const ssize_t got = ::read(pipe.read.get(), to + done, bytes - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return MemoryCopy::unavailable;
    done += static_cast<size_t>(got);
  }
  return MemoryCopy::done;
}

} // namespace

MemoryCopy copy_own_memory(const void* from, void* to, size_t bytes) {
  const auto pipe = portable::make_pipe(PipeMode::non_blocking);
  if (!pipe) return MemoryCopy::unavailable;
  for (size_t done = 0; done < bytes;) {
    const size_t piece = std::min(kPiece, bytes - done);
    const MemoryCopy copied =
        copy_piece(*pipe, static_cast<const uint8_t*>(from) + done, static_cast<uint8_t*>(to) + done, piece);
    if (copied != MemoryCopy::done) return copied;
    done += piece;
  }
  return MemoryCopy::done;
}

} // namespace sporehost::portable
