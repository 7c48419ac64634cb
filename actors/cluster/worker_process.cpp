#include <salamander/actors/cluster/worker_process.hpp>

#include <salamander/actors/cluster/master_line.hpp>
#include <salamander/actors/cluster/readiness.hpp>
#include <salamander/actors/cluster/worker_actor.hpp>
#include <salamander/actors/log.hpp>
#include <salamander/actors/memory_budget.hpp>
#include <salamander/rdd/error.hpp>

#include <fmt/format.h>

#include <cstdio>

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>
#include <optional>
#include <random>
#include <thread>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;

/// What is kept for the system and the worker itself.
constexpr std::uint64_t memory_kept_bytes = 1ULL << 30;
/// Sockets of executors are in the work directory, and the system limits the length of their paths to 107 bytes.
constexpr std::size_t work_directory_length_max = 56;

/// SIGTERM and SIGINT as something that can be read. Blocked for all threads made from now on.
class end_signals {
public:
  end_signals() {
    ::sigemptyset(&set_);
    ::sigaddset(&set_, SIGTERM);
    ::sigaddset(&set_, SIGINT);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    source_ = descriptor(::signalfd(-1, &set_, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  int get() const noexcept {
    return source_.get();
  }
  /// Whether there was one.
  bool take() const noexcept {
    signalfd_siginfo one{};
    return ::read(source_.get(), &one, sizeof one) == static_cast<ssize_t>(sizeof one);
  }

private:
  sigset_t set_{};
  descriptor source_;
};

/// How the worker ended, for the thread that waits.
class outcome {
public:
  outcome() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  void set(int exit_code) {
    {
      const std::lock_guard lock(mutex_);
      exit_code_ = exit_code;
    }
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_.get(), &one, sizeof one));
  }
  int wake() const noexcept {
    return wake_.get();
  }
  std::optional<int> get() const {
    const std::lock_guard lock(mutex_);
    return exit_code_;
  }

private:
  mutable std::mutex mutex_;
  std::optional<int> exit_code_;
  descriptor wake_;
};

std::string random_name(const std::string& host) {
  std::random_device random;
  return fmt::format("worker-{}-{:08x}{:08x}", host, random(), random());
}

std::uint64_t offered_memory(std::uint64_t asked) {
  if (asked != 0)
    return asked;
  const auto all = available_memory_bytes();
  return std::max(all - std::min(all, memory_kept_bytes), all / 2);
}

fs::path client_directory(const worker_options& options) {
  if (!options.client_credentials.empty()) {
    static_cast<void>(client_credentials(options.client_credentials)); // refused now, not when a driver comes
    return fs::absolute(options.client_credentials);
  }
  for (const auto& beside : {options.credentials / "client", fs::absolute(options.credentials).parent_path() / "client"})
    if (fs::exists(beside / "client.key"))
      return fs::absolute(beside);
  return {};
}

std::string host_of(const worker_options& options, const std::vector<net::address>& masters) {
  if (!options.host.empty())
    return options.host;
  try {
    return net::local_address_toward(masters.front());
  } catch (const error& failure) {
    core::throw_error(errc::invalid_argument,
                      fmt::format("this worker's address cannot be found out: {}; say it with --host", failure.what()));
  }
}

std::shared_ptr<worker_files> files_of(const worker_options& options) {
  const auto directory = fs::absolute(options.work_directory.empty() ? "salamander-worker" : options.work_directory).lexically_normal();
  if (directory.string().size() > work_directory_length_max)
    core::throw_error(errc::invalid_argument, fmt::format("the work directory {} is too long for sockets below it: it may have {} bytes; "
                                                          "choose a shorter --work-dir",
                                                          directory.string(), work_directory_length_max));
  return std::make_shared<worker_files>(directory);
}

worker_setup setup_of(const worker_options& options, const std::vector<net::address>& masters) {
  worker_setup setup;
  setup.limits.host = host_of(options, masters);
  setup.limits.cores = options.cores != 0 ? options.cores : std::max(1U, std::thread::hardware_concurrency());
  setup.limits.memory_bytes = offered_memory(options.memory_bytes);
  setup.limits.stop_grace = options.grace;
  setup.files = files_of(options);
  // Another name each time, so that nothing that was ordered of an earlier worker is taken up; their logs are found by theirs.
  setup.limits.worker = random_name(setup.limits.host);
  setup.limits.formerly = setup.files->add_name(setup.limits.worker);
  setup.proof = node_proof(options.credentials, setup.limits.worker);
  setup.around.host = setup.limits.host;
  setup.around.masters = options.masters;
  setup.around.client_credentials = client_directory(options);
  setup.limits.runs_drivers = !setup.around.client_credentials.empty();
  if (!setup.limits.runs_drivers)
    log(log_level::warn, "this worker runs executors only: drivers need --client-credentials");
  setup.around.environment = environment_without_secrets();
  setup.around.clean_after_exit = options.clean_after_exit;
  setup.logs = {options.log_part_bytes_max, options.log_parts_max};
  setup.kept_for = options.kept_for;
  setup.clean_every = options.clean_every;
  return setup;
}

/// The line is made after the actor that uses it.
class line_holder {
public:
  void make(actor_host& host, const std::vector<net::address>& masters, const worker_actor& worker) {
    line_.emplace(
        host, masters, [worker](const master_door& door) { post(worker, master_connected{door}); },
        [](const std::string& text) { log(log_level::warn, "no master can be reached: " + text); });
  }
  void seek(const std::string& hint) {
    if (line_)
      line_->seek(hint);
  }
  void end() {
    line_.reset();
  }

private:
  std::optional<master_line> line_;
};

int wait_for_end(const end_signals& signals, const outcome& ended, const worker_actor& worker) {
  for (;;) {
    pollfd events[2] = {{signals.get(), POLLIN, 0}, {ended.wake(), POLLIN, 0}};
    ::poll(events, 2, -1);
    if (const auto exit_code = ended.get())
      return *exit_code;
    while (signals.take()) {
      notify_service_manager("STOPPING=1");
      post(worker, stop_worker{});
    }
  }
}

int serve(const worker_options& options, const std::vector<net::address>& masters, const end_signals& signals) {
  auto setup = setup_of(options, masters);
  network_settings network;
  network.keys = node_credentials(options.credentials);
  network.protocol = cluster_protocol();
  actor_host host(network);
  outcome ended;
  line_holder line;
  ready_file ready(options.ready_file);
  setup.seek = [&line](const std::string& hint) { line.seek(hint); };
  setup.registered = [&ready, name = setup.limits.worker] {
    log(log_level::info, name + " is part of the cluster");
    notify_service_manager("READY=1");
    try {
      ready.write(name);
    } catch (const error& failure) {
      log(log_level::error, failure.what()); // the cluster needs the worker more than whoever waits for the file
    }
  };
  setup.ended = [&ended](int exit_code, const std::string& reason) {
    log(exit_code == 0 ? log_level::info : log_level::error, "ending: " + reason);
    ended.set(exit_code);
  };
  log(log_level::info, fmt::format("{} offers {} cores and {} MiB at {}", setup.limits.worker, setup.limits.cores,
                                   setup.limits.memory_bytes >> 20, setup.limits.host));
  const auto worker = spawn_worker(host.system(), setup);
  line.make(host, masters, worker);
  const int exit_code = wait_for_end(signals, ended, worker);
  line.end();
  constexpr std::chrono::seconds patience{2};
  if (!host.end({caf::actor_cast<caf::actor>(worker)}, patience)) {
    log(log_level::error, "the worker's actor does not end");
    ::_exit(1);
  }
  host.abandon();
  return exit_code;
}

} // namespace

int run_worker(const worker_options& options) {
  const auto masters = masters_of(options.masters);
  const end_signals signals;
  ::umask(077);
  const rlimit none{0, 0}; // a core would hold keys
  ::setrlimit(RLIMIT_CORE, &none);
  set_log_name("worker");
  int exit_code = 1;
  on_own_thread([&] { exit_code = serve(options, masters, signals); });
  // The actor has a thread of its own, which the framework would wait for as long as any reminder that it sent itself is not due.
  std::fflush(nullptr);
  ::_exit(exit_code);
}

} // namespace salamander::actors
