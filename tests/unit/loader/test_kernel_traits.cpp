// What an image tells of itself. That real kernels have these texts is shown where real kernels are: by the nested
// tests custom-kernel-noacpi and kernel-option, which boot what was decided from them.
#include <gtest/gtest.h>

#include "core/loader/kernel_traits.hpp"
#include "tests/support/kernels/synthetic.hpp"

namespace sporehost::loader {
namespace {

using testing::Data;
using namespace std::string_view_literals;

KernelTraits traits_of(std::string_view texts) {
  Data image = testing::pattern(5000);
  image.insert(image.end(), texts.begin(), texts.end());
  return read_kernel_traits(image);
}

TEST(KernelTraits, OfDebiansKernel) {
  const KernelTraits traits = traits_of(
      "Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org)\0"
      "acpi_enforce_resources=\0PCI: Fatal: No config space access function found\n\0"
      "8250.nr_uarts\0"sv);
  EXPECT_TRUE(traits.is_linux && traits.acpi && traits.pci && traits.serial_8250);
  EXPECT_FALSE(traits.mmio_cmdline);
  EXPECT_EQ(traits.release, "6.1.0-56-cloud-amd64");
}

TEST(KernelTraits, OfAKernelWithoutAcpi) {
  const KernelTraits traits = traits_of("Linux version 6.1.155 (x@y)\0virtio_mmio.device\0"sv);
  EXPECT_TRUE(traits.is_linux && traits.mmio_cmdline);
  EXPECT_FALSE(traits.acpi || traits.pci || traits.serial_8250);
  EXPECT_EQ(traits.release, "6.1.155");
}

TEST(KernelTraits, OfDebiansArm64Kernel) {
  const KernelTraits traits = traits_of("Linux version 6.1.0-56-cloud-arm64 (x)\0uart-pl011\0"sv);
  EXPECT_TRUE(traits.serial_pl011);
  EXPECT_FALSE(traits.serial_8250);
}

TEST(KernelTraits, ALongerNameIsAnotherOne) {
  EXPECT_FALSE(traits_of("Linux version 6.1\0virtio_mmio.devices\0"sv).mmio_cmdline);
  EXPECT_FALSE(traits_of("Linux version 6.1\0virtio_mmio.device"sv).mmio_cmdline) << "the image ends before the NUL";
}

TEST(KernelTraits, OfWhatIsNoLinuxNothingIsKnown) {
  for (const KernelTraits& traits : {read_kernel_traits({}), traits_of(""), traits_of("acpi_enforce_resources=\0"sv)}) {
    EXPECT_FALSE(traits.is_linux || traits.acpi);
    EXPECT_EQ(traits.release, "");
  }
}

TEST(KernelTraits, AReleaseIsBelievedOnlyWhereItLooksLikeOne) {
  EXPECT_EQ(traits_of("Linux version %s (%s)\0Linux version 5.10.1+ #1"sv).release, "5.10.1+");
  EXPECT_EQ(traits_of("Linux version \x1b[31m6.1 "sv).release, "");
  EXPECT_EQ(traits_of("Linux version 6.1"sv).release, "") << "the image ends in the middle";
  EXPECT_EQ(traits_of("Linux version " + std::string(70, '6') + " x").release, "");
  std::string many;
  for (int i = 0; i < 5000; ++i) many += "Linux version x";
  EXPECT_EQ(traits_of(many + "Linux version 6.1 ").release, "");
}

} // namespace
} // namespace sporehost::loader
