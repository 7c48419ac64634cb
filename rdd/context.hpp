// Where every program starts: the connection to the machinery that runs jobs.
#pragma once

#include <salamander/rdd/accumulator.hpp>
#include <salamander/rdd/added_files.hpp>
#include <salamander/rdd/broadcast.hpp>
#include <salamander/rdd/random_source.hpp>
#include <salamander/rdd/current_task.hpp>
#include <salamander/rdd/rdd.hpp>
#include <salamander/rdd/row_nodes.hpp>
#include <salamander/rdd/sources.hpp>
#include <salamander/rdd/whole_files.hpp>

#include <exception>
#include <set>

namespace salamander {

class context;

namespace core {
template <class T>
inline constexpr bool is_dataset<rdd<T>> = true;
}

namespace testing {
fault_report report(const context& sc); ///< see fault_report.hpp
}

/// First line of main. In a process that was started as an executor of this program it serves there and does not return;
/// otherwise it does nothing but note that it was called. local-cluster masters need it: their executors are this same binary.
void init(int argc, char** argv);

/// A running application: makes datasets, runs their jobs. One at a time in a process; gone with its destructor or stop().
/// Errors of the constructor: errc::bad_master_url, errc::bad_config_value, errc::no_executors, errc::not_initialised (a
/// local-cluster master without init), errc::invalid_argument (another context is active). Threads: members from any thread at once.
class context {
public:
  explicit context(config settings = {}, where_t where = where_t::current());
  context(const context&) = delete;
  context& operator=(const context&) = delete;
  ~context();

  /// The elements of a container in `partitions` slices [i * size / n, (i + 1) * size / n); copied now.
  /// Errors: errc::invalid_argument for 0 or fewer partitions.
  template <class C>
    requires requires(const C& c) { c.begin(); c.end(); c.size(); }
  auto parallelize(const C& data, where_t where = where_t::current()) const {
    return slices(data, app_->default_parallelism(), where);
  }
  template <class C, std::integral N>
    requires requires(const C& c) { c.begin(); c.end(); c.size(); }
  auto parallelize(const C& data, N partitions, where_t where = where_t::current()) const {
    return slices(data, checked("parallelize", partitions, where), where);
  }
  /// One partition for each element, which is best made on one of these hosts: tasks wait a while for a core there
  /// (salamander.locality.wait), and `coalesce` keeps together what prefers the same host. Hosts are named as workers of a cluster are
  /// reached; names that no executor has are ignored.
  template <class T>
  auto make_rdd(const std::vector<std::pair<T, std::vector<std::string>>>& data, where_t where = where_t::current()) const {
    std::vector<T> elements;
    std::vector<std::vector<std::string>> places;
    for (const auto& [element, hosts] : data) {
      elements.push_back(element);
      places.push_back(hosts);
    }
    return slices(elements, static_cast<std::uint32_t>(data.size()), where, std::move(places));
  }
  template <class T>
  auto parallelize(std::initializer_list<T> data, where_t where = where_t::current()) const {
    return slices(std::vector<T>(data), app_->default_parallelism(), where);
  }
  template <class T, std::integral N>
  auto parallelize(std::initializer_list<T> data, N partitions, where_t where = where_t::current()) const {
    return slices(std::vector<T>(data), checked("parallelize", partitions, where), where);
  }

  /// The integers start, start + step, ... up to but without end; never stored. Errors: errc::invalid_argument for step 0.
  rdd<std::int64_t> range(std::int64_t start, std::int64_t end, std::int64_t step = 1, std::optional<std::int64_t> partitions = {},
                          where_t where = where_t::current()) const;
  /// 0, 1, ... up to but without end.
  rdd<std::int64_t> range(std::int64_t end, where_t where = where_t::current()) const;

  /// `count` independent random numbers, never stored: uniform in [0, 1), normal with mean 0 and standard deviation 1, and so on. The same
  /// seed and number of partitions (default: default_parallelism) give the same numbers, also when a lost partition is computed again;
  /// without a seed one is drawn now. log_normal: mean and standard deviation are those of the logarithm.
  /// Errors: errc::invalid_argument for a negative count, for fewer than one partition, and for parameters that the law does not have.
  rdd<double> random_uniform(std::int64_t count, std::optional<std::int64_t> partitions = {}, std::optional<std::uint64_t> seed = {},
                             where_t where = where_t::current()) const;
  rdd<double> random_normal(std::int64_t count, std::optional<std::int64_t> partitions = {}, std::optional<std::uint64_t> seed = {},
                            where_t where = where_t::current()) const;
  rdd<double> random_log_normal(double mean, double deviation, std::int64_t count, std::optional<std::int64_t> partitions = {},
                                std::optional<std::uint64_t> seed = {}, where_t where = where_t::current()) const;
  rdd<double> random_exponential(double mean, std::int64_t count, std::optional<std::int64_t> partitions = {},
                                 std::optional<std::uint64_t> seed = {}, where_t where = where_t::current()) const;
  rdd<double> random_gamma(double shape, double scale, std::int64_t count, std::optional<std::int64_t> partitions = {},
                           std::optional<std::uint64_t> seed = {}, where_t where = where_t::current()) const;
  rdd<double> random_poisson(double mean, std::int64_t count, std::optional<std::int64_t> partitions = {},
                             std::optional<std::uint64_t> seed = {}, where_t where = where_t::current()) const;

  /// No partitions, no records.
  template <class T>
  rdd<T> empty_rdd(where_t where = where_t::current()) const {
    return rdd<T>(std::make_shared<core::driver_data_node<T>>(app_->header("empty_rdd", where, 0)), app_);
  }

  /// The lines of text files: a path, a directory, a pattern, or several separated by commas; .gz and .zst are unpacked.
  /// Shape: at least `partitions_min` byte ranges cut at line ends, if the files can be cut (default: 2 or fewer cores); a directory
  /// without files gives no partitions. Lines end with \n, \r\n or \r and come without it. Records are views (see rdd).
  /// Errors: errc::input_not_found, errc::io_error now; errc::corrupt_data, errc::io_error in jobs.
  rdd<std::string_view> text_file(const std::string& path, std::uint32_t partitions_min = 0, where_t where = where_t::current()) const;

  /// (path, content) of each file, one record a file; paths as for text_file, .gz and .zst are unpacked.
  /// Shape: about `partitions_min` partitions (default as text_file) of files in order, small ones together. A file has to fit into memory.
  /// Errors: as text_file; errc::out_of_memory in jobs.
  rdd<std::pair<std::string, std::string>> whole_text_files(const std::string& path, std::uint32_t partitions_min = 0,
                                                            where_t where = where_t::current()) const;
  /// The same with the bytes as they are in the file.
  rdd<std::pair<std::string, std::vector<std::byte>>> binary_files(const std::string& path, std::uint32_t partitions_min = 0,
                                                                   where_t where = where_t::current()) const;
  /// The bytes of files in records of `record_bytes`; views, as those of text_file. Nothing is unpacked.
  /// Shape: at least `partitions_min` ranges of whole records, as text_file.
  /// Errors: as text_file; errc::invalid_argument for 0; errc::corrupt_data now for a file that ends within a record.
  rdd<std::string_view> binary_records(const std::string& path, std::uint64_t record_bytes, std::uint32_t partitions_min = 0,
                                       where_t where = where_t::current()) const;

  /// The records that save_as_object_file saved; paths as for text_file.
  /// Shape: at least `partitions_min` ranges of whole blocks, as text_file. Records in the order in which they were saved.
  /// Errors: as text_file; errc::wrong_type, with both types, for files of another type (the first file now, others in jobs);
  /// errc::corrupt_data in jobs for damage, which checksums find.
  template <class T>
  rdd<T> object_file(const std::string& path, std::uint32_t partitions_min = 0, where_t where = where_t::current()) const;

  /// Rows of CSV files as structs (plain aggregates, pairs, tuples) of numbers, bools, enums, std::string and std::optional of those; paths as
  /// for text_file. An empty field is an empty optional or text. Quoted fields may hold delimiters and doubled quotes, and line ends with
  /// `multiline` only. Columns go to members by name if there is a header and names (csv_options), else by position.
  /// Shape: as text_file; with `multiline` a partition a file. T may be parsed<struct>: then malformed rows are records too.
  /// Errors: as text_file; errc::invalid_argument; errc::malformed_row for a header without a named column (the first file's now) and,
  /// in jobs, for a malformed row, with file, line, reason and the row.
  template <class T>
  rdd<T> csv_file(const std::string& path, csv_options options = {}, std::uint32_t partitions_min = 0, where_t where = where_t::current()) const;
  /// The same for JSON lines: a document a line, which is an object (members by name) or a list (by position). Members may be containers
  /// and structs too; null and what is missing are empty optionals; names that no member has are passed over. Errors: as csv_file.
  template <class T>
  rdd<T> json_lines_file(const std::string& path, json_options options = {}, std::uint32_t partitions_min = 0,
                         where_t where = where_t::current()) const;

  /// The partitions of all inputs, in order; inputs with equal partitioners are joined partition by partition.
  template <class T>
  rdd<T> union_of(const std::vector<rdd<T>>& inputs, where_t where = where_t::current()) const;
  template <class T>
  rdd<T> union_of(std::initializer_list<rdd<T>> inputs, where_t where = where_t::current()) const {
    return union_of(std::vector<rdd<T>>(inputs), where);
  }

  /// A value for tasks to add to, each partition counted exactly once; see accumulator. `zero`: where it begins and what reset() goes back
  /// to. `merge`: summing{}, maximum{}, minimum{}, or a function without captures that takes (T&, value), or (T, value) and gives a T.
  /// `name`: shown in errors and by named_accumulators. Errors: errc::context_stopped, errc::nested_use.
  template <class T>
  auto accumulator(T zero, const std::string& name = "", where_t where = where_t::current()) const {
    return accumulator(std::move(zero), summing{}, name, where);
  }
  template <class T, class Merge>
    requires std::is_empty_v<Merge> && (!std::is_convertible_v<Merge, std::string>)
  auto accumulator(T zero, Merge, const std::string& name = "", where_t where = where_t::current()) const {
    using cell = core::typed_cell<T, Merge>;
    return salamander::accumulator<T, Merge>(
        app_->add_accumulator(std::make_shared<cell>(std::move(zero), name, call_site::from(where)), where));
  }
  /// Those of this context that have a name, oldest first, with their values now.
  std::vector<accumulator_info> named_accumulators() const {
    return core::named_accumulators(app_->serial());
  }

  /// A value for tasks to read, copied now: what the program does to its own afterwards they do not see, in local mode neither.
  /// Shape: broadcast<T>, a handle that lambdas capture; literals and views become strings. It is turned into bytes once.
  /// Errors: errc::not_serializable; errc::context_stopped, errc::nested_use. A dataset is refused at compile time.
  template <class V>
  auto broadcast(V&& value, where_t where = where_t::current()) const {
    using T = core::bound_value_t<V>;
    if constexpr (core::is_dataset<std::remove_cvref_t<V>>) {
      static_assert(core::codec_detail::always_false<T>, "salamander: a dataset cannot be broadcast, it exists on the driver only; "
                                                         "call collect() and broadcast the result");
    } else {
      return salamander::broadcast<T>(app_->add_broadcast(std::make_shared<const core::value_block<T>>(T(std::forward<V>(value))), where));
    }
  }

  /// Gives a file to all tasks of jobs that begin later: they find their executor's copy by files::get(name), where `name` is the file's
  /// without its folder. It is copied now; executors fetch it when a task asks first, from the driver and from each other, also those
  /// that start later. `path`: of this machine or any store that text_file reads.
  /// Limits: 256 files of at most 1 GiB each; the driver holds each within salamander.driver.memory, an executor one that was asked for
  /// twice within salamander.executor.memory.
  /// Errors: errc::input_not_found; errc::invalid_argument for a directory, and for a name that other contents were added under (the same
  /// contents again do nothing); errc::io_error, errc::out_of_disk; errc::context_stopped, errc::nested_use.
  void add_file(const std::string& path, where_t where = where_t::current()) const {
    app_->add_file(path, where);
  }
  /// Names of the files that were added, sorted.
  std::vector<std::string> added_files() const {
    return app_->added_file_names();
  }

  std::uint32_t default_parallelism() const {
    return app_->default_parallelism();
  }
  std::uint32_t default_min_partitions() const {
    return app_->default_partitions_min();
  }
  const config& settings() const noexcept {
    return app_->settings();
  }
  std::vector<executor_info> executors() const {
    return app_->runner().executors();
  }
  /// Counts of the job that ended last.
  job_report last_job() const {
    return app_->last_report();
  }
  /// Partitions of a dataset that are cached now.
  template <class T>
  std::uint32_t cached_partitions(const rdd<T>& dataset) const {
    return app_->stopped() ? 0 : app_->runner().cached_partitions(dataset.node()->id);
  }
  /// A property of all jobs that the calling thread starts from now on; without a value it is removed.
  /// "salamander.scheduler.pool" names the pool of FAIR scheduling whose share the jobs use (default: "default"; docs/scheduling.md).
  /// Any other key is the program's own; tasks see it by task_context::local_property. Limits: 64 KiB for all of a thread's.
  /// Errors: errc::invalid_argument for an empty key, or for too many. Threads: each has its own properties; a new thread has none,
  /// unless its function was made by `inheriting`.
  void set_local_property(const std::string& key, std::optional<std::string> value) const {
    app_->set_local_property(key, std::move(value));
  }
  /// f, to be called by another thread with the properties that this one has now: std::thread(sc.inheriting(f)).
  template <class F>
  auto inheriting(F f) const {
    return [app = app_, properties = app_->local_properties(), f = std::move(f)]<class... Args>(Args&&... args) mutable -> decltype(auto) {
      app->set_local_properties(properties);
      return f(std::forward<Args>(args)...);
    };
  }
  /// What the calling thread set, if it did. Threads: any.
  std::optional<std::string> local_property(const std::string& key) const {
    return app_->local_property(key);
  }
  /// Names the group of all jobs that the calling thread starts from now on, and says what they are for.
  void set_job_group(const std::string& group, const std::string& description = "") const;
  void clear_job_group() const;
  void set_job_description(const std::string& description) const;
  /// Running jobs of the group fail with errc::job_cancelled and the reason. Threads: any.
  void cancel_job_group(const std::string& group, const std::string& reason = "") const;
  /// The same, and so do all jobs of the group that are started later.
  void cancel_job_group_and_future_jobs(const std::string& group, const std::string& reason = "") const;
  /// Tags of the jobs that the calling thread starts from now on. Errors: errc::invalid_argument for an empty tag, or one with a comma.
  void add_job_tag(const std::string& tag) const;
  void remove_job_tag(const std::string& tag) const;
  std::set<std::string> job_tags() const;
  void clear_job_tags() const;
  void cancel_jobs_with_tag(const std::string& tag, const std::string& reason = "") const;
  /// f(record_range<T>) -> R on chosen partitions; results in their order. Errors: errc::invalid_argument for a partition that does not exist.
  template <class T, class F>
    requires std::is_invocable_v<const F&, record_range<T>>
  auto run_job(const rdd<T>& dataset, F f, std::vector<std::uint32_t> partitions, where_t where = where_t::current()) const;
  /// The same on all partitions. (Exactly where_t: a list of partitions would convert to one.)
  template <class T, class F, std::same_as<where_t> Where = where_t>
    requires std::is_invocable_v<const F&, record_range<T>>
  auto run_job(const rdd<T>& dataset, F f, Where where = Where::current()) const {
    std::vector<std::uint32_t> all(dataset.num_partitions());
    std::iota(all.begin(), all.end(), 0U);
    return run_job(dataset, std::move(f), std::move(all), where);
  }
  /// Running jobs fail with errc::job_cancelled.
  void cancel_all_jobs(const std::string& reason = "all jobs were cancelled") const {
    app_->runner().cancel_all_jobs(reason);
  }
  /// Ends jobs and executors. Idempotent; datasets of this context cannot be used afterwards.
  void stop(where_t where = where_t::current());

private:
  void end(const std::string& how);
  friend testing::fault_report testing::report(const context& sc);

  std::vector<core::input_file> listed(const std::string& path) const;
  template <class Bytes>
  rdd<std::pair<std::string, Bytes>> whole_files(const std::string& path, std::uint32_t partitions_min, bool unpack, const char* operation,
                                                 const where_t& where) const;
  template <class T, template <class> class Format>
  rdd<T> rows(const std::vector<core::input_file>& files, typename Format<core::row_of_t<T>>::options_type options,
              std::uint32_t partitions_min, const char* operation, const where_t& where) const;
  rdd<double> random(core::random_law law, std::int64_t count, std::optional<std::int64_t> partitions, std::optional<std::uint64_t> seed,
                     const char* operation, const where_t& where) const;
  std::uint32_t checked(const char* operation, std::int64_t partitions, const where_t& where) const;

  template <class C>
  auto slices(const C& data, std::uint32_t partitions, const where_t& where, std::vector<std::vector<std::string>> places = {}) const {
    using given = core::record_t<decltype(*data.begin())>;
    using T = core::kept_t<std::conditional_t<std::is_convertible_v<given, const char*>, std::string, given>>;
    auto made = std::make_shared<core::driver_data_node<T>>(app_->header("parallelize", where, partitions));
    app_->adopt(*made);
    made->places = std::move(places);
    auto at = data.begin();
    std::size_t taken = 0;
    for (std::uint32_t p = 0; p < partitions; ++p) {
      const auto last = core::slice_of(data.size(), p, partitions).second;
      core::block_builder<T> builder;
      builder.reserve(last - taken);
      for (; taken < last; ++taken, ++at)
        builder.add(T(*at));
      app_->runner().put_source(made->id, p, builder.finish());
    }
    return rdd<T>(std::move(made), app_);
  }

  std::shared_ptr<core::application> app_;
  int exceptions_before_ = std::uncaught_exceptions();
};

template <class T, class F>
  requires std::is_invocable_v<const F&, record_range<T>>
auto context::run_job(const rdd<T>& dataset, F f, std::vector<std::uint32_t> partitions, where_t where) const {
  using function = core::partition_result_function<T, F>;
  using action = core::function_action<T, function>;
  app_->check_same(*dataset.app(), "run_job", where);
  for (const auto p : partitions)
    if (p >= dataset.num_partitions())
      core::throw_error(errc::invalid_argument, "run_job at " + call_site::from(where).text() +
                                                    ": Attempting to access a non-existent partition: " + std::to_string(p) +
                                                    ". Total number of partitions: " + std::to_string(dataset.num_partitions()));
  function of_partition{{std::tuple<F>(std::move(f))}};
  core::check_closure(of_partition, "run_job", where);
  auto blocks = app_->run(dataset.node(), std::make_shared<action>(std::move(of_partition), "run_job", call_site::from(where)),
                          std::move(partitions), "run_job", where);
  std::vector<typename action::result_type> results;
  for (auto& one : blocks)
    results.push_back(core::take_value<typename action::result_type>(std::move(one)));
  return results;
}

template <class T>
rdd<T> context::object_file(const std::string& path, std::uint32_t partitions_min, where_t where) const {
  static_assert(!core::is_borrowed<T>, "salamander: records of object files are owned: ask for std::string where std::string_view was saved");
  app_->check_usable("object_file", where);
  const auto wanted = partitions_min != 0 ? partitions_min : app_->default_partitions_min();
  const auto files = listed(path);
  if (!files.empty())
    core::check_object_file(files.front().path, core::schema_of<T>());
  auto splits = core::plan_object_splits(files, wanted, app_->settings().get_bytes("salamander.files.maxPartitionBytes"));
  auto header = app_->header("object_file", where, static_cast<std::uint32_t>(splits.size()));
  return rdd<T>(std::make_shared<core::object_files_node<T>>(std::move(header), std::move(splits)), app_);
}

template <class T, template <class> class Format>
rdd<T> context::rows(const std::vector<core::input_file>& files, typename Format<core::row_of_t<T>>::options_type options,
                     std::uint32_t partitions_min, const char* operation, const where_t& where) const {
  const auto wanted = partitions_min != 0 ? partitions_min : app_->default_partitions_min();
  auto splits = core::plan_splits(files, wanted, app_->settings().get_bytes("salamander.files.maxPartitionBytes"));
  auto header = app_->header(operation, where, static_cast<std::uint32_t>(splits.size()));
  using node = core::rows_node<T, Format<core::row_of_t<T>>>;
  return rdd<T>(std::make_shared<node>(std::move(header), std::move(splits), std::move(options)), app_);
}

template <class T>
rdd<T> context::csv_file(const std::string& path, csv_options options, std::uint32_t partitions_min, where_t where) const {
  using row = core::row_of_t<T>;
  static_assert(core::row_record<row>, "salamander: CSV is read into structs without bases and arrays, pairs and tuples");
  app_->check_usable("csv_file", where);
  if (options.columns.empty())
    options.columns = core::names_of_members<row>();
  core::check_rows(options, core::members_of<row>, "csv_file", call_site::from(where));
  auto files = listed(path);
  if (!files.empty() && options.header)
    core::check_csv_header(files.front(), options, core::members_of<row>);
  for (auto& file : files)
    file.any_offset = file.any_offset && !options.multiline;
  return rows<T, core::csv_format>(files, std::move(options), partitions_min, "csv_file", where);
}

template <class T>
rdd<T> context::json_lines_file(const std::string& path, json_options options, std::uint32_t partitions_min, where_t where) const {
  using row = core::row_of_t<T>;
  static_assert(core::row_record<row>, "salamander: JSON lines are read into structs without bases and arrays, pairs and tuples");
  app_->check_usable("json_lines_file", where);
  if (options.columns.empty())
    options.columns = core::names_of_members<row>();
  core::check_columns(options.columns, core::members_of<row>, "json_lines_file", call_site::from(where));
  return rows<T, core::json_format>(listed(path), std::move(options), partitions_min, "json_lines_file", where);
}

template <class T>
rdd<T> context::union_of(const std::vector<rdd<T>>& inputs, where_t where) const {
  std::vector<core::node_ptr> parents;
  for (const auto& one : inputs) {
    app_->check_same(*one.app(), "union_of", where);
    parents.push_back(one.node());
  }
  auto header = app_->header("union_of", where, 0);
  core::concatenate(header, parents);
  return rdd<T>(std::make_shared<core::concatenation_node<T>>(std::move(header)), app_);
}

} // namespace salamander
