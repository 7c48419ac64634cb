// The actions of a dataset in the background; see job_future.hpp. Included by rdd.hpp inside the class.
// Each takes what the action of its name takes, and its future has what that returns or throws. The thread that waits for the job is
// one of its own; misuse that shows at once (a stopped context, a call inside a task) is thrown at once.

  auto collect_async(where_t where = where_t::current()) const {
    return in_background("collect_async", where, [=, self = *this] { return self.collect(where); });
  }
  auto count_async(where_t where = where_t::current()) const {
    return in_background("count_async", where, [=, self = *this] { return self.count(where); });
  }
  auto first_async(where_t where = where_t::current()) const {
    return in_background("first_async", where, [=, self = *this] { return self.first(where); });
  }
  auto is_empty_async(where_t where = where_t::current()) const {
    return in_background("is_empty_async", where, [=, self = *this] { return self.is_empty(where); });
  }
  auto take_async(std::size_t n, where_t where = where_t::current()) const {
    return in_background("take_async", where, [=, self = *this] { return self.take(n, where); });
  }
  template <class Less = std::less<>>
  auto top_async(std::size_t n, Less less = {}, where_t where = where_t::current()) const {
    return in_background("top_async", where, [=, self = *this] { return self.top(n, less, where); });
  }
  template <class Less = std::less<>>
  auto take_ordered_async(std::size_t n, Less less = {}, where_t where = where_t::current()) const {
    return in_background("take_ordered_async", where, [=, self = *this] { return self.take_ordered(n, less, where); });
  }
  auto take_sample_async(bool with_replacement, std::int64_t count, std::optional<std::uint64_t> seed = {},
                         where_t where = where_t::current()) const {
    return in_background("take_sample_async", where, [=, self = *this] { return self.take_sample(with_replacement, count, seed, where); });
  }
  template <class Less = std::less<>>
  auto max_async(Less less = {}, where_t where = where_t::current()) const {
    return in_background("max_async", where, [=, self = *this] { return self.max(less, where); });
  }
  template <class Less = std::less<>>
  auto min_async(Less less = {}, where_t where = where_t::current()) const {
    return in_background("min_async", where, [=, self = *this] { return self.min(less, where); });
  }
  template <class F>
    requires core::reducer<F, core::owned_t<T>>
  auto reduce_async(F f, where_t where = where_t::current()) const {
    return in_background("reduce_async", where, [=, self = *this] { return self.reduce(f, where); });
  }
  template <class F>
    requires core::reducer<F, core::owned_t<T>>
  auto tree_reduce_async(F f, int depth = 2, where_t where = where_t::current()) const {
    return in_background("tree_reduce_async", where, [=, self = *this] { return self.tree_reduce(f, depth, where); });
  }
  template <class F>
    requires core::reducer<F, core::owned_t<T>>
  auto fold_async(owned_type zero, F f, where_t where = where_t::current()) const {
    return in_background("fold_async", where, [=, self = *this] { return self.fold(zero, f, where); });
  }
  template <class Z, class Seq, class Comb>
  auto aggregate_async(Z zero, Seq seq, Comb comb, where_t where = where_t::current()) const {
    return in_background("aggregate_async", where, [=, self = *this] { return self.aggregate(zero, seq, comb, where); });
  }
  template <class Z, class Seq, class Comb>
  auto tree_aggregate_async(Z zero, Seq seq, Comb comb, int depth = 2, where_t where = where_t::current()) const {
    return in_background("tree_aggregate_async", where, [=, self = *this] { return self.tree_aggregate(zero, seq, comb, depth, where); });
  }
  template <core::record_function<T> F>
  auto foreach_async(F f, where_t where = where_t::current()) const {
    return in_background("foreach_async", where, [=, self = *this] { return self.foreach(f, where); });
  }
  template <class F>
    requires std::is_invocable_v<const F&, record_range<T>>
  auto foreach_partition_async(F f, where_t where = where_t::current()) const {
    return in_background("foreach_partition_async", where, [=, self = *this] { return self.foreach_partition(f, where); });
  }
  auto count_by_value_async(where_t where = where_t::current()) const {
    return in_background("count_by_value_async", where, [=, self = *this] { return self.count_by_value(where); });
  }
  auto count_approx_distinct_async(double relative_sd = 0.05, where_t where = where_t::current()) const {
    return in_background("count_approx_distinct_async", where, [=, self = *this] { return self.count_approx_distinct(relative_sd, where); });
  }
  auto sum_async(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>
  {
    return in_background("sum_async", where, [=, self = *this] { return self.sum(where); });
  }
  auto mean_async(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>
  {
    return in_background("mean_async", where, [=, self = *this] { return self.mean(where); });
  }
  auto stats_async(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>
  {
    return in_background("stats_async", where, [=, self = *this] { return self.stats(where); });
  }
  auto variance_async(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>
  {
    return in_background("variance_async", where, [=, self = *this] { return self.variance(where); });
  }
  auto stdev_async(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>
  {
    return in_background("stdev_async", where, [=, self = *this] { return self.stdev(where); });
  }
  auto sample_variance_async(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>
  {
    return in_background("sample_variance_async", where, [=, self = *this] { return self.sample_variance(where); });
  }
  auto sample_stdev_async(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>
  {
    return in_background("sample_stdev_async", where, [=, self = *this] { return self.sample_stdev(where); });
  }
  template <std::integral N>
    requires std::is_arithmetic_v<T>
  auto histogram_async(N buckets, where_t where = where_t::current()) const {
    return in_background("histogram_async", where, [=, self = *this] { return self.histogram(buckets, where); });
  }
  auto histogram_async(const std::vector<double>& bounds, where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>
  {
    return in_background("histogram_async", where, [=, self = *this] { return self.histogram(bounds, where); });
  }
  auto count_by_key_async(where_t where = where_t::current()) const
    requires core::pair_record<T>
  {
    return in_background("count_by_key_async", where, [=, self = *this] { return self.count_by_key(where); });
  }
  auto collect_as_map_async(where_t where = where_t::current()) const
    requires core::pair_record<T>
  {
    return in_background("collect_as_map_async", where, [=, self = *this] { return self.collect_as_map(where); });
  }
  auto lookup_async(const core::owned_key<T>& key, where_t where = where_t::current()) const
    requires core::pair_record<T>
  {
    return in_background("lookup_async", where, [=, self = *this] { return self.lookup(key, where); });
  }
  template <class F>
    requires core::value_reducer<F, T>
  auto reduce_by_key_locally_async(F f, where_t where = where_t::current()) const {
    return in_background("reduce_by_key_locally_async", where, [=, self = *this] { return self.reduce_by_key_locally(f, where); });
  }
  auto save_as_text_file_async(const std::string& path, where_t where = where_t::current()) const {
    return in_background("save_as_text_file_async", where, [=, self = *this] { return self.save_as_text_file(path, where); });
  }
  auto save_as_text_file_async(const std::string& path, compression packing, where_t where = where_t::current()) const {
    return in_background("save_as_text_file_async", where, [=, self = *this] { return self.save_as_text_file(path, packing, where); });
  }
  auto save_as_csv_file_async(const std::string& path, csv_options options = {}, compression packing = compression::none,
                              where_t where = where_t::current()) const {
    return in_background("save_as_csv_file_async", where, [=, self = *this] { return self.save_as_csv_file(path, options, packing, where); });
  }
  auto save_as_json_lines_file_async(const std::string& path, json_options options = {}, compression packing = compression::none,
                                     where_t where = where_t::current()) const {
    return in_background("save_as_json_lines_file_async", where,
                         [=, self = *this] { return self.save_as_json_lines_file(path, options, packing, where); });
  }
  auto save_as_object_file_async(const std::string& path, where_t where = where_t::current()) const {
    return save_as_object_file_async(path, compression::none, where);
  }
  auto save_as_object_file_async(const std::string& path, compression packing, where_t where = where_t::current()) const {
    return in_background("save_as_object_file_async", where, [=, self = *this] { return self.save_as_object_file(path, packing, where); });
  }
