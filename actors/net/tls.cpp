#include <salamander/actors/net/tls.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/output_file.hpp>

#include <openssl/err.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace salamander::actors::net {
namespace {

/// How a failure begins that trying again will not mend.
constexpr std::string_view distrust = "the certificate of the other side is not believed";

std::string openssl_reason() {
  const auto code = ::ERR_peek_last_error();
  const char* const text = code == 0 ? nullptr : ::ERR_reason_error_string(code);
  return text ? text : "unknown reason";
}

// OpenSSL's own sockets write with write(2), which raises SIGPIPE on a connection that the other side has reset.

int bio_read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  const auto got = ::recv(static_cast<int>(reinterpret_cast<std::intptr_t>(::BIO_get_data(bio))), into, static_cast<std::size_t>(size), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR))
    BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

int bio_write(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  const auto put =
      ::send(static_cast<int>(reinterpret_cast<std::intptr_t>(::BIO_get_data(bio))), bytes, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (put < 0 && (errno == EAGAIN || errno == EINTR))
    BIO_set_retry_write(bio);
  return static_cast<int>(put);
}

long bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    auto* const made = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket without signals");
    if (made) {
      ::BIO_meth_set_read(made, bio_read);
      ::BIO_meth_set_write(made, bio_write);
      ::BIO_meth_set_ctrl(made, bio_control);
    }
    return made;
  }();
  return method;
}

/// What the library says of a file that it cannot open is of no use.
void check_readable(const std::filesystem::path& file) {
  const unique_fd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.get() < 0)
    core::throw_disk_error("read", file.string(), errno);
}

void check_key_file(const std::filesystem::path& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0)
    core::throw_disk_error("read", file.string(), errno);
  if ((facts.st_mode & 0077) != 0)
    core::throw_error(errc::io_error, "the key " + file.string() + " can be read by others; make it private: chmod 600 " + file.string());
}

} // namespace

tls_context::tls_context(const credentials& keys) {
  check_key_file(keys.key);
  for (const auto& file : {keys.key, keys.certificate, keys.authority})
    check_readable(file);
  ::ERR_clear_error();
  context_.reset(::SSL_CTX_new(::TLS_method()));
  const auto require = [](bool success, const std::string& what) {
    if (!success)
      core::throw_error(errc::io_error, "cannot use " + what + ": " + openssl_reason());
  };
  require(context_ != nullptr, "TLS");
  auto* const context = context_.get();
  require(::SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1, "TLS 1.3");
  ::SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  ::SSL_CTX_set_verify_depth(context, 1);
  ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  ::SSL_CTX_set_num_tickets(context, 0);
  ::SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // What a stranger may send before it is known: its certificate and little else.
  ::SSL_CTX_set_max_cert_list(context, 16 << 10);
  const auto readable = [](bool success, const char* what, const std::filesystem::path& file) {
    if (!success)
      core::throw_error(errc::io_error, std::string(what) + ' ' + file.string() + " is damaged, or not in PEM form (" + openssl_reason() +
                                            "); copy it again from where \"salamander keygen\" made it");
  };
  readable(::SSL_CTX_load_verify_locations(context, keys.authority.c_str(), nullptr) == 1, "the authority's certificate", keys.authority);
  readable(::SSL_CTX_use_certificate_file(context, keys.certificate.c_str(), SSL_FILETYPE_PEM) == 1, "the certificate", keys.certificate);
  readable(::SSL_CTX_use_PrivateKey_file(context, keys.key.c_str(), SSL_FILETYPE_PEM) == 1, "the key", keys.key);
  require(::SSL_CTX_check_private_key(context) == 1, "the key " + keys.key.string() + " with the certificate " + keys.certificate.string());
  ::ERR_clear_error();
}

tls_session::tls_session(const tls_context& context, unique_fd socket, tls_side side) : socket_(std::move(socket)) {
  session_.reset(::SSL_new(context.get()));
  auto* const bio = session_ && socket_method() ? ::BIO_new(socket_method()) : nullptr;
  if (!bio)
    core::throw_error(errc::internal, "OpenSSL has no memory for a connection");
  ::BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket_.get())));
  ::BIO_set_init(bio, 1);
  ::SSL_set_bio(session_.get(), bio, bio);
  if (side == tls_side::accepting)
    ::SSL_set_accept_state(session_.get());
  else
    ::SSL_set_connect_state(session_.get());
}

tls_outcome tls_session::outcome_of(int result) {
  switch (::SSL_get_error(session_.get(), result)) {
  case SSL_ERROR_NONE:
    return tls_outcome::done;
  case SSL_ERROR_WANT_READ:
    return tls_outcome::want_read;
  case SSL_ERROR_WANT_WRITE:
    return tls_outcome::want_write;
  case SSL_ERROR_ZERO_RETURN:
    return tls_outcome::closed;
  case SSL_ERROR_SYSCALL:
    failure_ = errno == 0 ? "the connection ended" : std::strerror(errno);
    break;
  default:
    failure_ = openssl_reason();
    if (const auto why = ::SSL_get_verify_result(session_.get()); why != X509_V_OK)
      failure_ = std::string(distrust) + " (" + ::X509_verify_cert_error_string(why) + ')';
  }
  ::ERR_clear_error();
  return tls_outcome::failed;
}

tls_outcome tls_session::handshake() {
  ::ERR_clear_error();
  errno = 0;
  const int result = ::SSL_do_handshake(session_.get());
  return result == 1 ? tls_outcome::done : outcome_of(result);
}

tls_outcome tls_session::read(std::span<std::byte> into, std::size_t& count) {
  ::ERR_clear_error();
  errno = 0;
  count = 0;
  const int result = ::SSL_read_ex(session_.get(), into.data(), into.size(), &count);
  return result == 1 ? tls_outcome::done : outcome_of(result);
}

tls_outcome tls_session::write(std::span<const std::byte> bytes, std::size_t& count) {
  ::ERR_clear_error();
  errno = 0;
  count = 0;
  const int result = ::SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &count);
  return result == 1 ? tls_outcome::done : outcome_of(result);
}

std::size_t tls_session::pending() const noexcept {
  return static_cast<std::size_t>(::SSL_pending(session_.get()));
}

std::string tls_session::peer_name() const {
  char name[128] = "";
  if (const auto* const certificate = ::SSL_get0_peer_certificate(session_.get()))
    ::X509_NAME_get_text_by_NID(::X509_get_subject_name(certificate), NID_commonName, name, sizeof name);
  return name;
}

std::unique_ptr<tls_session> connect_tls_session(const tls_context& context, const address& there,
                                                 std::chrono::steady_clock::time_point deadline) {
  auto made = std::make_unique<tls_session>(context, unique_fd(connect_to(there, deadline)), tls_side::connecting);
  for (;;) {
    const auto outcome = made->handshake();
    if (outcome == tls_outcome::done)
      return made;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (outcome == tls_outcome::failed && made->failure().starts_with(distrust))
      core::throw_error(errc::io_error,
                        "the credentials used here are not those of the cluster at " + there.text() + ": " + made->failure());
    if (outcome == tls_outcome::closed || outcome == tls_outcome::failed)
      core::throw_error(errc::executor_lost, "no secure connection to " + there.text() + ": " + made->failure());
    pollfd ready{made->socket(), static_cast<short>(outcome == tls_outcome::want_read ? POLLIN : POLLOUT), 0};
    if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) != 1)
      core::throw_error(errc::executor_lost, "no secure connection to " + there.text() + ": it did not answer in time");
  }
}

} // namespace salamander::actors::net
