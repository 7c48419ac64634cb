#include <salamander/actors/recovery/kept_run.hpp>

#include <salamander/actors/recovery/kept_blocks.hpp>
#include <salamander/rdd/accumulator.hpp>
#include <salamander/rdd/error.hpp>
#include <salamander/rdd/file_system.hpp>
#include <salamander/scheduler/pipeline.hpp>

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <random>
#include <unordered_set>
#include <utility>

namespace salamander::actors {
namespace {

namespace fs = std::filesystem;
using level = scheduler::notice::level;

constexpr const char* owner_file = "start";
constexpr std::size_t id_length_max = 128;

/// Contexts of this process so far: a program that is started again makes them in the same order.
std::atomic<std::uint32_t> contexts_begun{0};

bool is_name(const std::string& id) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  return !id.empty() && id.size() <= id_length_max && id[0] != '.' && std::ranges::all_of(id, plain);
}

std::string random_word() {
  std::random_device source;
  return fmt::format("{:08x}{:08x}", source(), source());
}

std::string read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// There whole or not at all.
void write_text(const fs::path& path, const std::string& text) {
  const auto beside = path.string() + "." + random_word();
  {
    std::ofstream file(beside, std::ios::binary);
    file << text;
    file.close();
    if (!file)
      core::throw_disk_error("write", beside, errno);
  }
  std::error_code failed;
  fs::rename(beside, path, failed);
  if (failed)
    core::throw_disk_error("name", path.string(), failed.value());
}

/// A program that ends well needs nothing of this any more.
void remove_at_good_end(const fs::path& run) {
  static std::mutex mutex;
  static auto& runs = *std::make_unique<std::set<std::string>>().release();
  const std::lock_guard lock(mutex);
  if (!runs.insert(run.string()).second)
    return;
  const auto registered = ::on_exit(
      [](int status, void* which) {
        std::error_code ignored;
        if (status == 0)
          fs::remove_all(*static_cast<const std::string*>(which), ignored);
      },
      const_cast<std::string*>(&*runs.find(run.string())));
  if (registered != 0)
    core::throw_error(errc::internal, "no function can be registered for the end of the process");
}

/// Shuffles and cached datasets that a job needs, nearest last; nothing behind what is known already.
struct job_reach {
  std::vector<std::pair<std::shared_ptr<const core::lineage>, std::size_t>> wide;
  std::vector<std::shared_ptr<const core::lineage>> cached;
};

job_reach reach_of(const std::shared_ptr<const core::lineage>& final, const std::set<std::uint32_t>& known_shuffles) {
  job_reach found;
  std::unordered_set<const core::lineage*> seen{final.get()};
  std::vector<std::shared_ptr<const core::lineage>> stack{final};
  while (!stack.empty()) {
    const auto at = std::move(stack.back());
    stack.pop_back();
    if (at->cached)
      found.cached.push_back(at);
    for (std::size_t i = 0; i < at->dependencies.size(); ++i) {
      const auto& edge = at->dependencies[i];
      if (edge.wide() && known_shuffles.contains(edge.shuffle.value))
        continue;
      if (edge.wide())
        found.wide.emplace_back(at, i);
      if (seen.insert(edge.parent.get()).second)
        stack.push_back(edge.parent);
    }
  }
  std::ranges::reverse(found.wide);
  std::ranges::reverse(found.cached);
  return found;
}

std::vector<core::shuffle_id> shuffles_behind(const std::shared_ptr<const core::lineage>& dataset) {
  std::vector<core::shuffle_id> found;
  for (const auto& edge : scheduler::walk_pipeline(dataset, [](const core::lineage&) { return false; }).wide)
    if (std::ranges::find(found, edge.get().shuffle) == found.end())
      found.push_back(edge.get().shuffle);
  return found;
}

/// Sorted by partition; files of other kinds are left out.
std::vector<std::pair<std::uint32_t, fs::path>> files_in(const std::string& place, const std::string& first_name) {
  std::vector<std::pair<std::uint32_t, fs::path>> found;
  std::error_code failed;
  for (fs::directory_iterator at(place, failed), end; !failed && at != end; at.increment(failed))
    if (const auto partition = kept_partition(at->path().filename().string(), first_name))
      found.emplace_back(*partition, at->path());
  std::ranges::sort(found);
  return found;
}

} // namespace

std::shared_ptr<kept_run> kept_run::begin(const config& settings, logger log) {
  const auto id = settings.get("salamander.recovery.id", "");
  const auto directory = settings.get("salamander.checkpoint.dir", "");
  if (id.empty())
    return nullptr;
  if (!is_name(id))
    core::throw_error(errc::bad_config_value, "salamander.recovery.id is \"" + id +
                                                  "\"; it names a directory: at most 128 letters, digits, dots, dashes and underscores");
  if (directory.empty()) {
    if (settings.contains("salamander.recovery.id") && !std::getenv("SALAMANDER_DRIVER_ID"))
      core::throw_error(errc::bad_config_value, "salamander.recovery.id is set, and salamander.checkpoint.dir is not: what is kept for "
                                                "another start of the program needs a directory that all machines see");
    return nullptr; // a driver that is started again without anything kept begins anew
  }
  if (core::scheme_of(directory) != "" && core::scheme_of(directory) != "file")
    core::throw_error(errc::bad_config_value, "salamander.checkpoint.dir is " + directory +
                                                  "; it has to be a directory that all machines see under this path, such as one of NFS");
  const auto run = fs::absolute(core::plain_path(directory)) / id;
  std::shared_ptr<kept_run> made(new kept_run(run, settings.get_bool("salamander.recovery.cachedBlocks"), std::move(log)));
  made->begin_here();
  return made;
}

kept_run::kept_run(fs::path directory, bool cached_blocks, logger log)
    : run_(std::move(directory)), cached_blocks_(cached_blocks), log_(std::move(log)), writer_([this] { work(); }) {}

kept_run::~kept_run() {
  stop();
}

void kept_run::begin_here() {
  std::error_code failed;
  fs::create_directories(run_, failed);
  if (failed)
    core::throw_disk_error("make", run_.string(), failed.value());
  fs::permissions(run_, fs::perms::owner_all, failed); // records of the user's
  const auto context = contexts_begun.fetch_add(1);
  const auto before = read_text(run_ / owner_file);
  // A program's later contexts belong to the same start as its first one.
  static const std::string this_process = fmt::format("{} {}", ::getpid(), random_word());
  owner_ = this_process;
  std::uint64_t count = 0;
  if (const auto space = before.find(' '); space != std::string::npos) {
    count = std::strtoull(before.c_str(), nullptr, 10);
    if (before.substr(space + 1) == owner_)
      --count;
  }
  starts_ = count + 1;
  write_text(run_ / owner_file, fmt::format("{} {}", starts_, owner_));
  directory_ = run_ / std::to_string(context);
  fs::create_directories(directory_, failed);
  if (failed)
    core::throw_disk_error("make", directory_.string(), failed.value());
  remove_at_good_end(run_);
  if (starts_ > 1)
    say(level::warning,
        fmt::format("this is start {} of the run in {}: what earlier ones have finished is used again", starts_, run_.string()));
}

void kept_run::check_owner() const {
  const auto now = read_text(run_ / owner_file);
  if (const auto space = now.find(' '); space != std::string::npos && now.substr(space + 1) != owner_)
    core::throw_error(errc::context_stopped, fmt::format("another start of this driver has taken over the run in {} (start {}); this one, "
                                                         "start {}, must not go on",
                                                         run_.string(), std::strtoull(now.c_str(), nullptr, 10), starts_));
}

std::string kept_run::place_of(const std::string& digest) const {
  return (directory_ / digest).string();
}

void kept_run::say(level how, const std::string& text) const {
  if (log_)
    log_(how, text);
}

void kept_run::add_source(core::rdd_id dataset, std::uint32_t partition, const core::block_object& records) {
  const std::lock_guard lock(mutex_);
  digests_.add_source(dataset, partition, records);
}

void kept_run::forget_source(core::rdd_id dataset) {
  const std::lock_guard lock(mutex_);
  digests_.forget_source(dataset);
}

void kept_run::add_broadcast(const core::block_object& value) {
  const std::lock_guard lock(mutex_);
  digests_.add_broadcast(value);
}

kept_run::preparation kept_run::prepare(const core::job_spec& job) {
  check_owner();
  const std::lock_guard lock(mutex_);
  preparation made;
  auto& found = waiting_;
  const auto reach = reach_of(job.final, shuffles_);
  for (const auto& [child, dependency] : reach.wide)
    find_outputs(child, dependency, found);
  if (cached_blocks_)
    for (const auto& dataset : reach.cached)
      find_cached(dataset, found);
  const auto digest = job.act && job.act->results_stand_alone() ? digests_.of_job(job) : std::nullopt;
  if (!digest) {
    made.inputs = std::exchange(found, {});
    return made;
  }
  const auto file = fmt::format("{}/job-{:05}", place_of(*digest), jobs_[*digest]++);
  if (find_results(file, job.partitions.size(), made)) {
    made.stages = static_cast<std::uint32_t>(reach.wide.size()) + 1;
    return made;
  }
  made.inputs = std::exchange(found, {});
  made.inputs.results = file;
  return made;
}

void kept_run::find_outputs(const std::shared_ptr<const core::lineage>& child, std::size_t dependency, kept_inputs& found) {
  const auto& edge = child->dependencies[dependency];
  if (!shuffles_.insert(edge.shuffle.value).second)
    return;
  const auto digest = digests_.of_shuffle(child, dependency);
  if (!digest)
    return;
  const auto place = place_of(*digest);
  found.shuffle_places.emplace_back(edge.shuffle.value, place);
  scheduler::outputs_found outputs{edge.shuffle, edge.parent->partitions, shuffles_behind(edge.parent), {}};
  for (const auto& [partition, path] : files_in(place, kept_output_name(0))) {
    if (partition >= edge.parent->partitions)
      continue;
    try {
      const storage::kept_reader file(path);
      if (file.blocks() != child->partitions)
        continue;
      count(path.string(), read_notes(file.notes()));
      outputs.found.emplace_back(partition, file.fingerprint());
    } catch (const std::exception& failure) {
      say(level::warning, fmt::format("map output {} of shuffle {} is computed again: {}", partition, edge.shuffle.value, failure.what()));
      std::error_code ignored;
      fs::remove(path, ignored);
    }
  }
  if (!outputs.found.empty()) {
    say(level::info,
        fmt::format("{} of {} map outputs for {} were kept by an earlier start", outputs.found.size(), outputs.partitions, child->title()));
    found.outputs.push_back(std::move(outputs));
  }
}

void kept_run::find_cached(const std::shared_ptr<const core::lineage>& dataset, kept_inputs& found) {
  if (!datasets_.insert(dataset->id.value).second)
    return;
  const auto digest = digests_.of_dataset(dataset);
  if (!digest)
    return;
  const auto place = place_of(*digest);
  found.dataset_places.emplace_back(dataset->id.value, place);
  scheduler::cached_found cached{dataset->id, shuffles_behind(dataset), {}, {}};
  for (const auto& [partition, path] : files_in(place, kept_cached_name(0)))
    if (partition < dataset->partitions)
      cached.found.push_back(partition);
  for (const auto& [partition, path] : files_in(place, kept_added_name(0)))
    try {
      count(path.string(), read_notes(storage::kept_reader(path).notes()));
      cached.counted.push_back(partition);
    } catch (const std::exception& failure) {
      say(level::warning, fmt::format("what partition {} of {} has added to accumulators is counted again: {}", partition, dataset->title(),
                                      failure.what()));
    }
  if (!cached.found.empty() || !cached.counted.empty()) {
    say(level::info, fmt::format("{} of {} cached partitions of {} were kept by an earlier start", cached.found.size(), dataset->partitions,
                                 dataset->title()));
    found.cached.push_back(std::move(cached));
  }
}

bool kept_run::find_results(const std::string& file, std::size_t wanted, preparation& made) {
  if (std::error_code failed; !fs::exists(file, failed))
    return false;
  try {
    const storage::kept_reader reader(file);
    if (reader.blocks() != wanted)
      return false;
    std::vector<core::block> results(wanted);
    for (std::size_t i = 0; i < wanted; ++i)
      if (auto bytes = reader.block(i))
        results[i].bytes = std::make_shared<const core::byte_buffer>(std::move(*bytes));
    count(file, read_notes(reader.notes()));
    made.results = std::move(results);
    return true;
  } catch (const std::exception& failure) {
    say(level::warning, fmt::format("a finished job is run again: {}", failure.what()));
    std::error_code ignored;
    fs::remove(file, ignored);
    return false;
  }
}

void kept_run::count(const std::string& file, contributed_values&& added) const {
  for (auto& [accumulator, value] : added)
    try {
      core::merge_contribution(accumulator, std::move(value));
    } catch (const error& failure) {
      say(level::warning, fmt::format("what {} says was added to an accumulator is not counted: {}", file, failure.what()));
    }
}

core::engine::output_course kept_run::begin_output(const core::node_ptr& dataset, const std::string& path) {
  using course = core::engine::output_course;
  check_owner();
  const auto& files = core::file_system_of(core::plain_path(path));
  const auto whole_path = files.absolute(core::plain_path(path));
  std::optional<std::string> digest;
  {
    const std::lock_guard lock(mutex_);
    digest = digests_.of_dataset(dataset);
  }
  if (!digest)
    return course::write;
  const bool there = files.status(whole_path).has_value();
  const auto note = fs::path(place_of(*digest)) / "output";
  const auto begun = read_text(note);
  const auto line = whole_path + '\n';
  if (!begun.empty() && ("\n" + begun).find("\n" + line) != std::string::npos) {
    if (there && files.status(whole_path + "/_SUCCESS"))
      return course::skip;
    return there ? course::write_anew : course::write;
  }
  if (!there) {
    fs::create_directories(note.parent_path());
    write_text(note, begun + line);
  }
  return course::write;
}

void kept_run::keep_results(std::string file, std::vector<core::block> results, contributed_values added, std::function<void()> then) {
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.push_back({std::move(file), std::move(results), std::move(added), std::move(then)});
  }
  changed_.notify_one();
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
    try {
      std::uint64_t size = 0;
      for (const auto& one : next.results)
        size += one.size_bytes();
      if (size <= result_bytes_max) {
        const auto notes = notes_of(next.added);
        fs::create_directories(fs::path(next.file).parent_path());
        storage::kept_writer file(next.file, next.results.size(), notes.size());
        core::byte_buffer bytes;
        for (const auto& one : next.results) {
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
    } catch (const std::exception& failure) {
      say(level::warning, fmt::format("the results of a job are not kept: {}", failure.what()));
    }
    next.then();
  }
}

} // namespace salamander::actors
