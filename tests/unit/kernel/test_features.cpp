// What is found out about a kernel of the user's own, and where.
#include <gmock/gmock.h>

#include "core/kernel/kernel_features.hpp"
#include "kernel_fixture.hpp"

namespace sporehost::kernel::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::string_view_literals;

constexpr std::string_view kSerial = "CONFIG_SERIAL_8250_CONSOLE";

class Features : public ::testing::Test {
 protected:
  KernelFeatures of(const std::string& image) {
    put(kernel_, image);
    const auto read = loader::load_kernel(kernel_.string(), {});
    EXPECT_TRUE(read.ok()) << read.error().text;
    return read ? find_features(*read, kernel_, kSerial) : KernelFeatures{};
  }
  // The texts lie behind what is loaded, as if in a segment of their own.
  static std::string image_with(std::string_view texts) { return vmlinux_of(make_image()) + std::string(texts); }

  TempFolder folder_;
  fs::path kernel_ = folder_.path() / "vmlinuz-6.1.0-1-x";
};

TEST_F(Features, TheConfigurationInsideComesFirst) {
  put(folder_.path() / "config", "CONFIG_ACPI=y\n");
  const KernelFeatures features = of(make_image("CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES=y\n# CONFIG_ACPI is not set\n"));
  EXPECT_EQ(features.acpi, false);
  EXPECT_EQ(features.mmio_cmdline, true);
  EXPECT_EQ(features.serial_driver, false);
  EXPECT_THAT(features.told_by, HasSubstr("CONFIG_IKCONFIG"));
}

TEST_F(Features, ThenTheImagesTexts) {
  put(folder_.path() / "config", "CONFIG_ACPI=y\n");
  const KernelFeatures features = of(image_with("Linux version 6.1.155 (x)\0virtio_mmio.device\0"sv));
  EXPECT_EQ(features.acpi, false);
  EXPECT_EQ(features.pci, false);
  EXPECT_EQ(features.mmio_cmdline, true);
  EXPECT_EQ(features.serial_driver, false);
  EXPECT_EQ(features.told_by, "the texts in its image (Linux 6.1.155)");
}

TEST_F(Features, ThenAFileBesideAnImageThatTheHostCannotRead) {
  put(folder_.path() / "config-6.1.0-1-x", "CONFIG_ACPI=y\nCONFIG_PCI=y\nCONFIG_SERIAL_8250_CONSOLE=y\n");
  const KernelFeatures features = of(make_image_packed_by_bzip2());
  EXPECT_EQ(features.acpi, true);
  EXPECT_EQ(features.pci, true);
  EXPECT_EQ(features.mmio_cmdline, false);
  EXPECT_EQ(features.serial_driver, true);
  EXPECT_THAT(features.told_by, HasSubstr("config-6.1.0-1-x' beside it"));
}

TEST_F(Features, OrNothingTells) {
  put(folder_.path() / "config", "no configuration at all\n");
  fs::create_directory(folder_.path() / ".config");
  const KernelFeatures features = of(make_image_packed_by_bzip2());
  EXPECT_EQ(features.acpi, std::nullopt);
  EXPECT_EQ(features.mmio_cmdline, std::nullopt);
  EXPECT_EQ(features.serial_driver, std::nullopt);
  EXPECT_EQ(features.told_by, "nothing");
}

TEST(FeaturesPlaces, AreTheUsualOnes) {
  EXPECT_THAT(config_files_beside("/boot/vmlinuz-6.1"),
              ElementsAre("/boot/vmlinuz-6.1.config", "/boot/config-6.1", "/boot/config", "/boot/.config",
                          "/boot/../../../.config"));
  EXPECT_THAT(config_files_beside("vmlinux"), ElementsAre("vmlinux.config", "config", ".config"));
}

} // namespace
} // namespace sporehost::kernel::testing
