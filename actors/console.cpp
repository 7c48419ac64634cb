#include <salamander/actors/console.hpp>

#include <salamander/actors/quiet_threads.hpp>

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace salamander::actors {
namespace {

constexpr std::chrono::milliseconds first_shown_after{500};
constexpr std::chrono::milliseconds refresh_interval{200};
constexpr std::size_t stages_shown_max = 3;

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 80;
}

std::string render_stage(const stage_progress& stage, std::size_t width) {
  auto head = fmt::format("[Stage {}: {} ", stage.stage, stage.title);
  const auto tail = fmt::format("({} + {}) / {}]", stage.done, stage.active, stage.total);
  constexpr std::size_t bar_least = 4;
  if (head.size() + bar_least + tail.size() > width)
    head = fmt::format("[Stage {}: ", stage.stage);
  if (head.size() + bar_least + tail.size() > width)
    return head + tail;
  const auto bar = width - head.size() - tail.size();
  const auto filled = stage.total == 0 ? bar : bar * stage.done / stage.total;
  std::string line = head;
  for (std::size_t i = 0; i < bar; ++i)
    line += i < filled ? '=' : i == filled ? '>' : ' ';
  return line + tail;
}

} // namespace

std::string render_progress(const std::vector<stage_progress>& stages, std::size_t width, std::chrono::steady_clock::time_point now) {
  std::vector<const stage_progress*> shown;
  for (const auto& stage : stages)
    if (now - stage.started >= first_shown_after && shown.size() < stages_shown_max)
      shown.push_back(&stage);
  std::string line;
  for (const auto* stage : shown)
    line += render_stage(*stage, width / shown.size());
  return line.size() > width ? line.substr(0, width) : line;
}

std::string render_summary(const job_report& report) {
  const auto stages = report.stages_run + report.stages_skipped;
  return fmt::format("job {} {}: {} stage{}{}, {} task{}, {} failed{}, {:.1f} MB shuffled, {:.2f} s{}", report.job, report.description,
                     stages, stages == 1 ? "" : "s", report.stages_skipped ? fmt::format(" ({} skipped)", report.stages_skipped) : "",
                     report.tasks_succeeded, report.tasks_succeeded == 1 ? "" : "s", report.tasks_failed,
                     report.tasks_lost ? fmt::format(", {} lost", report.tasks_lost) : "",
                     static_cast<double>(report.shuffle_bytes_written) / 1e6, static_cast<double>(report.duration.count()) / 1e6,
                     report.succeeded ? "" : ", FAILED");
}

progress_bar::progress_bar(std::shared_ptr<const progress_board> board) : board_(std::move(board)) {
  const quiet_threads takes_no_signals;
  thread_ = std::thread([this] { run(); });
}

progress_bar::~progress_bar() {
  stop();
}

void progress_bar::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    clear_locked();
  }
  changed_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

void progress_bar::clear() {
  const std::lock_guard lock(mutex_);
  clear_locked();
}

void progress_bar::clear_locked() {
  if (!std::exchange(shown_, false))
    return;
  std::fputs("\r\033[K", stderr);
  std::fflush(stderr);
}

bool progress_bar::possible() {
  const char* const kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && kind && std::strcmp(kind, "dumb") != 0;
}

void progress_bar::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, refresh_interval, [&] { return stopping_; });
    if (stopping_)
      return;
    const auto line = render_progress(board_->stages(), std::max<std::size_t>(terminal_width(), 20) - 1, std::chrono::steady_clock::now());
    if (line.empty()) {
      clear_locked();
      continue;
    }
    std::fprintf(stderr, "\r%s\033[K", line.c_str());
    std::fflush(stderr);
    shown_ = true;
  }
}

} // namespace salamander::actors
