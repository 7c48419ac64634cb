// Answers before a job is over: what count_approx and its like return.
#pragma once

#include <salamander/rdd/engine.hpp>
#include <salamander/rdd/source_location.hpp>
#include <salamander/rdd/stats.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace salamander {

/// A number that is known in part: it lies in [low, high] with the probability `confidence`. Known in full: confidence 1, and all three
/// are equal. Of what nothing is known yet the confidence is 0.
struct bounded_double {
  double mean = 0;
  double confidence = 0;
  double low = 0;
  double high = 0;

  friend bool operator==(const bounded_double&, const bounded_double&) = default;
};

/// What was known of an action's result when its time was over. The job goes on, as Spark's does, whether or not this is kept: wait for
/// it with final_value, or end it with cancel. Threads: one at a time, `cancel` any.
template <class R>
class partial_result {
public:
  using merge_function = std::function<R(std::vector<core::block>)>;

  explicit partial_result(R all) : value_(std::move(all)), final_(true) {}
  partial_result(R some, std::shared_ptr<core::job_handle> job, merge_function merge)
      : value_(std::move(some)), job_(std::move(job)), merge_(std::move(merge)) {}

  const R& value() const noexcept {
    return value_;
  }
  /// True when the job ended in time: the value is that of the exact action.
  bool is_final() const noexcept {
    return final_;
  }
  /// Waits for the end of the job. Errors: what the exact action throws; errc::job_cancelled after cancel().
  const R& final_value() {
    if (!final_) {
      value_ = merge_(job_->wait());
      final_ = true;
    }
    return value_;
  }
  /// Asks for the end of the job. No effect on one that is over.
  void cancel(const std::string& reason = "the approximate action was cancelled") const {
    if (job_)
      job_->cancel(reason);
  }

private:
  R value_;
  bool final_ = false;
  std::shared_ptr<core::job_handle> job_;
  merge_function merge_;
};

namespace core {

/// How much of a job an estimate is made from.
struct job_share {
  std::size_t merged = 0; ///< partitions whose results are there
  std::size_t total = 0;

  bool all() const noexcept {
    return merged == total;
  }
  double portion() const noexcept {
    return static_cast<double>(merged) / static_cast<double>(total);
  }
};

/// How many records there are, given those of some partitions: what is missing is taken as a Poisson variable.
bounded_double estimate_count(std::uint64_t seen, job_share of, double confidence);
/// Mean and sum of numbers, given those of some partitions, by the central limit theorem: Student's distribution up to 100 numbers.
bounded_double estimate_mean(const stat_counter& seen, job_share of, double confidence);
bounded_double estimate_sum(const stat_counter& seen, job_share of, double confidence);

/// Errors: errc::invalid_argument for a confidence outside [0, 1].
void check_confidence(double confidence, const char* operation, const source_location& where);

} // namespace core
} // namespace salamander
