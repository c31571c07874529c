#include "test_server.hpp"

#include <Poco/Net/Context.h>
#include <Poco/Net/HTTPRequestHandler.h>
#include <Poco/Net/HTTPRequestHandlerFactory.h>
#include <Poco/Net/HTTPServer.h>
#include <Poco/Net/HTTPServerParams.h>
#include <Poco/Net/HTTPServerRequest.h>
#include <Poco/Net/HTTPServerResponse.h>
#include <Poco/Net/SecureServerSocket.h>
#include <Poco/Net/ServerSocket.h>

#include <cstdlib>
#include <thread>

#if defined(__SANITIZE_ADDRESS__)
// A TLS handshake that is refused leaves some of libcrypto's own records behind, through Poco's server side: not ours.
extern "C" const char* __lsan_default_suppressions(); // NOLINT(bugprone-reserved-identifier): the sanitizer's name
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libcrypto.so\n";
}
#endif

namespace sporehost::kernel::testing {

namespace fs = std::filesystem;
namespace net = Poco::Net;

namespace {

class Handler final : public net::HTTPRequestHandler {
 public:
  explicit Handler(TestServer& server) : server_(server) {}

  void handleRequest(net::HTTPServerRequest& request, net::HTTPServerResponse& response) override {
    const std::string range = request.get("Range", "");
    const Reply reply = server_.next(request.getURI(), range);
    std::this_thread::sleep_for(reply.delay);
    response.setStatus(static_cast<net::HTTPResponse::HTTPStatus>(reply.status));
    response.setKeepAlive(false);
    if (!reply.location.empty()) response.set("Location", reply.location);
    std::string body = reply.body;
    if (reply.ranges && reply.status == 200 && range.starts_with("bytes=")) {
      const size_t from = std::stoul(range.substr(6));
      const std::string size = std::to_string(body.size());
      if (from >= body.size()) {
        response.setStatus(net::HTTPResponse::HTTP_REQUESTED_RANGE_NOT_SATISFIABLE);
        response.set("Content-Range", "bytes */" + size);
        body.clear();
      } else {
        response.setStatus(net::HTTPResponse::HTTP_PARTIAL_CONTENT);
        response.set("Content-Range",
                     "bytes " + std::to_string(from) + "-" + std::to_string(body.size() - 1) + "/" + size);
        body.erase(0, from);
      }
    }
    response.setContentLength64(static_cast<Poco::Int64>(body.size()));
    std::ostream& out = response.send();
    const size_t part = reply.stop_after.value_or(reply.stall_after.value_or(body.size()));
    out.write(body.data(), static_cast<std::streamsize>(std::min(part, body.size())));
    out.flush();
    if (reply.stall_after) server_.stall();
  }

 private:
  TestServer& server_;
};

class Factory final : public net::HTTPRequestHandlerFactory {
 public:
  explicit Factory(TestServer& server) : server_(server) {}
  net::HTTPRequestHandler* createRequestHandler(const net::HTTPServerRequest&) override {
    return std::make_unique<Handler>(server_).release(); // the library deletes it
  }

 private:
  TestServer& server_;
};

} // namespace

Certificate Certificate::make(const fs::path& folder, const std::string& names) {
  const Certificate made{folder / "cert.pem", folder / "key.pem"};
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=test -addext subjectAltName=" +
      names + " -keyout '" + made.key.string() + "' -out '" + made.certificate.string() + "' 2>/dev/null";
  return std::system(command.c_str()) == 0 ? made : Certificate{};
}

TestServer::TestServer(const Certificate& certificate) : tls_(!certificate.key.empty()) {
  const net::SocketAddress address("127.0.0.1", 0);
  net::HTTPServerParams::Ptr params = new net::HTTPServerParams;
  params->setMaxThreads(8);
  params->setKeepAlive(false);
  const Poco::SharedPtr<net::HTTPRequestHandlerFactory> factory(new Factory(*this));
  if (tls_) {
    net::Context::Params tls;
    tls.privateKeyFile = certificate.key.string();
    tls.certificateFile = certificate.certificate.string();
    tls.verificationMode = net::Context::VERIFY_NONE;
    const net::Context::Ptr context = new net::Context(net::Context::TLS_SERVER_USE, tls);
    server_ = std::make_unique<net::HTTPServer>(factory, net::SecureServerSocket(address, 64, context), params);
  } else {
    server_ = std::make_unique<net::HTTPServer>(factory, net::ServerSocket(address), params);
  }
  server_->start();
}

TestServer::~TestServer() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  server_->stopAll(true);
  while (server_->currentThreads() > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

std::string TestServer::url() const {
  return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(server_->port());
}

void TestServer::set(const std::string& path, std::vector<Reply> replies) {
  const std::lock_guard guard(mutex_);
  replies_[path] = std::move(replies);
}

std::vector<Seen> TestServer::seen() const {
  const std::lock_guard guard(mutex_);
  return seen_;
}

size_t TestServer::count(const std::string& path) const {
  size_t count = 0;
  for (const Seen& request : seen()) count += request.path == path ? 1 : 0;
  return count;
}

bool TestServer::wait_for_stall(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [&] { return stalls_ > 0; });
}

Reply TestServer::next(const std::string& path, const std::string& range) {
  const std::lock_guard guard(mutex_);
  seen_.push_back({path, range});
  const auto found = replies_.find(path);
  if (found == replies_.end()) return Reply{.status = 404, .body = "not here"};
  Reply reply = found->second.front();
  if (found->second.size() > 1) found->second.erase(found->second.begin());
  return reply;
}

void TestServer::stall() {
  std::unique_lock lock(mutex_);
  ++stalls_;
  changed_.notify_all();
  changed_.wait(lock, [&] { return stopping_; });
}

} // namespace sporehost::kernel::testing
