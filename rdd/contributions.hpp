// What the functions of one task have added to accumulators, apart from each other as it will be counted.
#pragma once

#include <salamander/rdd/block.hpp>
#include <salamander/rdd/ids.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace salamander::core {

/// A partial value of one accumulator, of the type that its handles know.
class contribution : public block_object {
public:
  std::size_t record_count() const noexcept override {
    return 1;
  }
  /// Merges a later one of the same accumulator into this one. May throw what the user's merge function throws.
  virtual void absorb(contribution& later) = 0;
};

/// (accumulator, what was added to it)
using contribution_list = std::vector<std::pair<std::uint32_t, std::shared_ptr<contribution>>>;

/// All contributions of one attempt. Those made while a partition of a cached dataset is computed are kept apart: that partition may be
/// read by many tasks, and computed again by any of them, and shall be counted once. Used by the task's thread.
class contributions {
public:
  /// Names a computation of a partition of a cached dataset.
  using scope = std::uint32_t;
  static constexpr scope of_task = 0;

  /// Where to add to; null if nothing has been added here.
  std::shared_ptr<contribution>& slot(std::uint32_t accumulator) {
    for (auto& one : added_)
      if (one.accumulator == accumulator && one.where == current_)
        return one.value;
    return added_.emplace_back(current_, accumulator, nullptr).value;
  }

  /// A new scope within the current one, to be entered.
  scope open() {
    outer_.push_back(current_);
    return static_cast<scope>(outer_.size());
  }
  /// Contributions go there from now on; returns where they went before.
  scope enter(scope where) noexcept {
    return std::exchange(current_, where);
  }
  /// The partition has been computed to its end: what was added is the caller's.
  contribution_list close(scope where);
  /// What was added there, and in scopes within it that are not closed, does not count.
  void drop(scope where) noexcept;
  /// What belongs to the task itself: also partitions that nobody has read to their end.
  contribution_list close_all();

private:
  struct entry {
    entry(scope in, std::uint32_t which, std::shared_ptr<contribution> what) : where(in), accumulator(which), value(std::move(what)) {}
    scope where;
    std::uint32_t accumulator;
    std::shared_ptr<contribution> value;
  };

  bool within(scope inner, scope where) const noexcept;

  std::vector<entry> added_;
  scope current_ = of_task;
  std::vector<scope> outer_; ///< of each scope, from 1 on
};

/// Is in a scope for its own lifetime.
class contribution_scope {
public:
  contribution_scope(contributions& all, contributions::scope where) noexcept : all_(all), before_(all.enter(where)) {}
  contribution_scope(const contribution_scope&) = delete;
  contribution_scope& operator=(const contribution_scope&) = delete;
  ~contribution_scope() {
    all_.enter(before_);
  }

private:
  contributions& all_;
  contributions::scope before_;
};

} // namespace salamander::core
