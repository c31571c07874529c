// The plugin's entry point.
#include "plugins/kvm/kvm_backend.hpp"

SPOREHOST_PLUGIN("kvm", "0.1.0", kvm::KvmBackend)
