#include "tools/managed-kernel/http.hpp"

#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/HTTPSClientSession.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/RejectCertificateHandler.h>
#include <Poco/Net/SSLException.h>
#include <Poco/Net/SSLManager.h>
#include <Poco/URI.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "core/base/whole_number.hpp"
#include "tools/managed-kernel/http_sink.hpp"

namespace sporehost::kernel::supply {

namespace fs = std::filesystem;
namespace net = Poco::Net;
using Clock = std::chrono::steady_clock;
using spore::Error;
using spore::fail;
using spore::Result;

namespace {

constexpr int kMostRedirects = 5;
constexpr int kAttemptsAtNames = 2; // a name that cannot be resolved mostly means: no network at all
constexpr auto kLongestPause = std::chrono::milliseconds(15'000);

// What one attempt came to, when it failed.
struct Failure {
  Error error;
  int most_attempts = 1; // 1: trying again does not help
};

constexpr int kAlways = 1'000'000;

Failure final_failure(spore_status status, const std::string& url, const std::string& text) {
  return {fail(status, url + ": " + text), 1};
}

Failure passing_failure(spore_status status, const std::string& url, const std::string& text, int most = kAlways) {
  return {fail(status, url + ": " + text), most};
}

bool is_this_machine(const std::string& host) {
  return host == "localhost" || host == "127.0.0.1" || host == "::1" || host == "[::1]";
}

Poco::Timespan timespan(std::chrono::milliseconds time) {
  return Poco::Timespan(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

net::Context::Ptr make_context(const fs::path& ca_file) {
  net::Context::Params params;
  params.caLocation = ca_file.string();
  params.verificationMode = net::Context::VERIFY_STRICT; // the certificate's chain, its dates and the server's name
  params.loadDefaultCAs = true;
  net::Context::Ptr context = new net::Context(net::Context::TLS_CLIENT_USE, params);
  context->requireMinimumProtocol(net::Context::PROTO_TLSV1_2);
  context->enableExtendedCertificateVerification(true);
  // The library asks its manager what to do about a bad certificate; it is told to refuse.
  net::SSLManager::instance().initializeClient(nullptr, new net::RejectCertificateHandler(false), context);
  return context;
}

void use_proxy(net::HTTPClientSession& session) {
  for (const char* name : {"https_proxy", "HTTPS_PROXY"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const Poco::URI proxy(value);
    session.setProxy(proxy.getHost(), proxy.getPort());
    if (const std::string& user = proxy.getUserInfo(); !user.empty()) {
      const size_t colon = std::min(user.find(':'), user.size());
      session.setProxyCredentials(user.substr(0, colon), user.substr(std::min(colon + 1, user.size())));
    }
    return;
  }
}

// The first byte's offset in "bytes 100-199/200".
std::optional<uint64_t> range_start(const std::string& content_range) {
  constexpr std::string_view unit = "bytes ";
  if (!content_range.starts_with(unit)) return std::nullopt;
  const std::string_view rest = std::string_view(content_range).substr(unit.size());
  return whole_number<uint64_t>(rest.substr(0, rest.find('-')));
}

class Download {
 public:
  Download(std::string url, HttpSink& sink, uint64_t most, const HttpOptions& options, Progress& progress)
      : url_(std::move(url)),
        sink_(sink),
        most_(most),
        options_(options),
        progress_(progress),
        deadline_(Clock::now() + options.total_timeout) {}

  Result<void> run() {
    auto pause = options_.first_pause;
    for (int attempt = 1;; ++attempt) {
      const auto failure = attempt_once();
      if (!failure) return {};
      const int most = std::min(failure->most_attempts, options_.attempts);
      if (attempt >= most || Clock::now() + pause >= deadline_) {
        if (attempt == 1) return failure->error;
        return fail(failure->error.status,
                    failure->error.text + " (attempt " + std::to_string(attempt) + ", the last)");
      }
      progress_.step(failure->error.text + "; trying again");
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, kLongestPause);
    }
  }

 private:
  std::optional<Failure> attempt_once() {
    try {
      return follow();
    } catch (const net::HostNotFoundException&) {
      return passing_failure(SPORE_E_NOT_FOUND, url_, "the server's name is not known here", kAttemptsAtNames);
    } catch (const net::DNSException& error) {
      return passing_failure(SPORE_E_NOT_FOUND, url_, "the server's name cannot be looked up: " + error.displayText(),
                             kAttemptsAtNames);
    } catch (const net::SSLException& error) {
      return ssl_failure(error);
    } catch (const Poco::TimeoutException&) {
      return passing_failure(SPORE_E_TIMEOUT, url_, "the server does not answer in time");
    } catch (const Poco::SyntaxException&) {
      return final_failure(SPORE_E_INVALID, url_, "this is not a URL");
    } catch (const Poco::Exception& error) {
      return passing_failure(SPORE_E_IO, url_, error.displayText());
    } catch (const std::exception& error) {
      return passing_failure(SPORE_E_IO, url_, error.what());
    }
  }

  // A bad certificate does not get better; a connection that broke inside TLS may.
  Failure ssl_failure(const net::SSLException& error) const {
    const std::string text = error.displayText();
    const bool certificate = dynamic_cast<const net::InvalidCertificateException*>(&error) != nullptr ||
                             dynamic_cast<const net::CertificateValidationException*>(&error) != nullptr ||
                             text.find("certificate") != std::string::npos;
    if (!certificate) return passing_failure(SPORE_E_IO, url_, text);
    return final_failure(SPORE_E_PERMISSION, url_,
                         "the server's certificate is not good (" + text +
                             "); check the clock and the package ca-certificates, or name the authority with "
                             "SPOREHOST_KERNEL_CA");
  }

  std::optional<Failure> follow() {
    Poco::URI uri(url_);
    for (int hop = 0; hop <= kMostRedirects; ++hop) {
      if (auto refused = check_uri(uri)) return refused;
      const auto session = open_session(uri);
      net::HTTPRequest request(net::HTTPRequest::HTTP_GET, uri.getPathAndQuery().empty() ? "/" : uri.getPathAndQuery(),
                               net::HTTPMessage::HTTP_1_1);
      request.set("User-Agent", "sporehost");
      request.set("Accept-Encoding", "identity");
      if (sink_.size() > 0) request.set("Range", "bytes=" + std::to_string(sink_.size()) + "-");
      session->sendRequest(request);
      net::HTTPResponse response;
      std::istream& body = session->receiveResponse(response);
      const int status = response.getStatus();
      const bool redirect = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
      if (!redirect || !response.has("Location")) return take(response, body, *session);
      const std::string before = uri.getScheme();
      uri.resolve(response.get("Location"));
      if (before == "https" && uri.getScheme() != "https")
        return final_failure(SPORE_E_INVALID, url_, "the server redirects from https to " + uri.getScheme());
    }
    return final_failure(SPORE_E_IO, url_, "more than " + std::to_string(kMostRedirects) + " redirects");
  }

  [[nodiscard]] std::optional<Failure> check_uri(const Poco::URI& uri) const {
    const std::string& scheme = uri.getScheme();
    if (scheme == "https" && !uri.getHost().empty()) return std::nullopt;
    if (scheme == "http" && is_this_machine(uri.getHost())) return std::nullopt;
    return final_failure(SPORE_E_INVALID, url_, "kernels are fetched by https only, got '" + uri.toString() + "'");
  }

  std::unique_ptr<net::HTTPClientSession> open_session(const Poco::URI& uri) {
    std::unique_ptr<net::HTTPClientSession> session;
    if (uri.getScheme() == "https") {
      if (!context_) context_ = make_context(options_.ca_file);
      session = std::make_unique<net::HTTPSClientSession>(uri.getHost(), uri.getPort(), context_);
    } else {
      session = std::make_unique<net::HTTPClientSession>(uri.getHost(), uri.getPort());
    }
    if (!is_this_machine(uri.getHost())) use_proxy(*session);
    const auto silence = timespan(options_.silence_timeout);
    session->setTimeout(timespan(options_.connect_timeout), silence, silence);
    return session;
  }

  std::optional<Failure> take(const net::HTTPResponse& response, std::istream& body, net::HTTPClientSession& session) {
    const int status = response.getStatus();
    if (status == 416 && response.get("Content-Range", "") == "bytes */" + std::to_string(sink_.size()))
      return std::nullopt; // all of it was there already
    if (status == 416) {   // what we have is no beginning of what is there now
      if (auto cleared = sink_.clear(); !cleared) return Failure{cleared.error(), 1};
      return passing_failure(SPORE_E_IO, url_, "the part that was there did not fit; starting over");
    }
    if (status == 206) {
      if (range_start(response.get("Content-Range", "")) != sink_.size()) {
        if (auto cleared = sink_.clear(); !cleared) return Failure{cleared.error(), 1};
        return passing_failure(SPORE_E_IO, url_, "the server sent another part than was asked for; starting over");
      }
    } else if (status == 200) {
      if (sink_.size() > 0)
        if (auto cleared = sink_.clear(); !cleared) return Failure{cleared.error(), 1};
    } else {
      return refused(status, response.getReason());
    }
    std::optional<uint64_t> end;
    if (response.hasContentLength()) end = sink_.size() + static_cast<uint64_t>(response.getContentLength64());
    if (end && *end > most_) return too_long();
    return copy(body, session, end);
  }

  [[nodiscard]] Failure refused(int status, const std::string& reason) const {
    const std::string text = "the server answers " + std::to_string(status) + " " + reason;
    if (status == 404 || status == 410) return final_failure(SPORE_E_NOT_FOUND, url_, text);
    if (status == 401 || status == 403) return final_failure(SPORE_E_PERMISSION, url_, text);
    if (status >= 500 || status == 408 || status == 429) return passing_failure(SPORE_E_IO, url_, text);
    return final_failure(SPORE_E_IO, url_, text);
  }

  [[nodiscard]] Failure too_long() const {
    return final_failure(SPORE_E_RANGE, url_, "the file has more than the " + std::to_string(most_) + " bytes allowed");
  }

  std::optional<Failure> copy(std::istream& body, net::HTTPClientSession& session, std::optional<uint64_t> end) {
    std::vector<char> buffer(size_t{1} << 16);
    while (body.good()) {
      body.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
      const auto count = static_cast<size_t>(body.gcount());
      if (sink_.size() + count > most_) return too_long();
      if (auto stored = sink_.append({buffer.data(), count}); !stored) return Failure{stored.error(), 1};
      progress_.bytes(sink_.size(), end.value_or(0));
      if (Clock::now() > deadline_)
        return final_failure(SPORE_E_TIMEOUT, url_, "the download takes longer than allowed; what came is kept");
    }
    if (const auto* cause = session.networkException()) {
      const bool late = dynamic_cast<const Poco::TimeoutException*>(cause) != nullptr;
      return passing_failure(late ? SPORE_E_TIMEOUT : SPORE_E_IO, url_,
                             late ? "the server stopped sending" : cause->displayText());
    }
    if (end && sink_.size() < *end)
      return passing_failure(
          SPORE_E_IO, url_,
          "the connection ended after " + std::to_string(sink_.size()) + " of " + std::to_string(*end) + " bytes");
    return std::nullopt;
  }

  const std::string url_;
  HttpSink& sink_;
  const uint64_t most_;
  const HttpOptions& options_;
  Progress& progress_;
  const Clock::time_point deadline_;
  net::Context::Ptr context_;
};

} // namespace

Result<std::string> fetch_text(const std::string& url, uint64_t most, const HttpOptions& options) {
  TextSink sink;
  NoProgress silent;
  SPORE_CHECK(Download(url, sink, most, options, silent).run());
  return std::move(sink.text);
}

Result<void> fetch_file(const std::string& url, const fs::path& to, uint64_t most, const HttpOptions& options,
                        Progress& progress, bool& resumed) {
  SPORE_TRY(FileSink sink, FileSink::open(to));
  const uint64_t before = sink.size();
  SPORE_CHECK(Download(url, sink, most, options, progress).run());
  resumed = before > 0;
  return sink.sync();
}

} // namespace sporehost::kernel::supply
