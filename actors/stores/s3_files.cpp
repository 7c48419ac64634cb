#include <salamander/actors/stores/s3_files.hpp>

#include <salamander/actors/log.hpp>
#include <salamander/actors/stores/ranged_source.hpp>
#include <salamander/actors/stores/s3_client.hpp>

#include <salamander/rdd/error.hpp>

#include <algorithm>

namespace salamander::actors {
namespace {

using core::file_status;

/// Parts have at least 5 MiB, and there are at most 10,000: they grow with the file.
constexpr std::size_t part_bytes = 8U << 20;
constexpr std::size_t parts_of_a_size = 1000;

std::string with_slash(std::string key) {
  if (!key.empty() && !key.ends_with('/'))
    key += '/';
  return key;
}

class s3_staged_file final : public core::staged_file {
public:
  s3_staged_file(const std::string& directory, const std::string& name)
      : client_(directory), key_(with_slash(s3_place_of(directory).key) + name), upload_(client_.begin_upload(key_)) {}
  ~s3_staged_file() override {
    if (finished_)
      return;
    try {
      client_.abort_upload(key_, upload_);
    } catch (const std::exception&) {
      // the end of the output aborts it
    }
  }

  void write(std::string_view bytes) override {
    buffer_ += bytes;
    while (buffer_.size() >= wanted()) {
      send(std::string_view(buffer_).substr(0, wanted()));
      buffer_.erase(0, sent_);
    }
  }
  /// The upload and the tags of its parts, a line each.
  std::string finish() override {
    if (!buffer_.empty() || tags_.empty())
      send(buffer_);
    auto staged = upload_;
    for (const auto& tag : tags_)
      staged += "\n" + tag;
    finished_ = true;
    return staged;
  }

private:
  std::size_t wanted() const noexcept {
    return part_bytes * (1 + tags_.size() / parts_of_a_size);
  }
  void send(std::string_view bytes) {
    sent_ = bytes.size();
    tags_.push_back(client_.put_part(key_, upload_, tags_.size() + 1, bytes));
  }

  s3_client client_;
  std::string key_;
  std::string upload_;
  std::string buffer_;
  std::vector<std::string> tags_;
  std::size_t sent_ = 0;
  bool finished_ = false;
};

} // namespace

std::optional<file_status> s3_files::status(const std::string& path) const {
  const s3_client client(path);
  const auto key = s3_place_of(path).key;
  if (!key.empty() && !key.ends_with('/'))
    if (const auto size = client.size_of(key))
      return file_status{file_status::kind::file, *size, true};
  if (client.list(with_slash(key), false, 1).objects.empty())
    return std::nullopt;
  return file_status{file_status::kind::directory, 0, true};
}

std::vector<core::directory_entry> s3_files::list(const std::string& directory) const {
  const s3_client client(directory);
  const auto prefix = with_slash(s3_place_of(directory).key);
  const auto found = client.list(prefix, true);
  std::vector<core::directory_entry> entries;
  for (const auto& one : found.objects)
    if (one.key.size() > prefix.size()) // the directory itself may be an object without bytes
      entries.push_back({one.key.substr(prefix.size()), file_status{file_status::kind::file, one.size, true}});
  for (const auto& one : found.prefixes)
    entries.push_back({one.substr(prefix.size(), one.size() - prefix.size() - 1), file_status{file_status::kind::directory, 0, true}});
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return entries;
}

std::unique_ptr<core::byte_source> s3_files::open(const std::string& path, std::uint64_t offset, std::uint64_t must_reach) const {
  return std::make_unique<ranged_source>(path, offset, must_reach,
                                         [client = s3_client(path), key = s3_place_of(path).key](
                                             std::uint64_t from, std::size_t size, std::string& to) { client.get(key, from, size, to); });
}

std::string s3_files::begin_output(const std::string& directory, const core::output_way&) const {
  if (s3_place_of(directory).key.empty())
    core::throw_error(errc::output_exists, "output directory " + directory + " is a whole bucket; name a place in it");
  if (status(directory))
    core::throw_error(errc::output_exists, "output directory " + directory + " already exists; remove it or choose another");
  return directory;
}

std::unique_ptr<core::staged_file> s3_files::stage(const std::string& attempts, const std::string& name, std::uint64_t,
                                                   const core::output_way&) const {
  return std::make_unique<s3_staged_file>(attempts, name);
}

void s3_files::publish(const std::string&, const std::string& staged, const std::string& directory, const std::string& name,
                       const core::output_way&) const {
  std::vector<std::string> tags;
  const auto upload = staged.substr(0, staged.find('\n'));
  for (auto at = upload.size(); at < staged.size();) {
    const auto end = std::min(staged.find('\n', at + 1), staged.size());
    tags.push_back(staged.substr(at + 1, end - at - 1));
    at = end;
  }
  s3_client(directory).complete_upload(with_slash(s3_place_of(directory).key) + name, upload, tags);
}

void s3_files::seal_output(const std::string& directory, const std::string& mark, const core::output_way&) const {
  s3_client(directory).put(with_slash(s3_place_of(directory).key) + mark, {});
}

void s3_files::end_output(const std::string& directory, const std::string&, bool all) const noexcept {
  try {
    const s3_client client(directory);
    const auto prefix = with_slash(s3_place_of(directory).key);
    for (const auto& one : client.uploads(prefix))
      client.abort_upload(one.key, one.id);
    if (all)
      for (const auto& one : client.list(prefix, false).objects)
        client.remove(one.key);
  } catch (const std::exception& failure) {
    log(log_level::warn, "what is left of " + directory + " could not be removed: " + failure.what());
  }
}

} // namespace salamander::actors
