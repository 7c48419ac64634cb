// The faults that one attempt of a task shall suffer, on its way to the task and back.
#pragma once

#include <salamander/rdd/faults.hpp>

#include <exception>
#include <new>

namespace salamander {
namespace testing {

/// What injected exceptions are; a user's `catch` may look for it.
struct injected_fault : std::exception {
  explicit injected_fault(std::string text) : text_(std::move(text)) {}
  const char* what() const noexcept override {
    return text_.c_str();
  }

private:
  std::string text_;
};

/// std::bad_alloc, said to be on purpose.
struct injected_bad_alloc : std::bad_alloc {
  explicit injected_bad_alloc(std::string text) : text_(std::move(text)) {}
  const char* what() const noexcept override {
    return text_.c_str();
  }

private:
  std::string text_;
};

} // namespace testing

namespace core {

/// Driver to executor: attempt `task` shall suffer this. Travels.
struct armed_fault {
  std::uint64_t task = 0;
  std::uint32_t fault = 0; ///< place in the plan
  testing::fault_kind kind = testing::fault_kind::throw_task;
  testing::blocks block = testing::blocks::any;
  testing::disk_error error = testing::disk_error::enospc;
  std::uint32_t piece = 0; ///< batch, read or chunk, from 1; 0: before the first
  std::uint32_t tries = 1;
  std::uint32_t delay_ms = 0;
  std::uint32_t noise = 0; ///< chooses the bit that is flipped
  std::string text;        ///< of the fault, for errors and logs
};

/// Executor to driver: it happened. Travels.
struct fault_note {
  std::uint64_t task = 0;
  std::uint32_t fault = 0;
  std::string detail;
};

armed_fault arm(std::uint64_t task, std::uint32_t fault, const fault_spec& spec, std::uint32_t noise);

/// Counts what an attempt comes by and says when a fault's turn has come. Used by the task's thread.
class task_faults {
public:
  explicit task_faults(std::vector<armed_fault> faults) : faults_(count(std::move(faults))) {}

  /// Before the first batch. Returns how long the task shall wait first. Errors: the injected exceptions, from `start`.
  std::chrono::milliseconds delay();
  void start();
  /// At a boundary between batches. Errors: the injected exceptions.
  void batch();
  /// Before a write: the errno that the write shall fail with, or 0.
  int write();

  /// The block that the task is about to read, of a kind that is not `any`.
  struct block_fault {
    bool lost = false;
    std::uint32_t corruptions = 0; ///< so many times in a row a bit shall change on the way; say `corrupted` once it has
    std::uint32_t noise = 0;       ///< chooses the bit
    std::uint32_t token = 0;       ///< for `corrupted`
    std::chrono::milliseconds delay{0};
    explicit operator bool() const noexcept {
      return lost || corruptions != 0 || delay.count() != 0;
    }
  };
  /// `travels`: it comes from another process, where it can be corrupted; else it is here, where it can be lost.
  block_fault block(testing::blocks which, bool travels, const std::string& name);
  void corrupted(std::uint32_t token, const std::string& name);

  std::vector<fault_note> take_notes() {
    return std::move(notes_);
  }

private:
  struct counted_fault {
    armed_fault what;
    std::uint32_t seen = 0;
    bool done = false;
  };
  static std::vector<counted_fault> count(std::vector<armed_fault> faults);
  bool due(counted_fault& one, testing::fault_kind kind);
  void note(counted_fault& one, std::string detail);
  void break_off(counted_fault& one, const std::string& where);

  std::vector<counted_fault> faults_;
  std::vector<fault_note> notes_;
};

} // namespace core
} // namespace salamander
