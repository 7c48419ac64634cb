// Requests to HTTP servers, tried again where that may help.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace salamander::actors {

/// How a request is signed for AWS. Nothing of it is ever shown.
struct aws_signature {
  std::string region;
  std::string access_key;
  std::string secret_key;
  std::string session_token; ///< empty: none
};

struct http_request {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers = {}; ///< "Name: value"
  std::string_view body = {};
  bool follow = false;                      ///< redirections
  bool repeatable = true;                   ///< it may be sent again after a connection broke
  const aws_signature* signature = nullptr; ///< null: not signed
  /// Gets the body of a successful answer piece by piece, each time from the begin; unset: it comes with the response.
  std::function<void(std::string_view bytes)> receive = {};
  std::function<void()> restart = {}; ///< what `receive` got so far does not count
};

struct http_response {
  long status = 0;
  std::map<std::string, std::string> headers = {}; ///< names in lower case
  std::string body = {};

  bool good() const noexcept {
    return status >= 200 && status < 300;
  }
  /// Empty if there is none.
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

struct http_limits {
  int attempts = 5;
  std::chrono::milliseconds first_pause{100}; ///< doubles with each attempt
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds silence_max{30};   ///< less than a byte a second for so long is a broken connection
  std::size_t body_bytes_max = 64U << 20; ///< of answers that are not received piece by piece
};

/// Sends a request and waits for the answer. Server errors (5xx, 429), refused and broken connections are tried again after growing
/// pauses. Answers of other kinds (404, 403, ...) are for the caller. Used by any thread; connections are kept for the thread's next request.
/// Errors: errc::io_error, with method, URL (without query) and reason, when all attempts failed; core::task_cancelled, within about a second.
http_response perform(const http_request& request, const http_limits& limits = {});

/// Without query, fragment and user, for messages.
std::string shown_url(std::string_view url);

/// Bytes outside A-Z a-z 0-9 - _ . ~ as %XX; `keep_slashes`: and "/".
std::string url_encoded(std::string_view text, bool keep_slashes);

/// Throws what an answer that is no success means. Errors: errc::io_error with `doing`, path, status and what the server said.
[[noreturn]] void throw_refusal(const char* doing, const std::string& path, const http_response& answer);

} // namespace salamander::actors
