#include <salamander/actors/engine.hpp>
#include <salamander/actors/engine_settings.hpp>
#include <salamander/actors/executor_process.hpp>
#include <salamander/actors/net/tls.hpp>
#include <salamander/actors/process_end.hpp>

namespace salamander::actors {

void actor_engine::start_cluster(const core::master_url& master, const std::string& application_name) {
  if (program_arguments().empty())
    core::throw_error(errc::not_initialised,
                      "the workers of a cluster start this program again as executors: call salamander::init(argc, argv) "
                      "in the first line of main");
  cluster_ = std::make_shared<cluster_session>(settings_, master, application_name);
  show_progress();
  prepare_recovery();
  prepare_faults(master);
  directory_.emplace(settings_.find("salamander.local.dir").value_or(""), application_directory::care::kept);
  make_credentials(directory_->path());
  const auto keys = driver_credentials(directory_->path());
  auto spec = common_spec(settings_);
  host_ = std::make_unique<actor_host>(network_settings{keys, std::chrono::milliseconds(4 * spec.dead_timeout_ms)});
  executor_options blocks;
  blocks.tls = std::make_shared<const net::tls_context>(keys);
  blocks.host = cluster_->bind_host();
  const auto owner_address = start_driver_side(master, blocks);

  application_setup setup;
  setup.progress = [board = progress_]() -> cluster::application_progress {
    const auto now = board->totals();
    return {now.jobs_active, now.jobs_done, now.jobs_failed, now.stages_active, now.tasks_active, now.tasks_done, now.tasks_total};
  };
  cluster_->prepare(setup);
  setup.spec = spec;
  setup.scheduler = scheduler_;
  setup.executors = executors_;
  setup.refused_messages = refused_messages_;
  setup.silence.suspect_after = settings_.get_time("salamander.executor.suspectTimeout");
  setup.silence.dead_after = settings_.get_time("salamander.executor.deadTimeout");
  setup.filter = filter_of_messages();
  application_ = spawn_application(host_->system(), setup);
  *owner_address = application_->address();
  spec.driver_host = cluster_->host();
  spec.driver_port = host_->publish(application_, {cluster_->bind_host(), cluster_->port()});
  spec.driver_blocks_port = runtime_->blocks_at().port;
  stop_at_exit(*this);
  cluster_->join(application_, spec, directory_->path());
  cluster_->wait_for_master();
  tell_launcher(cluster_->id());
  cluster_->wait_for_executors();
}

} // namespace salamander::actors
