// A driver's line to the program that launched it, if one did.
#pragma once

#include <salamander/actors/child_process.hpp>
#include <salamander/actors/launch/launch_words.hpp>

#include <functional>
#include <thread>

namespace salamander::actors {

/// Tells the launching program how the application gets on, and hears from it that it shall end. On a thread of its own.
/// Faults: when that program is gone the application goes on.
class launch_line {
public:
  /// `now` is called by the line's thread twice a second; `on_cancel`, by the same, each time the application is asked to end.
  /// Does nothing in a process that was not launched.
  launch_line(std::function<launch_report()> now, std::function<void()> on_cancel);
  launch_line(const launch_line&) = delete;
  launch_line& operator=(const launch_line&) = delete;
  /// Says how it is once more.
  ~launch_line();

private:
  void run();
  void say();
  /// False: nobody is at the other end.
  bool hear();

  const std::function<launch_report()> now_;
  const std::function<void()> on_cancel_;
  int line_ = -1; ///< it stays open for the process's next context
  descriptor stop_;
  line_cutter heard_;
  std::string unsent_;
  launch_report said_;
  std::thread thread_;
};

} // namespace salamander::actors
