// core::engine over actors: one executor in this process, or several in processes of their own.
#pragma once

#include <salamander/actors/actor_host.hpp>
#include <salamander/actors/application_directory.hpp>
#include <salamander/actors/cluster/cluster_session.hpp>
#include <salamander/actors/console.hpp>
#include <salamander/actors/fault_director.hpp>
#include <salamander/actors/launch/launch_line.hpp>
#include <salamander/actors/launcher.hpp>
#include <salamander/actors/progress.hpp>
#include <salamander/actors/recovery/kept_run.hpp>
#include <salamander/actors/result_threads.hpp>

namespace salamander::actors {

/// Faults: executors are replaced; the engine itself ends with its process, and then no other process, socket or directory stays.
class actor_engine final : public core::engine {
public:
  explicit actor_engine(const config& settings);
  ~actor_engine() override;

  /// Call one of these, once, before anything else, through on_own_thread. Errors: as core::start_engine; destroy the engine then.
  void start_local(const core::master_url& master);
  void start_local_cluster(const core::master_url& master);
  void start_cluster(const core::master_url& master, const std::string& application_name);

  std::shared_ptr<core::job_handle> submit(core::job_spec spec) override;
  std::uint32_t default_parallelism() const override;
  void put_source(core::rdd_id dataset, std::uint32_t partition, std::shared_ptr<const core::block_object> records) override;
  void release_source(core::rdd_id dataset) override;
  void unpersist(core::rdd_id dataset, bool blocking) override;
  void release_shuffle(core::shuffle_id shuffle) override;
  std::uint64_t put_broadcast(std::uint32_t broadcast, std::shared_ptr<const core::block_object> value) override;
  std::future<void> drop_broadcast(std::uint32_t broadcast, const std::optional<std::string>& destroyed) override;
  output_course begin_output(const core::node_ptr& dataset, const std::string& path, const std::string& how,
                             const std::map<std::string, std::string>& properties) override;
  void cancel_all_jobs(const std::string& reason) override;
  std::vector<executor_info> executors() const override;
  std::uint32_t cached_partitions(core::rdd_id dataset) const override;
  testing::fault_report faults() const override;
  void note_failure(const std::string& why) override;
  void stop() override;

  /// False when a task could not be ended: the process must not run static destructors under it.
  bool stopped_cleanly() const noexcept {
    return clean_;
  }
  /// Of all executors that are there now.
  std::uint32_t cores() const;
  /// Messages of executors that had been given up, or never belonged here.
  std::uint64_t refused_messages() const noexcept {
    return refused_messages_->load();
  }
  const progress_board& progress() const noexcept {
    return *progress_;
  }

private:
  void show_progress();
  /// Makes the director if faults, or a report on them, are asked for. Errors: errc::bad_config_value.
  void prepare_faults(const core::master_url& master);
  /// Looks for what an earlier start of the driver has kept. Errors: as kept_run::begin.
  void prepare_recovery();
  scheduler_setup make_scheduler_setup(const core::master_url& master);
  /// The part that all drivers with executors in other processes have: own blocks, fetched results, the scheduler. Returns where the
  /// address of its executors' owner is to be put. Requires: directory_, host_.
  std::shared_ptr<caf::actor_addr> start_driver_side(const core::master_url& master, const executor_options& blocks);
  message_filter filter_of_messages() const;
  /// If there is one. `id`: of this application.
  void tell_launcher(const std::string& id);
  std::uint32_t cores_now() const;
  void end_executors();
  void end_actors();

  const config settings_;
  std::uint32_t cores_ = 0;

  std::mutex preparing_; ///< of jobs with a kept run, which are posted in the order in which they were prepared; before mutex_
  std::mutex mutex_;     ///< submissions come before shut_down or not at all
  bool stopped_ = false;
  std::string cancelled_; ///< why no job is started any more
  std::string failure_;   ///< why the application ends; empty: all is well
  std::mutex stop_mutex_;
  bool ended_ = false;
  bool clean_ = true;
  std::atomic<std::uint32_t> next_job_{0};

  const std::shared_ptr<progress_board> progress_ = std::make_shared<progress_board>();
  const std::shared_ptr<executor_board> executors_ = std::make_shared<executor_board>();
  const std::shared_ptr<std::atomic<std::uint64_t>> refused_messages_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::shared_ptr<fault_director> faults_; ///< null unless faults are injected
  std::shared_ptr<kept_run> kept_;         ///< null unless another start of the driver is to find what this one does
  std::shared_ptr<progress_bar> bar_;
  std::optional<application_directory> directory_;
  std::unique_ptr<actor_host> host_;
  std::shared_ptr<executor_runtime> runtime_; ///< local: the executor's; cluster: the driver's blocks
  std::shared_ptr<result_threads> results_;
  std::shared_ptr<launcher> processes_;
  scheduler_actor scheduler_;
  executor_actor executor_;                  ///< local
  supervisor_actor supervisor_;              ///< local cluster
  std::shared_ptr<cluster_session> cluster_; ///< standalone cluster
  application_actor application_;            ///< the same
  std::unique_ptr<launch_line> launched_;
};

} // namespace salamander::actors
