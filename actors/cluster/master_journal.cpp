#include <salamander/actors/cluster/master_journal.hpp>

#include <salamander/actors/child_process.hpp>
#include <salamander/actors/log.hpp>
#include <salamander/actors/wire.hpp>
#include <salamander/scheduler/cluster/names.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;
namespace cluster = scheduler::cluster;

constexpr std::uint64_t record_version = 1;
/// A journal is made short when it is this much longer than it began.
constexpr std::uint64_t growth_max = 4U << 20;
/// No driver has this name.
constexpr const char* staged_name = ".new";

template <class F>
auto with_storage(F&& f) {
  try {
    return f();
  } catch (const std::system_error& failure) {
    core::throw_error(errc::io_error, failure.what());
  }
}

} // namespace

std::string encode_record(const cluster::journal_record& what) {
  core::byte_buffer bytes;
  core::byte_writer out(bytes);
  out.varint(record_version);
  core::write_value(out, what);
  return wire::to_string(bytes);
}

cluster::journal_record decode_record(const std::string& bytes) {
  core::byte_reader in(std::as_bytes(std::span(bytes)));
  if (in.varint() != record_version)
    core::byte_reader::corrupt("a record of the journal was written by another release");
  auto what = core::read_value<cluster::journal_record>(in);
  if (in.left() != 0)
    core::byte_reader::corrupt("a record of the journal is longer than its fields");
  return what;
}

cluster::master::start master_journal::read() {
  cluster::master::start found;
  if (directory_.empty())
    return found;
  with_storage([&] {
    const auto contents = storage::read_newest_journal(directory_);
    for (const auto& notice : contents.notices)
      log(log_level::warn, notice);
    for (const auto& bytes : contents.records)
      found.journal.push_back(decode_record(bytes));
  });
  read_launches(found.launches);
  return found;
}

void master_journal::begin(std::uint64_t term, const std::vector<record>& snapshot) {
  if (directory_.empty())
    return;
  std::vector<std::string> bytes;
  for (const auto& one : snapshot)
    bytes.push_back(encode_record(one));
  with_storage([&] { journal_ = std::make_unique<storage::journal>(directory_, term, bytes); });
}

void master_journal::append(const std::vector<record>& records) {
  if (!journal_ || records.empty() || incomplete_)
    return;
  std::vector<std::string> bytes;
  for (const auto& one : records)
    bytes.push_back(encode_record(one));
  try {
    journal_->append(bytes);
  } catch (const std::exception& failure) {
    failed(failure.what());
  }
}

void master_journal::failed(const std::string& why) {
  if (!std::exchange(incomplete_, true))
    log(log_level::error,
        "the journal cannot be written: " + why +
            ". The cluster goes on; but if this master ends before there is room again, the next one does not know of what "
            "is submitted from now on");
}

void master_journal::tend(const std::function<std::vector<record>()>& snapshot) {
  if (!journal_ || (!incomplete_ && journal_->size_bytes() < journal_->begun_bytes() + growth_max))
    return;
  try {
    std::vector<std::string> bytes;
    for (const auto& one : snapshot())
      bytes.push_back(encode_record(one));
    journal_->replace(bytes);
    if (std::exchange(incomplete_, false))
      log(log_level::info, "the journal is whole again");
  } catch (const std::exception& failure) {
    failed(failure.what());
  }
}

fs::path master_journal::launch_file(const std::string& driver) const {
  return directory_ / "drivers" / driver;
}

/// Settings and environment of the user's: nobody else may read them.
std::string master_journal::stage_launch(const std::string& bytes) {
  if (directory_.empty())
    return {};
  ::mkdir((directory_ / "drivers").c_str(), 0700);
  const auto path = launch_file(staged_name);
  const descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  errno = file.get() < 0 ? errno : ENOSPC; // what a short write means
  if (file.get() < 0 || ::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()) || ::fsync(file.get()) != 0)
    return fmt::format("cannot write {}: {}", path.string(), std::strerror(errno));
  staged_ = bytes;
  return {};
}

void master_journal::keep_launch(const std::string& driver, const std::string& bytes) {
  if (directory_.empty() || !cluster::is_cluster_id(driver))
    return;
  if (staged_ != bytes)
    if (const auto why = stage_launch(bytes); !why.empty())
      return failed(why);
  staged_.clear();
  const auto path = launch_file(driver);
  if (::rename(launch_file(staged_name).c_str(), path.c_str()) != 0)
    return failed(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
  const descriptor folder(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0)
    failed(fmt::format("cannot write {}: {}", path.parent_path().string(), std::strerror(errno)));
}

void master_journal::drop_launch(const std::string& driver) {
  if (directory_.empty() || !cluster::is_cluster_id(driver))
    return;
  std::error_code ignored;
  fs::remove(launch_file(driver), ignored);
}

void master_journal::read_launches(std::map<std::string, std::string>& into) const {
  std::error_code none;
  for (const auto& one : fs::directory_iterator(directory_ / "drivers", none)) {
    if (one.path().filename() == staged_name)
      continue;
    std::ifstream in(one.path(), std::ios::binary);
    into[one.path().filename().string()] = {std::istreambuf_iterator<char>(in), {}};
  }
}

} // namespace salamander::actors
