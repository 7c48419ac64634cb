// What a master keeps in its recovery directory: the journal, and what submitted drivers are started with.
#pragma once

#include <salamander/scheduler/cluster/master.hpp>
#include <salamander/storage/journal.hpp>

#include <filesystem>
#include <functional>
#include <memory>

namespace salamander::actors {

/// Errors: errc::corrupt_data.
std::string encode_record(const scheduler::cluster::journal_record& what);
scheduler::cluster::journal_record decode_record(const std::string& bytes);

/// One term's journal. Storage that fails is said once, and again when it has recovered; meanwhile the master goes on, and would forget
/// what happened since if it died. Threads: one at a time.
class master_journal {
public:
  using record = scheduler::cluster::journal_record;

  /// `directory` empty: nothing is kept.
  explicit master_journal(std::filesystem::path directory) : directory_(std::move(directory)) {}

  /// All that former leaders have left. Errors: errc::io_error.
  scheduler::cluster::master::start read();
  /// Begins the journal of a term. Errors: errc::io_error.
  void begin(std::uint64_t term, const std::vector<record>& snapshot);
  /// On the disk when it returns, unless storage fails.
  void append(const std::vector<record>& records);
  /// Makes the journal short when it has grown long, or whole again after a failure.
  void tend(const std::function<std::vector<record>()>& snapshot);

  /// Writes what a driver is started with, before its submission is accepted. Returns why that cannot be; empty: it is on the disk.
  std::string stage_launch(const std::string& bytes);
  /// Gives what was staged the driver's name: a file is there as a whole or not at all.
  void keep_launch(const std::string& driver, const std::string& bytes);
  void drop_launch(const std::string& driver);

private:
  std::filesystem::path launch_file(const std::string& driver) const;
  void read_launches(std::map<std::string, std::string>& into) const;
  void failed(const std::string& why);

  const std::filesystem::path directory_;
  std::unique_ptr<storage::journal> journal_;
  bool incomplete_ = false; ///< something could not be written
  std::string staged_;
};

} // namespace salamander::actors
