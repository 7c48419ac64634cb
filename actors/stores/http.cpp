#include <salamander/actors/stores/http.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/task_context.hpp>

#include <curl/curl.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <thread>

namespace salamander::actors {
namespace {

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
}

/// One a thread: it keeps connections open between requests.
CURL* handle_here() {
  start_curl();
  thread_local const std::unique_ptr<CURL, void (*)(CURL*)> handle(::curl_easy_init(), &::curl_easy_cleanup);
  if (!handle)
    core::throw_error(errc::out_of_memory, "no memory for an HTTP connection");
  ::curl_easy_reset(handle.get());
  return handle.get();
}

/// What one attempt receives.
struct transfer {
  CURL* handle;
  const http_request& request;
  const http_limits& limits;
  http_response response = {};
  std::exception_ptr thrown = {}; ///< by what receives
  bool too_long = false;
};

std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* to) {
  auto& response = static_cast<transfer*>(to)->response;
  std::string_view line(bytes, size);
  while (line.ends_with('\n') || line.ends_with('\r'))
    line.remove_suffix(1);
  if (line.starts_with("HTTP/")) { // of the last answer, if there were redirections
    response.headers.clear();
    return size;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return size;
  std::string name(line.substr(0, colon));
  std::transform(name.begin(), name.end(), name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  auto value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  response.headers.insert_or_assign(std::move(name), std::string(value));
  return size;
}

std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* to) {
  auto& here = *static_cast<transfer*>(to);
  long status = 0;
  ::curl_easy_getinfo(here.handle, CURLINFO_RESPONSE_CODE, &status);
  if (here.request.receive && status >= 200 && status < 300) {
    try {
      here.request.receive({bytes, size});
      return size;
    } catch (...) {
      here.thrown = std::current_exception(); // it must not fly through C code
      return 0;
    }
  }
  here.too_long = here.response.body.size() + size > here.limits.body_bytes_max;
  if (here.too_long)
    return 0;
  here.response.body.append(bytes, size);
  return size;
}

/// A task that was told to stop does not wait for the rest.
bool is_cancelled() noexcept {
  const auto* const task = core::current_task();
  return task != nullptr && task->cancelled.load(std::memory_order_relaxed);
}

int on_progress(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return is_cancelled() ? 1 : 0;
}

void leave_if_cancelled() {
  if (is_cancelled())
    throw core::task_cancelled();
}

/// In hexadecimal, as AWS wants it.
std::string sha256_of(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::array<unsigned char, 32> hash{};
  ::EVP_Digest(bytes.data(), bytes.size(), hash.data(), nullptr, ::EVP_sha256(), nullptr);
  std::string text;
  for (const auto byte : hash) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

struct header_list {
  explicit header_list(const http_request& request) {
    for (const auto& one : request.headers)
      add(one.c_str());
    add("Expect:"); // no waiting for permission to send a body
    if (request.signature == nullptr)
      return;
    add(("x-amz-content-sha256: " + sha256_of(request.body)).c_str()); // S3 wants it, and this version of curl leaves it to us
    if (!request.signature->session_token.empty())
      add(("x-amz-security-token: " + request.signature->session_token).c_str());
  }
  header_list(const header_list&) = delete;
  header_list& operator=(const header_list&) = delete;
  ~header_list() {
    ::curl_slist_free_all(list);
  }
  void add(const char* line) {
    if (auto* const longer = ::curl_slist_append(list, line))
      list = longer;
  }
  curl_slist* list = nullptr;
};

void set_up(CURL* handle, const http_request& request, const http_limits& limits, const header_list& headers) {
  ::curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  ::curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.list);
  ::curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, request.follow ? 1L : 0L);
  ::curl_easy_setopt(handle, CURLOPT_MAXREDIRS, 5L);
  ::curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits.connect_timeout.count()));
  ::curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  ::curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits.silence_max.count()));
  ::curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
  ::curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  ::curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &on_progress);
  if (request.method == "HEAD") {
    ::curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    // The body is at hand, so that it can be signed and sent again.
    if (request.method != "DELETE") {
      ::curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data() == nullptr ? "" : request.body.data());
      ::curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    }
    ::curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  if (request.signature != nullptr) {
    ::curl_easy_setopt(handle, CURLOPT_AWS_SIGV4, ("aws:amz:" + request.signature->region + ":s3").c_str());
    ::curl_easy_setopt(handle, CURLOPT_USERNAME, request.signature->access_key.c_str());
    ::curl_easy_setopt(handle, CURLOPT_PASSWORD, request.signature->secret_key.c_str());
  } else {
    ::curl_easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
  }
}

/// True when the server did not get the request, or cannot have acted on it.
bool never_arrived(CURLcode code) noexcept {
  return code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY;
}

bool may_pass(CURLcode code) noexcept {
  switch (code) {
  case CURLE_COULDNT_CONNECT:
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
  case CURLE_GOT_NOTHING:
  case CURLE_OPERATION_TIMEDOUT:
  case CURLE_PARTIAL_FILE:
  case CURLE_RECV_ERROR:
  case CURLE_SEND_ERROR:
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM:
    return true;
  default:
    return false;
  }
}

bool may_pass(long status) noexcept {
  return status == 429 || (status >= 500 && status != 501);
}

} // namespace

http_response perform(const http_request& request, const http_limits& limits) {
  const auto place = request.method + " " + shown_url(request.url);
  const header_list headers(request);
  std::string reason;
  auto pause = limits.first_pause;
  for (int attempt = 1;; ++attempt, pause *= 2) {
    auto* const handle = handle_here();
    transfer here{handle, request, limits};
    set_up(handle, request, limits, headers);
    ::curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &on_header);
    ::curl_easy_setopt(handle, CURLOPT_HEADERDATA, &here);
    ::curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &on_body);
    ::curl_easy_setopt(handle, CURLOPT_WRITEDATA, &here);
    const auto code = ::curl_easy_perform(handle);
    if (here.thrown)
      std::rethrow_exception(here.thrown);
    leave_if_cancelled();
    if (here.too_long)
      core::throw_error(errc::io_error, place + ": the answer has more than " + std::to_string(limits.body_bytes_max) + " bytes");
    if (code == CURLE_OK) {
      ::curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &here.response.status);
      if (!may_pass(here.response.status))
        return std::move(here.response);
      reason = "the server answers " + std::to_string(here.response.status);
      if (!request.repeatable) // it may have done what was asked before it failed
        core::throw_error(errc::io_error, place + ": " + reason);
    } else {
      reason = ::curl_easy_strerror(code);
      if (!may_pass(code) || (!request.repeatable && !never_arrived(code)))
        core::throw_error(errc::io_error, place + ": " + reason);
    }
    if (attempt == limits.attempts)
      core::throw_error(errc::io_error, place + ": " + reason + ", in each of " + std::to_string(attempt) + " attempts");
    if (request.restart)
      request.restart();
    std::this_thread::sleep_for(pause);
    leave_if_cancelled();
  }
}

std::string shown_url(std::string_view url) {
  url = url.substr(0, std::min(url.find('?'), url.find('#')));
  const auto begin = url.find("://");
  if (begin == std::string_view::npos)
    return std::string(url);
  const auto host = begin + 3;
  const auto at = url.substr(0, std::min(url.find('/', host), url.size())).rfind('@');
  return std::string(url.substr(0, host)) + std::string(url.substr(at == std::string_view::npos || at < host ? host : at + 1));
}

std::string url_encoded(std::string_view text, bool keep_slashes) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
                       c == '~' || (c == '/' && keep_slashes);
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += digits[byte >> 4];
      out += digits[byte & 15];
    }
  }
  return out;
}

void throw_refusal(const char* doing, const std::string& path, const http_response& answer) {
  auto text = std::string("cannot ") + doing + " " + shown_url(path) + ": the server answers " + std::to_string(answer.status);
  if (answer.status == 401 || answer.status == 403)
    text += ": it wants other credentials, or they do not allow that";
  core::throw_error(errc::io_error, text);
}

} // namespace salamander::actors
