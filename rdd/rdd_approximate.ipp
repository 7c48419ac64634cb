// Actions that answer when their time is over; see rdd.hpp.
#pragma once

namespace salamander {

template <class T>
template <class F, class Estimate>
auto rdd<T>::approximate(F f, Estimate estimate, std::chrono::milliseconds timeout, const char* operation, const where_t& where) const {
  using action = core::function_action<T, F>;
  using part = typename action::result_type;
  using result = std::invoke_result_t<const Estimate&, const std::vector<part>&, core::job_share>;
  core::check_closure(f, operation, where);
  std::vector<std::uint32_t> all(node_->partitions);
  std::iota(all.begin(), all.end(), 0U);
  const auto job =
      app_->submit(node_, std::make_shared<action>(std::move(f), operation, call_site::from(where)), std::move(all), operation, where);
  const auto merge = [estimate, total = std::size_t{node_->partitions}](std::vector<core::block> blocks) {
    std::vector<part> parts;
    for (auto& one : blocks)
      if (one)
        parts.push_back(core::take_value<part>(std::move(one)));
    return estimate(parts, core::job_share{parts.size(), total});
  };
  if (job->wait_for(timeout))
    return partial_result<result>(merge(job->wait()));
  return partial_result<result>(merge(job->results_so_far()), job, merge);
}

template <class T>
partial_result<bounded_double> rdd<T>::count_approx(std::chrono::milliseconds timeout, double confidence, where_t where) const {
  core::check_confidence(confidence, "count_approx", where);
  const auto estimate = [confidence](const std::vector<std::uint64_t>& parts, core::job_share of) {
    return core::estimate_count(std::accumulate(parts.begin(), parts.end(), std::uint64_t{0}), of, confidence);
  };
  return approximate(core::count_function<T>{}, estimate, timeout, "count_approx", where);
}

template <class T>
partial_result<bounded_double> rdd<T>::sum_approx(std::chrono::milliseconds timeout, double confidence, where_t where) const
  requires std::is_arithmetic_v<T>
{
  core::check_confidence(confidence, "sum_approx", where);
  const auto estimate = [confidence](const std::vector<stat_counter>& parts, core::job_share of) {
    return core::estimate_sum(core::merged(parts), of, confidence);
  };
  return approximate(core::stats_function<T>{}, estimate, timeout, "sum_approx", where);
}

template <class T>
partial_result<bounded_double> rdd<T>::mean_approx(std::chrono::milliseconds timeout, double confidence, where_t where) const
  requires std::is_arithmetic_v<T>
{
  core::check_confidence(confidence, "mean_approx", where);
  const auto estimate = [confidence](const std::vector<stat_counter>& parts, core::job_share of) {
    return core::estimate_mean(core::merged(parts), of, confidence);
  };
  return approximate(core::stats_function<T>{}, estimate, timeout, "mean_approx", where);
}

template <class T>
template <class Count>
auto rdd<T>::counts_approx(Count count, std::chrono::milliseconds timeout, double confidence, const char* operation,
                           const where_t& where) const {
  using counts = typename core::function_action<T, Count>::result_type;
  using key = typename counts::value_type::first_type;
  core::check_confidence(confidence, operation, where);
  const auto estimate = [confidence](const std::vector<counts>& parts, core::job_share of) {
    core::result_map<key, std::uint64_t> sums;
    for (const auto& part : parts)
      for (const auto& [one, times] : part)
        sums[one] += times;
    core::result_map<key, bounded_double> all;
    for (const auto& [one, times] : sums)
      all.emplace(one, core::estimate_count(times, of, confidence));
    return all;
  };
  return approximate(std::move(count), estimate, timeout, operation, where);
}

template <class T>
auto rdd<T>::count_by_value_approx(std::chrono::milliseconds timeout, double confidence, where_t where) const {
  return counts_approx(core::count_records_function<T>{}, timeout, confidence, "count_by_value_approx", where);
}

template <class T>
auto rdd<T>::count_by_key_approx(std::chrono::milliseconds timeout, double confidence, where_t where) const
  requires core::pair_record<T>
{
  return counts_approx(core::count_keys_function<T>{}, timeout, confidence, "count_by_key_approx", where);
}

} // namespace salamander
