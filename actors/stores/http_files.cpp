#include <salamander/actors/stores/http_files.hpp>

#include <salamander/actors/stores/http.hpp>
#include <salamander/actors/stores/ranged_source.hpp>

#include <salamander/rdd/error.hpp>

#include <charconv>
#include <cstdio>
#include <cstring>

namespace salamander::actors {
namespace {

void refuse_secrets(const std::string& path) {
  const auto begin = path.find("://") + 3;
  const auto host = path.substr(begin, path.find_first_of("/?#", begin) - begin);
  if (host.find('@') != std::string::npos)
    core::throw_error(errc::invalid_argument, "cannot read " + shown_url(path) +
                                                  ": its URL holds a user or a password, and paths are shown; put them into ~/.netrc");
}

std::uint64_t number_in(const std::string& text, const std::string& path) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{} || end != text.data() + text.size() || text.empty())
    core::throw_error(errc::io_error, "cannot read " + shown_url(path) + ": the server does not say how long it is");
  return number;
}

/// A file of a server without ranges: it is fetched whole, into a file without a name.
class whole_source final : public core::byte_source {
public:
  whole_source(const std::string& path, std::uint64_t offset, std::uint64_t must_reach)
      : offset_(offset), spool_(std::tmpfile(), &std::fclose) {
    if (!spool_)
      core::throw_error(errc::io_error, "cannot make a temporary file for " + shown_url(path) + ": " + std::strerror(errno));
    http_request request;
    request.url = path;
    request.follow = true;
    request.receive = [&](std::string_view bytes) {
      if (std::fwrite(bytes.data(), 1, bytes.size(), spool_.get()) != bytes.size())
        core::throw_error(errc::out_of_disk, "cannot keep " + shown_url(path) + " in a temporary file: " + std::strerror(errno));
      size_ += bytes.size();
    };
    request.restart = [&] {
      std::rewind(spool_.get());
      size_ = 0;
    };
    const auto answer = perform(request);
    if (!answer.good())
      throw_refusal("read", path, answer);
    if (size_ < must_reach)
      core::throw_error(errc::io_error, shown_url(path) + " became shorter while it was read: it has " + std::to_string(size_) +
                                            " bytes, and had at least " + std::to_string(must_reach) + " when it was listed");
    next_ = std::min(offset_, size_);
    if (std::fseek(spool_.get(), static_cast<long>(next_), SEEK_SET) != 0)
      core::throw_error(errc::io_error, "cannot read the temporary file of " + shown_url(path) + ": " + std::strerror(errno));
  }

  std::size_t read(char* to, std::size_t size) override {
    const auto got = std::fread(to, 1, static_cast<std::size_t>(std::min<std::uint64_t>(size, size_ - next_)), spool_.get());
    next_ += got;
    return got;
  }
  std::uint64_t bytes_read() const noexcept override {
    return next_ - std::min(offset_, size_);
  }

private:
  std::uint64_t offset_;
  std::uint64_t size_ = 0;
  std::uint64_t next_ = 0;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> spool_;
};

/// What a fetch of a range means that got a whole file instead.
struct no_ranges {};

void fetch(const std::string& path, std::uint64_t offset, std::size_t size, std::string& to) {
  to.clear();
  if (size == 0)
    return;
  http_request request;
  request.url = path;
  request.follow = true;
  request.headers.push_back("Range: bytes=" + std::to_string(offset) + "-" + std::to_string(offset + size - 1));
  request.receive = [&](std::string_view bytes) {
    if (bytes.size() > size - to.size())
      throw no_ranges();
    to += bytes;
  };
  request.restart = [&] { to.clear(); };
  const auto answer = perform(request);
  if (answer.status == 416) // the file ends before
    return;
  if (answer.status == 200 && offset != 0)
    throw no_ranges();
  if (!answer.good())
    throw_refusal("read", path, answer);
}

[[noreturn]] void read_only(const std::string& path) {
  core::throw_error(errc::invalid_argument,
                    "cannot write " + shown_url(path) + ": HTTP servers are read only; use a path of this machine, s3:// or hdfs://");
}

} // namespace

std::optional<core::file_status> http_files::status(const std::string& path) const {
  refuse_secrets(path);
  http_request request;
  request.method = "HEAD";
  request.url = path;
  request.follow = true;
  const auto answer = perform(request);
  if (answer.status == 404 || answer.status == 410)
    return std::nullopt;
  if (!answer.good())
    throw_refusal("read", path, answer);
  return core::file_status{core::file_status::kind::file, number_in(answer.header("content-length"), path),
                           answer.header("accept-ranges") == "bytes"};
}

std::vector<core::directory_entry> http_files::list(const std::string&) const {
  return {};
}

std::unique_ptr<core::byte_source> http_files::open(const std::string& path, std::uint64_t offset, std::uint64_t must_reach) const {
  // A first byte shows whether the server sends ranges: it may not, whatever it said of itself.
  try {
    std::string first;
    fetch(path, offset, 1, first);
  } catch (const no_ranges&) {
    return std::make_unique<whole_source>(path, offset, must_reach);
  }
  return std::make_unique<ranged_source>(path, offset, must_reach, [path](std::uint64_t from, std::size_t size, std::string& to) {
    try {
      fetch(path, from, size, to);
    } catch (const no_ranges&) {
      core::throw_error(errc::io_error,
                        "cannot read " + shown_url(path) + ": the server sent a range, and then another one than was asked for");
    }
  });
}

std::string http_files::begin_output(const std::string& directory, const core::output_way&) const {
  read_only(directory);
}

std::unique_ptr<core::staged_file> http_files::stage(const std::string& attempts, const std::string&, std::uint64_t,
                                                     const core::output_way&) const {
  read_only(attempts);
}

void http_files::publish(const std::string&, const std::string&, const std::string& directory, const std::string&,
                         const core::output_way&) const {
  read_only(directory);
}

void http_files::seal_output(const std::string& directory, const std::string&, const core::output_way&) const {
  read_only(directory);
}

void http_files::end_output(const std::string&, const std::string&, bool) const noexcept {}

} // namespace salamander::actors
