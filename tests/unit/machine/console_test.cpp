#include "core/session/console.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sporehost {
namespace {

class ConsoleTest : public ::testing::Test {
 protected:
  void write(std::string_view text) {
    const spore_streams* table = client_->table();
    if (!opened_) {
      static const spore_stream_events events = [] {
        spore_stream_events told{};
        told.size = sizeof told;
        told.readable = [](void*, uint32_t) {};
        told.writable = [](void*, uint32_t) {};
        return told;
      }();
      ASSERT_EQ(table->open(table->context, SPORE_STRING("console"), &events, nullptr, &stream_), SPORE_OK);
      opened_ = true;
    }
    ASSERT_EQ(table->give(table->context, stream_, text.data(), text.size()), text.size());
    loop_->post([this] { loop_->stop(); });
    loop_->run();
  }
  std::unique_ptr<Console> make(const ConsoleTarget& target) {
    outputs_ = std::move(Outputs::create(target)).value();
    outputs_->attach(*loop_);
    return std::make_unique<Console>(*loop_, hub_, *outputs_);
  }
  std::unique_ptr<Outputs> outputs_;
  std::unique_ptr<EventLoop> loop_ = std::move(EventLoop::create()).value();
  StreamHub hub_{*loop_};
  PlainDeviceLock lock_;
  std::unique_ptr<StreamHub::Client> client_ = hub_.client(lock_);
  uint32_t stream_ = 0;
  bool opened_ = false;
};

TEST_F(ConsoleTest, KeepsTheLastLinesPrintable) {
  const auto console = make({ConsoleTarget::Kind::none, {}});
  write("one\ntwo\nthree\x1b[31m\nfour\n");
  EXPECT_EQ(console->last_lines(2), "three?[31m\nfour\n");
  EXPECT_EQ(console->last_lines(99), "one\ntwo\nthree?[31m\nfour\n");
  EXPECT_EQ(console->panic_line(), "");
}

TEST_F(ConsoleTest, FindsThePanic) {
  const auto console = make({ConsoleTarget::Kind::none, {}});
  write("[    1.0] Kernel panic - not syncing: VFS: Unable to mount root fs\r\n[    1.1] CPU: 0\r\n");
  EXPECT_EQ(console->panic_line(), "Kernel panic - not syncing: VFS: Unable to mount root fs");
}

TEST_F(ConsoleTest, WritesToAFile) {
  const auto path = std::filesystem::temp_directory_path() / ("console-test." + std::to_string(::getpid()));
  const auto console = make(ConsoleTarget::parse(path.string()));
  write("hello\n");
  console->finish();
  outputs_->flush({});
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "hello");
  std::filesystem::remove(path);
}

TEST_F(ConsoleTest, SaysWhichFileCannotBeWritten) {
  const auto outputs = Outputs::create(ConsoleTarget::parse("/nonexistent/console"));
  ASSERT_FALSE(outputs.ok());
  EXPECT_EQ(outputs.error().text, "console file '/nonexistent/console' cannot be written: No such file or directory");
}

} // namespace
} // namespace sporehost
