// What the module with the decoders offers to the program: a start that boots an unpacked kernel loads none of their
// libraries.
#pragma once

#include "core/loader/decode.hpp"
#include "core/system/module.hpp"

namespace sporehost::loader {

struct DecodeModule {
  static constexpr ModuleName name{"sporehost-decode.so", "sporehost_decode_module", "a compressed kernel"};

  const char* version;
  Decoder* gunzip;
  Decoder* unxz;
  Decoder* unlz4;
  Decoder* unzstd;
};

} // namespace sporehost::loader
