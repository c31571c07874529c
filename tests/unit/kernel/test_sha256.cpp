#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/kernel/sha256_digest.hpp"

namespace sporehost::kernel {
namespace {

std::string digest_of(std::string_view bytes, size_t piece) {
  Sha256Digest digest;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) digest.update(bytes.substr(0, piece));
  return digest.finish();
}

// FIPS 180-4's own examples.
TEST(Sha256, OfTheStandardsExamples) {
  EXPECT_EQ(digest_of("abc", 3), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 7),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// Around the ends of a block, with and without room for the padding; by coreutils' sha256sum.
TEST(Sha256, OfEveryLengthThatTheEndOfABlockMakesSpecial) {
  const std::pair<size_t, const char*> known[] = {
      {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {1, "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"},
      {55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
      {56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
      {63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
      {64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
      {65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
      {119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
      {120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"},
      {128, "6836cf13bac400e9105071cd6af47084dfacad4e5e302c94bfed24e013afb73e"},
      {1000, "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"},
      {1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const auto& [length, digest] : known)
    for (const size_t piece : {size_t{1}, size_t{63}, size_t{64}, size_t{4096}})
      EXPECT_EQ(digest_of(std::string(length, 'a'), piece), digest) << length << " bytes in pieces of " << piece;
}

} // namespace
} // namespace sporehost::kernel
