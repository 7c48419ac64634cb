#include <salamander/actors/engine.hpp>

#include <salamander/actors/engine_settings.hpp>
#include <salamander/actors/executor_actor.hpp>
#include <salamander/actors/executor_process.hpp>
#include <salamander/actors/fault_start.hpp>
#include <salamander/actors/log.hpp>
#include <salamander/actors/process_end.hpp>
#include <salamander/actors/scheduling.hpp>
#include <salamander/actors/stores/store_settings.hpp>
#include <salamander/actors/supervisor_actor.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <cstdio>

namespace salamander::actors {
namespace {

/// How long tasks and executors may take to end before they are made to.
constexpr std::chrono::milliseconds task_end_grace{2000};
constexpr std::chrono::milliseconds executor_end_grace{1000};
constexpr std::chrono::milliseconds actor_end_grace{2000};
/// Longest wait of a user's thread for the scheduler's actor in calls that are no jobs.
constexpr std::chrono::seconds answer_wait_max{10};
constexpr std::uint32_t result_fetches_max = 2;
/// Of a cluster whose executors are still to come.
constexpr std::uint32_t least_parallelism = 2;

executor_spec make_spec(const config& settings, const core::master_url& master, const std::filesystem::path& directory) {
  auto spec = common_spec(settings);
  spec.driver_process = ::getpid();
  spec.directory = directory.string();
  spec.peer_directory = settings.get("salamander.testing.blockDirectory", "");
  spec.driver_host = "127.0.0.1";
  spec.cores = master.cores;
  spec.memory_bytes =
      settings.contains("salamander.executor.memory") ? settings.get_bytes("salamander.executor.memory") : master.memory_bytes;
  if (spec.memory_bytes > master.memory_bytes)
    core::throw_error(errc::bad_config_value,
                      fmt::format("asked for executors of {} bytes (salamander.executor.memory) in a local-cluster of {} bytes each; "
                                  "lower the one or raise the other",
                                  spec.memory_bytes, master.memory_bytes));
  return spec;
}

/// Of an application that no cluster has named.
std::string local_id() {
  return fmt::format("local-{}", ::getpid());
}

log_level level_of(scheduler::notice::level level) {
  switch (level) {
  case scheduler::notice::level::info:
    return log_level::info;
  case scheduler::notice::level::warning:
    return log_level::warn;
  case scheduler::notice::level::error:
    return log_level::error;
  }
  return log_level::error;
}

} // namespace

actor_engine::actor_engine(const config& settings) : settings_(settings) {
  set_log_level(parse_log_level(settings_.get("salamander.log.level")));
}

actor_engine::~actor_engine() {
  stop();
  forget_engine(*this);
}

void actor_engine::show_progress() {
  const bool summaries = settings_.get_bool("salamander.ui.jobSummary");
  if (settings_.get_bool("salamander.ui.showConsoleProgress") && progress_bar::possible()) {
    bar_ = std::make_shared<progress_bar>(progress_);
    set_log_preamble([bar = std::weak_ptr(bar_)] {
      if (const auto shown = bar.lock())
        shown->clear();
    });
  }
  progress_->on_job_ended = [summaries, bar = std::weak_ptr(bar_)](const job_report& report, bool last) {
    const auto shown = bar.lock();
    if (shown && (last || summaries))
      shown->clear();
    if (summaries)
      std::fputs((render_summary(report) + '\n').c_str(), stderr); // a full disk behind it stops nothing
  };
}

scheduler_setup actor_engine::make_scheduler_setup(const core::master_url& master) {
  scheduler_setup setup;
  setup.limits = scheduling_options(settings_, master);
  if (kept_) {
    // Attempts of an earlier start may still run somewhere, and write files whose names have their numbers.
    setup.limits.first_task = (kept_->starts() << 40) + 1;
    setup.keep_results = [kept = kept_](std::string file, std::vector<core::block> results, std::vector<counted_contribution> counted,
                                        std::function<void()> then) {
      kept->keep_results(std::move(file), std::move(results), std::move(counted), std::move(then));
    };
    setup.contents_changed = [kept = kept_] { kept->give_up(); };
  }
  setup.allocation = allocation_of(settings_, master);
  setup.barriers.sync_timeout = settings_.get_time("salamander.barrier.sync.timeout");
  setup.progress = progress_;
  setup.executors = executors_;
  setup.faults = faults_;
  setup.log = [](scheduler::notice::level level, const std::string& text) { log(level_of(level), text); };
  return setup;
}

void actor_engine::prepare_recovery() {
  kept_ = kept_run::begin(settings_, [](scheduler::notice::level level, const std::string& text) { log(level_of(level), text); });
}

void actor_engine::prepare_faults(const core::master_url& master) {
  faults_ = start_faults(
      settings_, master,
      [this](std::uint32_t executor, int number) -> std::int64_t {
        return processes_ ? processes_->signal(executor, number) : 0; // no stage starts before it is there
      },
      refused_messages_);
}

testing::fault_report actor_engine::faults() const {
  return faults_ ? faults_->report() : testing::fault_report{};
}

void actor_engine::start_local(const core::master_url& master) {
  show_progress();
  prepare_recovery();
  prepare_faults(master);
  cores_ = master.cores;
  host_ = std::make_unique<actor_host>(std::nullopt);
  scheduler_ = spawn_scheduler(host_->system(), make_scheduler_setup(master));
  executor_setup setup;
  setup.cores = cores_;
  setup.reports_to = scheduler_;
  auto options = fetch_options(settings_);
  options.cores = cores_;
  options.memory_bytes = memory_of(settings_, {"salamander.executor.memory", "salamander.driver.memory"});
  options.watch = watch_of(settings_);
  options.on_warning = [](const std::string& text) { log(log_level::warn, text); };
  std::tie(executor_, runtime_) = spawn_executor(host_->system(), setup, [&](std::function<void()> on_reports) {
    return std::make_shared<executor_runtime>(options, std::move(on_reports));
  });
  executors_->joined({0, cores_, ::getpid(), true, "alive", 0, 0});
  post(scheduler_, executor_ready{0, cores_, ::getpid(), executor_});
  tell_launcher(local_id());
  stop_at_exit(*this);
}

void actor_engine::start_local_cluster(const core::master_url& master) {
  if (program_arguments().empty())
    core::throw_error(errc::not_initialised,
                      "local-cluster starts this program again as executors: call salamander::init(argc, argv) in the "
                      "first line of main");
  show_progress();
  prepare_recovery();
  prepare_faults(master);
  cores_ = master.executors * master.cores;
  directory_.emplace(settings_.find("salamander.local.dir").value_or(""), application_directory::care::kept);
  make_credentials(directory_->path());
  auto spec = make_spec(settings_, master, directory_->path());
  host_ = std::make_unique<actor_host>(
      network_settings{driver_credentials(directory_->path()), std::chrono::milliseconds(4 * spec.dead_timeout_ms)});

  executor_options blocks;
  blocks.peer_directory = spec.peer_directory;
  const auto supervisor_address = start_driver_side(master, blocks);
  processes_ = std::make_shared<launcher>([supervisor_address](std::uint32_t executor, const std::string& reason) {
    if (const auto to = caf::actor_cast<supervisor_actor>(*supervisor_address))
      post(to, process_ended{executor, reason});
  });
  supervisor_setup setup;
  setup.slots = master.executors;
  setup.spec = spec;
  setup.port = std::make_shared<std::atomic<std::uint16_t>>(0);
  setup.program = settings_.find("salamander.testing.executorBinary").value_or("/proc/self/exe");
  setup.arguments = program_arguments();
  setup.environment = executor_environment(settings_);
  setup.scheduler = scheduler_;
  setup.processes = processes_;
  setup.executors = executors_;
  setup.started = std::make_shared<start_outcome>();
  setup.refused_messages = refused_messages_;
  setup.silence.suspect_after = settings_.get_time("salamander.executor.suspectTimeout");
  setup.silence.dead_after = settings_.get_time("salamander.executor.deadTimeout");
  setup.restarts.restarts_max = static_cast<std::uint32_t>(settings_.get_int("salamander.executor.maxRestarts"));
  setup.restarts.window = settings_.get_time("salamander.executor.restartWindow");
  setup.filter = filter_of_messages();
  supervisor_ = spawn_supervisor(host_->system(), setup);
  *supervisor_address = supervisor_->address();
  const auto port = host_->publish(supervisor_);
  *setup.port = settings_.contains("salamander.testing.controlPort")
                    ? static_cast<std::uint16_t>(settings_.get_int("salamander.testing.controlPort"))
                    : port;
  stop_at_exit(*this);
  for (std::uint32_t i = 0; i < master.executors; ++i)
    post(supervisor_, restart_due{i});
  setup.started->wait(std::chrono::milliseconds(spec.register_timeout_ms), [&] {
    return fmt::format("not all of {} executors had registered after {:.1f} s (salamander.cluster.registerTimeout); their messages are on "
                       "standard error",
                       master.executors, static_cast<double>(spec.register_timeout_ms) / 1000);
  });
  tell_launcher(local_id());
}

std::shared_ptr<caf::actor_addr> actor_engine::start_driver_side(const core::master_url& master, const executor_options& blocks) {
  auto options = fetch_options(settings_);
  options.executor = driver_peer;
  options.cores = 0;
  options.memory_bytes = memory_of(settings_, {"salamander.driver.memory"});
  options.socket_directory = directory_->path();
  options.peer_directory = blocks.peer_directory;
  options.tls = blocks.tls;
  options.host = blocks.host;
  if (faults_) {
    options.result_faults = [director = faults_](std::uint64_t task) { return director->faults_of_result(task); };
    options.result_faulted = [director = faults_](std::uint32_t executor, core::task_faults& faults) {
      director->result_fetched(executor, faults);
    };
  }
  runtime_ = std::make_shared<executor_runtime>(options, [] {});
  results_ = std::make_shared<result_threads>(runtime_, result_fetches_max);
  auto scheduling = make_scheduler_setup(master);
  scheduling.driver_blocks = runtime_;
  scheduling.fetcher = results_;
  auto owner_address = std::make_shared<caf::actor_addr>();
  scheduling.kill = [owner_address](std::uint32_t executor, const std::string& reason) {
    if (const auto to = caf::actor_cast<executors_owner>(*owner_address))
      post(to, kill_executor{executor, reason});
  };
  scheduling.release = [owner_address](std::uint32_t executor, const std::string& reason) {
    if (const auto to = caf::actor_cast<executors_owner>(*owner_address))
      post(to, kill_executor{executor, reason, true});
  };
  scheduling.want_executors = [owner_address](std::uint32_t executors) {
    if (const auto to = caf::actor_cast<application_actor>(*owner_address))
      post(to, executors_wanted{executors});
  };
  scheduler_ = spawn_scheduler(host_->system(), scheduling);
  return owner_address;
}

message_filter actor_engine::filter_of_messages() const {
  if (!faults_ || !faults_->messages())
    return {};
  return [messages = faults_->messages()](std::uint32_t executor, testing::direction way, const char* name, scheduler::time_point time) {
    return messages->pass(executor, way, name, time);
  };
}

std::shared_ptr<core::job_handle> actor_engine::submit(core::job_spec spec) {
  const auto cancel = [address = scheduler_.address()](std::uint32_t job, const std::string& reason) {
    if (const auto to = caf::actor_cast<scheduler_actor>(address))
      post(to, cancel_job{job, reason});
  };
  const auto refuse_if_over = [&] {
    if (stopped_)
      core::throw_error(errc::context_stopped, fmt::format("{} at {}: the context was stopped", spec.operation, spec.site.text()));
    if (!cancelled_.empty())
      core::throw_error(errc::job_cancelled,
                        fmt::format("{} at {}: the job was not started: {}", spec.operation, spec.site.text(), cancelled_));
  };
  std::unique_lock<std::mutex> turn;
  kept_run::preparation done;
  if (kept_) {
    // Reads files, perhaps from far away; who stops or cancels does not wait for that.
    turn = std::unique_lock(preparing_);
    std::unique_lock lock(mutex_);
    refuse_if_over();
    lock.unlock();
    done = kept_->prepare(spec);
  }
  const std::lock_guard lock(mutex_);
  refuse_if_over();
  auto job = std::make_shared<job_record>(next_job_++, std::move(spec), cancel,
                                          [progress = progress_](const job_report& report) { progress->job_ended(report); });
  if (!done.results) {
    post(scheduler_, submit_job{job, std::move(done.inputs)});
    return job;
  }
  progress_->job_started();
  for (std::size_t i = 0; i < done.results->size(); ++i)
    job->deliver(static_cast<std::uint32_t>(i), std::move((*done.results)[i]));
  job_report counts;
  counts.stages_skipped = done.stages;
  job->finish(std::move(counts));
  return job;
}

core::engine::output_course actor_engine::begin_output(const core::node_ptr& dataset, const std::string& path, const std::string& how,
                                                       const std::map<std::string, std::string>& properties) {
  return kept_ ? kept_->begin_output(dataset, path, how, properties) : output_course{};
}

std::uint32_t actor_engine::cores() const {
  return cluster_ ? std::max(cluster_->cores(), least_parallelism) : cores_;
}

std::uint32_t actor_engine::default_parallelism() const {
  return kept_ ? kept_->parallelism(cores()) : cores();
}

std::uint32_t actor_engine::cores_now() const {
  return cluster_ ? cluster_->cores() : cores_;
}

void actor_engine::tell_launcher(const std::string& id) {
  const auto now = [this, id] {
    launch_report report{id, cores_now() > 0, progress_->totals()};
    report.progress.cores = cores_now();
    return report;
  };
  launched_ = std::make_unique<launch_line>(now, [this] {
    const std::lock_guard lock(mutex_); // the scheduler is there as long as it is not stopped
    if (stopped_)
      return;
    cancelled_ = failure_ = "the program that launched this application has cancelled it";
    cancel_all_jobs(cancelled_);
  });
}

void actor_engine::note_failure(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty())
    failure_ = why;
}

void actor_engine::put_source(core::rdd_id dataset, std::uint32_t partition, std::shared_ptr<const core::block_object> records) {
  if (kept_)
    kept_->add_source(dataset, partition, *records);
  runtime_->put_source(dataset.value, partition, std::move(records));
}

void actor_engine::release_source(core::rdd_id dataset) {
  if (kept_)
    kept_->forget_source(dataset);
  runtime_->drop_source(dataset.value);
}

void actor_engine::unpersist(core::rdd_id dataset, bool blocking) {
  auto done = blocking ? std::make_shared<std::promise<void>>() : nullptr;
  auto answer = blocking ? done->get_future() : std::future<void>();
  post(scheduler_, unpersist_dataset{dataset.value, std::move(done)});
  if (blocking)
    answer.wait_for(answer_wait_max);
}

void actor_engine::release_shuffle(core::shuffle_id shuffle) {
  post(scheduler_, actors::release_shuffle{shuffle.value});
}

std::uint64_t actor_engine::put_broadcast(std::uint32_t broadcast, std::shared_ptr<const core::block_object> value) {
  if (kept_)
    kept_->add_broadcast(broadcast, *value);
  return runtime_->put_broadcast(broadcast, std::move(value));
}

std::future<void> actor_engine::drop_broadcast(std::uint32_t broadcast, const std::optional<std::string>& destroyed) {
  runtime_->drop_broadcast(broadcast, destroyed);
  auto done = std::make_shared<std::promise<void>>();
  auto answer = done->get_future();
  post(scheduler_, forget_broadcast{broadcast, destroyed.value_or(""), std::move(done)});
  return answer;
}

void actor_engine::cancel_all_jobs(const std::string& reason) {
  post(scheduler_, actors::cancel_all_jobs{reason});
}

std::vector<executor_info> actor_engine::executors() const {
  auto all = executors_->all();
  if (executor_ && runtime_ && !all.empty()) {
    all.front().running_tasks = runtime_->running_tasks();
    all.front().cached_bytes = runtime_->cached_bytes();
  }
  return all;
}

std::uint32_t actor_engine::cached_partitions(core::rdd_id dataset) const {
  const auto promise = std::make_shared<std::promise<std::uint32_t>>();
  auto answer = promise->get_future();
  post(scheduler_, count_cached{dataset.value, promise});
  if (answer.wait_for(answer_wait_max) != std::future_status::ready)
    return 0;
  try {
    return answer.get();
  } catch (const std::future_error&) {
    return 0; // stopped meanwhile
  }
}

void actor_engine::stop() {
  const std::lock_guard ending(stop_mutex_);
  if (std::exchange(ended_, true))
    return;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  on_own_thread([this] {
    post(scheduler_, shut_down{});
    end_executors();
    end_actors();
    if (kept_)
      kept_->stop();
  });
  launched_.reset(); // its last words count all jobs
  if (bar_)
    bar_->stop();
  if (faults_)
    print_faults(settings_, *faults_);
  if (directory_)
    directory_->remove();
}

void actor_engine::end_executors() {
  if (faults_)
    faults_->end();
  post(supervisor_, shut_down{});
  if (cluster_) {
    post(application_, shut_down{});
    const auto failure = [this] {
      const std::lock_guard lock(mutex_);
      return failure_;
    }();
    cluster_->end(failure);
  }
  if (processes_)
    processes_->stop(executor_end_grace);
  if (runtime_ && !runtime_->stop(task_end_grace)) {
    log(log_level::error, "a task did not end when the context was stopped; the process will end without cleaning up after it");
    clean_ = false;
  }
  if (results_)
    results_->stop();
}

namespace {

/// Reached from here until the process ends, so that it is no leak. Threads: any.
void keep_for_ever(std::shared_ptr<executor_runtime> runtime) {
  static std::mutex mutex;
  static auto& kept = *std::make_unique<std::vector<std::shared_ptr<executor_runtime>>>().release();
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(runtime));
}

} // namespace

void actor_engine::end_actors() {
  if (!host_)
    return;
  const auto generic = [](const auto& actor) { return caf::actor_cast<caf::actor>(actor); };
  std::vector<caf::actor> actors;
  if (scheduler_)
    actors.push_back(generic(scheduler_));
  if (executor_)
    actors.push_back(generic(executor_));
  if (supervisor_)
    actors.push_back(generic(supervisor_));
  if (application_)
    actors.push_back(generic(application_));
  if (!host_->end(actors, actor_end_grace)) {
    log(log_level::error, "an actor did not end when the context was stopped");
    clean_ = false;
  }
  actors.clear();
  if (!clean_) {
    // A thread still runs through these; they go with the process.
    host_->abandon();
    keep_for_ever(runtime_);
    return;
  }
  scheduler_ = nullptr;
  executor_ = nullptr;
  supervisor_ = nullptr;
  application_ = nullptr;
  host_.reset();
}

} // namespace salamander::actors

namespace salamander::core {

std::unique_ptr<engine> start_engine(const config& settings, const std::string& application_name) {
  const auto master = parse_master(settings.get("salamander.master", "local[*]"));
  actors::use_store_settings(actors::store_settings_of(settings));
  auto made = std::make_unique<actors::actor_engine>(settings);
  actors::on_own_thread([&] {
    switch (master.how) {
    case master_url::kind::local:
      made->start_local(master);
      break;
    case master_url::kind::local_cluster:
      made->start_local_cluster(master);
      break;
    case master_url::kind::cluster:
      made->start_cluster(master, application_name);
      break;
    }
  });
  actors::log(actors::log_level::info,
              fmt::format("{} runs on {} cores of {} executors", application_name, made->cores(), made->executors().size()));
  return made;
}

} // namespace salamander::core
