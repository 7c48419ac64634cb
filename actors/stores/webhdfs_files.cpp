#include <salamander/actors/stores/webhdfs_files.hpp>

#include <salamander/actors/log.hpp>
#include <salamander/actors/stores/ranged_source.hpp>
#include <salamander/actors/stores/webhdfs_client.hpp>

#include <salamander/rdd/error.hpp>

#include <algorithm>

namespace salamander::actors {
namespace {

using core::file_status;

file_status status_of(const webhdfs_status& found) {
  return {found.directory ? file_status::kind::directory : file_status::kind::file, found.size, true};
}

/// Sends its bytes a buffer at a time: the first one creates the file, others append to it.
class webhdfs_staged_file final : public core::staged_file {
public:
  webhdfs_staged_file(const std::string& attempts, std::string name)
      : client_(attempts), name_(std::move(name)), path_(attempts + "/" + name_) {}
  ~webhdfs_staged_file() override {
    if (finished_ || !created_)
      return;
    try {
      client_.remove(path_);
    } catch (const std::exception&) {
      // it goes with the attempts
    }
  }

  void write(std::string_view bytes) override {
    buffer_ += bytes;
    if (buffer_.size() >= buffer_bytes)
      send();
  }
  std::string finish() override {
    if (!created_ || !buffer_.empty())
      send();
    finished_ = true;
    return name_;
  }

private:
  static constexpr std::size_t buffer_bytes = 8U << 20;

  void send() {
    if (std::exchange(created_, true))
      client_.append(path_, buffer_);
    else
      client_.create(path_, buffer_);
    buffer_.clear();
  }

  webhdfs_client client_;
  std::string name_;
  std::string path_;
  std::string buffer_;
  bool created_ = false;
  bool finished_ = false;
};

} // namespace

std::optional<file_status> webhdfs_files::status(const std::string& path) const {
  const auto found = webhdfs_client(path).status(path);
  return found ? std::optional(status_of(*found)) : std::nullopt;
}

std::vector<core::directory_entry> webhdfs_files::list(const std::string& directory) const {
  std::vector<core::directory_entry> entries;
  for (const auto& one : webhdfs_client(directory).list(directory))
    entries.push_back({one.name, status_of(one)});
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

std::unique_ptr<core::byte_source> webhdfs_files::open(const std::string& path, std::uint64_t offset, std::uint64_t must_reach) const {
  return std::make_unique<ranged_source>(
      path, offset, must_reach,
      [client = webhdfs_client(path), path](std::uint64_t from, std::size_t size, std::string& to) { client.get(path, from, size, to); });
}

std::string webhdfs_files::begin_output(const std::string& directory, const core::output_way&) const {
  const webhdfs_client client(directory);
  if (client.status(directory))
    core::throw_error(errc::output_exists, "output directory " + directory + " already exists; remove it or choose another");
  auto attempts = directory + "/_temporary";
  client.make_directory(attempts);
  return attempts;
}

std::unique_ptr<core::staged_file> webhdfs_files::stage(const std::string& attempts, const std::string& name, std::uint64_t attempt,
                                                        const core::output_way&) const {
  return std::make_unique<webhdfs_staged_file>(attempts, name + "-" + std::to_string(attempt));
}

void webhdfs_files::publish(const std::string& attempts, const std::string& staged, const std::string& directory, const std::string& name,
                            const core::output_way&) const {
  const webhdfs_client client(directory);
  const auto from = attempts + "/" + staged;
  const auto to = directory + "/" + name;
  // An answer that got lost leaves nothing to rename, and the file: nobody else writes to this directory.
  if (!client.rename(from, to) && (client.status(from) || !client.status(to)))
    core::throw_error(errc::io_error, "cannot give its final name to the file " + to + ": HDFS refuses");
}

void webhdfs_files::seal_output(const std::string& directory, const std::string& mark, const core::output_way&) const {
  webhdfs_client(directory).create(directory + "/" + mark, {});
}

void webhdfs_files::end_output(const std::string& directory, const std::string& attempts, bool all) const noexcept {
  try {
    webhdfs_client(directory).remove(all ? directory : attempts);
  } catch (const std::exception& failure) {
    log(log_level::warn, "what is left of " + directory + " could not be removed: " + failure.what());
  }
}

} // namespace salamander::actors
