// What a user sees on the terminal while jobs run.
#pragma once

#include <salamander/actors/progress.hpp>

#include <condition_variable>
#include <thread>

namespace salamander::actors {

/// One line for stages that have run for at least half a second, at most three of them:
///   [Stage 3: map at a.cpp:12 =====>        (3 + 4) / 10]
/// with done + active of all tasks. Empty when there is nothing to show.
std::string render_progress(const std::vector<stage_progress>& stages, std::size_t width, std::chrono::steady_clock::time_point now);

/// "job 3 count at a.cpp:9: 2 stages (1 skipped), 20 tasks, 0 failed, 12.3 MB shuffled, 0.42 s"
std::string render_summary(const job_report& report);

/// The progress bar: a line on standard error that is drawn again every 200 ms and cleared when nothing runs any more.
/// Threads: one of its own; `clear` from any.
class progress_bar {
public:
  explicit progress_bar(std::shared_ptr<const progress_board> board);
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;
  ~progress_bar();

  /// Takes the bar away until its next turn, so that other text can be written.
  void clear();
  void stop();

  /// True when standard error is a terminal that understands "clear the line".
  static bool possible();

private:
  void run();
  void clear_locked();

  const std::shared_ptr<const progress_board> board_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool shown_ = false;
  std::thread thread_;
};

} // namespace salamander::actors
