// Operations that choose records by chance; see rdd.hpp.
#pragma once

namespace salamander {

template <class T>
rdd<T> rdd<T>::sample(bool with_replacement, double fraction, std::optional<std::uint64_t> seed, where_t where) const {
  const auto how = core::checked_sampling(with_replacement, fraction, seed, "sample", where);
  return derive<core::sample_node<T>>(narrow_header("sample", true, where), how);
}

template <class T>
std::vector<rdd<T>> rdd<T>::random_split(const std::vector<double>& weights, std::optional<std::uint64_t> seed, where_t where) const {
  const auto bounds = core::split_bounds(weights, "random_split", where);
  core::sampling how;
  how.how = core::sampling::kind::interval;
  how.seed = seed ? *seed : core::random_seed();
  std::vector<rdd> splits;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    how.low = bounds[i];
    how.high = bounds[i + 1];
    splits.push_back(derive<core::sample_node<T>>(narrow_header("random_split", true, where), how));
  }
  return splits;
}

template <class T>
std::vector<core::owned_t<T>> rdd<T>::take_sample(bool with_replacement, std::int64_t count, std::optional<std::uint64_t> seed,
                                                  where_t where) const {
  constexpr const char* operation = "take_sample";
  app_->check_usable(operation, where);
  if (count < 0)
    core::throw_error(errc::invalid_argument,
                      "take_sample at " + call_site::from(where).text() + ": Negative number of elements requested: " + std::to_string(count));
  if (count == 0)
    return {};
  const auto wanted = static_cast<std::uint64_t>(count);
  std::uint64_t total = 0;
  for (const auto one : run(core::count_function<T>{}, operation, where))
    total += one;
  if (total == 0)
    return {};
  auto how = core::checked_sampling(with_replacement, 0, seed, operation, where);
  const auto order_seed = how.seed;
  std::vector<owned_type> found;
  if (!with_replacement && wanted >= total) {
    found = collect(where);
  } else {
    how.high = core::fraction_for_at_least(wanted, total, with_replacement);
    do {
      found = derive<core::sample_node<T>>(narrow_header(operation, true, where), how).collect(where);
      ++how.seed; // one sample in ten thousand is too small
    } while (found.size() < wanted);
  }
  auto order = core::random_order(found.size(), order_seed);
  order.resize(std::min<std::size_t>(order.size(), wanted));
  std::vector<owned_type> chosen;
  chosen.reserve(order.size());
  for (const auto i : order)
    chosen.push_back(std::move(found[i]));
  return chosen;
}

template <class T>
template <class Fractions>
rdd<T> rdd<T>::sample_by_key(bool with_replacement, const Fractions& fractions, std::optional<std::uint64_t> seed, where_t where) const
  requires core::pair_record<T>
{
  constexpr const char* operation = "sample_by_key";
  core::stratified_sampling<core::owned_key<T>> how;
  how.with_replacement = with_replacement;
  how.seed = seed ? *seed : core::random_seed();
  for (const auto& [key, fraction] : fractions) {
    static_cast<void>(core::checked_sampling(with_replacement, static_cast<double>(fraction), how.seed, operation, where));
    how.fractions.emplace_back(key, static_cast<double>(fraction));
  }
  return derive<core::sample_node<T, core::stratified_sampling<core::owned_key<T>>>>(narrow_header(operation, true, where), std::move(how));
}

template <class T>
template <class Fractions>
rdd<T> rdd<T>::sample_by_key_exact(bool with_replacement, const Fractions& fractions, std::optional<std::uint64_t> seed, where_t where) const
  requires core::pair_record<T>
{
  constexpr const char* operation = "sample_by_key_exact";
  using key = core::owned_key<T>;
  struct stratum {
    double fraction = 0;
    std::vector<std::uint64_t> sizes; // of each partition
  };
  core::exact_sampling<key> how;
  how.with_replacement = with_replacement;
  how.seed = seed ? *seed : core::random_seed();
  how.quotas.resize(node_->partitions);
  std::unordered_map<key, stratum, core::any_key_hash, core::any_key_equal> strata;
  for (const auto& [one, fraction] : fractions) {
    static_cast<void>(core::checked_sampling(with_replacement, static_cast<double>(fraction), how.seed, operation, where));
    strata[one] = {static_cast<double>(fraction), std::vector<std::uint64_t>(node_->partitions)};
  }
  const auto counted = run(core::count_keys_function<T>{}, operation, where);
  for (std::size_t p = 0; p < counted.size(); ++p)
    for (const auto& [one, times] : counted[p]) {
      const auto found = strata.find(one);
      if (found == strata.end())
        core::throw_error(errc::invalid_argument, operation + (" at " + call_site::from(where).text()) + ": " + core::no_fraction_for(one));
      found->second.sizes[p] = times;
    }
  for (const auto& [one, fraction] : fractions) {
    const auto& of = strata.find(one)->second;
    const auto all = std::accumulate(of.sizes.begin(), of.sizes.end(), std::uint64_t{0});
    const auto wanted = core::exact_size(of.fraction, all);
    const auto shares = core::split_sample(of.sizes, wanted, with_replacement, core::mix(how.seed ^ core::hash_value(one), 1));
    for (std::size_t p = 0; p < shares.size(); ++p)
      if (of.sizes[p] != 0)
        how.quotas[p].emplace_back(one, core::stratum_quota{of.sizes[p], shares[p]});
  }
  return derive<core::sample_node<T, core::exact_sampling<key>>>(narrow_header(operation, true, where), std::move(how));
}

} // namespace salamander
