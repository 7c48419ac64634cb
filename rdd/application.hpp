// What all datasets of one context share.
#pragma once

#include <salamander/rdd/accumulator.hpp>
#include <salamander/rdd/added_files.hpp>
#include <salamander/rdd/broadcast.hpp>
#include <salamander/rdd/engine.hpp>
#include <salamander/rdd/running_jobs.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

namespace salamander::core {

/// The running application behind a context and its datasets. Threads: any.
class application {
public:
  application(config settings, call_site created_at);
  ~application();

  const config& settings() const noexcept {
    return settings_;
  }
  engine& runner() const noexcept {
    return *engine_;
  }

  rdd_id next_dataset() noexcept {
    return {datasets_.fetch_add(1)};
  }
  shuffle_id next_shuffle() noexcept {
    return {shuffles_.fetch_add(1)};
  }
  std::uint64_t next_identity() noexcept {
    return identities_.fetch_add(1);
  }

  /// Errors: errc::context_stopped with the places of creation and end, and that of the context that runs now; errc::nested_use inside a
  /// task.
  void check_usable(const char* operation, const source_location& where) const;

  /// Errors: errc::invalid_argument when `other` belongs to another context.
  void check_same(const application& other, const char* operation, const source_location& where) const;

  /// Makes a node's header; see node_header. Errors: as check_usable.
  node_header header(const char* operation, const source_location& where, std::uint32_t partitions);

  /// Lets the node release what it holds elsewhere when its last handle goes.
  void adopt(node& made);

  std::uint32_t default_parallelism() const;
  std::uint32_t default_partitions_min() const {
    return std::min<std::uint32_t>(default_parallelism(), 2);
  }

  std::shared_ptr<job_handle> submit(node_ptr final, std::shared_ptr<const action> act, std::vector<std::uint32_t> partitions,
                                     const char* operation, const source_location& where);
  /// Runs a job over all partitions and waits. Errors: salamander::error.
  std::vector<block> run(const node_ptr& final, std::shared_ptr<const action> act, const char* operation, const source_location& where);
  std::vector<block> run(const node_ptr& final, std::shared_ptr<const action> act, std::vector<std::uint32_t> partitions,
                         const char* operation, const source_location& where);

  /// Properties of the jobs that the calling thread submits; see context.
  void set_local_property(const std::string& key, std::optional<std::string> value);
  std::optional<std::string> local_property(const std::string& key) const;
  std::map<std::string, std::string> local_properties() const;
  void set_local_properties(std::map<std::string, std::string> all);

  /// Cancelling by what jobs were submitted with.
  running_jobs& jobs() const noexcept {
    return *jobs_;
  }
  /// Runs `body` in a thread with this one's properties; the jobs that it submits belong to the action returned.
  std::shared_ptr<background_action> start_background(std::function<void()> body);

  /// Keeps a value for tasks. Errors: as check_usable; errc::not_serializable.
  broadcast_handle add_broadcast(std::shared_ptr<const block_object> value, const source_location& where);

  /// Errors: as check_usable, added_files::add.
  void add_file(const std::string& path, const source_location& where);
  std::vector<std::string> added_file_names() const {
    return files_->names();
  }

  std::uint32_t add_accumulator(std::shared_ptr<accumulator_cell> cell, const source_location& where);
  std::uint64_t serial() const noexcept {
    return serial_;
  }

  /// The report of the last job that ended by `run` on this thread's behalf or another's.
  job_report last_report() const;

  /// `how` it ends is told to those who use it afterwards: "stopped at a.cpp:3".
  void stop(const std::string& how);
  bool stopped() const noexcept {
    return stopped_.load();
  }

private:
  /// The way for nodes to release what they hold: closed before the engine stops. A node may go on any thread, even the engine's
  /// own, so it must not keep the application alive.
  struct release_gate {
    std::mutex mutex;
    engine* open_to = nullptr;
  };

  /// What salamander.files names.
  void add_files_of_settings();

  /// Never used twice in a process, unlike an address.
  static std::uint64_t next_serial() noexcept;

  const std::uint64_t serial_ = next_serial();
  config settings_;
  call_site created_at_;
  std::shared_ptr<release_gate> gate_ = std::make_shared<release_gate>();
  std::shared_ptr<running_jobs> jobs_ = std::make_shared<running_jobs>();
  std::unique_ptr<added_files> files_;
  std::unique_ptr<engine> engine_;
  std::atomic<std::uint32_t> datasets_{0};
  std::atomic<std::uint32_t> shuffles_{0};
  std::atomic<std::uint64_t> identities_{1};
  std::atomic<bool> stopped_{false};
  mutable std::mutex mutex_;
  std::string end_; ///< how it was stopped
  job_report last_;
};

/// How an operation's result is partitioned, and the key_partitioner behind it if an input had it already.
struct partitioner_choice {
  salamander::partitioner partitioning;
  std::shared_ptr<const void> assigner;
};

/// Spark's rule: the partitions asked for; else the input partitioner with most partitions if it is within an order of magnitude
/// of the largest input or beats the default count; else hashing into salamander.default.parallelism or the largest input's count.
partitioner_choice choose_partitioner(const application& app, std::initializer_list<const lineage*> inputs, std::uint32_t wanted);

/// The lineage of a dataset as an indented tree.
std::string describe_lineage(const lineage& dataset);

/// Where the context that runs in this process was created; empty: none does.
std::string active_context_site();

/// Makes a dataset of the records of all parents: partition by partition if those that have any are partitioned alike, else the partitions
/// of one after those of the other.
void concatenate(node_header& made, const std::vector<node_ptr>& parents);

// Shorthand for building headers.
dependency narrow_on(const node_ptr& parent);
dependency wide_on(const node_ptr& parent, shuffle_id shuffle);

} // namespace salamander::core
