#include <salamander/actors/cluster/lease_file.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/storage/crc32c.hpp>
#include <salamander/storage/journal.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <span>
#include <sstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;
using scheduler::cluster::lease_record;

constexpr std::string_view first_line = "salamander lease 1";
constexpr std::size_t file_bytes_max = 64U << 10;
/// Nobody has this name: the record is waited for as if somebody held it.
constexpr const char* unknown_holder = "unknown";

[[noreturn]] void fail(const char* what, const fs::path& path) {
  core::throw_error(errc::io_error, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno)));
}

descriptor open_private(const fs::path& path) {
  descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0)
    fail("open", path);
  return file;
}

bool lock(int file, short kind) {
  struct flock whole {};
  whole.l_type = kind;
  whole.l_whence = SEEK_SET;
  return ::fcntl(file, F_OFD_SETLK, &whole) == 0;
}

std::uint32_t checksum_of(std::string_view text) {
  return storage::crc32c(std::as_bytes(std::span(text)));
}

class locked {
public:
  locked(int file, const fs::path& path, std::chrono::milliseconds patience) : file_(file) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!lock(file, F_WRLCK)) {
      if (errno != EAGAIN && errno != EACCES && errno != EINTR)
        fail("lock", path);
      if (std::chrono::steady_clock::now() >= until)
        core::throw_error(errc::io_error,
                          fmt::format("cannot lock {}: another process has held the lock for {} ms", path.string(), patience.count()));
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  locked(const locked&) = delete;
  locked& operator=(const locked&) = delete;
  ~locked() {
    lock(file_, F_UNLCK);
  }

private:
  int file_;
};

} // namespace

std::string boot_identifier() {
  std::ifstream in("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(in, text);
  return text;
}

std::string lease_text(const lease_record& what) {
  // An empty word is "-", so that a line always has as many words.
  const auto word = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
  auto text = fmt::format("{}\nterm {}\nholder {}\naddress {}\nboot {}\ncounter {}\n", first_line, what.term, word(what.holder),
                          word(what.address), word(what.boot), what.counter);
  for (const auto& one : what.candidates)
    text += fmt::format("candidate {} {} {}\n", word(one.id), word(one.address), one.counter);
  return text + fmt::format("crc32c {:08x}\n", checksum_of(text));
}

lease_record parse_lease(const std::string& text) {
  lease_record nobody;
  if (text.empty())
    return nobody;
  lease_record unknown;
  unknown.holder = unknown_holder;
  const auto end = text.rfind("crc32c ");
  if (end == std::string::npos || text.substr(end) != fmt::format("crc32c {:08x}\n", checksum_of(std::string_view(text).substr(0, end))))
    return unknown;
  lease_record found;
  std::istringstream lines(text.substr(0, end));
  std::string line;
  if (!std::getline(lines, line) || line != first_line)
    return unknown;
  const auto plain = [](const std::string& word) { return word == "-" ? std::string() : word; };
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string name;
    std::string value;
    words >> name;
    if (name == "term")
      words >> found.term;
    else if (name == "counter")
      words >> found.counter;
    else if (name == "candidate") {
      auto& one = found.candidates.emplace_back();
      words >> one.id >> one.address >> one.counter;
      one.address = plain(one.address);
    } else {
      words >> value;
      (name == "holder" ? found.holder : name == "address" ? found.address : found.boot) = plain(value);
    }
    if (!words)
      return unknown;
  }
  return found;
}

lease_file::lease_file(fs::path directory, std::string self, std::string boot)
    : directory_(std::move(directory)), path_(directory_ / "lease"), self_(std::move(self)), boot_(std::move(boot)),
      file_(open_private(path_)), holder_(open_private(directory_ / "leader.lock")) {}

/// The lock of a dead process is free. It is asked for only if that process was on this machine and had it: elsewhere a lock may be free
/// because storage is out of its reach.
bool lease_file::holder_is_gone(const record& last) {
  if (last.holder.empty() || last.holder == self_ || boot_.empty() || last.boot != boot_)
    return false;
  holds_ = holds_ || lock(holder_.get(), F_WRLCK);
  return holds_;
}

bool lease_file::update(const std::function<std::optional<record>(const sight&)>& decide, std::chrono::milliseconds patience) {
  const locked whole(file_.get(), path_, patience);
  struct stat there {};
  if (::stat(path_.c_str(), &there) != 0) { // somebody removed it: what is open is nobody's any more
    file_ = open_private(path_);
    core::throw_error(errc::io_error, path_.string() + " was removed; it was made anew");
  }
  std::string text(file_bytes_max, '\0');
  const auto got = ::pread(file_.get(), text.data(), text.size(), 0);
  if (got < 0)
    fail("read", path_);
  text.resize(static_cast<std::size_t>(got));

  sight seen;
  seen.record = parse_lease(text);
  seen.holder_is_dead = holder_is_gone(seen.record);
  if (seen.record.holder == unknown_holder || text.empty())
    seen.terms_used = storage::newest_journal_term(directory_);
  // Workers and drivers ignore terms earlier than one that they have seen. With the clock in them terms go on growing, also when the
  // directory was lost, or the cluster had none before.
  const auto wall = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  seen.terms_used = std::max(seen.terms_used, static_cast<std::uint64_t>(wall));
  auto next = decide(seen);
  const bool mine = next ? next->holder == self_ : seen.record.holder == self_;
  if (mine && !holds_)
    holds_ = lock(holder_.get(), F_WRLCK);
  else if (!mine && holds_) {
    lock(holder_.get(), F_UNLCK);
    holds_ = false;
  }
  if (!next)
    return false;
  // A former leader that was stopped may still have the other lock. Who leads without it says so: else that lock, when it becomes free,
  // would be taken for a sign of death.
  if (mine)
    next->boot = holds_ ? boot_ : std::string();
  const auto bytes = lease_text(*next);
  if (::pwrite(file_.get(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()) ||
      ::ftruncate(file_.get(), static_cast<off_t>(bytes.size())) != 0 || ::fdatasync(file_.get()) != 0)
    fail("write", path_);
  return true;
}

} // namespace salamander::actors
