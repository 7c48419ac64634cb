// Admits, introduces and buries the executors that a cluster grants: a shell around scheduler::cluster::roster.
#pragma once

#include <salamander/actors/cluster/application_contact.hpp>
#include <salamander/actors/executor_link.hpp>
#include <salamander/actors/executor_spec.hpp>
#include <salamander/actors/supervisor_actor.hpp>
#include <salamander/scheduler/cluster/roster.hpp>

namespace salamander::actors {

struct application_setup {
  scheduler::cluster::roster::limits limits;
  std::string token;
  std::shared_ptr<const cluster::application_description> description;
  executor_spec spec; ///< of all executors
  std::function<void(cluster::application_report)> report;
  std::function<cluster::application_progress()> progress; ///< put into each report
  std::function<void()> seek_master;
  std::function<void(const std::vector<cluster::stored_file>&)> send_files;
  std::shared_ptr<std::atomic<std::uint32_t>> cores; ///< of admitted executors, kept up to date
  std::shared_ptr<std::string> id;                   ///< set before `started` succeeds
  scheduler_actor scheduler;
  std::shared_ptr<executor_board> executors;
  std::shared_ptr<start_outcome> joined; ///< the master knows the application
  std::shared_ptr<start_outcome> manned; ///< it has its first executors
  std::shared_ptr<std::atomic<std::uint64_t>> refused_messages;
  scheduler::executor_monitor::limits silence;
  message_filter filter = {}; ///< of all links
};

application_actor spawn_application(caf::actor_system& system, const application_setup& setup);

} // namespace salamander::actors
