#include <salamander/rdd/application.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace salamander::core {
namespace {

/// Of the application that this thread used last: there is one at a time.
struct thread_properties {
  std::uint64_t application = 0;
  std::map<std::string, std::string> values;
};
thread_local thread_properties properties_here;

/// They travel with the order of each stage.
constexpr std::size_t properties_bytes_max = 64U << 10;

/// What this thread runs in the background, if it does.
thread_local std::shared_ptr<background_action> action_here;

} // namespace

application::application(config settings, call_site created_at) : settings_(std::move(settings)), created_at_(std::move(created_at)) {
  if (!settings_.find("salamander.app.name"))
    settings_.set("salamander.app.name", "salamander");
  check_consistent(settings_);
  files_ = std::make_unique<added_files>(settings_.find("salamander.local.dir").value_or(""));
  engine_ = start_engine(settings_, settings_.get("salamander.app.name"));
  gate_->open_to = engine_.get();
  try {
    add_files_of_settings();
  } catch (...) {
    stop("not started");
    throw;
  }
}

void application::add_files_of_settings() {
  // A cluster's workers have put them beside executors and driver.
  const bool there = parse_master(settings_.get("salamander.master", "local[*]")).how == master_url::kind::cluster;
  const auto all = settings_.get("salamander.files", "");
  for (std::size_t begin = 0; begin < all.size();) {
    const auto end = std::min(all.find(',', begin), all.size());
    const auto path = all.substr(begin, end - begin);
    begin = end + 1;
    if (!path.empty() && there)
      files_->note(path);
    else if (!path.empty())
      files_->add(path, "the setting salamander.files",
                  [&](auto value) { return add_broadcast(std::move(value), source_location::current()); });
  }
}

application::~application() {
  stop("destroyed");
}

void application::check_usable(const char* operation, const source_location& where) const {
  if (inside_task())
    throw_error(errc::nested_use, std::string(operation) + " at " + call_site::from(where).text() +
                                      " was called inside a function that runs in a task; datasets and contexts exist on the driver only: "
                                      "collect the other dataset first and pass it by sal::bind_front, or join the two");
  if (!stopped_.load())
    return;
  auto text = std::string(operation) + " at " + call_site::from(where).text() + " was called on a stopped context; it was created at " +
              created_at_.text();
  {
    const std::lock_guard lock(mutex_);
    if (!end_.empty())
      text += " and " + end_;
  }
  if (const auto other = active_context_site(); !other.empty())
    text += "; the one that is active now was created at " + other;
  throw_error(errc::context_stopped, text);
}

void application::check_same(const application& other, const char* operation, const source_location& where) const {
  if (&other != this)
    throw_error(errc::invalid_argument, std::string(operation) + " at " + call_site::from(where).text() +
                                            " was given datasets of two contexts, created at " + created_at_.text() + " and " +
                                            other.created_at_.text() + "; a dataset can only be used with the context that made it");
}

node_header application::header(const char* operation, const source_location& where, std::uint32_t partitions) {
  check_usable(operation, where);
  node_header made;
  made.id = next_dataset();
  made.operation = operation;
  made.site = call_site::from(where);
  made.partitions = partitions;
  return made;
}

void application::adopt(node& made) {
  made.on_release = [gate = gate_](const node& gone) {
    const std::lock_guard lock(gate->mutex);
    if (!gate->open_to)
      return;
    if (gone.cached.load())
      gate->open_to->unpersist(gone.id, false);
    for (const auto& edge : gone.dependencies)
      if (edge.wide())
        gate->open_to->release_shuffle(edge.shuffle);
    if (gone.dependencies.empty())
      gate->open_to->release_source(gone.id);
  };
}

std::uint32_t application::default_parallelism() const {
  if (settings_.contains("salamander.default.parallelism"))
    return static_cast<std::uint32_t>(std::max<std::int64_t>(1, settings_.get_int("salamander.default.parallelism")));
  return engine_->default_parallelism();
}

std::shared_ptr<job_handle> application::submit(node_ptr final, std::shared_ptr<const action> act, std::vector<std::uint32_t> partitions,
                                                const char* operation, const source_location& where) {
  check_usable(operation, where);
  job_spec spec;
  spec.final = std::move(final);
  spec.act = std::move(act);
  spec.partitions = std::move(partitions);
  spec.operation = operation;
  spec.site = call_site::from(where);
  if (properties_here.application == serial_)
    spec.properties = properties_here.values;
  const auto properties = spec.properties;
  if (auto files = files_->property(); !files.empty())
    spec.properties[added_files_key] = std::move(files);
  if (const auto reason = jobs_->refusal(properties, action_here))
    throw_error(errc::job_cancelled, spec.operation + (" at " + spec.site.text()) + ": the job was not started: " + *reason);
  auto job = engine_->submit(std::move(spec));
  jobs_->add(job, properties, action_here);
  return job;
}

std::shared_ptr<background_action> application::start_background(std::function<void()> body) {
  auto action = std::make_shared<background_action>();
  jobs_->start([action, properties = properties_here, body = std::move(body)] {
    properties_here = properties;
    action_here = action;
    body();
    action_here = nullptr;
  });
  return action;
}

std::uint64_t application::next_serial() noexcept {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1);
}

void application::set_local_property(const std::string& key, std::optional<std::string> value) {
  if (key.empty())
    throw_error(errc::invalid_argument, "set_local_property: the key is empty");
  if (properties_here.application != serial_)
    properties_here = {serial_, {}};
  std::size_t size = value ? key.size() + value->size() : 0;
  for (const auto& [other, text] : properties_here.values)
    size += other == key ? 0 : other.size() + text.size();
  if (value && size > properties_bytes_max)
    throw_error(errc::invalid_argument, "set_local_property of " + key + ": the properties of this thread would take " +
                                            std::to_string(size) + " bytes, more than " + std::to_string(properties_bytes_max) +
                                            ", and they are sent with each stage; give larger values by broadcast");
  if (value)
    properties_here.values.insert_or_assign(key, *std::move(value));
  else
    properties_here.values.erase(key);
}

std::optional<std::string> application::local_property(const std::string& key) const {
  const auto& here = properties_here;
  const auto found = here.application == serial_ ? here.values.find(key) : here.values.end();
  return found == here.values.end() ? std::nullopt : std::optional(found->second);
}

std::map<std::string, std::string> application::local_properties() const {
  return properties_here.application == serial_ ? properties_here.values : std::map<std::string, std::string>();
}

void application::set_local_properties(std::map<std::string, std::string> all) {
  properties_here = {serial_, std::move(all)};
}

std::vector<block> application::run(const node_ptr& final, std::shared_ptr<const action> act, const char* operation,
                                    const source_location& where) {
  std::vector<std::uint32_t> all(final->partitions);
  std::iota(all.begin(), all.end(), 0U);
  return run(final, std::move(act), std::move(all), operation, where);
}

std::vector<block> application::run(const node_ptr& final, std::shared_ptr<const action> act, std::vector<std::uint32_t> partitions,
                                    const char* operation, const source_location& where) {
  const auto job = submit(final, std::move(act), std::move(partitions), operation, where);
  const auto note = [&] {
    const std::lock_guard lock(mutex_);
    last_ = job->report();
  };
  try {
    auto results = job->wait();
    note();
    return results;
  } catch (...) {
    note();
    throw;
  }
}

broadcast_handle application::add_broadcast(std::shared_ptr<const block_object> value, const source_location& where) {
  check_usable("broadcast", where);
  const auto id = next_broadcast();
  const auto site = call_site::from(where);
  std::uint64_t size = 0;
  try {
    size = engine_->put_broadcast(id, value);
  } catch (const error&) {
    throw;
  } catch (const std::exception& failure) {
    throw_error(errc::not_serializable,
                "the value given to broadcast at " + site.text() + " could not be turned into bytes: " + failure.what());
  }
  const broadcast_handle handle{handle_word(id), handle_word(size)};
  keep_broadcast(serial_, handle, std::move(value), site,
                 [gate = gate_](std::uint32_t broadcast, const std::optional<std::string>& destroyed) {
                   const std::lock_guard lock(gate->mutex);
                   return gate->open_to ? gate->open_to->drop_broadcast(broadcast, destroyed) : std::future<void>();
                 });
  return handle;
}

void application::add_file(const std::string& path, const source_location& where) {
  check_usable("add_file", where);
  files_->add(path, call_site::from(where).text(), [&](auto value) { return add_broadcast(std::move(value), where); });
}

std::uint32_t application::add_accumulator(std::shared_ptr<accumulator_cell> cell, const source_location& where) {
  check_usable("accumulator", where);
  return keep_accumulator(serial_, std::move(cell));
}

job_report application::last_report() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void application::stop(const std::string& how) {
  if (stopped_.exchange(true))
    return;
  {
    const std::lock_guard lock(mutex_);
    end_ = how;
  }
  {
    const std::lock_guard lock(gate_->mutex);
    gate_->open_to = nullptr;
  }
  if (engine_)
    engine_->stop();
  jobs_->wait_for_threads();
  release_broadcasts(serial_);
  release_accumulators(serial_);
  files_->close();
}

partitioner_choice choose_partitioner(const application& app, std::initializer_list<const lineage*> inputs, std::uint32_t wanted) {
  if (wanted != 0)
    return {{salamander::partitioner::kind::hash, wanted, 0}, nullptr};
  std::uint32_t largest = 0;
  const lineage* best = nullptr;
  for (const auto* one : inputs) {
    largest = std::max(largest, one->partitions);
    if (one->partitioning && one->partitioning->partitions > 0 && (!best || one->partitioning->partitions > best->partitioning->partitions))
      best = one;
  }
  const auto standard = app.settings().contains("salamander.default.parallelism") ? app.default_parallelism() : largest;
  if (best) {
    const auto count = best->partitioning->partitions;
    const bool close = std::log10(static_cast<double>(largest)) - std::log10(static_cast<double>(count)) < 1;
    if (close || count > standard)
      return {*best->partitioning, best->assigner};
  }
  return {{salamander::partitioner::kind::hash, standard, 0}, nullptr};
}

std::string describe_lineage(const lineage& dataset) {
  struct visit {
    const lineage* node;
    std::string indent;
    bool shuffled;
  };
  std::string text;
  std::vector<visit> open{{&dataset, "", false}};
  while (!open.empty()) {
    const auto at = std::move(open.back());
    open.pop_back();
    const auto count = "(" + std::to_string(at.node->partitions) + ")";
    if (!text.empty())
      text += '\n';
    text += at.indent + (at.shuffled ? " +-" : text.empty() ? "" : "  | ");
    text += count + " " + at.node->operation + " [" + std::to_string(at.node->id.value) + "] at " + at.node->site.text();
    if (at.node->cached.load())
      text += " [cached]";
    const auto below = at.indent + (at.shuffled ? "   " : "");
    for (auto edge = at.node->dependencies.rbegin(); edge != at.node->dependencies.rend(); ++edge)
      if (edge->parent)
        open.push_back({edge->parent.get(), below, edge->wide()});
  }
  return text;
}

void concatenate(node_header& made, const std::vector<node_ptr>& parents) {
  std::vector<node_ptr> filled;
  std::copy_if(parents.begin(), parents.end(), std::back_inserter(filled), [](const node_ptr& one) { return one->partitions != 0; });
  const bool alike = !filled.empty() && filled.front()->partitioning && std::all_of(filled.begin(), filled.end(), [&](const node_ptr& one) {
    return one->partitioning == filled.front()->partitioning;
  });
  std::uint32_t first = 0;
  for (const auto& one : alike ? filled : parents) {
    auto edge = narrow_on(one);
    if (!alike) {
      edge.how = dependency::kind::shifted;
      edge.shift = {first, one->partitions};
      first += one->partitions;
    }
    made.dependencies.push_back(std::move(edge));
  }
  made.partitions = alike ? filled.front()->partitions : first;
  if (alike) {
    made.partitioning = filled.front()->partitioning;
    made.assigner = filled.front()->assigner;
  }
}

dependency narrow_on(const node_ptr& parent) {
  dependency edge;
  edge.parent = parent;
  return edge;
}

dependency wide_on(const node_ptr& parent, shuffle_id shuffle) {
  dependency edge;
  edge.parent = parent;
  edge.how = dependency::kind::wide;
  edge.shuffle = shuffle;
  return edge;
}

} // namespace salamander::core
