#include <salamander/actors/cluster/worker_files.hpp>

#include <salamander/actors/cluster/sha256.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/output_file.hpp>
#include <salamander/scheduler/cluster/names.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <fstream>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;
namespace cluster = scheduler::cluster;

constexpr const char* programs = "programs";
constexpr const char* work = "work";
constexpr const char* partial_suffix = ".part";

void make_directory(const fs::path& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    core::throw_disk_error("create the directory", path.string(), errno);
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode))
    core::throw_error(errc::io_error, path.string() + " is not a directory");
}

void check_owned(const fs::path& root) {
  struct stat facts {};
  if (::stat(root.c_str(), &facts) != 0)
    core::throw_disk_error("use the directory", root.string(), errno);
  if (facts.st_uid != ::geteuid() || (facts.st_mode & 0022) != 0)
    core::throw_error(errc::io_error, root.string() + " belongs to, or can be written by, another user: programs are started from there. "
                                                      "Choose another --work-dir, or chmod 700 it");
}

bool is_number(const std::string& name) {
  return !name.empty() && std::ranges::all_of(name, [](char one) { return one >= '0' && one <= '9'; });
}

template <class Function>
void for_each_entry(const fs::path& directory, Function function) {
  std::error_code failed;
  std::vector<fs::path> all; // what is removed meanwhile must not disturb
  for (fs::directory_iterator at(directory, failed), end; !failed && at != end; at.increment(failed))
    all.push_back(at->path());
  for (const auto& one : all)
    function(one);
}

void remove_tree(const fs::path& path) noexcept {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

/// Everything but logs.
void strip(const fs::path& owner) noexcept {
  for_each_entry(owner, [](const fs::path& one) {
    if (is_number(one.filename().string()) && fs::is_directory(fs::symlink_status(one)))
      remove_tree(one / work);
    else
      remove_tree(one);
  });
}

bool unused_since(const fs::path& path, fs::file_time_type moment) noexcept {
  std::error_code failed;
  const auto used = fs::last_write_time(path, failed);
  return !failed && used < moment;
}

void touch(const fs::path& path) noexcept {
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, AT_SYMLINK_NOFOLLOW);
}

} // namespace

struct worker_files::partial {
  explicit partial(const fs::path& path) : file(path.string(), core::system_disk(), 0500) {}

  sha256 digest;
  core::output_file file;
};

std::string sha256_of_file(const fs::path& path) {
  const descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (file.get() < 0)
    core::throw_disk_error("read", path.string(), errno);
  sha256 digest;
  std::string buffer(1U << 20, '\0');
  for (;;) {
    const auto got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0)
      core::throw_disk_error("read", path.string(), errno);
    if (got == 0)
      return digest.hex();
    digest.add({buffer.data(), static_cast<std::size_t>(got)});
  }
}

worker_files::worker_files(const fs::path& root) : root_(fs::absolute(root)) {
  if (root_.string().find_first_of("\n=") != std::string::npos)
    core::throw_error(errc::invalid_argument, "a work directory's name has no line ends and no '='");
  std::error_code ignored;
  if (root_.has_parent_path())
    fs::create_directories(root_.parent_path(), ignored);
  make_directory(root_);
  check_owned(root_);
  lock_ = descriptor(::open((root_ / "lock").c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (lock_.get() < 0)
    core::throw_disk_error("open", (root_ / "lock").string(), errno);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
    core::throw_error(errc::io_error, root_.string() + " is used by another worker; each needs a --work-dir of its own");
  make_directory(root_ / programs);
  for_each_entry(root_ / programs, [](const fs::path& one) {
    if (!cluster::is_sha256(one.filename().string()))
      remove_tree(one);
  });
  for_each_entry(root_, [](const fs::path& one) {
    if (const auto name = one.filename().string(); name != programs && name != "lock" && cluster::is_cluster_id(name))
      strip(one);
  });
}

worker_files::~worker_files() = default;

std::vector<std::string> worker_files::add_name(const std::string& name) {
  std::vector<std::string> earlier;
  const auto path = root_ / "names";
  std::ifstream known(path);
  for (std::string line; earlier.size() < cluster::worker_names_max && std::getline(known, line);)
    if (cluster::is_worker_name(line)) // the file may be damaged
      earlier.push_back(line);
  const auto temporary = path.string() + ".part";
  std::error_code ignored;
  fs::remove(temporary, ignored);
  core::output_file file(temporary, core::system_disk(), 0600);
  file.write(name + "\n");
  for (const auto& one : earlier)
    file.write(one + "\n");
  file.finish(false);
  core::rename_file(temporary, path.string());
  return earlier;
}

// -- content ------------------------------------------------------------------

fs::path worker_files::content(const std::string& sha256) const {
  if (!cluster::is_sha256(sha256))
    core::throw_error(errc::corrupt_data, "a file of an application has no SHA-256 of 64 lower-case hex digits");
  return root_ / programs / sha256;
}

bool worker_files::has(const std::string& sha256) {
  const auto path = content(sha256);
  if (!fs::exists(fs::symlink_status(path)))
    return false;
  if (!verified_.contains(sha256)) {
    if (sha256_of_file(path) != sha256) {
      remove_tree(path);
      return false;
    }
    verified_.insert(sha256);
  }
  touch(path);
  return true;
}

void worker_files::begin(const std::string& sha256) {
  give_up(sha256);
  const auto path = content(sha256).string() + partial_suffix;
  remove_tree(path);
  partial_.emplace(sha256, std::make_unique<partial>(path));
}

void worker_files::append(const std::string& sha256, std::string_view bytes) {
  auto& one = *partial_.at(sha256);
  one.digest.add(bytes);
  one.file.write(bytes);
}

void worker_files::finish(const std::string& sha256) {
  const auto path = content(sha256);
  const auto one = std::move(partial_.at(sha256));
  partial_.erase(sha256);
  if (const auto hash = one->digest.hex(); hash != sha256)
    core::throw_error(errc::corrupt_data, fmt::format("what was fetched has the SHA-256 {}, and {} was asked for", hash, sha256));
  one->file.finish(false);
  core::rename_file(path.string() + partial_suffix, path.string());
  verified_.insert(sha256);
}

void worker_files::give_up(const std::string& sha256) noexcept {
  partial_.erase(sha256); // an unfinished file removes itself
}

// -- applications and drivers -------------------------------------------------

fs::path worker_files::checked_owner(const std::string& id) const {
  if (!cluster::is_cluster_id(id) || id == programs || id == "lock")
    core::throw_error(errc::corrupt_data, "the name of an application or driver is none");
  return root_ / id;
}

fs::path worker_files::owner(const std::string& id) const {
  return checked_owner(id);
}

fs::path worker_files::process(const std::string& id, std::uint32_t number) const {
  return checked_owner(id) / std::to_string(number);
}

std::optional<std::uint32_t> worker_files::latest_process(const std::string& id) const {
  std::optional<std::uint32_t> latest;
  for_each_entry(checked_owner(id), [&](const fs::path& one) {
    const auto name = one.filename().string();
    std::uint32_t number = 0;
    if (is_number(name) && std::from_chars(name.data(), name.data() + name.size(), number).ec == std::errc())
      latest = std::max(latest.value_or(0), number);
  });
  return latest;
}

fs::path worker_files::make_process(const std::string& id, std::uint32_t number, const std::vector<cluster::stored_file>& files) {
  make_directory(checked_owner(id));
  make_directory(process(id, number));
  auto place = process(id, number) / work;
  remove_tree(place); // of an earlier incarnation
  make_directory(place);
  for (const auto& file : files) {
    if (!cluster::is_file_name(file.name))
      core::throw_error(errc::corrupt_data, "the name of one of its files is not a file name");
    // A copy: what a program does to its file must not change what others get.
    const auto path = place / file.name;
    std::error_code failed;
    fs::copy_file(content(file.sha256), path, failed);
    if (failed)
      core::throw_disk_error("write", path.string(), failed.value());
    ::chmod(path.c_str(), 0700);
  }
  return place;
}

fs::path worker_files::write_private(const std::string& id, const std::string& name, std::string_view text) {
  const auto path = checked_owner(id) / name;
  make_directory(checked_owner(id));
  const auto temporary = path.string() + partial_suffix;
  remove_tree(temporary);
  core::output_file file(temporary, core::system_disk(), 0600);
  file.write(text);
  file.finish(false);
  core::rename_file(temporary, path.string());
  return path;
}

void worker_files::remove_work(const std::string& id, std::uint32_t number) noexcept {
  if (cluster::is_cluster_id(id))
    remove_tree(root_ / id / std::to_string(number) / work);
}

void worker_files::remove(const std::string& id, const std::string& name) noexcept {
  if (cluster::is_cluster_id(id) && cluster::is_file_name(name))
    remove_tree(root_ / id / name);
}

void worker_files::over(const std::string& id) noexcept {
  if (!cluster::is_cluster_id(id) || id == programs)
    return;
  strip(root_ / id);
  touch(root_ / id);
}

void worker_files::clean(const std::set<std::string>& not_over, std::chrono::seconds unused_for) noexcept {
  const auto moment = fs::file_time_type::clock::now() - unused_for;
  for_each_entry(root_, [&](const fs::path& one) {
    const auto name = one.filename().string();
    if (name != programs && name != "lock" && cluster::is_cluster_id(name) && !not_over.contains(name) && unused_since(one, moment))
      remove_tree(one);
  });
  for_each_entry(root_ / programs, [&](const fs::path& one) {
    const auto name = one.filename().string();
    if (cluster::is_sha256(name) && unused_since(one, moment)) {
      remove_tree(one);
      verified_.erase(name);
    }
  });
}

} // namespace salamander::actors
