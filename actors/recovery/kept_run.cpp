#include <salamander/actors/recovery/kept_run.hpp>

#include <salamander/actors/recovery/kept_blocks.hpp>
#include <salamander/rdd/accumulator.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/file_system.hpp>
#include <salamander/rdd/output_directory.hpp>
#include <salamander/scheduler/pipeline.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_set>
#include <utility>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;
using level = scheduler::notice::level;

bool never_cut(const core::lineage&) {
  return false;
}

std::vector<core::shuffle_id> shuffles_behind(const std::shared_ptr<const core::lineage>& dataset) {
  std::vector<core::shuffle_id> found;
  for (const auto& edge : scheduler::walk_pipeline(dataset, never_cut).wide)
    if (std::ranges::find(found, edge.get().shuffle) == found.end())
      found.push_back(edge.get().shuffle);
  return found;
}

/// Tasks of a barrier stage belong together: what some of them have made is not to be mixed with what others make later.
bool has_barrier(const std::shared_ptr<const core::lineage>& dataset) {
  return scheduler::walk_pipeline(dataset, never_cut).barrier;
}

/// Sorted by partition; files of other kinds are left out.
std::vector<std::pair<std::uint32_t, fs::path>> files_in(const std::string& place, std::string (*name_of)(std::uint32_t)) {
  std::vector<std::pair<std::uint32_t, fs::path>> found;
  std::error_code failed;
  for (fs::directory_iterator at(place, failed), end; !failed && at != end; at.increment(failed))
    if (const auto partition = kept_partition(at->path().filename().string(), name_of))
      found.emplace_back(*partition, at->path());
  std::ranges::sort(found);
  return found;
}

void remove_file(const fs::path& path) {
  std::error_code ignored;
  fs::remove(path, ignored);
}

/// What says in an output directory whose it is.
struct output_mark {
  std::uint64_t start = 0;
  std::string digest;
};

std::string seal_of(const std::string& mark, const output_mark& of) {
  return fmt::format("salamander run {} start {} output {}\n", mark, of.start, of.digest.empty() ? "-" : of.digest);
}

std::optional<output_mark> read_seal(const std::string& text, const std::string& mark) {
  const auto begin = fmt::format("salamander run {} start ", mark);
  if (!text.starts_with(begin) || !text.ends_with('\n'))
    return std::nullopt;
  output_mark found;
  const auto* const end = text.data() + text.size();
  const auto [at, failed] = std::from_chars(text.data() + begin.size(), end, found.start);
  constexpr std::string_view word = " output ";
  const std::string_view rest(at, static_cast<std::size_t>(end - at));
  if (failed != std::errc() || !rest.starts_with(word))
    return std::nullopt;
  found.digest = rest.substr(word.size(), rest.size() - word.size() - 1);
  return found;
}

std::string attempts_name(const std::string& mark, std::uint64_t start) {
  return fmt::format("_temporary-{}-{}", mark, start);
}

/// The start that left an unfinished output there; 0: none of this run did.
std::uint64_t unfinished_start(const fs::path& output, const std::string& mark, std::uint64_t starts) {
  std::error_code failed;
  for (auto start = starts; start > 0; --start)
    if (fs::exists(output / attempts_name(mark, start), failed))
      return start;
  return 0;
}

} // namespace

/// Shuffles and cached datasets that a job needs, farthest first.
struct kept_run::reach {
  std::vector<std::pair<std::shared_ptr<const core::lineage>, std::size_t>> wide;
  std::vector<std::shared_ptr<const core::lineage>> cached;

  explicit reach(const std::shared_ptr<const core::lineage>& final) {
    std::unordered_set<const core::lineage*> seen{final.get()};
    std::vector<std::shared_ptr<const core::lineage>> stack{final};
    while (!stack.empty()) {
      const auto at = std::move(stack.back());
      stack.pop_back();
      if (at->cached)
        cached.push_back(at);
      for (std::size_t i = 0; i < at->dependencies.size(); ++i) {
        const auto& edge = at->dependencies[i];
        if (edge.wide())
          wide.emplace_back(at, i);
        if (seen.insert(edge.parent.get()).second)
          stack.push_back(edge.parent);
      }
    }
    std::ranges::reverse(wide);
    std::ranges::reverse(cached);
  }
};

std::shared_ptr<kept_run> kept_run::begin(const config& settings, logger log) {
  auto directory = run_directory::begin(settings);
  if (!directory)
    return nullptr;
  std::shared_ptr<kept_run> made(new kept_run(std::move(*directory), std::move(log)));
  if (made->starts() > 1)
    made->say(level::warning, fmt::format("this is start {} of the run in {}: what earlier ones have finished is used again",
                                          made->starts(), made->directory_.path().parent_path().string()));
  return made;
}

kept_run::kept_run(run_directory directory, logger log)
    : directory_(std::move(directory)), log_(std::move(log)), writer_([this] { work(); }) {}

kept_run::~kept_run() {
  stop();
}

std::string kept_run::place_of(const std::string& digest) const {
  return (directory_.path() / digest).string();
}

void kept_run::say(level how, const std::string& text) const {
  if (log_)
    log_(how, text);
}

std::uint32_t kept_run::parallelism(std::uint32_t now) {
  const std::lock_guard lock(mutex_);
  if (parallelism_ != 0)
    return parallelism_;
  const auto file = directory_.path() / "parallelism";
  const auto text = read_text_of(file);
  std::from_chars(text.data(), text.data() + text.size(), parallelism_);
  if (parallelism_ == 0) {
    parallelism_ = std::max<std::uint32_t>(now, 1);
    write_whole(file, std::to_string(parallelism_));
  }
  return parallelism_;
}

void kept_run::add_source(core::rdd_id dataset, std::uint32_t partition, const core::block_object& records) {
  const std::lock_guard lock(mutex_);
  digests_.add_source(dataset, partition, records);
}

void kept_run::forget_source(core::rdd_id dataset) {
  const std::lock_guard lock(mutex_);
  digests_.forget_source(dataset);
}

void kept_run::add_broadcast(std::uint32_t number, const core::block_object& value) {
  const std::lock_guard lock(mutex_);
  digests_.add_broadcast(number, value);
}

kept_run::preparation kept_run::prepare(const core::job_spec& job) {
  directory_.check_owner();
  const std::lock_guard lock(mutex_);
  preparation made;
  if (given_up_)
    return made;
  const reach all(job.final);
  for (const auto& [child, dependency] : all.wide)
    digests_.of_shuffle(child, dependency, job.properties);
  for (const auto& dataset : all.cached)
    if (!datasets_.contains(dataset->id.value))
      datasets_.emplace(dataset->id.value, digests_.of_dataset(dataset, job.properties));
  std::string file;
  if (job.act && !job.act->results_stand_alone()) {
    file = job.act->known_as();
  } else if (const auto digest = digests_.of_job(job)) {
    file = fmt::format("{}/job-{:05}", place_of(*digest), jobs_[*digest]++);
    if (auto done = read_job(file, job.partitions.size())) {
      made.results = std::move(done->results);
      made.stages = static_cast<std::uint32_t>(all.wide.size()) + 1;
      count_job(std::move(*done), all);
      return made;
    }
  }
  find_outputs(all, waiting_);
  find_cached(all, waiting_);
  made.inputs = std::exchange(waiting_, {});
  made.inputs.results = std::move(file);
  return made;
}

void kept_run::find_outputs(const reach& all, kept_inputs& found) {
  for (const auto& [child, dependency] : all.wide) {
    const auto& edge = child->dependencies[dependency];
    if (!shuffles_.insert(edge.shuffle.value).second)
      continue;
    const auto digest = digests_.known(edge.shuffle);
    if (!digest || has_barrier(edge.parent))
      continue;
    const auto place = place_of(*digest);
    found.shuffle_places.emplace_back(edge.shuffle.value, place);
    scheduler::outputs_found outputs{edge.shuffle, edge.parent->partitions, shuffles_behind(edge.parent), {}, {}};
    find_output(*child, dependency, place, outputs);
    if (outputs.found.empty())
      continue;
    for (const auto& [partition, fingerprint] : outputs.found)
      outputs.counted.push_back(partition);
    say(level::info,
        fmt::format("{} of {} map outputs for {} were kept by an earlier start", outputs.found.size(), outputs.partitions, child->title()));
    found.outputs.push_back(std::move(outputs));
  }
}

void kept_run::find_output(const core::lineage& child, std::size_t dependency, const std::string& place,
                           scheduler::outputs_found& outputs) {
  const auto digest = *digests_.known(child.dependencies[dependency].shuffle);
  for (const auto& [partition, path] : files_in(place, &kept_output_name)) {
    contributed_values added;
    try {
      const storage::kept_reader file(path);
      if (partition >= outputs.partitions || file.blocks() != child.partitions)
        continue;
      added = read_notes(file.notes());
      outputs.found.emplace_back(partition, file.fingerprint());
    } catch (const std::exception& failure) {
      say(level::warning, fmt::format("map output {} for {} is computed again: {}", partition, child.title(), failure.what()));
      remove_file(path);
      continue;
    }
    if (first_of(digest, partition))
      merge(std::move(added));
  }
}

void kept_run::find_cached(const reach& all, kept_inputs& found) {
  for (const auto& dataset : all.cached) {
    if (!looked_for_.insert(dataset->id.value).second)
      continue;
    const auto digest = datasets_.at(dataset->id.value);
    if (!digest || has_barrier(dataset))
      continue;
    const auto place = place_of(*digest);
    found.dataset_places.emplace_back(dataset->id.value, place);
    scheduler::cached_found cached{dataset->id, shuffles_behind(dataset), {}, {}};
    for (const auto& [partition, path] : files_in(place, &kept_added_name)) {
      contributed_values added;
      try {
        added = read_notes(storage::kept_reader(path).notes());
      } catch (const std::exception& failure) {
        say(level::warning, fmt::format("partition {} of {} is computed again: {}", partition, dataset->title(), failure.what()));
        remove_file(path);
        continue;
      }
      if (first_of(*digest, partition))
        merge(std::move(added));
      cached.counted.push_back(partition);
      // Only with the word on what its computation added: it will not be computed again.
      if (std::error_code failed; partition < dataset->partitions && fs::exists(fs::path(place) / kept_cached_name(partition), failed))
        cached.found.push_back(partition);
    }
    if (cached.counted.empty())
      continue;
    say(level::info, fmt::format("{} of {} cached partitions of {} were kept by an earlier start", cached.found.size(), dataset->partitions,
                                 dataset->title()));
    found.cached.push_back(std::move(cached));
  }
}

bool kept_run::first_of(const std::string& digest, std::uint32_t partition) {
  return counted_.emplace(digest, partition).second;
}

void kept_run::merge(contributed_values&& added) const {
  for (auto& [accumulator, value] : added)
    core::merge_contribution(accumulator, std::move(value));
}

std::optional<kept_run::job_file> kept_run::read_job(const std::string& file, std::optional<std::size_t> results) const {
  if (std::error_code failed; !fs::exists(file, failed))
    return std::nullopt;
  try {
    const storage::kept_reader reader(file);
    if (reader.blocks() != results.value_or(0))
      return std::nullopt;
    job_file found;
    found.results.resize(reader.blocks());
    for (std::size_t i = 0; i < found.results.size(); ++i)
      if (auto bytes = reader.block(i))
        found.results[i].bytes = std::make_shared<const core::byte_buffer>(std::move(*bytes));
    core::byte_reader in(reader.notes());
    found.counted.resize(in.count(3));
    for (auto& one : found.counted) {
      one.digest = in.text();
      one.partition = in.varint32();
      const auto size = in.count();
      const auto* const from = in.raw(size);
      one.values = read_notes({from, from + size});
    }
    return found;
  } catch (const std::exception& failure) {
    say(level::warning, fmt::format("a finished job is run again: {}", failure.what()));
    remove_file(file);
    return std::nullopt;
  }
}

void kept_run::count_job(job_file&& job, const reach& all) {
  std::map<std::string, std::vector<std::uint32_t>> counted;
  for (auto& one : job.counted) {
    if (!one.digest.empty() && !first_of(one.digest, one.partition))
      continue;
    if (!one.digest.empty())
      counted[one.digest].push_back(one.partition);
    merge(std::move(one.values));
  }
  for (const auto& [child, dependency] : all.wide) {
    const auto& edge = child->dependencies[dependency];
    if (const auto digest = digests_.known(edge.shuffle); digest && counted.contains(*digest))
      waiting_.outputs.push_back({edge.shuffle, edge.parent->partitions, shuffles_behind(edge.parent), {}, counted[*digest]});
  }
  for (const auto& dataset : all.cached)
    if (const auto& digest = datasets_.at(dataset->id.value); digest && counted.contains(*digest))
      waiting_.cached.push_back({dataset->id, shuffles_behind(dataset), {}, counted[*digest]});
}

core::engine::output_course kept_run::begin_output(const core::node_ptr& dataset, const std::string& path, const std::string& how,
                                                   const computation_digests::properties& of) {
  using course = core::engine::output_course;
  directory_.check_owner();
  const auto plain = core::plain_path(path);
  if (plain.empty() || !core::scheme_of(plain).empty())
    return {}; // other stores have no marks: an output that is there is refused
  const fs::path whole = core::absolute_output_path(plain);
  course made;
  made.attempts = attempts_name(directory_.mark(), starts());
  made.still_ours = [directory = directory_] { return directory.still_ours(); };
  output_mark ours{starts(), {}};
  const std::lock_guard lock(mutex_);
  if (!given_up_)
    if (const auto digest = digests_.of_dataset(dataset, of))
      ours.digest = computation_digests::of_text(*digest + '\n' + how + '\n' + whole.string());
  made.seal = seal_of(directory_.mark(), ours);
  if (!ours.digest.empty())
    made.results = place_of(ours.digest) + "/saved";
  if (const auto seal = read_seal(read_text_of(whole / "_SUCCESS"), directory_.mark())) {
    if (seal->start >= starts())
      return made; // this start's own: refused as ever
    auto done = ours.digest.empty() || seal->digest != ours.digest ? std::nullopt : read_job(made.results, std::nullopt);
    made.what = done ? course::kind::skip : course::kind::write_anew;
    if (done) {
      const reach all(dataset);
      for (const auto& [child, dependency] : all.wide)
        digests_.of_shuffle(child, dependency, of);
      for (const auto& one : all.cached)
        if (!datasets_.contains(one->id.value))
          datasets_.emplace(one->id.value, digests_.of_dataset(one, of));
      count_job(std::move(*done), all);
    }
  } else if (const auto start = unfinished_start(whole, directory_.mark(), starts()); start != 0 && start < starts()) {
    made.what = course::kind::write_anew;
  }
  return made;
}

void kept_run::keep_results(std::string file, std::vector<core::block> results, std::vector<counted_contribution> counted,
                            std::function<void()> then) {
  work_item item{std::move(file), {std::move(results), {}}, std::move(then)};
  {
    const std::lock_guard lock(mutex_);
    if (given_up_)
      item.file.clear();
    for (auto& one : counted) {
      computation_digests::digest digest = std::string();
      if (one.of == counted_contribution::kind::map)
        digest = digests_.known({one.id});
      else if (const auto known = datasets_.find(one.id); one.of == counted_contribution::kind::cached)
        digest = known == datasets_.end() ? std::nullopt : known->second;
      if (!digest)
        item.file.clear(); // what was counted could not be told again
      else
        item.job.counted.push_back({std::move(*digest), one.partition, std::move(one.values)});
    }
  }
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.push_back(std::move(item));
  }
  changed_.notify_one();
}

void kept_run::give_up() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(given_up_, true))
    return;
  try {
    directory_.forget();
    say(level::warning, "records were not the same when they were computed again: nothing of this run is kept for another start");
  } catch (const std::exception& failure) {
    say(level::error, fmt::format("records were not the same when they were computed again, and that could not be noted: {}; do not start "
                                  "this driver again with the same salamander.recovery.id",
                                  failure.what()));
  }
}

void kept_run::stop() {
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (writer_.joinable())
    writer_.join();
}

namespace {

void write_job(const std::string& path, const std::vector<core::block>& results, const core::byte_buffer& notes) {
  if (notes.size() > storage::kept_reader::notes_bytes_max)
    core::throw_error(errc::result_too_large, "what was added to accumulators takes " + std::to_string(notes.size()) + " bytes");
  fs::create_directories(fs::path(path).parent_path());
  storage::kept_writer file(path, results.size(), notes.size());
  core::byte_buffer bytes;
  for (const auto& one : results) {
    if (!one) {
      file.add_empty();
      continue;
    }
    bytes.clear();
    if (one.object)
      one.object->encode(bytes);
    file.add(one.object ? bytes : *one.bytes);
  }
  file.commit(0, notes);
}

} // namespace

void kept_run::work() {
  for (;;) {
    work_item next;
    {
      std::unique_lock lock(queue_mutex_);
      changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty())
        return;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    if (next.file.ends_with("/saved"))
      next.job.results.clear();
    std::uint64_t size = 0;
    for (const auto& one : next.job.results)
      size += one.size_bytes();
    try {
      if (!next.file.empty() && size <= result_bytes_max) {
        core::byte_buffer notes;
        core::byte_writer out(notes);
        out.varint(next.job.counted.size());
        for (const auto& one : next.job.counted) {
          const auto values = notes_of(one.values);
          out.text(one.digest);
          out.varint(one.partition);
          out.varint(values.size());
          out.raw(values.data(), values.size());
        }
        write_job(next.file, next.job.results, notes);
      }
    } catch (const std::exception& failure) {
      say(level::warning, fmt::format("the results of a job are not kept: {}", failure.what()));
    } catch (...) { // of a user's packing code
      say(level::warning, "the results of a job are not kept: an exception of unknown type");
    }
    next.then();
  }
}

} // namespace salamander::actors
