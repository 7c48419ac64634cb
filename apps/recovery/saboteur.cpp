#include <salamander/apps/recovery/saboteur.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace app {
namespace fs = std::filesystem;

death_note::death_note() {
  auto pattern = (fs::temp_directory_path() / "salamander-recovery-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error("cannot make " + pattern + ": " + std::strerror(errno));
  path_ = pattern + "/note";
}

death_note::~death_note() {
  std::error_code ignored;
  fs::remove_all(fs::path(path_).parent_path(), ignored);
}

std::optional<strike> death_note::read() const {
  std::ifstream file(path_);
  std::int64_t process = 0;
  wall_clock::rep ticks = 0;
  // The line is written at once, and ends with a point.
  if (char end = 0; file >> process >> ticks >> end && end == '.')
    return strike{process, wall_clock::time_point(wall_clock::duration(ticks))};
  return std::nullopt;
}

void death_note::obey(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    return;
  char line[64];
  const int length = std::snprintf(line, sizeof line, "%lld %lld .\n", static_cast<long long>(::getpid()),
                                   static_cast<long long>(wall_clock::now().time_since_epoch().count()));
  if (::write(file, line, static_cast<std::size_t>(length)) == length)
    ::kill(::getpid(), SIGKILL);
  ::close(file);
}

std::optional<strike> send_signal(std::int64_t process, int signal) {
  const strike done{process, wall_clock::now()};
  if (process <= 1 || ::kill(static_cast<pid_t>(process), signal) != 0)
    return std::nullopt;
  return done;
}

salamander::executor_info last_alive(const salamander::context& sc) {
  const auto all = sc.executors();
  const auto last = std::find_if(all.rbegin(), all.rend(), [](const auto& one) { return one.alive; });
  if (last == all.rend() || last->process == ::getpid())
    throw std::runtime_error("there is no executor process to harm: the master must be local-cluster");
  return *last;
}

watched_strike::watched_strike(const salamander::context& sc, std::chrono::milliseconds delay, std::function<std::optional<strike>()> act)
    : thread_([this, &sc, delay, act = std::move(act)](std::stop_token stop) { result_ = watch(std::move(stop), sc, delay, act); }) {}

watched_strike::outcome watched_strike::wait() {
  if (thread_.joinable())
    thread_.join();
  return result_;
}

watched_strike::outcome watched_strike::watch(std::stop_token stop, const salamander::context& sc, std::chrono::milliseconds delay,
                                              const std::function<std::optional<strike>()>& act) {
  constexpr std::chrono::milliseconds look{1};
  const auto alive = [](const auto& all) { return std::ranges::count_if(all, [](const auto& one) { return one.alive; }); };
  const auto before = alive(sc.executors());
  const auto deadline = wall_clock::now() + watch_max;
  outcome seen;
  std::this_thread::sleep_for(delay);
  std::optional<strike> done;
  while (!done && !stop.stop_requested() && wall_clock::now() < deadline)
    if (!(done = act()))
      std::this_thread::sleep_for(look);
  if (!done)
    return seen;
  seen.happened = true;
  while (!seen.replaced && !stop.stop_requested() && wall_clock::now() < deadline) {
    const auto all = sc.executors();
    const auto time = wall_clock::now();
    const auto struck = std::ranges::find_if(all, [&](const auto& one) { return one.process == done->process; });
    if (!seen.noticed && (struck == all.end() || !struck->alive))
      seen.noticed = seconds_between(done->at, time);
    if (seen.noticed && alive(all) >= before)
      seen.replaced = seconds_between(done->at, time);
    else
      std::this_thread::sleep_for(look);
  }
  return seen;
}

} // namespace app
