#include <salamander/actors/recovery/run_directory.hpp>

#include <salamander/rdd/code.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/file_system.hpp>
#include <salamander/rdd/output_file.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <random>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;

constexpr const char* start_prefix = "start-";
constexpr const char* forgotten = "forgotten";
constexpr std::size_t id_length_max = 128;
/// Tells programs that a driver starts that the run which their settings name is the driver's: its process and the directory.
constexpr const char* taken_variable = "SALAMANDER_RECOVERY_TAKEN";

/// Of this process.
struct begun_run {
  std::uint64_t start = 0;
  std::uint32_t contexts = 0;
  pid_t process = 0; ///< a child that was forked off removes nothing
};
std::mutex begun_mutex;
std::map<std::string, begun_run>& begun_runs() {
  static auto& runs = *std::make_unique<std::map<std::string, begun_run>>().release(); // needed until the process ends
  return runs;
}

bool is_name(const std::string& id) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !id.empty() && id.size() <= id_length_max && id[0] != '.' && std::ranges::all_of(id, plain);
}

std::string random_word() {
  std::random_device source;
  return fmt::format("{:08x}{:08x}", source(), source());
}

fs::path start_file(const fs::path& run, std::uint64_t number) {
  return run / (start_prefix + std::to_string(number));
}

std::uint64_t newest_start(const fs::path& run) {
  std::uint64_t newest = 0;
  std::error_code failed;
  for (fs::directory_iterator at(run, failed), end; !failed && at != end; at.increment(failed)) {
    const auto name = at->path().filename().string();
    std::uint64_t number = 0;
    if (name.starts_with(start_prefix)) {
      std::from_chars(name.data() + std::string_view(start_prefix).size(), name.data() + name.size(), number);
      newest = std::max(newest, number);
    }
  }
  return newest;
}

/// Records of the user's are in there, and whoever could write there could change them.
void make_private(const fs::path& directory) {
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed)
    core::throw_disk_error("make", directory.string(), failed.value());
  struct stat facts {};
  if (::stat(directory.c_str(), &facts) != 0)
    core::throw_disk_error("look at", directory.string(), errno);
  if (facts.st_uid != ::geteuid())
    core::throw_error(errc::io_error, directory.string() + " belongs to another user; a run is kept in a directory of its own user");
  if (::chmod(directory.c_str(), 0700) != 0)
    core::throw_disk_error("set the mode of", directory.string(), errno);
}

void check_build_ids() {
  for (const auto& module : core::code_modules())
    if (module.build_id.empty())
      core::throw_error(errc::bad_config_value, "salamander.recovery.id is set, but " + module.path +
                                                    " was linked without a build id, so that another build could not be told from this "
                                                    "one; link it with -Wl,--build-id");
}

std::string taken_by_us(const fs::path& run) {
  return std::to_string(::getpid()) + ' ' + run.string();
}

/// A program that ends well needs nothing of its run any more. The engines have stopped by then: they were registered later.
void remove_own_runs(int status, void*) {
  if (status != 0)
    return;
  const std::lock_guard lock(begun_mutex);
  std::error_code ignored;
  for (const auto& [run, how] : begun_runs())
    if (how.process == ::getpid() && newest_start(run) == how.start)
      fs::remove_all(run, ignored);
}

} // namespace

void write_whole(const fs::path& path, const std::string& text) {
  const auto beside = path.string() + "." + random_word();
  {
    std::ofstream file(beside, std::ios::binary);
    file << text;
    file.close();
    if (!file)
      core::throw_disk_error("write", beside, errno);
  }
  std::error_code failed;
  fs::rename(beside, path, failed);
  if (failed)
    core::throw_disk_error("name", path.string(), failed.value());
}

std::string read_text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::optional<run_directory> run_directory::begin(const config& settings) {
  const auto id = settings.get("salamander.recovery.id", "");
  const auto directory = settings.get("salamander.checkpoint.dir", "");
  if (id.empty())
    return std::nullopt;
  if (!is_name(id))
    core::throw_error(errc::bad_config_value, "salamander.recovery.id is \"" + id +
                                                  "\"; it names a directory: at most 128 letters, digits, dots, dashes and underscores");
  if (directory.empty()) {
    if (!std::getenv("SALAMANDER_DRIVER_ID")) // else submit --supervise has set it, and a driver without directory begins anew
      core::throw_error(errc::bad_config_value, "salamander.recovery.id is set, and salamander.checkpoint.dir is not: what is kept for "
                                                "another start of the program needs a directory that all machines see");
    return std::nullopt;
  }
  if (const auto scheme = core::scheme_of(directory); !scheme.empty() && scheme != "file")
    core::throw_error(errc::bad_config_value, "salamander.checkpoint.dir is " + directory +
                                                  "; it has to be a directory that all machines see under this path, such as one of NFS");
  check_build_ids();
  run_directory made;
  made.run_ = fs::absolute(core::plain_path(directory)) / id;
  if (const char* const taken = std::getenv(taken_variable))
    if (const std::string text = taken; text.ends_with(' ' + made.run_.string()) && text != taken_by_us(made.run_))
      return std::nullopt; // this program was started by the driver whose run that is
  make_private(made.run_);
  made.claim_start();
  made.begin_context();
  return made;
}

void run_directory::claim_start() {
  const std::lock_guard lock(begun_mutex);
  auto& runs = begun_runs();
  if (const auto known = runs.find(run_.string()); known != runs.end() && known->second.process == ::getpid()) {
    start_ = known->second.start;
    if (newest_start(run_) > start_)
      check_owner();
    if (fs::exists(start_file(run_, start_)))
      return;
  }
  for (auto number = newest_start(run_) + 1;; ++number) {
    const int file = ::open(start_file(run_, number).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0 && errno != EEXIST)
      core::throw_disk_error("make", start_file(run_, number).string(), errno);
    if (file < 0)
      continue;
    ::close(file);
    start_ = number;
    break;
  }
  static const bool registered = ::on_exit(&remove_own_runs, nullptr) == 0;
  static_cast<void>(registered); // without, the directory stays
  runs[run_.string()] = {start_, 0, ::getpid()};
  ::setenv(taken_variable, taken_by_us(run_).c_str(), 1);
}

void run_directory::begin_context() {
  std::uint32_t number = 0;
  {
    const std::lock_guard lock(begun_mutex);
    number = begun_runs()[run_.string()].contexts++;
  }
  context_ = run_ / std::to_string(number);
  std::error_code failed;
  if (fs::exists(context_ / forgotten, failed))
    fs::remove_all(context_, failed);
  make_private(context_);
  mark_ = read_text_of(run_ / "mark");
  if (mark_.empty()) {
    mark_ = random_word();
    write_whole(run_ / "mark", mark_);
  }
}

bool run_directory::still_ours() const {
  std::error_code failed;
  return !fs::exists(start_file(run_, start_ + 1), failed) && fs::exists(start_file(run_, start_), failed);
}

void run_directory::check_owner() const {
  if (!still_ours())
    core::throw_error(errc::context_stopped, fmt::format("another start of this driver has taken over the run in {}; this one, start {}, "
                                                         "must not go on",
                                                         run_.string(), start_));
}

void run_directory::forget() const {
  write_whole(context_ / forgotten, "");
}

} // namespace salamander::actors
