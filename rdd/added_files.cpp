#include <salamander/rdd/added_files.hpp>

#include <salamander/rdd/error.hpp>
#include <salamander/rdd/file_system.hpp>
#include <salamander/rdd/task_context.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace salamander {
namespace core {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t buffer_bytes = 1U << 20;
constexpr std::size_t file_name_bytes_max = 255;

/// The driver's, while there is one, and an executor's root.
struct process_files {
  std::mutex mutex;
  added_files* driver = nullptr;
  std::string root;
};

process_files& of_process() {
  static process_files all;
  return all;
}

bool is_file_name(const std::string& name) {
  return !name.empty() && name.size() <= file_name_bytes_max && name != "." && name != ".." &&
         std::ranges::none_of(name, [](char each) { return each == '/' || static_cast<unsigned char>(each) < ' '; });
}

[[noreturn]] void throw_system(const std::string& what) {
  const int code = errno;
  throw_error(code == ENOSPC || code == EDQUOT ? errc::out_of_disk : errc::io_error, what + ": " + std::strerror(code));
}

/// A file under a name that nobody looks for, until `publish`.
class new_file {
public:
  explicit new_file(const fs::path& path) : path_(path), temporary_(path.string() + ".part-" + std::to_string(next_.fetch_add(1))) {
    file_ = std::fopen(temporary_.c_str(), "wbe");
    if (!file_)
      throw_system("cannot write " + temporary_);
  }
  new_file(const new_file&) = delete;
  new_file& operator=(const new_file&) = delete;
  ~new_file() {
    if (file_)
      std::fclose(file_);
    if (!published_)
      ::unlink(temporary_.c_str());
  }
  void write(const char* bytes, std::size_t count) {
    if (std::fwrite(bytes, 1, count, file_) != count)
      throw_system("cannot write " + temporary_);
  }
  void publish(bool executable) {
    if (executable)
      ::fchmod(::fileno(file_), 0700);
    if (std::fclose(std::exchange(file_, nullptr)) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0)
      throw_system("cannot write " + path_.string());
    published_ = true;
  }

private:
  static inline std::atomic<std::uint64_t> next_{0};
  const fs::path path_;
  const std::string temporary_;
  std::FILE* file_ = nullptr;
  bool published_ = false;
};

bool is_executable(const std::string& path) {
  struct stat there {};
  return ::stat(path.c_str(), &there) == 0 && (there.st_mode & S_IXUSR) != 0;
}

/// A copy on a disk, as a value that travels. Encoded: its name, whether it can be executed, its bytes.
class file_block final : public block_object {
public:
  file_block(std::string name, std::string path) : name_(std::move(name)), path_(std::move(path)) {}

  const std::string& path() const noexcept {
    return path_;
  }
  std::size_t memory_bytes() const noexcept override {
    return sizeof *this + name_.size() + path_.size();
  }
  std::size_t record_count() const noexcept override {
    return 1;
  }
  void encode(byte_buffer& out) const override {
    byte_writer writer(out);
    write_value(writer, name_);
    write_value(writer, is_executable(path_));
    const auto source = open_source(path_, compression::none, 0, 0);
    std::vector<char> buffer(buffer_bytes);
    while (const auto got = source->read(buffer.data(), buffer.size()))
      writer.raw(buffer.data(), got);
  }

private:
  std::string name_;
  std::string path_;
};

std::shared_ptr<const block_object> write_copy(const byte_buffer& bytes) {
  byte_reader in(bytes);
  const auto name = read_value<std::string>(in);
  const auto executable = read_value<bool>(in);
  if (!is_file_name(name))
    byte_reader::corrupt("the name of an added file is not a file name");
  const auto root = [] {
    auto& all = of_process();
    const std::lock_guard lock(all.mutex);
    return all.root;
  }();
  if (root.empty())
    throw_error(errc::internal, "an executor does not know where to put the added file " + name);
  std::error_code failure;
  fs::create_directories(root, failure);
  const auto path = fs::path(root) / name;
  new_file copy(path);
  const auto size = in.left();
  copy.write(reinterpret_cast<const char*>(in.raw(size)), size);
  copy.publish(executable);
  return std::make_shared<const file_block>(name, path.string());
}

/// "name\tbroadcast\tsize\n" for each.
std::optional<broadcast_handle> find_in(const std::string& property, const std::string& name) {
  for (std::size_t begin = 0; begin < property.size();) {
    const auto end = std::min(property.find('\n', begin), property.size());
    const std::string_view line(property.data() + begin, end - begin);
    begin = end + 1;
    const auto first = line.find('\t');
    const auto second = line.find('\t', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos || line.substr(0, first) != name)
      continue;
    std::uint64_t number = 0;
    std::uint64_t size = 0;
    std::from_chars(line.data() + first + 1, line.data() + second, number);
    std::from_chars(line.data() + second + 1, line.data() + line.size(), size);
    return broadcast_handle{handle_word(number), handle_word(size)};
  }
  return std::nullopt;
}

bool same_content(const std::string& a, const std::string& b) {
  const auto one = open_source(a, compression::none, 0, 0);
  const auto two = open_source(b, compression::none, 0, 0);
  const auto fill = [](byte_source& from, std::vector<char>& into) {
    std::size_t have = 0;
    while (const auto got = have < into.size() ? from.read(into.data() + have, into.size() - have) : 0)
      have += got;
    return have;
  };
  std::vector<char> here(buffer_bytes);
  std::vector<char> there(buffer_bytes);
  for (;;) {
    const auto left = fill(*one, here);
    if (left != fill(*two, there) || std::memcmp(here.data(), there.data(), left) != 0)
      return false;
    if (left == 0)
      return true;
  }
}

std::string name_of(const std::string& path) {
  return fs::path(plain_path(path)).filename().string();
}

} // namespace

void set_files_root(std::string directory) {
  auto& all = of_process();
  const std::lock_guard lock(all.mutex);
  all.root = std::move(directory);
}

added_files::~added_files() {
  close();
}

void added_files::close() noexcept {
  {
    auto& all = of_process();
    const std::lock_guard lock(all.mutex);
    if (all.driver == this)
      all.driver = nullptr;
  }
  const std::lock_guard lock(mutex_);
  files_.clear();
  property_.clear();
  directory_.reset();
}

std::string added_files::directory() {
  const std::lock_guard lock(mutex_);
  if (!directory_)
    directory_.emplace(parent_.empty() ? fs::temp_directory_path() : fs::path(parent_), "salamander-files-");
  return directory_->path().string();
}

void added_files::add(const std::string& path, const std::string& site, const sender& send) {
  const auto refuse = [&](errc code, const std::string& why) { throw_error(code, "add_file at " + site + ": " + path + ' ' + why); };
  const auto there = file_system_of(path).status(path);
  const auto name = name_of(path);
  if (!there)
    refuse(errc::input_not_found, "does not exist");
  if (there->what != file_status::kind::file)
    refuse(errc::invalid_argument, there->what == file_status::kind::directory
                                       ? "is a directory; add the files in it, or an archive of them"
                                       : "is no regular file");
  if (!is_file_name(name))
    refuse(errc::invalid_argument, "has a name that cannot be used: at most 255 bytes, and no control characters");
  if (there->size > added_file_bytes_max)
    refuse(errc::invalid_argument, "has " + std::to_string(there->size) + " bytes, and at most " + std::to_string(added_file_bytes_max) +
                                       " can be given to tasks; put it where executors can read it");
  if (const auto before = path_of(name)) {
    if (!same_content(path, *before))
      refuse(errc::invalid_argument, "has other contents than the file of the same name that was added before; give it another name");
    return;
  }
  if (names().size() >= added_files_max)
    refuse(errc::invalid_argument, "is one too many: " + std::to_string(added_files_max) + " can be added");
  const auto copy = fs::path(directory()) / name;
  {
    new_file file(copy);
    const auto source = open_source(path, compression::none, 0, there->size);
    std::vector<char> buffer(buffer_bytes);
    while (const auto got = source->read(buffer.data(), buffer.size()))
      file.write(buffer.data(), got);
    file.publish(is_executable(plain_path(path)));
  }
  const auto handle = send(std::make_shared<const file_block>(name, copy.string()));
  {
    const std::lock_guard lock(mutex_);
    files_[name] = {copy.string(), handle};
    property_ += name + '\t' + std::to_string(handle.number()) + '\t' + std::to_string(handle.size.number()) + '\n';
  }
  auto& all = of_process();
  const std::lock_guard lock(all.mutex);
  all.driver = this;
}

void added_files::note(const std::string& path) {
  std::error_code failure;
  const auto there = fs::absolute(path, failure);
  if (!fs::is_regular_file(there, failure))
    throw_error(errc::input_not_found, "the file " + path + " of salamander.files is not there, or no regular file");
  {
    const std::lock_guard lock(mutex_);
    files_[there.filename().string()] = {there.string(), std::nullopt};
  }
  auto& all = of_process();
  const std::lock_guard lock(all.mutex);
  all.driver = this;
}

std::vector<std::string> added_files::names() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> all;
  for (const auto& [name, one] : files_)
    all.push_back(name);
  return all;
}

std::optional<std::string> added_files::path_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto at = files_.find(name);
  return at == files_.end() ? std::nullopt : std::optional(at->second.path);
}

std::string added_files::property() const {
  const std::lock_guard lock(mutex_);
  return property_;
}

} // namespace core

namespace files {

std::string get(const std::string& name) {
  std::string root;
  {
    auto& all = core::of_process();
    const std::lock_guard lock(all.mutex);
    if (all.driver)
      if (const auto found = all.driver->path_of(name))
        return *found;
    root = all.root;
  }
  if (auto* const task = core::current_task(); task && task->ordered) {
    const auto& properties = task->ordered->properties;
    if (const auto said = properties.find(core::added_files_key); said != properties.end())
      if (const auto handle = core::find_in(said->second, name))
        return static_cast<const core::file_block&>(core::broadcast_value(*handle, &core::write_copy)).path();
  }
  std::error_code ignored;
  if (!root.empty() && core::is_file_name(name) && std::filesystem::is_regular_file(std::filesystem::path(root) / name, ignored))
    return (std::filesystem::path(root) / name).string();
  core::throw_error(errc::input_not_found, "no file \"" + name +
                                               "\" was added to this application before the job began; name one that was given to "
                                               "context::add_file or --files, without its folder");
}

std::string root_directory() {
  auto& all = core::of_process();
  const std::lock_guard lock(all.mutex);
  if (all.driver)
    return all.driver->directory();
  if (all.root.empty())
    core::throw_error(errc::context_stopped, "there is no directory of added files: no file was added to a context that runs");
  return all.root;
}

} // namespace files
} // namespace salamander
