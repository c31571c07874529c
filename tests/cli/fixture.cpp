#include "fixture.hpp"

#include <elf.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tiny_kernel.hpp"

namespace cli {
namespace {

namespace fs = std::filesystem;

// An archive with nothing but its end (newc format): a managed initrd without modules.
std::string empty_archive() {
  const std::string name("TRAILER!!!\0", 11);
  std::string archive = "070701";
  for (int field = 0; field < 13; ++field) archive += field == 4 ? "00000001" : field == 11 ? "0000000b" : "00000000";
  archive += name;
  archive.resize((archive.size() + 511) / 512 * 512);
  return archive;
}

// Every symbol that a managed kernel must have, from the list that the program was built with.
std::string sound_configuration() {
  std::ifstream list(SPORE_SYMBOL_LIST);
  std::string text;
  for (std::string line; std::getline(list, line);) {
    std::istringstream words(line);
    std::string symbols, arch;
    if (!(words >> symbols >> arch) || symbols.starts_with('#') || arch == "arm64") continue;
    text += symbols.substr(0, symbols.find('|')) + "=y\n";
  }
  if (text.empty()) throw std::runtime_error("no symbols in " SPORE_SYMBOL_LIST);
  return text;
}

} // namespace

CliTest::CliTest() {
  std::string pattern = (fs::temp_directory_path() / "sporehost-cli-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp: " + std::string(std::strerror(errno)));
  folder_ = pattern;
  fs::permissions(folder_, fs::perms(0755)); // unprivileged runs look in, too
}

CliTest::~CliTest() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string CliTest::write(const std::string& name, const std::string& text) const {
  fs::create_directories((folder_ / name).parent_path());
  std::ofstream(folder_ / name, std::ios::binary) << text;
  return path(name);
}

std::string CliTest::machine(const std::string& text) const {
  return write("m.yaml", "version: 1\nworkload: {argv: [/bin/true]}\n" + text);
}

Output CliTest::check(const std::string& text, const std::string& plugin_path) const {
  std::vector<std::string> arguments{"check", "--config", machine(text)};
  if (!plugin_path.empty()) arguments.insert(arguments.end(), {"--plugin-path", plugin_path});
  return run({arguments, {}});
}

std::string CliTest::plugin_folder(const std::string& fixture) const {
  fs::create_directories(folder_ / "plugins");
  fs::copy_file(fs::path(SPORE_FIXTURE_DIR) / (fixture + ".so"), folder_ / "plugins" / (fixture + ".so"),
                fs::copy_options::overwrite_existing);
  return path("plugins");
}

std::string CliTest::copied_plugin(const std::string& fixture, const std::string& name) const {
  fs::create_directories(folder_ / "plugins");
  fs::copy_file(fs::path(SPORE_FIXTURE_DIR) / (fixture + ".so"), folder_ / "plugins" / (name + ".so"),
                fs::copy_options::overwrite_existing);
  return path("plugins/" + name + ".so");
}

std::string CliTest::managed_folder() const {
  write("managed/vmlinux", tiny_elf_kernel(EM_X86_64));
  write("managed/config", sound_configuration());
  write("managed/release", "6.1.0-tiny\n");
  write("managed/initrd.cpio", empty_archive());
  return path("managed");
}

std::string CliTest::searched(const std::string& first) {
  return first.empty() ? "; searched " : "; searched " + first + " (--plugin-path)";
}

Output BootTest::boot(const std::string& kernel, const std::string& initrd, const std::string& memory) const {
  const std::string config = write("m.yaml", "version: 1\ndevices: []\nlog: {level: error}\nreport: none\n");
  return run(
      {{"--config", config, "--kernel", kernel, "--initrd", initrd, "--memory", memory, "--backend", "kvm"}, {}});
}

std::string why_no_kvm() {
  const int fd = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
  if (fd < 0) return std::string("no machine can be made here: /dev/kvm: ") + std::strerror(errno);
  const int vm = ::ioctl(fd, KVM_CREATE_VM, 0);
  const int error = errno;
  ::close(fd);
  if (vm < 0) return std::string("no machine can be made here: KVM_CREATE_VM: ") + std::strerror(error);
  ::close(vm);
  return "";
}

} // namespace cli
