// A driver's membership in a standalone cluster, from joining to leaving.
#pragma once

#include <salamander/actors/cluster/application_actor.hpp>
#include <salamander/actors/cluster/program_file.hpp>
#include <salamander/rdd/config.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>

namespace salamander::actors {

/// Threads: any. Faults: masters may come and go; the application ends with the context only.
class cluster_session {
public:
  /// Errors: errc::bad_config_value without credentials; errc::bad_master_url, errc::io_error.
  cluster_session(const config& settings, const core::master_url& master, const std::string& application_name);
  cluster_session(const cluster_session&) = delete;
  cluster_session& operator=(const cluster_session&) = delete;

  /// The numeric address of this machine at which executors reach the driver, and the one to listen at.
  const std::string& host() const noexcept {
    return host_;
  }
  const std::string& bind_host() const noexcept {
    return bind_host_;
  }
  std::uint16_t port() const noexcept {
    return port_;
  }

  /// Fills in what the session knows of an application's setup. Requires: setup.progress.
  void prepare(application_setup& setup);
  /// Joins. `orders` is for all executors; `directory` holds the credentials of the application.
  void join(const application_actor& owner, const executor_spec& orders, const std::filesystem::path& directory);
  /// Waits until a master knows the application. Errors: errc::no_executors, errc::build_mismatch.
  void wait_for_master();
  /// Waits for executors, for a while. Errors: as wait_for_master.
  void wait_for_executors();
  /// Tells the master that it is over and how, and waits a moment for its confirmation. `failure` empty: all is well. Idempotent.
  void end(const std::string& failure);

  std::uint32_t cores() const noexcept {
    return cores_->load();
  }
  const std::string& id() const noexcept {
    return *id_;
  }

private:
  void hear(cluster::application_grants grants);
  void send_files(const std::vector<cluster::stored_file>& missing);

  const config settings_;
  const std::string name_;
  const std::vector<net::address> masters_;
  const std::filesystem::path credentials_;
  std::string host_;
  std::string bind_host_;
  std::uint16_t port_ = 0;
  const std::uint32_t executors_at_first_;
  const std::string token_;
  const std::shared_ptr<std::atomic<std::uint32_t>> cores_ = std::make_shared<std::atomic<std::uint32_t>>(0);
  const std::shared_ptr<std::string> id_ = std::make_shared<std::string>();
  const std::shared_ptr<start_outcome> joined_ = std::make_shared<start_outcome>();
  const std::shared_ptr<start_outcome> manned_ = std::make_shared<start_outcome>();
  const std::shared_ptr<cluster::application_description> description_ = std::make_shared<cluster::application_description>();
  std::vector<program_file> files_; ///< the program first
  application_actor owner_;
  std::function<cluster::application_progress()> progress_;

  std::mutex mutex_;
  cluster::application_report last_report_; ///< without descriptions
  std::condition_variable changed_;
  bool ended_ = false;     ///< `end` was called
  bool confirmed_ = false; ///< the master knows
  file_sender sender_;
  std::unique_ptr<application_contact> contact_;
};

} // namespace salamander::actors
