// Starting one process of this machine: a program with its arguments and environment, no shell, nothing inherited by accident.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace salamander::actors {

/// An open file of this process. Threads: one at a time.
class descriptor {
public:
  explicit descriptor(int value = -1) noexcept : value_(value) {}
  descriptor(descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~descriptor();

  int get() const noexcept {
    return value_;
  }
  void close() noexcept {
    *this = descriptor();
  }

private:
  int value_;
};

/// The child's end of `watch` is this descriptor; it gets none above it.
inline constexpr int parent_watch_descriptor = 3;

/// Away from the numbers that it and the standard streams have in a child. Takes the descriptor, which may be -1.
descriptor moved_up(int value);

/// What a child writes and this process reads.
struct output_pipe {
  descriptor ours; ///< not blocking
  descriptor theirs;
  bool good() const noexcept {
    return ours.get() >= 0 && theirs.get() >= 0;
  }
};
/// Not good() when there are no descriptors: see errno.
output_pipe make_output_pipe();

struct child_order {
  std::string program;
  std::vector<std::string> arguments;   ///< argv, program name included
  std::vector<std::string> environment; ///< "NAME=value"
  bool own_session = false;             ///< signals of this process's terminal do not reach it
  bool signals_blocked = false;         ///< until the program unblocks them, so that none ends it before it is ready
  std::string directory = {};           ///< where it runs; empty: where this process does
  int output = -1;                      ///< moved up; -1: this process's own
  int errors = -1;                      ///< the same
  std::string watch_variable = {};      ///< set to "3:<inode of the child's end of the watch>"; empty: none is
};

struct started_child {
  pid_t process = 0;
  descriptor watch; ///< one end of a socket pair; the child has the other, and it ends with the child
};

/// The child has this process's standard output and error unless the order says otherwise, /dev/null as input, no ignored signals, and none
/// blocked unless the order says so.
/// Errors: process 0 and a positive errno.
std::pair<started_child, int> start_child(child_order order);

} // namespace salamander::actors
