// Starts applications from other programs, on this machine or on a cluster, and keeps an eye on them.
#pragma once

#include <salamander/rdd/launch_request.hpp>

namespace salamander {

/// A handle to an application that a launcher started. Copies are handles to the same application.
/// When the last one goes, or the launching program ends, the application goes on: handles only look and ask. What it prints is then
/// read no longer if the program has ended, and an application whose output is captured ends with SIGPIPE when it prints more.
/// Threads: all members from any thread, at once.
class launched_application {
public:
  using listener = core::launched::listener;

  launch_state state() const {
    return seam_->state();
  }
  /// "app-..." on a cluster, "local-<process>" elsewhere; empty while it has no context. The newest one's if it has had several.
  std::string application_id() const {
    return seam_->application_id();
  }
  /// "driver-..." in cluster mode, which `salamander status`, `logs` and `kill` take; empty in client mode.
  std::string driver_id() const {
    return seam_->driver_id();
  }
  /// How it ended, or why it waits: "exited with code 3", "killed by signal 9 (Killed)"; empty: nothing is to be said.
  std::string reason() const {
    return seam_->reason();
  }
  launch_progress progress() const {
    return seam_->progress();
  }
  /// When it has ended, unless it never ran or is lost: 128 + its number if a signal ended it.
  std::optional<int> exit_code() const {
    return seam_->exit_code();
  }
  /// The last bytes of what it has printed: as many as were asked to be captured; in cluster mode of what its worker keeps, which of a
  /// supervised driver is that of its last start. Empty if output goes elsewhere. Errors: in cluster mode errc::no_executors when the
  /// cluster is silent, errc::input_not_found when the worker is gone.
  std::string output() const {
    return seam_->output();
  }
  std::string errors() const {
    return seam_->errors();
  }

  /// Blocks until the state is final.
  launch_state wait() const {
    return seam_->wait();
  }
  /// False when the time is over first.
  bool wait_for(std::chrono::milliseconds time) const {
    return seam_->wait_for(time);
  }
  /// Asks it to end and returns at once: its jobs fail with errc::job_cancelled, so that it can tidy up; one without a context gets
  /// SIGTERM. What is not over after half of the grace gets SIGTERM, after all of it SIGKILL. In cluster mode its worker ends it, with
  /// SIGTERM and a grace of its own (2 s). No effect on what is over.
  void cancel(std::chrono::milliseconds grace = std::chrono::seconds(10)) const {
    seam_->cancel(grace);
  }
  /// Ends it without asking; in cluster mode as `cancel`.
  void kill() const {
    seam_->kill();
  }
  /// Lets go of it: it goes on, the state is `lost`, listeners hear nothing more, and cancel and kill have no effect.
  void disconnect() const {
    seam_->disconnect();
  }
  /// Calls `call` at each change of state or progress from now on; the last time for the final state.
  /// Threads: a thread of the launcher's own, which sees to this application only: it should not block, and must not wait for it.
  /// What it throws is dropped.
  void on_change(listener call) const {
    seam_->on_change(std::move(call));
  }

private:
  friend class launcher;
  explicit launched_application(std::shared_ptr<core::launched> seam) noexcept : seam_(std::move(seam)) {}

  std::shared_ptr<core::launched> seam_;
};

/// Says what is to be launched; `start` may be called again, for another application of the same kind.
/// What is not set here the application has from its environment, as if a shell had started it: SALAMANDER_MASTER,
/// SALAMANDER_CREDENTIALS, salamander-defaults.conf. What its program sets itself wins. Threads: one at a time.
class launcher {
public:
  /// The program, by its path.
  launcher& set_application(std::string path) {
    what_.program = std::move(path);
    return *this;
  }
  launcher& add_argument(std::string argument) {
    what_.arguments.push_back(std::move(argument));
    return *this;
  }
  launcher& add_arguments(const std::vector<std::string>& arguments) {
    what_.arguments.insert(what_.arguments.end(), arguments.begin(), arguments.end());
    return *this;
  }
  /// local[N], local-cluster[n,cores,MiB] or salamander://host:port[,host:port...]
  launcher& set_master(const std::string& url) {
    return set_conf("salamander.master", url);
  }
  /// Default: client.
  launcher& set_deploy_mode(deploy_mode mode) {
    what_.mode = mode;
    return *this;
  }
  launcher& set_name(std::string name) {
    what_.name = std::move(name);
    return *this;
  }
  /// Of two settings of one key the later one counts.
  launcher& set_conf(std::string key, std::string value) {
    what_.settings.emplace_back(std::move(key), std::move(value));
    return *this;
  }
  /// Beside the driver and each executor; see files::get.
  launcher& add_file(std::string path) {
    what_.files.push_back(std::move(path));
    return *this;
  }
  /// Cluster mode: the driver is started again when it does not end well.
  launcher& set_supervise(bool supervise = true) {
    what_.supervise = supervise;
    return *this;
  }
  /// Cluster mode: what is reserved for the driver.
  launcher& set_driver_resources(std::uint32_t cores, std::uint64_t memory_bytes) {
    what_.driver_cores = cores;
    what_.driver_memory_bytes = memory_bytes;
    return *this;
  }
  /// The folder of a client of the cluster, made by salamander keygen.
  launcher& set_credentials(const std::string& directory) {
    return set_conf("salamander.credentials", directory);
  }
  /// Client mode: where it runs.
  launcher& set_working_directory(std::string directory) {
    what_.working_directory = std::move(directory);
    return *this;
  }
  /// A variable of its environment, beside or in place of the launching program's; in cluster mode beside the worker's.
  launcher& set_environment(std::string name, std::string value) {
    what_.environment.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  /// Default: captured, 1 MiB each. In cluster mode its worker keeps what it prints, and only the number of bytes counts.
  launcher& redirect_output(launch_output to) {
    what_.output = std::move(to);
    return *this;
  }
  launcher& redirect_errors(launch_output to) {
    what_.errors = std::move(to);
    return *this;
  }
  /// Cluster mode: how long the cluster may be silent before `start` fails, and later before the application counts as lost. Default: 30 s.
  launcher& set_answer_timeout(std::chrono::milliseconds time) {
    what_.answer_max = time;
    return *this;
  }

  /// Starts it. In cluster mode the program and its files have been sent when this returns.
  /// Errors: errc::input_not_found for a program, file or directory that is not there; errc::invalid_argument for one that cannot be
  /// executed, for settings that cannot be passed on, and when the cluster refuses it; errc::unknown_config_key, errc::bad_config_value;
  /// errc::bad_master_url for cluster mode without a cluster; errc::io_error when credentials cannot be used or are not the cluster's;
  /// errc::no_executors when no master answers.
  launched_application start() const {
    return launched_application(core::start_launch(what_));
  }

private:
  core::launch_request what_;
};

} // namespace salamander
