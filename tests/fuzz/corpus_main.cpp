// Runs a fuzz target without libFuzzer: every file of its corpus, and mutations of each from fixed seeds, so that a run
// is short and the same every time. A crash or a sanitizer's report fails it; so does an empty corpus. For longer runs
// scripts/soak has libFuzzer, which finds more.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<uint8_t>;
constexpr int kMutationsPerFile = 300;

Input read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Input(std::istreambuf_iterator<char>(file), {});
}

// A few of what breaks parsers: flipped bits, extreme bytes, cuts, repeats.
void mutate(Input& input, std::mt19937_64& random) {
  for (uint64_t changes = 1 + random() % 4; changes > 0 && !input.empty(); --changes) {
    const size_t at = random() % input.size();
    const auto where = input.begin() + static_cast<ptrdiff_t>(at);
    switch (random() % 5) {
      case 0:
        input[at] ^= static_cast<uint8_t>(1u << random() % 8);
        break;
      case 1:
        input[at] = static_cast<uint8_t>(random());
        break;
      case 2:
        input[at] = random() % 2 == 0 ? 0xff : 0x00;
        break;
      case 3:
        input.resize(at);
        break;
      default: {
        const Input piece(where,
                          input.begin() + static_cast<ptrdiff_t>(std::min(input.size(), at + 1 + random() % 16)));
        input.insert(where, piece.begin(), piece.end());
      }
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file()) continue;
      const Input original = read_file(entry.path());
      LLVMFuzzerTestOneInput(original.data(), original.size());
      std::mt19937_64 random(static_cast<uint64_t>(++files));
      for (int n = 0; n < kMutationsPerFile; ++n) {
        Input input = original;
        mutate(input, random);
        LLVMFuzzerTestOneInput(input.data(), input.size());
      }
    }
  }
  std::printf("%d files, %d mutations of each\n", files, kMutationsPerFile);
  return files > 0 ? 0 : 1;
}
