// Kernels and initrds that cannot be started. The machine is made first, so these need a KVM that creates one; no
// Linux runs.
#include "fixture.hpp"
#include "tiny_kernel.hpp"

#include <elf.h>

#include <fstream>
#include <nlohmann/json.hpp>

namespace cli {
namespace {

using testing::AllOf;
using testing::StartsWith;

class BootFiles : public BootTest {
 protected:
  void SetUp() override {
    if (const std::string why = why_no_kvm(); !why.empty()) GTEST_SKIP() << why;
  }
  void expect_refused(const Output& output, const std::string& message) const {
    EXPECT_EQ(output.status, kNothingRun);
    EXPECT_EQ(output.message(), "sporehost: " + message);
    EXPECT_EQ(output.out, "");
  }
};

TEST_F(BootFiles, ASoundTinyKernelPowersOff) {
  const Output output = boot(write("k", tiny_elf_kernel(EM_X86_64)));
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_EQ(output.err, "");
}

TEST_F(BootFiles, KernelThatIsNotThere) {
  expect_refused(boot(path("k")), "kernel '" + path("k") + "': no such file; check the path in the configuration");
}

TEST_F(BootFiles, KernelThatIsNone) {
  expect_refused(boot(write("k", "#!/bin/sh\necho no kernel\n")),
                 "kernel '" + path("k") +
                     "': neither a bzImage, an ELF vmlinux, an arm64 Image nor an EFI zboot image; check the path, or "
                     "fetch it again");
}

TEST_F(BootFiles, KernelOfNoBytes) {
  expect_refused(boot(write("k", "")), "kernel '" + path("k") + "': is empty; fetch or build it again");
}

TEST_F(BootFiles, FolderInsteadOfAKernel) {
  const Output output = boot("/tmp");
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_EQ(output.message(), "sporehost: kernel '/tmp': is a directory; name the file in it");
}

TEST_F(BootFiles, TruncatedElfKernel) {
  const std::string whole = tiny_elf_kernel(EM_X86_64);
  expect_refused(boot(write("k", whole.substr(0, whole.size() - 4))),
                 "kernel '" + path("k") +
                     "': truncated: segment 0 should end at byte 120 + 10 but the image has 126; fetch it again");
}

TEST_F(BootFiles, ElfKernelCutWithinItsHeader) {
  expect_refused(boot(write("k", tiny_elf_kernel(EM_X86_64).substr(0, 40))),
                 "kernel '" + path("k") +
                     "': truncated: the ELF header should end at byte 64 but the image has 40; fetch it again");
}

TEST_F(BootFiles, TruncatedBzImage) {
  expect_refused(boot(write("k", bzimage_head() + std::string(100, 'x'))),
                 "kernel '" + path("k") +
                     "': truncated: the protected-mode code should end at byte 66560 but the file has 1124; fetch it "
                     "again");
}

TEST_F(BootFiles, BzImageCutWithinItsHeader) {
  const Output output = boot(write("k", bzimage_head().substr(0, 0x230)));
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), StartsWith("sporehost: kernel '" + path("k") + "': truncated: the setup header"));
}

TEST_F(BootFiles, KernelForAnotherMachine) {
  expect_refused(
      boot(write("k", tiny_elf_kernel(EM_AARCH64))),
      "kernel '" + path("k") + "': a kernel for arm64, but this machine is x86-64; use a kernel built for it");
}

TEST_F(BootFiles, InitrdLargerThanRam) {
  const std::string kernel = write("k", tiny_elf_kernel(EM_X86_64));
  const std::string initrd = write("i", "x");
  std::filesystem::resize_file(initrd, 100u << 20); // sparse
  const Output output = boot(kernel, initrd);
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(),
              AllOf(StartsWith("sporehost: '" + initrd + "': initrd of 100 MiB does not fit into 64 MiB of RAM: "),
                    testing::EndsWith("; give the machine more memory or use a smaller initrd")));
}

TEST_F(BootFiles, InitrdThatIsNotThere) {
  expect_refused(boot(write("k", tiny_elf_kernel(EM_X86_64)), path("i")),
                 "initrd '" + path("i") + "': no such file; check the path in the configuration");
}

TEST_F(BootFiles, TooLittleRamForTheBoard) {
  const Output output = boot(write("k", tiny_elf_kernel(EM_X86_64)), "none", "1MiB");
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(),
              testing::EndsWith("memory is 1048576 bytes; a guest needs at least 64 MiB, so write 64MiB or more"));
}

TEST_F(BootFiles, TheReportGoesToItsFile) {
  const std::string config = write("m.yaml", "version: 1\ndevices: []\nlog: {level: error}\n");
  const Output output =
      run({{"--config", config, "--kernel", write("k", tiny_elf_kernel(EM_X86_64)), "--initrd", "none", "--memory",
            "64MiB", "--backend", "kvm", "--json", "--report-file", path("r.json")},
           {}});
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_EQ(output.out, "");
  const auto report = nlohmann::json::parse(std::ifstream(path("r.json")), nullptr, false);
  ASSERT_TRUE(report.is_object());
  EXPECT_EQ(report["ram_mib"], 64);
  EXPECT_EQ(report["virtio_mem_mib"], 0);
}

} // namespace
} // namespace cli
