#include <salamander/apps/recovery/experiments.hpp>
#include <salamander/apps/recovery/saboteur.hpp>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace sal = salamander;
namespace fs = std::filesystem;

namespace app {
namespace {

/// How long the first attempt of a task would run; it is struck long before.
constexpr std::chrono::seconds first_attempt_time{90};

std::int64_t ticks_now() {
  return wall_clock::now().time_since_epoch().count();
}

/// One task. Its first attempt tells which process runs it, by a file, and waits for its end; the second returns when it began.
std::int64_t run_task(const std::string& file) {
  const int created = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (created < 0)
    return ticks_now();
  const auto line = std::to_string(::getpid()) + " .\n";
  const bool told = ::write(created, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  ::close(created);
  if (told)
    std::this_thread::sleep_for(first_attempt_time);
  return 0;
}

std::optional<strike> strike_reader_of(const std::string& file, int signal) {
  std::ifstream note(file);
  std::int64_t process = 0;
  if (char end = 0; note >> process >> end && end == '.')
    return send_signal(process, signal);
  return std::nullopt;
}

struct times {
  std::vector<double> noticed;  ///< from the signal to the driver's verdict
  std::vector<double> replaced; ///< from the signal to a new executor
  std::vector<double> decided;  ///< from the verdict to the task's start elsewhere
};

void add_one(const sal::context& sc, const std::string& file, int signal, times& all) {
  wall_clock::time_point struck_at{};
  watched_strike watch(sc, std::chrono::milliseconds(0), [&] {
    auto done = strike_reader_of(file, signal);
    if (done)
      struck_at = done->at;
    return done;
  });
  const auto began =
      sc.parallelize({0}, 1).map(sal::bind_front([](const std::string& where, int) { return run_task(where); }, file)).collect();
  const auto seen = watch.wait();
  if (!seen.noticed || !seen.replaced || began.front() == 0)
    throw std::runtime_error("an executor was struck, and the driver did not replace it");
  all.noticed.push_back(*seen.noticed);
  all.replaced.push_back(*seen.replaced);
  // The verdict is seen by looking every millisecond: it may have been a little earlier, and the task a little after what is shown.
  const auto restarted = seconds_between(struck_at, wall_clock::time_point(wall_clock::duration(began.front())));
  all.decided.push_back(std::max(0.0, restarted - *seen.noticed));
}

void print(const char* what, const std::vector<double>& values) {
  std::printf("%-34s median %8.2f ms, 99 %% within %8.2f ms, most %8.2f ms\n", what, quantile(values, 0.5) * 1e3,
              quantile(values, 0.99) * 1e3, quantile(values, 1) * 1e3);
}

} // namespace

report run_detection(const program& app, const sal::config& given, const detection_setup& setup) {
  if (setup.signal != "kill" && setup.signal != "stop")
    throw std::invalid_argument("--signal must be kill or stop: " + setup.signal);
  auto settings = given;
  settings.set_if_missing("salamander.executor.maxRestarts", "1000000"); // far more ends than any cluster should live through
  sal::context sc(settings);
  auto pattern = (fs::temp_directory_path() / "salamander-detection-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr)
    throw std::runtime_error("cannot make " + pattern);
  const stopwatch whole;
  times all;
  for (std::uint64_t i = 0; i < setup.repetitions; ++i)
    add_one(sc, pattern + "/" + std::to_string(i), setup.signal == "kill" ? SIGKILL : SIGSTOP, all);
  std::error_code ignored;
  fs::remove_all(pattern, ignored);
  if (!app.json()) {
    print("signal to verdict", all.noticed);
    print("verdict to the task's next start", all.decided);
    print("signal to a new executor", all.replaced);
  }
  report done{whole.seconds(), 0, rounded(0), {}};
  done.details = ", \"signal\": \"" + setup.signal + "\", \"noticed\": " + json_array(all.noticed) +
                 ", \"decided\": " + json_array(all.decided) + ", \"replaced\": " + json_array(all.replaced);
  return done;
}

} // namespace app
