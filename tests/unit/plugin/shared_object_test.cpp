// Files that must not reach the dynamic linker.
#include "core/plugin/shared_object.hpp"
#include "tests/unit/plugin/plugin_folder.hpp"

#include <elf.h>
#include <sys/stat.h>

#include <sporehost/abi.h>

#include <algorithm>
#include <cstddef>

namespace sporehost::plugin::test {
namespace {

using ::testing::Test;

class SharedObject : public Test {
 protected:
  LoadFailure refused(const std::string& content) {
    folder_.write("x.so", content);
    const auto failure = check_shared_object(folder_.file("x.so"));
    EXPECT_TRUE(failure.has_value());
    return failure.value_or(LoadFailure{LoadState::Loaded, "was not refused"});
  }

  PluginFolder folder_;
  std::string good_ = content_of(fixture("good"));
};

TEST_F(SharedObject, AcceptsAPlugin) {
  EXPECT_FALSE(check_shared_object(fixture("good")).has_value());
}

TEST_F(SharedObject, NamesAnAbsentFile) {
  const auto failure = check_shared_object(folder_.file("absent.so"));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->state, LoadState::NotFound);
  EXPECT_EQ(failure->reason, "cannot be opened: No such file or directory");
}

TEST_F(SharedObject, RefusesWhatIsNoFileWithoutBlocking) {
  fs::create_directory(folder_.file("folder.so"));
  EXPECT_EQ(check_shared_object(folder_.file("folder.so"))->state, LoadState::NotReadable);
  ASSERT_EQ(::mkfifo(folder_.file("fifo.so").c_str(), 0600), 0);
  const auto failure = check_shared_object(folder_.file("fifo.so"));
  EXPECT_EQ(failure->state, LoadState::NotReadable);
  EXPECT_EQ(failure->reason, "is not a regular file");
}

TEST_F(SharedObject, RefusesText) {
  const LoadFailure failure = refused("This is not a plugin, whatever its name says.\n");
  EXPECT_EQ(failure.state, LoadState::NotElf);
  EXPECT_EQ(failure.reason, "is not a shared object: it does not begin with the ELF magic");
  EXPECT_EQ(refused("").reason, "is not a shared object: it is shorter than an ELF header");
}

TEST_F(SharedObject, RefusesAnotherInstructionSet) {
  const uint16_t other = SPORE_ARCH_NATIVE == SPORE_ARCH_X86_64 ? EM_AARCH64 : EM_X86_64;
  good_.replace(offsetof(Elf64_Ehdr, e_machine), 2, reinterpret_cast<const char*>(&other), 2);
  const LoadFailure failure = refused(good_);
  EXPECT_EQ(failure.state, LoadState::WrongArchitecture);
  EXPECT_EQ(failure.rule, 3);
  EXPECT_EQ(failure.reason, SPORE_ARCH_NATIVE == SPORE_ARCH_X86_64
                                ? "is built for arm64, this host is x86-64; build it for this machine"
                                : "is built for x86-64, this host is arm64; build it for this machine");
}

TEST_F(SharedObject, Refuses32Bit) {
  good_[EI_CLASS] = ELFCLASS32;
  EXPECT_EQ(refused(good_).state, LoadState::WrongArchitecture);
}

TEST_F(SharedObject, RefusesAnObjectFile) {
  good_[offsetof(Elf64_Ehdr, e_type)] = ET_REL;
  const LoadFailure failure = refused(good_);
  EXPECT_EQ(failure.state, LoadState::NotElf);
  EXPECT_EQ(failure.reason, "is an ELF file of type 1, not a shared object (3); link it with -shared");
}

TEST_F(SharedObject, RefusesAFileCutShortAnywhereInItsSegments) {
  const Elf64_Ehdr header = *reinterpret_cast<const Elf64_Ehdr*>(good_.data());
  const auto* segments = reinterpret_cast<const Elf64_Phdr*>(good_.data() + header.e_phoff);
  size_t end = 0;
  for (int i = 0; i < header.e_phnum; ++i) {
    if (segments[i].p_type == PT_LOAD) end = std::max<size_t>(end, segments[i].p_offset + segments[i].p_filesz);
  }
  for (const size_t bytes : {size_t{16}, size_t{63}, size_t{64}, size_t{200}, size_t{4096}, end / 2, end - 1}) {
    const LoadFailure failure = refused(good_.substr(0, bytes));
    EXPECT_EQ(failure.state, LoadState::Truncated) << bytes << " bytes: " << failure.reason;
    EXPECT_NE(failure.reason.find("is cut short"), std::string::npos);
  }
  folder_.write("whole.so", good_.substr(0, end));
  EXPECT_FALSE(check_shared_object(folder_.file("whole.so")).has_value()) << "the section table is not needed to load";
}

TEST_F(SharedObject, RefusesSegmentsThatOverflow) {
  auto* header = reinterpret_cast<Elf64_Ehdr*>(good_.data());
  reinterpret_cast<Elf64_Phdr*>(good_.data() + header->e_phoff)->p_type = PT_LOAD;
  reinterpret_cast<Elf64_Phdr*>(good_.data() + header->e_phoff)->p_filesz = UINT64_MAX;
  EXPECT_EQ(refused(good_).state, LoadState::Truncated);
  header->e_phoff = UINT64_MAX - 8;
  EXPECT_EQ(refused(good_).state, LoadState::Truncated);
  header->e_phnum = 0xffff;
  EXPECT_EQ(refused(good_).state, LoadState::NotElf);
}

} // namespace
} // namespace sporehost::plugin::test
