// Descriptors and threads that appear while a plugin is called, so that what is left of them when its object is gone
// can be told (SDK-10). Only what appeared during a call counts: a test has its own descriptors and threads.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace spore::testing {

class Leftovers {
 public:
  // What is open and runs now.
  struct Census {
    std::map<int, std::pair<dev_t, ino_t>> files;
    std::set<long> threads; // empty where the system does not list them

    static Census now() {
      Census census;
      for (const long fd : numbers_in("/proc/self/fd")) census.add(static_cast<int>(fd));
      if (census.files.empty()) { // no such folder here: what a test can have open is not much
        for (int fd = 0; fd < 1024; ++fd) census.add(fd);
      }
      for (const long thread : numbers_in("/proc/self/task")) census.threads.insert(thread);
      return census;
    }

   private:
    void add(int fd) {
      struct stat file {};
      if (::fstat(fd, &file) == 0) files[fd] = {file.st_dev, file.st_ino};
    }
    static std::vector<long> numbers_in(const char* folder) {
      std::vector<long> numbers;
      DIR* list = ::opendir(folder);
      if (list == nullptr) return numbers;
      while (const dirent* entry = ::readdir(list)) { // NOLINT(concurrency-mt-unsafe): a stream of one's own
        if (entry->d_name[0] != '.') numbers.push_back(std::strtol(entry->d_name, nullptr, 10));
      }
      ::closedir(list);
      return numbers;
    }
  };

  // A call of the plugin made `before` into `after`.
  void add(const Census& before, const Census& after) {
    for (const auto& [fd, file] : after.files) {
      const auto known = before.files.find(fd);
      if (known == before.files.end() || known->second != file) own_.files[fd] = file;
    }
    for (const long thread : after.threads) {
      if (before.threads.count(thread) == 0) own_.threads.insert(thread);
    }
    forget_gone(after);
  }

  // What is left of it, in words, once the object is gone. A thread that has been joined may still be listed for a
  // moment.
  [[nodiscard]] std::vector<std::string> left() {
    for (int tries = 0; tries < 200; ++tries) {
      forget_gone(Census::now());
      if (own_.threads.empty()) break;
      ::poll(nullptr, 0, 5);
    }
    std::vector<std::string> words;
    for (const auto& [fd, file] : own_.files) words.push_back("descriptor " + std::to_string(fd) + " is left open");
    for (const long thread : own_.threads) words.push_back("thread " + std::to_string(thread) + " is left running");
    own_ = {};
    return words;
  }

 private:
  void forget_gone(const Census& now) {
    for (auto it = own_.files.begin(); it != own_.files.end();) {
      const auto still = now.files.find(it->first);
      it = still != now.files.end() && still->second == it->second ? std::next(it) : own_.files.erase(it);
    }
    for (auto it = own_.threads.begin(); it != own_.threads.end();)
      it = now.threads.count(*it) != 0 ? std::next(it) : own_.threads.erase(it);
  }

  Census own_;
};

} // namespace spore::testing
