// A web server in the test's own process, on loopback, that can misbehave in the ways that real ones do.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace Poco::Net {
class HTTPServer;
}

namespace sporehost::kernel::testing {

struct Reply {
  int status = 200;
  std::string body = {};
  std::string location = {};              // for a redirect
  std::optional<size_t> stop_after = {};  // send this many bytes of the body, then close the connection
  std::optional<size_t> stall_after = {}; // send this many bytes, then nothing more until the server stops
  std::chrono::milliseconds delay{0};     // before the answer
  bool ranges = true;                     // answer Range with 206
};

struct Seen {
  std::string path;
  std::string range; // empty: none was asked for
};

// A certificate for localhost and 127.0.0.1, signed by itself; made with the command openssl. Empty paths: there is
// none.
struct Certificate {
  std::filesystem::path certificate, key;
  static Certificate make(const std::filesystem::path& folder, const std::string& names = "DNS:localhost,IP:127.0.0.1");
};

class TestServer {
 public:
  // With a certificate: https.
  explicit TestServer(const Certificate& certificate = {});
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  [[nodiscard]] std::string url() const; // "http://127.0.0.1:PORT"
  // The replies to one path, one a request; the last one stays.
  void set(const std::string& path, std::vector<Reply> replies);
  void set(const std::string& path, const std::string& body) { set(path, std::vector{Reply{.body = body}}); }
  [[nodiscard]] std::vector<Seen> seen() const;
  [[nodiscard]] size_t count(const std::string& path) const;
  // Waits until a reply has begun to stall.
  bool wait_for_stall(std::chrono::milliseconds patience);

  // For the server's threads.
  Reply next(const std::string& path, const std::string& range);
  void stall();

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<Reply>> replies_;
  std::vector<Seen> seen_;
  bool stopping_ = false;
  int stalls_ = 0;
  bool tls_ = false;
  std::unique_ptr<Poco::Net::HTTPServer> server_;
};

} // namespace sporehost::kernel::testing
