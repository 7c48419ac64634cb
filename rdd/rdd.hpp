// The dataset handle: what users write their programs with.
#pragma once

#include <salamander/rdd/actions.hpp>
#include <salamander/rdd/application.hpp>
#include <salamander/rdd/approximate.hpp>
#include <salamander/rdd/barrier_rdd.hpp>
#include <salamander/rdd/cache.hpp>
#include <salamander/rdd/cogroup.hpp>
#include <salamander/rdd/combine.hpp>
#include <salamander/rdd/counting.hpp>
#include <salamander/rdd/exact_sampling.hpp>
#include <salamander/rdd/exchange.hpp>
#include <salamander/rdd/functions.hpp>
#include <salamander/rdd/indexing.hpp>
#include <salamander/rdd/job_future.hpp>
#include <salamander/rdd/narrow.hpp>
#include <salamander/rdd/pairing.hpp>
#include <salamander/rdd/partition_groups.hpp>
#include <salamander/rdd/pipe.hpp>
#include <salamander/rdd/row_fields.hpp>
#include <salamander/rdd/sampling.hpp>
#include <salamander/rdd/set_functions.hpp>
#include <salamander/rdd/sketch_functions.hpp>
#include <salamander/rdd/sort_bounds.hpp>
#include <salamander/rdd/stats.hpp>
#include <salamander/rdd/tree_functions.hpp>

namespace salamander {

class context;
using where_t = source_location;

/// A dataset: an immutable, partitioned sequence of T that is computed when an action asks for it, and recomputed from its lineage
/// when a part is lost. A cheap handle; copies name the same dataset.
///
/// T is what functions see. Functions take a record as `const T&`, by value or `const auto&`; one that takes the owned form (a
/// std::string where T is std::string_view) gets a copy. Records that are views live until the end of their batch; whatever is
/// cached, shuffled or returned is owned. Functions must be const-callable and able to travel (see closure.hpp); they may run more
/// than once for a record after a fault.
///
/// Errors common to all members: errc::context_stopped, errc::nested_use, errc::closure_refused at the call; what goes wrong in
/// tasks is thrown by the action. Threads: handles may be used from several threads at once. Partition counts of 0 mean the default;
/// errc::invalid_argument for negative ones and those above 2^31 - 1. Orderings: where the default or the standard's less and greater
/// order floating-point numbers (also in pairs, tuples, optionals and vectors), NaN comes after all others and equals itself.
template <class T>
class rdd {
public:
  using value_type = T;
  using owned_type = core::owned_t<T>;

  explicit rdd(std::shared_ptr<core::typed_node<T>> made, std::shared_ptr<core::application> app) : node_(std::move(made)), app_(std::move(app)) {}

  /// A dataset of views becomes one of owned values: rdd<std::string> from what text_file returns.
  template <class U>
    requires(!std::is_same_v<U, T> && std::is_same_v<core::kept_t<U>, T>)
  rdd(const rdd<U>& other);

  // -- transformations (rdd.ipp): lazy; n partitions -> n partitions, order kept, unless said otherwise ----------------------------

  /// One record for each. Loses the partitioner.
  template <core::record_function<T> F>
  auto map(F f, where_t where = where_t::current()) const;
  /// All records of the ranges that f returns: containers or lazy views. Loses the partitioner.
  template <core::record_function<T> F>
  auto flat_map(F f, where_t where = where_t::current()) const;
  /// The records for which f is true. Keeps the partitioner.
  template <core::record_function<T> F>
  rdd filter(F f, where_t where = where_t::current()) const;
  /// f(record_range<T>) -> range, called once a partition, also for an empty one; records are pulled as f's result is read.
  template <core::partition_function<T> F>
  auto map_partitions(F f, bool preserves_partitioning = false, where_t where = where_t::current()) const;
  /// f(partition index, record_range<T>) -> range.
  template <core::partition_function<T> F>
  auto map_partitions_with_index(F f, bool preserves_partitioning = false, where_t where = where_t::current()) const;
  /// The next operation runs as a barrier stage: all its tasks at the same time, and able to wait for each other. See barrier_rdd.
  barrier_rdd<T> barrier() const {
    return barrier_rdd<T>(*this);
  }
  /// One vector a partition.
  rdd<std::vector<owned_type>> glom(where_t where = where_t::current()) const;
  /// (f(record), record).
  template <core::record_function<T> F>
  auto key_by(F f, where_t where = where_t::current()) const;
  /// The partitions of both, this one's first; duplicates stay. Inputs with equal partitioners are joined partition by partition.
  rdd union_with(const rdd& other, where_t where = where_t::current()) const;
  friend rdd operator+(const rdd& a, const rdd& b) {
    return a.union_with(b);
  }
  /// Each record once; shuffles, n -> `partitions` (default: as many as now, and in place if the dataset has a partitioner, which it keeps).
  rdd<core::kept_t<T>> distinct(core::partition_spec partitions = {}, where_t where = where_t::current()) const;
  /// (k, all records with f(record) == k); shuffles.
  template <core::record_function<T> F>
  auto group_by(F f, core::partition_spec partitions = {}, where_t where = where_t::current()) const;
  /// Ordered by f(record); samples the keys in a job of its own when more than one partition is asked for. Equal keys keep their order
  /// and are spread over partitions where there are many (docs/adr/0006). Errors: errc::invalid_argument for an ordering that is seen to be
  /// no strict weak one.
  /// (Exactly bool: a lambda would convert to one.)
  template <core::record_function<T> F, std::same_as<bool> Ascending = bool>
  auto sort_by(F f, Ascending ascending = true, core::partition_spec partitions = {}, where_t where = where_t::current()) const;
  /// Ordered by f(record) under `less`, a strict weak ordering of keys.
  template <core::record_function<T> F, class Less>
    requires core::ordering_of_rows<Less, core::key_result_t<F, T>>
  auto sort_by(F f, Less less, core::partition_spec partitions = {}, where_t where = where_t::current()) const;
  /// Fewer partitions without a shuffle. Never more than now, unless `shuffle`. Order: neighbours are read one after the other; where
  /// partitions prefer hosts (make_rdd), those that prefer the same one are read together, as far as all come out about equally large.
  /// Errors: errc::invalid_argument for 0.
  rdd<core::kept_t<T>> coalesce(core::partition_spec partitions, bool shuffle = false, where_t where = where_t::current()) const;
  /// As many partitions as asked for, of about equal size; shuffles. Errors: errc::invalid_argument for 0.
  rdd<core::kept_t<T>> repartition(core::partition_spec partitions, where_t where = where_t::current()) const;

  /// The lines that a program prints for each partition, whose records it gets as lines (as save_as_text_file writes them). One process a
  /// partition, also for an empty one; no shell: a single text is split at blanks. It inherits the executor's environment without
  /// SALAMANDER_*, and its standard error; it need not read its input to the end. Killed with its task. Errors: in the job,
  /// errc::task_failed for a program that cannot be started, ends with another status than 0, or is ended by a signal; errc::invalid_argument
  /// now for an empty command.
  rdd<std::string> pipe(std::vector<std::string> command, const pipe_options& options = {}, where_t where = where_t::current()) const;
  template <std::convertible_to<std::string_view> Text>
  rdd<std::string> pipe(const Text& command, const pipe_options& options = {}, where_t where = where_t::current()) const;

  // -- several datasets (rdd_sets.ipp) ---------------------------------------------------------------------------------------------

  /// Every pair of a record here and one there. Shape: m, n partitions -> m * n, those of this dataset's first partition first; within
  /// one ordered by the record of this dataset. The other side is kept in memory for a partition if it fits into 64 MiB and the budget,
  /// else computed again for each record: cache what is expensive. Errors: errc::invalid_argument for more than 2^31 - 1 partitions.
  template <class U>
  rdd<std::pair<T, U>> cartesian(const rdd<U>& other, where_t where = where_t::current()) const;
  /// The i-th record here with the i-th there. Errors: errc::invalid_argument now for another number of partitions, and in the job for
  /// partitions of different length.
  template <class U>
  rdd<std::pair<T, U>> zip(const rdd<U>& other, where_t where = where_t::current()) const;
  /// f(record_range<T>, record_range<U>) -> range, called once for each pair of partitions; lengths may differ.
  /// Errors: errc::invalid_argument for another number of partitions.
  template <class U, core::partitions_function<T, U> F>
  auto zip_partitions(const rdd<U>& other, F f, bool preserves_partitioning = false, where_t where = where_t::current()) const;
  template <class U, class V, core::partitions_function<T, U, V> F>
  auto zip_partitions(const rdd<U>& second, const rdd<V>& third, F f, bool preserves_partitioning = false,
                      where_t where = where_t::current()) const;
  template <class U, class V, class W, core::partitions_function<T, U, V, W> F>
  auto zip_partitions(const rdd<U>& second, const rdd<V>& third, const rdd<W>& fourth, F f, bool preserves_partitioning = false,
                      where_t where = where_t::current()) const;
  /// (record, its number from 0 in the order of partitions). With more than one partition a job counts all but the last when this is called.
  rdd<std::pair<T, std::int64_t>> zip_with_index(where_t where = where_t::current()) const;
  /// Record i of partition p of n gets i * n + p: unique, with gaps, without a job.
  rdd<std::pair<T, std::int64_t>> zip_with_unique_id(where_t where = where_t::current()) const;
  /// Each record that is in both, once; shuffles.
  template <class U>
    requires std::is_same_v<core::kept_t<U>, core::kept_t<T>>
  rdd<core::kept_t<T>> intersection(const rdd<U>& other, core::partition_spec partitions = {}, where_t where = where_t::current()) const;
  /// The records that are not in the other, as often as they are here; shuffles, n -> `partitions` (default: as many as here).
  template <class U>
    requires std::is_same_v<core::kept_t<U>, core::kept_t<T>>
  rdd<core::kept_t<T>> subtract(const rdd<U>& other, core::partition_spec partitions = {}, where_t where = where_t::current()) const;

  // -- chance (rdd_samples.ipp): the same seed chooses the same records; without one, a new one is drawn when the operation is defined --

  /// Each record with probability `fraction`; `with_replacement`: as often as a Poisson variable with that mean. Keeps the partitioner.
  /// Errors: errc::invalid_argument for a fraction below 0, and above 1 without replacement.
  rdd sample(bool with_replacement, double fraction, std::optional<std::uint64_t> seed = {}, where_t where = where_t::current()) const;
  /// Datasets of about these shares, each record in exactly one of them as long as the records are the same each time.
  /// Errors: errc::invalid_argument for negative weights, or a sum that is not positive.
  std::vector<rdd> random_split(const std::vector<double>& weights, std::optional<std::uint64_t> seed = {},
                                where_t where = where_t::current()) const;
  /// `count` records in random order; without replacement all of them if there are fewer. Runs a job to count and one or more to sample.
  /// Errors: errc::invalid_argument for a negative number.
  std::vector<owned_type> take_sample(bool with_replacement, std::int64_t count, std::optional<std::uint64_t> seed = {},
                                      where_t where = where_t::current()) const;

  // -- keyed transformations (rdd_pairs.ipp): T is a std::pair; results have a hash partitioner unless said otherwise --------------
  // `by` is a number of partitions or a hash_partitioner; default: an input's partitioner if it suits, else the largest input's count.

  rdd<core::key_in<T>> keys(where_t where = where_t::current()) const
    requires core::pair_record<T>;
  rdd<core::value_in<T>> values(where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// f on each value; keeps the partitioner.
  template <core::value_function<T> F>
  auto map_values(F f, where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// Each value replaced by the values of a range; keeps the partitioner.
  template <core::value_function<T> F>
  auto flat_map_values(F f, where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// One value a key, combined by f on both sides of the shuffle. f must be associative.
  template <class F>
    requires core::value_reducer<F, T>
  auto reduce_by_key(F f, core::partition_spec by = {}, where_t where = where_t::current()) const;
  /// The general form: create(value) -> C, merge_value(C, value) -> C, merge_combined(C, C) -> C.
  template <class Create, class MergeValue, class MergeCombined>
  auto combine_by_key(Create create, MergeValue merge_value, MergeCombined merge_combined, core::partition_spec by = {},
                      where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// Every key starts from a copy of `zero` in each partition of the input where it occurs.
  template <class C, class MergeValue, class MergeCombined>
  auto aggregate_by_key(C zero, MergeValue merge_value, MergeCombined merge_combined, core::partition_spec by = {},
                        where_t where = where_t::current()) const
    requires core::pair_record<T>;
  template <class F>
    requires core::value_reducer<F, T>
  auto fold_by_key(core::owned_value<T> zero, F f, core::partition_spec by = {}, where_t where = where_t::current()) const;
  /// About how many different values each key has; see count_approx_distinct.
  auto count_approx_distinct_by_key(double relative_sd = 0.05, core::partition_spec by = {}, where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// All values of a key as a group, in order of partition and position; no combining before the shuffle.
  auto group_by_key(core::partition_spec by = {}, where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// (key, (group of values here, group of values there)) for every key of either.
  template <core::pair_record U>
  auto cogroup(const rdd<U>& other, core::partition_spec by = {}, where_t where = where_t::current()) const
    requires core::joinable<T, U>;
  /// (key, (v, w)) for every pair of values with equal keys. Inputs that are partitioned alike move nothing.
  template <core::pair_record U>
  auto join(const rdd<U>& other, core::partition_spec by = {}, where_t where = where_t::current()) const
    requires core::joinable<T, U>;
  template <core::pair_record U>
  auto left_outer_join(const rdd<U>& other, core::partition_spec by = {}, where_t where = where_t::current()) const
    requires core::joinable<T, U>;
  template <core::pair_record U>
  auto right_outer_join(const rdd<U>& other, core::partition_spec by = {}, where_t where = where_t::current()) const
    requires core::joinable<T, U>;
  template <core::pair_record U>
  auto full_outer_join(const rdd<U>& other, core::partition_spec by = {}, where_t where = where_t::current()) const
    requires core::joinable<T, U>;
  /// (key, (group here, group there, ...)) for every key of any: two, three or four datasets. For two the same as cogroup.
  template <core::pair_record U>
  auto group_with(const rdd<U>& other, core::partition_spec by = {}, where_t where = where_t::current()) const
    requires core::joinable<T, U>;
  template <core::pair_record U, core::pair_record V>
  auto group_with(const rdd<U>& second, const rdd<V>& third, core::partition_spec by = {}, where_t where = where_t::current()) const
    requires core::joinable<T, U> && core::joinable<T, V>;
  template <core::pair_record U, core::pair_record V, core::pair_record W>
  auto group_with(const rdd<U>& second, const rdd<V>& third, const rdd<W>& fourth, core::partition_spec by = {},
                  where_t where = where_t::current()) const
    requires core::joinable<T, U> && core::joinable<T, V> && core::joinable<T, W>;
  /// The pairs whose key the other dataset does not have. Default partitioner: this dataset's, else as many partitions as here.
  template <core::pair_record U>
  rdd<core::kept_t<T>> subtract_by_key(const rdd<U>& other, core::partition_spec by = {}, where_t where = where_t::current()) const
    requires core::joinable<T, U>;
  /// Each pair with the probability (mean, with replacement) that `fractions` has for its key. Keeps the partitioner.
  /// Errors: errc::invalid_argument now for a negative fraction or one above 1 without replacement, in the job for a key without one.
  template <class Fractions>
  rdd sample_by_key(bool with_replacement, const Fractions& fractions, std::optional<std::uint64_t> seed = {},
                    where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// The same with exactly ceil(fraction * count) pairs of each key, as long as the records are the same each time. Runs a job that counts
  /// keys when this is called; the plan has a number for each key and partition. A key without pairs is no error.
  /// Errors: as sample_by_key, all of them now.
  template <class Fractions>
  rdd sample_by_key_exact(bool with_replacement, const Fractions& fractions, std::optional<std::uint64_t> seed = {},
                          where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// Keys where the partitioner says, each partition sorted by key. The order of equal keys is kept.
  template <class Less = std::less<>>
    requires core::key_ordering<Less, T>
  rdd<core::kept_t<T>> repartition_and_sort_within_partitions(core::partition_spec by, Less less = {}, where_t where = where_t::current()) const;
  /// The pairs with low <= key <= high under `less`. After sort_by_key only the partitions that may have some are read.
  template <class Less = std::less<>>
    requires core::key_ordering<Less, T>
  auto filter_by_range(const core::owned_key<T>& low, const core::owned_key<T>& high, Less less = {}, where_t where = where_t::current()) const;
  /// Keys where the partitioner says; the dataset itself if it is partitioned so already.
  rdd<core::kept_t<T>> partition_by(core::partition_spec by, where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// Key k in partition f(k). Errors: in the job, errc::invalid_argument when f leaves [0, partitions).
  template <class F>
  rdd<core::kept_t<T>> partition_by(core::partition_spec partitions, F f, where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// Ordered by key over all partitions; has a range partitioner: equal keys are in one partition. Samples in a job of its own for more than one partition.
  template <std::same_as<bool> Ascending = bool>
  rdd<core::kept_t<T>> sort_by_key(Ascending ascending = true, core::partition_spec partitions = {}, where_t where = where_t::current()) const
    requires core::pair_record<T>;
  template <class Less>
    requires core::key_ordering<Less, T>
  rdd<core::kept_t<T>> sort_by_key(Less less, core::partition_spec partitions = {}, where_t where = where_t::current()) const;

  // -- actions (rdd_actions.ipp): run a job and wait; merges happen in partition order, so results do not vary from run to run -----
  // Errors: salamander::error with the first cause.

  /// All records in partition order. Limit: salamander.driver.maxResultSize.
  std::vector<owned_type> collect(where_t where = where_t::current()) const;
  std::uint64_t count(where_t where = where_t::current()) const;
  /// The first record. Errors: errc::empty_collection.
  owned_type first(where_t where = where_t::current()) const;
  /// The first `n` records, in a growing series of jobs. Errors, also of top and take_ordered: errc::invalid_argument if negative.
  std::vector<owned_type> take(std::size_t n, where_t where = where_t::current()) const;
  bool is_empty(where_t where = where_t::current()) const;
  /// The `n` largest under `less`, largest first; equal ones in order of appearance.
  template <class Less = std::less<>>
  std::vector<owned_type> top(std::size_t n, Less less = {}, where_t where = where_t::current()) const;
  /// The `n` smallest under `less`, in order.
  template <class Less = std::less<>>
  std::vector<owned_type> take_ordered(std::size_t n, Less less = {}, where_t where = where_t::current()) const;
  template <class Less = std::less<>>
  owned_type max(Less less = {}, where_t where = where_t::current()) const;
  template <class Less = std::less<>>
  owned_type min(Less less = {}, where_t where = where_t::current()) const;
  /// f over all records, in order; f must be associative. Errors: errc::empty_collection.
  template <class F>
    requires core::reducer<F, core::owned_t<T>>
  owned_type reduce(F f, where_t where = where_t::current()) const;
  /// As reduce, starting from `zero` in every partition and once more on the driver.
  template <class F>
    requires core::reducer<F, core::owned_t<T>>
  owned_type fold(owned_type zero, F f, where_t where = where_t::current()) const;
  /// seq(Z, record) -> Z within partitions, comb(Z, Z) -> Z between them; `zero` starts each partition and the driver's merge. Either may
  /// take a Z& instead and change it in place; the same holds for tree_aggregate, aggregate_by_key and combine_by_key.
  template <class Z, class Seq, class Comb>
  Z aggregate(Z zero, Seq seq, Comb comb, where_t where = where_t::current()) const;
  /// As reduce, merged in `depth` levels: all but the last in shuffles. For many partitions and large values.
  /// Errors: errc::empty_collection; errc::invalid_argument for a depth below 1.
  template <class F>
    requires core::reducer<F, core::owned_t<T>>
  owned_type tree_reduce(F f, int depth = 2, where_t where = where_t::current()) const;
  /// As aggregate, merged in `depth` levels. `zero` starts each partition, and is the result if there are none.
  template <class Z, class Seq, class Comb>
  Z tree_aggregate(Z zero, Seq seq, Comb comb, int depth = 2, where_t where = where_t::current()) const;
  /// The records in partition order, a partition in memory at a time: a job for each when the iteration comes to it, or, with `prefetch`,
  /// while the one before is being read. Errors: by begin() and ++.
  core::local_range<T> to_local_iterator(bool prefetch = false, where_t where = where_t::current()) const;
  /// f on every record, where the records are. At least once a record: again after a fault.
  template <core::record_function<T> F>
  void foreach(F f, where_t where = where_t::current()) const;
  /// f(record_range<T>) once a partition.
  template <class F>
    requires std::is_invocable_v<const F&, record_range<T>>
  void foreach_partition(F f, where_t where = where_t::current()) const;
  /// How often each record occurs.
  auto count_by_value(where_t where = where_t::current()) const;

  /// How many different records there are, with this relative standard deviation; needs 1.08 / relative_sd^2 bytes a partition at most.
  /// Records that are equal by same_key count once. Errors: errc::invalid_argument for less than 0.00013.
  std::uint64_t count_approx_distinct(double relative_sd = 0.05, where_t where = where_t::current()) const;

  /// What is known when `timeout` is over, or sooner if that is all: about how many records there are, and bounds that hold with the
  /// probability `confidence`; see partial_result. Partitions that are not done are taken to be like those that are.
  /// Errors: errc::invalid_argument for a confidence outside [0, 1]; those of a job that fails in time.
  partial_result<bounded_double> count_approx(std::chrono::milliseconds timeout, double confidence = 0.95,
                                              where_t where = where_t::current()) const;
  partial_result<bounded_double> sum_approx(std::chrono::milliseconds timeout, double confidence = 0.95,
                                            where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>;
  partial_result<bounded_double> mean_approx(std::chrono::milliseconds timeout, double confidence = 0.95,
                                             where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>;
  /// The same for each record, or key, that was seen.
  auto count_by_value_approx(std::chrono::milliseconds timeout, double confidence = 0.95, where_t where = where_t::current()) const;
  auto count_by_key_approx(std::chrono::milliseconds timeout, double confidence = 0.95, where_t where = where_t::current()) const
    requires core::pair_record<T>;

  double sum(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>;
  double mean(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>;
  /// Of the population (divided by count), or of a sample (divided by count - 1); NaN for too few. Errors: as stats.
  double variance(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>;
  double stdev(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>;
  double sample_variance(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>;
  double sample_stdev(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>;
  /// How many numbers lie in each of `buckets` ranges of equal width between the least and the greatest: bounds, one more than ranges,
  /// and counts. One range if all numbers are equal. Errors: errc::invalid_argument for no buckets, no numbers, infinite ones or NaN.
  template <std::integral N>
  std::pair<std::vector<double>, std::vector<std::uint64_t>> histogram(N buckets, where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>;
  /// How many numbers lie in [bounds[i], bounds[i + 1]), the last range including its end; others are not counted.
  /// Errors: errc::invalid_argument for fewer than two bounds, or bounds that do not grow.
  std::vector<std::uint64_t> histogram(const std::vector<double>& bounds, where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>;
  /// Errors: errc::empty_collection for a dataset without partitions.
  stat_counter stats(where_t where = where_t::current()) const
    requires std::is_arithmetic_v<T>;

  auto count_by_key(where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// Key to value; the last of several values of a key wins.
  auto collect_as_map(where_t where = where_t::current()) const
    requires core::pair_record<T>;
  /// One value a key, combined by f within partitions there and between them here.
  template <class F>
    requires core::value_reducer<F, T>
  auto reduce_by_key_locally(F f, where_t where = where_t::current()) const;
  /// All values of one key; reads a single partition when the dataset is hash-partitioned.
  std::vector<core::owned_value<T>> lookup(const core::owned_key<T>& key, where_t where = where_t::current()) const
    requires core::pair_record<T>;

  /// One part-NNNNN file a partition, a line a record, and _SUCCESS at the end. Nothing under a final name before the job is done.
  /// Errors: errc::output_exists, errc::out_of_disk, errc::io_error; the directory is removed again. What the system finds out only when it
  /// writes its memory to the disk is noticed with salamander.files.syncOutput.
  void save_as_text_file(const std::string& path, where_t where = where_t::current()) const;
  /// The same, packed: part-NNNNN.gz or .zst, each of which text_file reads as one partition.
  void save_as_text_file(const std::string& path, compression packing, where_t where = where_t::current()) const;
  /// The records as they are, for context::object_file. Files remember their type, carry checksums, and can be cut between blocks of 1 MiB.
  /// `packing`: none, or zstd for each block; part files are named the same. Errors: as save_as_text_file; errc::invalid_argument for gzip;
  /// errc::not_serializable for a record of 1 GiB or more.
  void save_as_object_file(const std::string& path, where_t where = where_t::current()) const;
  void save_as_object_file(const std::string& path, compression packing, where_t where = where_t::current()) const;
  /// Structs, pairs and tuples as rows of CSV, as context::csv_file reads them with the same options: a header of `columns` in each part if
  /// `header` says so; texts in quotes where that is needed, or when they are empty; empty optionals as nothing. Parts are packed as those of
  /// save_as_text_file. Errors: as save_as_text_file; errc::invalid_argument.
  void save_as_csv_file(const std::string& path, csv_options options = {}, compression packing = compression::none,
                        where_t where = where_t::current()) const
    requires core::row_record<T>;
  /// The same as JSON lines, as context::json_lines_file reads them: objects if the members have names, else lists.
  /// Errors: as save_as_csv_file; errc::not_serializable for texts that are no UTF-8 and numbers that are not finite.
  void save_as_json_lines_file(const std::string& path, json_options options = {}, compression packing = compression::none,
                               where_t where = where_t::current()) const
    requires core::row_record<T>;

  // -- actions in the background (rdd_async.ipp): collect_async, count_async, ... for every action above -----------------------------
#include <salamander/rdd/rdd_async.ipp>

  // -- caching and properties ------------------------------------------------------------------------------------------------------

  /// Keeps partitions in memory when they are computed; a lost or evicted one is recomputed. Returns the same dataset.
  const rdd& cache() const;
  /// Drops cached partitions; `blocking` waits until they are gone. The dataset can still be used.
  const rdd& unpersist(bool blocking = false) const;
  bool is_cached() const noexcept {
    return node_->cached.load();
  }
  /// Hosts on which a partition is best made; empty: anywhere. Errors: errc::invalid_argument for a partition that is not there.
  std::vector<std::string> preferred_locations(std::uint32_t partition) const {
    if (partition >= node_->partitions)
      core::throw_error(errc::invalid_argument, "preferred_locations: " + node_->title() + " has no partition " + std::to_string(partition));
    return core::preferred_hosts(*node_, partition);
  }
  std::uint32_t num_partitions() const noexcept {
    return node_->partitions;
  }
  const std::optional<salamander::partitioner>& partitioner() const noexcept {
    return node_->partitioning;
  }
  std::uint32_t id() const noexcept {
    return node_->id.value;
  }
  /// The lineage as a tree, one dataset a line: partitions, operation, id, call site; +- marks a shuffle.
  std::string to_debug_string() const;

  const std::shared_ptr<core::typed_node<T>>& node() const noexcept {
    return node_;
  }
  const std::shared_ptr<core::application>& app() const noexcept {
    return app_;
  }

private:
  template <class>
  friend class rdd;

  template <class F>
  auto in_background(const char* operation, const where_t& where, F f) const {
    return core::run_in_background(app_, operation, where, std::move(f));
  }
  template <class Node, class... Args>
  auto derive(core::node_header&& header, Args&&... args) const;
  template <class U, class F>
  auto map_as(const char* operation, F f, bool keeps_partitioner, const where_t& where) const;
  core::node_header narrow_header(const char* operation, bool keeps_partitioner, const where_t& where) const;
  template <class F>
  auto run(F f, const char* operation, const where_t& where) const;
  template <class Order>
  std::vector<owned_type> first_ordered(std::size_t n, const Order& order, const char* operation, const where_t& where) const;
  template <class F, class Estimate>
  auto approximate(F f, Estimate estimate, std::chrono::milliseconds timeout, const char* operation, const where_t& where) const;
  template <class Count>
  auto counts_approx(Count count, std::chrono::milliseconds timeout, double confidence, const char* operation, const where_t& where) const;
  template <class Function, class... Options>
  void save(const std::string& path, core::output_order order, compression files, const char* operation, const where_t& where,
            Options... options) const;
  template <template <class> class Out, class Less>
  auto sorted(Less less, bool ascending, std::uint32_t partitions, const char* operation, const where_t& where) const;
  template <template <class> class Out, class Less>
  auto sorted_under(Less less, bool ascending, std::uint32_t partitions, const char* operation, const where_t& where) const;
  template <class... Us>
  auto cogrouped(core::partition_spec by, const char* operation, const where_t& where, const rdd<Us>&... others) const;
  template <class... Us>
  auto cogrouped_by(core::partitioner_choice choice, const char* operation, const where_t& where, const rdd<Us>&... others) const;
  template <class U>
  auto not_in(const rdd<U>& other, core::partitioner_choice choice, const char* operation, const where_t& where) const;
  template <class F, class... Us>
  auto zipped_partitions(F f, bool preserves_partitioning, const where_t& where, const rdd<Us>&... others) const;
  template <class F>
  rdd through_levels(const std::vector<std::uint32_t>& levels, const F& f, const char* operation, const where_t& where) const;
  template <class Less>
  rdd partitions_between(const core::owned_key<T>& low, const core::owned_key<T>& high, const char* operation, const where_t& where) const;
  void check_same_partitions(const char* operation, const where_t& where, std::initializer_list<std::uint32_t> others) const;
  core::partition_spec own_partitions(core::partition_spec by) const;
  template <core::join_kind Kind, class U>
  auto joined(const rdd<U>& other, core::partition_spec by, const char* operation, const where_t& where) const;
  template <class Function>
  auto flat_map_keeping(const char* operation, const where_t& where) const;
  template <class Assigner>
  rdd<core::kept_t<T>> partitioned(const core::partitioner_choice& choice, Assigner assigner, const where_t& where) const;
  template <class Aggregator>
  auto combined(Aggregator aggregator, core::partition_spec by, const char* operation, const where_t& where) const;

  std::shared_ptr<core::typed_node<T>> node_;
  std::shared_ptr<core::application> app_;
};

} // namespace salamander

#include <salamander/rdd/rdd.ipp>
#include <salamander/rdd/rdd_actions.ipp>
#include <salamander/rdd/rdd_approximate.ipp>
#include <salamander/rdd/rdd_pairs.ipp>
#include <salamander/rdd/rdd_samples.ipp>
#include <salamander/rdd/rdd_sets.ipp>
#include <salamander/rdd/rdd_trees.ipp>
