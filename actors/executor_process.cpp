#include <salamander/actors/executor_process.hpp>

#include <salamander/actors/actor_host.hpp>
#include <salamander/actors/cluster/launch.hpp>
#include <salamander/actors/driver_redial.hpp>
#include <salamander/actors/executor_actor.hpp>
#include <salamander/actors/executor_spec.hpp>
#include <salamander/actors/keeper.hpp>
#include <salamander/actors/launcher.hpp>
#include <salamander/actors/log.hpp>
#include <salamander/actors/net/tls.hpp>
#include <salamander/rdd/added_files.hpp>
#include <salamander/rdd/engine.hpp>
#include <salamander/rdd/fault_tolerance.hpp>
#include <salamander/rdd/output_file.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <thread>

namespace salamander::actors {
namespace {

using clock = std::chrono::steady_clock;

std::vector<std::string>& stored_arguments() {
  static std::vector<std::string> arguments;
  return arguments;
}

/// This process's own table, while it has one.
std::atomic<position_table*> own_positions{nullptr};

/// The process ends because it was decided so, here or by the driver: no task is to be blamed.
void acquit_tasks() noexcept {
  if (auto* const table = own_positions.load())
    table->clear();
}

/// What tasks printed must not be lost with the process.
[[noreturn]] void end_process(int exit_code) {
  acquit_tasks();
  std::cout.flush();
  std::fflush(nullptr);
  ::_exit(exit_code);
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file)
    core::throw_disk_error("read", path, errno);
  return text;
}

/// The process must not outlive its driver, whatever state its other threads are in.
void stay_with_parent(std::int64_t driver) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (::getppid() != driver)
    ::_exit(exit_driver_gone); // it went before the line above
}

/// Control-C reaches the whole foreground group; the driver decides what it means. A handler, not SIG_IGN: programs that tasks
/// start shall not inherit it.
void leave_interrupts_to_driver() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGINT, &action, nullptr);
}

/// Ends the process when the driver is gone or has said nothing for too long.
void watch_driver(const std::shared_ptr<driver_contact>& contact, std::chrono::milliseconds silence_max,
                  const std::atomic<bool>& connected) {
  constexpr std::chrono::milliseconds step{500};
  auto last_look = clock::now();
  for (;;) {
    pollfd parent{parent_watch_descriptor, POLLIN, 0};
    if (::poll(&parent, 1, static_cast<int>(step.count())) > 0) {
      acquit_tasks();
      ::_exit(exit_driver_gone);
    }
    const auto time = clock::now();
    // If this process was stopped itself, the driver's answers may be waiting in the socket: give it time to read them.
    // Before there is a connection there is no silence: making it has a deadline of its own, and on a busy machine it takes long.
    if (time - last_look > 4 * step || !connected)
      contact->seen();
    last_look = time;
    if (core::fault_tolerance && time - contact->last_seen() > silence_max) {
      log(log_level::error, fmt::format("the driver has been silent for {} s: ending", silence_max.count() / 1000));
      acquit_tasks();
      ::_exit(exit_driver_gone);
    }
  }
}

executor_options runtime_options(const executor_spec& spec, position_table& positions, const std::shared_ptr<driver_contact>& contact) {
  executor_options options;
  options.executor = spec.executor;
  options.cores = spec.cores;
  options.memory_bytes = spec.memory_bytes;
  options.socket_directory = spec.directory;
  options.peer_directory = spec.peer_directory;
  options.positions = positions.data();
  options.fetch_bytes_in_flight_max = spec.fetch_bytes_in_flight_max;
  options.fetch_attempts_max = spec.fetch_attempts_max;
  options.fetch_retry_wait = std::chrono::milliseconds(spec.fetch_retry_wait_ms);
  options.watch.timeout = std::chrono::milliseconds(spec.task_timeout_ms);
  options.watch.kill_grace = std::chrono::milliseconds(spec.task_kill_grace_ms);
  options.watch.progress_warning = std::chrono::milliseconds(spec.task_progress_warning_ms);
  if (!spec.host.empty()) {
    options.tls = std::make_shared<const net::tls_context>(executor_credentials(spec.directory));
    options.host = spec.host;
  }
  options.on_warning = [](const std::string& text) { log(log_level::warn, text); };
  options.on_stuck = [contact](const std::string& text) {
    constexpr std::chrono::milliseconds last_words{500}; // the report that says why is on its way
    std::this_thread::sleep_for(last_words);
    contact->end(exit_task_stuck, text);
  };
  return options;
}

/// Works until the driver says otherwise; returns the exit code.
int work(const executor_spec& spec, const std::shared_ptr<driver_contact>& contact, std::atomic<bool>& connected) {
  auto positions = position_table::open(spec.positions_file(), spec.cores);
  own_positions = &positions;
  actor_host host(network_settings{executor_credentials(spec.directory), std::chrono::milliseconds(4 * spec.dead_timeout_ms)});
  const net::address driver{spec.driver_host, static_cast<std::uint16_t>(spec.driver_port)};
  driver_door door;
  try {
    door = host.connect(driver, clock::now() + std::chrono::milliseconds(spec.register_timeout_ms));
  } catch (const error& failure) {
    log(log_level::error, failure.what());
    end_process(exit_no_connection);
  }
  contact->seen();
  connected = true;
  executor_setup setup{
      spec.executor, spec.incarnation, spec.cores, {}, door, contact, std::chrono::milliseconds(spec.heartbeat_interval_ms)};
  setup.limits.silence_max = std::chrono::milliseconds(2 * spec.dead_timeout_ms);
  setup.limits.watcher_gap_max = 2 * setup.heartbeat_interval + std::chrono::seconds(1);
  setup.limits.channel = spec.line_limits();
  const auto serving = spawn_executor(host.system(), setup, [&](std::function<void()> on_reports) {
    auto runtime = std::make_shared<executor_runtime>(runtime_options(spec, positions, contact), std::move(on_reports));
    if (spec.driver_blocks_port != 0)
      runtime->meet({{driver_peer, net::numeric_host(spec.driver_host), static_cast<std::uint16_t>(spec.driver_blocks_port)}});
    return runtime;
  });
  const auto [exit_code, text] = stay_connected(host, driver, serving.first, *contact);
  log(exit_code == 0 ? log_level::info : log_level::error, "ending: " + text);
  // Neither tasks nor actors are waited for: nothing of them is needed any more.
  end_process(exit_code);
}

[[noreturn]] void serve(const executor_spec& spec) {
  const auto contact = std::make_shared<driver_contact>();
  std::atomic<bool> connected = false; // both threads end with the process
  const std::thread watcher(watch_driver, contact, std::chrono::milliseconds(2 * spec.dead_timeout_ms), std::cref(connected));
  try {
    end_process(work(spec, contact, connected));
  } catch (const std::exception& failure) {
    log(log_level::error, failure.what());
    end_process(exit_bad_spec);
  }
}

/// What the driver ordered, with what the worker added.
executor_spec read_placed_spec(const std::string& placement_file) {
  const auto where = parse_placement(read_text(placement_file));
  auto spec = decode_spec(read_text(where.orders), where.orders);
  spec.executor = where.executor;
  spec.incarnation = where.incarnation;
  spec.cores = where.cores;
  spec.memory_bytes = where.memory_bytes;
  spec.directory = where.directory;
  spec.host = where.host;
  spec.driver_process = where.parent;
  core::set_files_root(where.work);                          // where its worker has put others
  position_table::create(spec.positions_file(), spec.cores); // the worker looks into it when this process has died
  return spec;
}

[[noreturn]] void run_as_executor(const std::function<executor_spec()>& read) {
  try {
    const auto spec = read();
    stay_with_parent(spec.driver_process);
    ::fcntl(parent_watch_descriptor, F_SETFD, FD_CLOEXEC);
    leave_interrupts_to_driver();
    ::umask(077);
    set_log_level(parse_log_level(spec.log_level));
    set_log_name(fmt::format("executor {}", spec.executor));
    serve(spec);
  } catch (const std::exception& failure) {
    log(log_level::error, failure.what());
    end_process(exit_bad_spec);
  }
}

} // namespace

const std::vector<std::string>& program_arguments() {
  return stored_arguments();
}

} // namespace salamander::actors

namespace salamander::core {

void serve_if_executor(int argc, char** argv) {
  if (const char* const orders = std::getenv(actors::keeper_variable))
    actors::run_as_keeper(orders);
  if (const char* const spec = std::getenv(actors::spec_variable)) {
    const std::string file = spec;
    ::unsetenv(actors::spec_variable); // programs that tasks start are no executors
    actors::run_as_executor([&] {
      auto spec = actors::read_spec(file);
      core::set_files_root(fmt::format("{}/files-{}-{}", spec.directory, spec.executor, spec.incarnation));
      return spec;
    });
  }
  if (const char* const placement = std::getenv(actors::placement_variable)) {
    const std::string file = placement;
    ::unsetenv(actors::placement_variable);
    actors::run_as_executor([&] { return actors::read_placed_spec(file); });
  }
  actors::stored_arguments().assign(argv, argv + argc);
}

} // namespace salamander::core
