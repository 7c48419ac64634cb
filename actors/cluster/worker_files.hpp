// A worker's work directory: programs by content, and a directory of each application and driver that has processes here.
//
//   <root>/lock                               held as long as the worker lives
//   <root>/names                              of the workers that used the directory, newest first (0600)
//   <root>/programs/<sha256>                  mode 0500: programs, and files that come with them
//   <root>/programs/<sha256>.part             being fetched
//   <root>/<application>/                     sockets, positions; credentials and orders (0600); all 0700
//   <root>/<application>/<executor>/stdout    and stderr, and their older parts: see process_logs.hpp
//   <root>/<application>/<executor>/work/     where the process runs
//   <root>/<driver>/<attempt>/...             the same
#pragma once

#include <salamander/actors/child_process.hpp>
#include <salamander/scheduler/cluster/protocol.hpp>

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>

namespace salamander::actors {

/// Names come from other processes and are checked: only cluster ids, numbers, SHA-256 digits and file names become paths.
/// Errors: errc::io_error and errc::out_of_disk naming the path, where nothing else is said. Threads: one at a time.
/// Faults: what a worker that was killed has left is cleaned up by the next one with the same root, except logs; its processes have died
/// with it. A file whose content is not what its name says is fetched again.
class worker_files {
public:
  /// Makes the directory (mode 0700) if it is not there. Errors: also when another worker uses it, or others may write to it.
  explicit worker_files(const std::filesystem::path& root);
  worker_files(const worker_files&) = delete;
  worker_files& operator=(const worker_files&) = delete;
  /// Leaves programs and logs.
  ~worker_files();

  const std::filesystem::path& root() const noexcept {
    return root_;
  }

  /// Notes the name of this worker; returns those of earlier ones, newest first.
  std::vector<std::string> add_name(const std::string& name);

  // -- content ----------------------------------------------------------------
  std::filesystem::path content(const std::string& sha256) const;
  /// Whether it is there. What an earlier worker has left is read once, and removed if it is damaged.
  bool has(const std::string& sha256);
  /// Begins anew if it was begun before.
  void begin(const std::string& sha256);
  /// Next bytes of what was begun.
  void append(const std::string& sha256, std::string_view bytes);
  /// It is complete. Errors: errc::corrupt_data when it is not what was asked for; then nothing is left of it.
  void finish(const std::string& sha256);
  void give_up(const std::string& sha256) noexcept;

  // -- applications and drivers -------------------------------------------------
  std::filesystem::path owner(const std::string& id) const;
  /// Of logs.
  std::filesystem::path process(const std::string& id, std::uint32_t number) const;
  /// The newest attempt of a driver that has a directory here.
  std::optional<std::uint32_t> latest_process(const std::string& id) const;
  /// Makes both, and a new directory to run in, with these files copied into it; returns that one.
  std::filesystem::path make_process(const std::string& id, std::uint32_t number,
                                     const std::vector<scheduler::cluster::stored_file>& files);
  /// Writes a file of mode 0600 into the owner's directory, in place of an older one; returns its path.
  std::filesystem::path write_private(const std::string& id, const std::string& name, std::string_view text);
  /// After its end: what it has written where it ran.
  void remove_work(const std::string& id, std::uint32_t number) noexcept;
  /// One of the owner's own files.
  void remove(const std::string& id, const std::string& name) noexcept;
  /// Only logs are left of it.
  void over(const std::string& id) noexcept;
  /// Removes owners, other than those that are not over, and content that nobody has used for so long.
  void clean(const std::set<std::string>& not_over, std::chrono::seconds unused_for) noexcept;

private:
  struct partial;

  std::filesystem::path checked_owner(const std::string& id) const;

  std::filesystem::path root_;
  descriptor lock_;
  std::set<std::string> verified_;
  std::map<std::string, std::unique_ptr<partial>> partial_;
};

/// In lower-case hex. Errors: errc::io_error.
std::string sha256_of_file(const std::filesystem::path& path);

} // namespace salamander::actors
