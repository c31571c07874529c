// Plugins that crash, hang, print, lie or break a rule, and what each command says of them. One line a plugin: the
// answer names the file and what is wrong, the status is the documented one, and nothing else suffers.
#include <nlohmann/json.hpp>

#include "fixture.hpp"

namespace cli {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kSound = "";   // the command has nothing to say against it
constexpr const char* kSame = "-";   // what `plugin check` says
constexpr const char* kBrief = "2s"; // the time allowed, where it is going to be used up

struct Bad {
  const char* fault;
  const char* state;   // as `plugin list` names it
  const char* checked; // what `plugin check` says of it
  const char* config;  // what `check` and `plan` say of a machine that uses it

  [[nodiscard]] std::string expected() const { return std::string(config) == kSame ? checked : config; }
  [[nodiscard]] bool hangs() const { return std::string(fault).starts_with("loop-"); }
};

void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.fault;
}

const Bad kBad[] = {
    // ---- loading
    {"crash-constructor", "crashed", "ended the process with signal 11 (SIGSEGV) in its constructors (SDK-1)", kSame},
    {"crash-entry", "crashed", "ended the process with signal 11 (SIGSEGV) in sporehost_plugin_entry (SDK-1)", kSame},
    {"crash-destructor", "crashed", "ended the process with signal 11 (SIGSEGV) when it was unloaded (SDK-1)", kSame},
    {"loop-constructor", "timed-out",
     "did not come back within 2s in its constructors; SPOREHOST_PLUGIN_TIMEOUT allows more (SDK-1)", kSame},
    {"loop-entry", "timed-out", "did not come back within 2s in sporehost_plugin_entry", kSame},
    {"exit-constructor", "exited", "ended the process with status 0 in its constructors (SDK-20)", kSame},
    {"exit-entry", "exited", "ended the process with status 3 in sporehost_plugin_entry (SDK-20)", kSame},
    {"print-constructor", "loaded", "writes to standard output: hello \"there\" (SDK-20)", kSound},
    {"complain-constructor", "loaded", "writes to standard error: oh?[31m no (SDK-20)", kSound},
    {"fork-constructor", "loaded", "forks the process while it is loaded (SDK-20)", kSound},
    {"daemon-constructor", "loaded", "leaves processes behind that it started (SDK-20)", kSound},
    {"thread-constructor", "loaded", "starts a thread while it is loaded (SDK-1)", kSound},
    {"garble-constructor", "loaded", kSound, kSound},
    {"forge-rule", "exited", "wrote what cannot be true", kSame},
    {"forge-minor", "exited", "wrote what cannot be true", kSame},
    {"forge-arch", "exited", "wrote what cannot be true", kSame},
    {"forge-id", "exited", "wrote what cannot be true", kSame},
    {"forge-schema", "bad-descriptor", "the schema is not valid JSON", kSame},
    // ---- schemas
    {"schema-text", "bad-descriptor", "is not JSON: it goes wrong at byte 18 (SDK-6)", kSame},
    {"schema-list", "bad-descriptor", "is not the schema of an object", kSame},
    {"schema-number", "bad-descriptor", "holds a number that is too large (SDK-6)", kSame},
    {"schema-recursive", "bad-descriptor", "or a $ref leads back to itself (SDK-6)", kSame},
    {"schema-remote", "bad-descriptor", "$ref 'http://x/y' leads out of the schema; only '#/...' is accepted (SDK-6)",
     kSame},
    {"schema-default", "bad-descriptor", "the default of '/a' does not fit its own schema (SDK-6)", kSame},
    {"schema-keyword", "bad-descriptor", "'/properties/a/required' must be a list of texts", kSame},
    // ---- create
    {"crash-create", "loaded", "ended the process with signal 11 (SIGSEGV) in create", kSame},
    {"loop-create", "loaded", "did not come back within 2s in create", kSame},
    {"exit-create", "loaded", "ended the process with status 0 in create (SDK-20)", kSame},
    {"create-silent", "loaded", "create of memory-policy 'create-silent' failed and gave no reason (SDK-8)", kSame},
    {"create-status", "loaded",
     "create of memory-policy 'create-status' returned status 77, which this host does not know (SDK-27)", kSame},
    {"create-no-self", "loaded", "returned SPORE_OK without an object (SDK-9)", kSame},
    {"create-no-ops", "loaded", "returned SPORE_OK without a table of functions (SDK-9)", kSame},
    {"create-no-end", "loaded", kSound, "(id 'create-no-end'): xxxxxxxx"},
    {"print-create", "loaded", "writes to standard output: made (SDK-20)", kSound},
    {"logs-raw", "loaded", kSound, kSound},
    // ---- policies
    {"crash-plan", "loaded", "ended the process with signal 11 (SIGSEGV) in plan", kSame},
    {"loop-plan", "loaded", "did not come back within 2s in plan", kSame},
    {"exit-plan", "loaded", "ended the process with status 7 in plan (SDK-20)", kSame},
    {"crash-destroy", "loaded", "ended the process with signal 11 (SIGSEGV) in destroy", kSame},
    {"region-odd", "loaded", "its plan is unusable: ", kSame},
    {"region-huge", "loaded", "do not fit into the 52-bit guest-physical addresses", kSame},
    {"boot-none", "loaded", "its plan is unusable: ", kSame},
    {"plan-status", "loaded", "plan returned status 99, which this host does not know (SDK-27)", kSame},
    {"plan-silent", "loaded", "plan failed and gave no reason (SDK-8)", kSame},
    {"plan-no-end", "loaded", kSound, "(id 'plan-no-end'): yyyyyyyy"},
    {"plan-says-no", "loaded", kSound, "(id 'plan-says-no'): not today"},
    {"reason-raw", "loaded", kSound, kSound},
    {"reason-cut", "loaded", kSound, kSound},
    {"reason-no-end", "loaded", kSound, kSound},
    // ---- devices
    {"dev-crash-create", "loaded", "ended the process with signal 11 (SIGSEGV) in create or describe", kSame},
    {"dev-crash-describe", "loaded", "ended the process with signal 11 (SIGSEGV) in create or describe", kSame},
    {"dev-crash-destroy", "loaded", "ended the process with signal 11 (SIGSEGV) in destroy", kSame},
    {"dev-create-silent", "loaded", "create of virtio-device 'dev-create-silent' failed and gave no reason (SDK-8)",
     kSame},
    {"dev-create-status", "loaded", "returned status 77, which this host does not know (SDK-27)", kSame},
    {"dev-no-self", "loaded", "returned SPORE_OK without an object (SDK-9)", kSame},
    {"dev-no-ops", "loaded", "returned SPORE_OK without a table of functions (SDK-9)", kSame},
    {"dev-says-no", "loaded", kSound, "(id 'dev-says-no'): no such toy here"},
    {"dev-no-id", "loaded", "its traits: device_id 0 means no device (VIRTIO 1.2 section 5) (SDK-25)", kSame},
    {"dev-changing", "loaded", "describe does not say the same twice (SDK-21)", kSame},
    {"dev-any-interface", "loaded", "query_interface offers an interface that does not exist (SDK-16)", kSame},
    {"dev-feature-32", "loaded", "its traits: feature bits 24 to 49 are the transport's", kSame},
    {"dev-queues-0", "loaded", "its traits: queue_count 0 is not in 1 to 1024 (SDK-25)", kSame},
    {"dev-queues-2000", "loaded", "its traits: queue_count 2000 is not in 1 to 1024 (SDK-25)", kSame},
    {"dev-queue-size", "loaded", "its traits: queue_size_max[0] = 100 is no power of two up to 32768 (SDK-25)", kSame},
    {"dev-config-huge", "loaded", "its traits: config_bytes 1073741824 is more than 3840 (SDK-25)", kSame},
};

class BadPlugin : public CliTest, public testing::WithParamInterface<Bad> {
 protected:
  [[nodiscard]] Output ask(std::vector<std::string> arguments) const {
    return run(
        {std::move(arguments),
         {{"SPOREHOST_MANAGED_DIR", managed_folder()}, {"SPOREHOST_PLUGIN_TIMEOUT", bad_.hangs() ? kBrief : ""}}});
  }
  // A machine that uses it, as its policy or as its device.
  [[nodiscard]] std::string config() const {
    const std::string id = bad_.fault;
    return machine(id.starts_with("dev-") ? "devices: [virtio-mem, " + id + "]\n" : "memory: {policy: " + id + "}\n");
  }
  void expect(const Output& output, const std::string& what, bool with_place) const {
    EXPECT_EQ(output.status, what.empty() ? 0 : kNothingRun) << output.out << output.err;
    if (what.empty()) return;
    EXPECT_THAT(output.message(), AllOf(HasSubstr(file_), HasSubstr(what)));
    EXPECT_THAT(output.message(), HasSubstr(with_place ? path("m.yaml") + ":3:" : ""));
  }
  static void expect_printable(const Output& output) {
    for (const std::string* text : {&output.out, &output.err})
      for (const char c : *text) ASSERT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << *text;
  }

  const Bad& bad_ = GetParam();
  const std::string file_ = bad_plugin(bad_.fault);
};

TEST_P(BadPlugin, IsToldByPluginCheck) {
  const Output output = ask({"plugin", "check", file_});
  expect(output, bad_.checked, false);
  expect_printable(output);
}

TEST_P(BadPlugin, IsToldByCheckAndPlanAlike) {
  for (const char* command : {"check", "plan"}) {
    SCOPED_TRACE(command);
    const Output output = ask({command, "--config", config(), "--plugin-path", path("plugins")});
    expect(output, bad_.expected(), true);
    expect_printable(output);
  }
}

TEST_P(BadPlugin, IsToldByInspect) {
  const Output output = ask({"plugin", "inspect", file_});
  const bool loads = std::string(bad_.state) == "loaded";
  expect(output, loads ? "" : bad_.checked, false);
  expect_printable(output);
}

INSTANTIATE_TEST_SUITE_P(Faults, BadPlugin, testing::ValuesIn(kBad), [](const auto& test) {
  std::string name = test.param.fault;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// All of them in one folder, and the commands that look at every file.
class BadFolder : public CliTest {
 protected:
  BadFolder() {
    for (const Bad& bad : kBad) bad_plugin(bad.fault);
    bad_plugin("other-id");
  }
  [[nodiscard]] Output ask(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--plugin-path", path("plugins")});
    return run(
        {std::move(arguments), {{"SPOREHOST_MANAGED_DIR", managed_folder()}, {"SPOREHOST_PLUGIN_TIMEOUT", kBrief}}});
  }
};

TEST_F(BadFolder, ListNamesEachWithItsState) {
  const Output output = ask({"plugin", "list", "--json"});
  ASSERT_EQ(output.status, 0) << output.err;
  EXPECT_EQ(output.err, "");
  const auto json = nlohmann::json::parse(output.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << output.out;
  std::map<std::string, nlohmann::json> plugins;
  for (const auto& plugin : json["plugins"]) plugins[plugin["path"]] = plugin;
  for (const Bad& bad : kBad) {
    const auto& plugin = plugins[path("plugins/" + std::string(bad.fault) + ".so")];
    EXPECT_EQ(plugin["state"], bad.state) << bad.fault << ": " << plugin.dump();
  }
  EXPECT_EQ(plugins[SPOREHOST_PLUGIN_DIR "/virtio-mem.so"]["state"], "loaded");
  EXPECT_THAT(plugins[path("plugins/print-constructor.so")]["remarks"].dump(), HasSubstr("hello"));
}

TEST_F(BadFolder, TheSchemaHasTheSoundOnesAndTheOthersAreNamed) {
  const Output output = ask({"schema"});
  ASSERT_EQ(output.status, 0) << output.err;
  EXPECT_TRUE(nlohmann::json::parse(output.out, nullptr, false).is_object()) << output.out;
  EXPECT_THAT(output.out, AllOf(HasSubstr("virtio-rng"), HasSubstr("known-by-another-name")));
  EXPECT_THAT(output.err, HasSubstr("left out: plugin '" + path("plugins/crash-entry.so") + "' ended the process"));
}

// A plugin whose file is named otherwise is looked for in every file, past all that lie in the way.
TEST_F(BadFolder, AnotherPluginIsFoundAllTheSame) {
  const Output output = ask({"plan", "--config", machine("memory: {policy: known-by-another-name}\n")});
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("ram_mib=1024 virtio_mem_mib=0\nreason: as asked\n"));
}

TEST_F(BadFolder, TheBackendsAreProbed) {
  const Output output = ask({"backend", "probe", "--no-measure", "--json"});
  ASSERT_EQ(output.status, 0) << output.err;
  const auto json = nlohmann::json::parse(output.out, nullptr, false);
  ASSERT_TRUE(json.is_array()) << output.out;
  EXPECT_EQ(json[0]["id"], "kvm");
}

// ---- single answers that the table has no room for -----------------------------------------------------------------

using BadPluginText = CliTest;

TEST_F(BadPluginText, AReasonIsOneLineAndJsonStaysJson) {
  for (const char* fault : {"reason-raw", "reason-cut", "reason-no-end"}) {
    bad_plugin(fault);
    const std::string config = machine(std::string("memory: {policy: ") + fault + "}\n");
    const auto plan = [&](std::vector<std::string> more) {
      std::vector<std::string> arguments{"plan", "--config", config, "--plugin-path", path("plugins")};
      arguments.insert(arguments.end(), more.begin(), more.end());
      return run({arguments, {{"SPOREHOST_MANAGED_DIR", managed_folder()}}});
    };
    const Output json = plan({"--json"});
    EXPECT_EQ(json.status, 0) << json.err;
    EXPECT_TRUE(nlohmann::json::parse(json.out, nullptr, false).is_object()) << json.out;
    EXPECT_THAT(plan({}).out, Not(HasSubstr("\nram_mib")));
  }
}

TEST_F(BadPluginText, LogLinesAreCleaned) {
  bad_plugin("logs-raw");
  const Output output =
      run({{"plan", "--config", machine("memory: {policy: logs-raw}\n"), "--plugin-path", path("plugins")},
           {{"SPOREHOST_MANAGED_DIR", managed_folder()}}});
  EXPECT_THAT(output.err, HasSubstr("logs-raw: up?[2J and running\n"));
}

// The contract of kernel_can_grow: 0 for whatever is not the project's own pair of kernel and initrd.
TEST_F(BadPluginText, APolicyThatTrustsKernelCanGrowPlansNoRegionForAnUncheckedKernel) {
  bad_plugin("grows-if-checked");
  const std::string config = machine("memory: {policy: grows-if-checked}\n");
  const auto plan = [&](std::vector<std::string> more, const char* image = "") {
    std::vector<std::string> arguments{"plan", "--config", config, "--plugin-path", path("plugins")};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run({arguments, {{"SPOREHOST_MANAGED_DIR", managed_folder()}, {"SPOREVM_KERNEL_IMAGE", image}}}).out;
  };
  const std::string own = write("own", "any");
  EXPECT_THAT(plan({}), HasSubstr("virtio_mem_mib=1024"));
  EXPECT_THAT(plan({"--kernel", own}), HasSubstr("virtio_mem_mib=0"));
  EXPECT_THAT(plan({}, own.c_str()), HasSubstr("virtio_mem_mib=0"));
  EXPECT_THAT(plan({"--initrd", own}), HasSubstr("virtio_mem_mib=0"));
  EXPECT_THAT(plan({"--initrd", "none"}), HasSubstr("virtio_mem_mib=0"));
}

TEST_F(BadPluginText, CheckTakesSeveralAndNamesEach) {
  const std::string good = plugin_folder("good") + "/good.so";
  const std::string bad = bad_plugin("crash-entry");
  const Output output = run({{"plugin", "check", good, bad, "virtio-rng"}, {}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.out, AllOf(HasSubstr(good + ": ok\n"), HasSubstr("virtio-rng.so: ok\n")));
  EXPECT_THAT(output.message(), HasSubstr(bad));
}

TEST_F(BadPluginText, ADeviceHasItsLockUntilItIsDestroyed) {
  const std::string file = plugin_folder("own-thread") + "/own-thread.so";
  const Output output = run({{"plugin", "check", file}, {}});
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr(file + ": ok\n"));
}

TEST_F(BadPluginText, TheProjectsOwnPassAndSayNothing) {
  std::vector<std::string> arguments{"plugin", "check"};
  for (const auto& entry : std::filesystem::directory_iterator(SPOREHOST_PLUGIN_DIR))
    // The serial port of arm64's board lies where x86-64 has RAM, and each says so of the other's.
    if (entry.path().extension() == ".so" && !entry.path().filename().string().starts_with("serial-pl011"))
      arguments.push_back(entry.path().string());
  const Output output = run({arguments, {}});
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_THAT(output.out, Not(HasSubstr("note:")));
}

TEST_F(BadPluginText, AFileThatEverybodyCanChangeIsWorthANote) {
  const std::string file = plugin_folder("good") + "/good.so";
  std::filesystem::permissions(file, std::filesystem::perms(0666));
  const Output output = run({{"plugin", "check", file}, {}});
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_THAT(output.out, HasSubstr("note: can be changed by every user of this computer: chmod o-w " + file));
}

// The last line before a plugin ends it all is the one that names it.
TEST_F(BadPluginText, TheTraceSpeaksBeforeItLoads) {
  if (const std::string why = why_no_kvm(); !why.empty()) GTEST_SKIP() << why;
  const std::string file = bad_plugin("crash-entry");
  const Output output = run({{"--config", machine("memory: {policy: crash-entry}\n"), "--plugin-path", path("plugins"),
                              "--memory", "64MiB", "--backend", "kvm"},
                             {{"SPOREHOST_MANAGED_DIR", managed_folder()}, {"SPOREHOST_PLUGIN_TRACE", "1"}}});
  EXPECT_THAT(output.err, HasSubstr("plugin trace: loads " + file + "\n"));
}

// A run that a plugin ends is no run that went well, whatever status the plugin has in mind.
TEST_F(BadPluginText, ExitInARunIsNamedAndHasTheStatusOfPlugins) {
  if (const std::string why = why_no_kvm(); !why.empty()) GTEST_SKIP() << why;
  for (const char* fault : {"exit-constructor", "exit-entry", "exit-create", "exit-plan", "dev-exit-create"}) {
    SCOPED_TRACE(fault);
    const std::string file = bad_plugin(fault), id = fault;
    const std::string use =
        id.starts_with("dev-") ? "devices: [virtio-mem, " + id + "]\n" : "memory: {policy: " + id + "}\n";
    const Output output = run({{"--config", machine(use), "--plugin-path", path("plugins"), "--backend", "kvm"},
                               {{"SPOREHOST_MANAGED_DIR", managed_folder()}}});
    EXPECT_EQ(output.status, 120) << output.err;
    EXPECT_THAT(output.err,
                AllOf(HasSubstr("plugin '" + file + "'"), HasSubstr("ended the process with exit() while")));
  }
}

TEST_F(BadPluginText, ExitInAThreadOfItsOwnIsNamedToo) {
  if (const std::string why = why_no_kvm(); !why.empty()) GTEST_SKIP() << why;
  const std::string file = bad_plugin("thread-exits");
  const Output output = run(
      {{"--config", machine("memory: {policy: thread-exits}\n"), "--plugin-path", path("plugins"), "--backend", "kvm"},
       {{"SPOREHOST_MANAGED_DIR", managed_folder()}}});
  EXPECT_EQ(output.status, 120) << output.err;
  EXPECT_THAT(output.err, AllOf(HasSubstr("plugin '" + file + "'"), HasSubstr("with exit() in a thread of its own")));
}

TEST_F(BadPluginText, ACrashWhileItIsLoadedForARunIsACall) {
  if (const std::string why = why_no_kvm(); !why.empty()) GTEST_SKIP() << why;
  for (const char* fault : {"fault-constructor", "fault-entry"}) {
    SCOPED_TRACE(fault);
    const std::string file = bad_plugin(fault);
    const Output output = run({{"--config", machine(std::string("memory: {policy: ") + fault + "}\n"), "--plugin-path",
                                path("plugins"), "--backend", "kvm"},
                               {{"SPOREHOST_MANAGED_DIR", managed_folder()}}});
    if (output.err.find("Sanitizer") != std::string::npos) GTEST_SKIP() << "the sanitizer tells it";
    EXPECT_EQ(output.status, 120) << output.err;
    EXPECT_THAT(output.err, HasSubstr("plugin '" + file + "' crashed: SIGABRT while it was called"));
  }
}

// 32 devices are as many as a machine description may list; the board of x86-64 has interrupts for 16 virtio devices.
TEST_F(BadPluginText, MoreDevicesThanInterruptsAreFoundBeforeARun) {
  const auto devices = [](int count) {
    std::string list = "devices: [virtio-console";
    for (int i = 1; i < count; ++i) list += ", virtio-rng";
    return list + "]\n";
  };
#if defined(__x86_64__)
  EXPECT_EQ(check(devices(16)).status, 0);
  const Output output = check(devices(17));
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(),
              AllOf(HasSubstr("m.yaml:3:207: device 'virtio-rng-16': the board has interrupts for 16 virtio devices")));
#else
  EXPECT_EQ(check(devices(32)).status, 0);
#endif
}

TEST_F(BadPluginText, AnExceptionThatWasStoppedBreaksARuleAllTheSame) {
  const std::string file = escaping_plugin("io-destroy");
  const Output checked = run({{"plugin", "check", file}, {}});
  EXPECT_EQ(checked.status, kNothingRun);
  EXPECT_THAT(checked.message(), AllOf(HasSubstr(file), HasSubstr("out of destroy (SDK-7): no end")));
  EXPECT_EQ(checked.out, "");
  const Output machine_checked = check("devices: [virtio-console, io-destroy]\n", path("plugins"));
  EXPECT_EQ(machine_checked.status, kNothingRun);
  EXPECT_THAT(machine_checked.message(), AllOf(HasSubstr(file), HasSubstr("(SDK-7)")));
}

TEST_F(BadPluginText, ExceptionsOfDescribeAndProbeNameThePlugin) {
  for (const auto& [fault, function] : {std::pair("io-describe", "describe"), std::pair("be-throws", "probe")}) {
    const std::string file = escaping_plugin(fault);
    const Output output = run({{"plugin", "check", file}, {}});
    EXPECT_EQ(output.status, kNothingRun);
    EXPECT_THAT(output.message(), AllOf(HasSubstr("plugin '" + file + "'"),
                                        HasSubstr(std::string(function) + " let an exception out (SDK-7)")));
  }
  const Output run_with = run({{"--config", machine("backend: be-throws\n"), "--plugin-path", path("plugins")},
                               {{"SPOREHOST_MANAGED_DIR", managed_folder()}}});
  EXPECT_EQ(run_with.status, kNothingRun);
  EXPECT_THAT(run_with.message(), HasSubstr("probe let an exception out (SDK-7)"));
}

// Where the usual backend is not fit, a child asks the others.
TEST_F(BadPluginText, ABackendThatEndsTheProcessIsPassedOver) {
  escaping_plugin("kvm");
  const std::string file = escaping_plugin("be-exit");
  const Output output =
      run({{"--config", machine(""), "--plugin-path", path("plugins")}, {{"SPOREHOST_MANAGED_DIR", managed_folder()}}});
  EXPECT_EQ(output.status, kNothingRun) << output.err;
  EXPECT_THAT(output.message(), AllOf(HasSubstr("kvm: a stub"), HasSubstr("be-exit: plugin '" + file + "'"),
                                      HasSubstr("ended the process with status 0 in probe (SDK-20)")));
}

TEST_F(BadPluginText, AnExaminationDoesNotOutliveItsParent) {
  const std::string file = bad_plugin("loop-constructor");
  const Output output = run({{"examine-plugin", file}, {{"SPOREHOST_CHILD_OF", "1"}}});
  EXPECT_EQ(output.status, 1);
}

TEST_F(BadPluginText, ATimeLimitIsADayAtMost) {
  const Output output = run({{"plugin", "check", "virtio-rng"}, {{"SPOREHOST_PLUGIN_TIMEOUT", "100000h"}}});
  EXPECT_EQ(output.status, 0);
  EXPECT_THAT(output.err, HasSubstr("'100000h' is more than a day"));
}

TEST_F(BadPluginText, WhereThereIsNoChildNoRuleIsBlamed) {
  const Output output =
      run({{"plugin", "check", SPOREHOST_PLUGIN_DIR "/virtio-rng.so"}, {}, false, " ", "ulimit -n 6; "});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.message(), HasSubstr("this host started no child process: Too many open files"));
  EXPECT_THAT(output.message(), Not(HasSubstr("SDK-")));
}

TEST_F(BadPluginText, NamesOfFilesAreCleaned) {
  const std::string file = write("odd\x1b[31m.so", "no plugin");
  const Output output = run({{"plugin", "check", file}, {}});
  EXPECT_EQ(output.status, kNothingRun);
  EXPECT_THAT(output.err, AllOf(HasSubstr("odd?[31m.so"), Not(HasSubstr("\x1b"))));
}

TEST_F(BadPluginText, CheckTakesOneDescription) {
  for (const char* command : {"check", "plan"}) {
    const Output output = run({{command, "--config", machine(""), "b.yaml"}, {}});
    EXPECT_EQ(output.status, kNothingRun);
    EXPECT_THAT(output.message(), HasSubstr("'b.yaml'"));
  }
}

TEST_F(BadPluginText, AWrongTimeLimitIsTold) {
  const Output output = run({{"plugin", "check", "virtio-rng"}, {{"SPOREHOST_PLUGIN_TIMEOUT", "soon"}}});
  EXPECT_EQ(output.status, 0);
  EXPECT_THAT(output.err, HasSubstr("SPOREHOST_PLUGIN_TIMEOUT: 'soon' is no duration"));
}

TEST_F(BadPluginText, HelpOfTheGroup) {
  const Output output = run({{"plugin", "--help"}, {}});
  EXPECT_EQ(output.status, 0) << output.err;
  EXPECT_THAT(output.out, AllOf(HasSubstr("sporehost plugin list"), HasSubstr("sporehost plugin check ID|FILE...")));
  EXPECT_THAT(run({{"--help"}, {}}).out, Not(HasSubstr("examine-plugin")));
}

} // namespace
} // namespace cli
