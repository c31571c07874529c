// Answers that do not arrive are failures, whichever command gives them.
#include "fixture.hpp"

namespace cli {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class OutputTest : public CliTest {
 protected:
  [[nodiscard]] std::vector<Call> commands() const {
    const std::string config = machine("memory: 64MiB\n");
    const std::map<std::string, std::string> managed = {{"SPOREHOST_MANAGED_DIR", managed_folder()}};
    std::vector<Call> calls;
    for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
             {"--help"},
             {"--version"},
             {"check", "--help"},
             {"check", "--config", config},
             {"plan", "--config", config},
             {"plan", "--config", config, "--json"},
             {"plugin", "list"},
             {"plugin", "list", "--json"},
             {"plugin", "inspect", "virtio-mem"},
             {"plugin", "inspect", "virtio-mem", "--json"},
             {"plugin", "check", "virtio-mem"},
             {"backend", "probe", "--no-measure", "--json"},
             {"schema"},
         })
      calls.push_back({words, managed, false, "", ""});
    return calls;
  }
};

TEST_F(OutputTest, AFullDiskIsAFailureOfEveryCommand) {
  for (Call call : commands()) {
    call.redirect = ">/dev/full";
    const Output output = run(call);
    EXPECT_EQ(output.status, kNothingRun) << testing::PrintToString(call.arguments) << output.err;
    EXPECT_THAT(output.message(), HasSubstr("standard output cannot be written: No space left on device"))
        << testing::PrintToString(call.arguments);
  }
}

TEST_F(OutputTest, SoIsAStandardOutputThatIsClosed) {
  const Output output = run({{"schema"}, {}, false, ">&-", ""});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("standard output cannot be written: Bad file descriptor"));
}

TEST_F(OutputTest, AndALimitOnTheSizeOfFilesIsNoEndBySignal) {
  const Output output = run({{"schema"}, {}, false, ">" + path("schema.json"), "ulimit -f 1; "});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("standard output cannot be written: File too large"));
}

TEST_F(OutputTest, WhereItArrivesAllIsWell) {
  for (const Call& call : commands()) {
    const Output output = run(call);
    EXPECT_EQ(output.status, 0) << testing::PrintToString(call.arguments) << output.err;
    EXPECT_THAT(output.out, testing::Not(IsEmpty())) << testing::PrintToString(call.arguments);
  }
}

} // namespace
} // namespace cli
