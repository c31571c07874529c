// The one full barrier of the virtqueue protocol.
#pragma once

#include <atomic>

namespace sporehost {

// Orders an earlier store before a later load, which acquire and release do not. Both sides of a virtqueue need it
// where they publish something and then ask whether the other side wants to be told (VIRTIO 1.2
// sections 2.7.7.2, 2.7.10): without it each could miss the other's store, and both would wait.
inline void full_barrier() {
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan" // TSan does not model fences; what is shared here is atomic anyway
#endif
  std::atomic_thread_fence(std::memory_order_seq_cst);
#if defined(__SANITIZE_THREAD__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
}

} // namespace sporehost
