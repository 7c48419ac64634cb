#include "scenario.hpp"

#include <salamander/scheduler/barrier.hpp>
#include <salamander/scheduler/pipeline.hpp>

#include <algorithm>
#include <set>

namespace salamander::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Streams of one seed; see random_stream.
enum stream : std::uint64_t { of_settings = 1, of_graph, of_jobs, of_faults, of_broken_lineage, of_barriers, of_departures };

/// Expected occurrences in the time in which faults happen, when the kind is switched on. They follow the weights that the fault model
/// gives for two minutes of a real cluster; the time here is shorter.
struct fault_weight {
  fault_kind kind;
  std::uint32_t weight;
};
constexpr std::array weights{
    fault_weight{fault_kind::kill, 2},          fault_weight{fault_kind::pause, 2},          fault_weight{fault_kind::cut, 2},
    fault_weight{fault_kind::one_way_cut, 1},   fault_weight{fault_kind::delay, 2},          fault_weight{fault_kind::reset, 2},
    fault_weight{fault_kind::drop, 6},          fault_weight{fault_kind::duplicate, 2},      fault_weight{fault_kind::reorder, 2},
    fault_weight{fault_kind::corrupt_block, 2}, fault_weight{fault_kind::corrupt_stored, 2}, fault_weight{fault_kind::delete_block, 1},
    fault_weight{fault_kind::allocation, 1},    fault_weight{fault_kind::pressure, 1},       fault_weight{fault_kind::slow, 2},
    fault_weight{fault_kind::user_error, 2},    fault_weight{fault_kind::poison, 1},         fault_weight{fault_kind::disk, 2},
    fault_weight{fault_kind::start_failure, 1}, fault_weight{fault_kind::hung_start, 1},     fault_weight{fault_kind::driver_pause, 1},
    fault_weight{fault_kind::old_order, 1},     fault_weight{fault_kind::old_report, 2},     fault_weight{fault_kind::driver_restart, 1}};
// Broken lineage and departures have streams of their own, so that the seeds of bugs that were fixed before they came keep their meaning.
static_assert(weights.size() + 2 == static_cast<std::size_t>(fault_kind::count_));

duration in(random_stream& random, duration from, duration to) {
  return microseconds(random.between(static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(from).count()),
                                     static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(to).count())));
}

void choose_limits(cluster_settings& made, random_stream& random) {
  if (random.chance(40)) {
    made.heartbeat = milliseconds(200);
    made.suspect_after = milliseconds(600);
    made.dead_after = seconds(1);
    made.order_deadline = seconds(3);
  }
  made.register_timeout = seconds(random.between(2, 10));
  made.restarts.restarts_max = 1 + random.below(6);
  made.restarts.window = seconds(random.one_of(std::array{5, 30}));
  made.restarts.start_failures_max = 2 + random.below(4);
  if (random.chance(30)) {
    made.channel.window_messages = random.one_of(std::array{1, 2, 8});
    made.channel.window_bytes = random.one_of(std::array{300U, 2000U, 1U << 20});
    made.channel.acknowledge_messages = 1 + random.below(16);
  }
  if (random.chance(30))
    made.channel.resend_after = milliseconds(random.between(50, 1500));
  made.fetch_attempts_max = 1 + random.below(3);
  made.fetch_silence_max = milliseconds(random.between(200, 2000));
}

void choose_scheduling(scheduler::scheduler_options& made, random_stream& random) {
  made.out_of_memory_failures_max = 1 + random.below(3);
  made.task_failures_max = random.one_of(std::array{1U, 2U, 4U, 4U, 4U});
  made.stage_attempts_max = random.one_of(std::array{1U, 2U, 4U, 4U, 4U});
  made.locality_wait = milliseconds(random.one_of(std::array{0, 50, 500, 3000}));
  made.resubmit_delay = milliseconds(random.one_of(std::array{0, 0, 200}));
  made.lookahead_tasks_max = random.one_of(std::array{0U, 2U, 64U});
  if (random.chance(5))
    made.result_bytes_max = 200 + random.below(2000);
  made.speculation.enabled = random.chance(60);
  made.speculation.tasks_min = random.one_of(std::array{2U, 4U, 20U});
  made.speculation.task_run_time_min = milliseconds(random.one_of(std::array{5, 100}));
  made.speculation.quantile = random.one_of(std::array{0.5, 0.75});
  made.exclusion.tasks_and_stages = random.chance(20);
  made.exclusion.application = random.chance(10);
  made.exclusion.kill_excluded = random.chance(50);
  made.exclusion.fetch_failures = random.chance(50);
  made.exclusion.timeout = seconds(random.between(1, 20));
  made.exclusion.unschedulable_timeout = seconds(random.between(1, 10));
  made.exclusion.retry_elsewhere_wait = milliseconds(random.one_of(std::array{0, 500, 3000}));
  made.fair = random.chance(30);
  if (made.fair)
    made.pools = {{"quick", 3, 1, random.chance(50)}, {"slow", 1, 0, random.chance(50)}};
}

cluster_settings choose_settings(random_stream random) {
  cluster_settings made;
  made.slots = 1 + random.below(8);
  made.cores = 1 + random.below(4);
  made.hosts = random.chance(50) ? 0 : 1 + random.below(made.slots);
  if (random.chance(30))
    made.memory_bytes = random.between(6, 40) << 10;
  choose_scheduling(made.scheduler, random);
  made.scheduler.task_cpus = made.cores > 1 && random.chance(10) ? 2 : 1;
  choose_limits(made, random);
  made.latency_max = microseconds(random.one_of(std::array{100, 2000, 20000}));
  made.task_time = microseconds(random.one_of(std::array{60, 2000, 20000, 100000, 400000}));
  if (random.chance(30))
    made.direct_result_bytes_max = 100;
  made.plans_as_blocks = random.chance(20);
  made.parent_death_signal = random.chance(50);
  return made;
}

std::vector<std::uint32_t> choose_partitions(const dataset& of, random_stream& random) {
  std::vector<std::uint32_t> chosen;
  const bool all = of.loose || random.chance(75);
  for (std::uint32_t p = 0; p < of.partitions; ++p)
    if (all || random.chance(40))
      chosen.push_back(p);
  return chosen;
}

void choose_jobs(scenario& made, duration time, random_stream random) {
  for (std::uint32_t i = 0, n = 1 + random.below(4); i < n; ++i) {
    planned_job job;
    job.dataset = made.shifting || random.chance(70)
                      ? static_cast<std::uint32_t>(made.graph.size()) - 1 - random.below(std::min<std::size_t>(3, made.graph.size()))
                      : random.below(made.graph.size());
    job.partitions = choose_partitions(*made.graph[job.dataset], random);
    job.what = random.chance(50) ? job_action::collect : static_cast<job_action>(1 + random.below(3));
    job.at = i == 0 ? duration::zero() : in(random, duration::zero(), time / 2);
    if (made.settings.scheduler.fair && random.chance(70))
      job.pool = random.chance(50) ? "quick" : "slow";
    if (random.chance(8))
      job.cancel_at = job.at + in(random, duration::zero(), time / 2);
    made.jobs.push_back(std::move(job));
  }
  for (const auto& one : made.graph) {
    if (one->cached && random.chance(25))
      made.releases.push_back({false, one->id.value, in(random, duration::zero(), time)});
    for (const auto& edge : one->dependencies)
      if (edge.wide() && random.chance(5))
        made.releases.push_back({true, edge.shuffle.value, in(random, duration::zero(), time)});
  }
}

/// Whether every barrier stage of the job may be run as one, and has the cores for it when all executors live.
bool barriers_fit(const planned_job& job, const scenario& where) {
  const auto uncut = [](const core::lineage&) { return false; };
  std::set<const core::lineage*> seen;
  std::vector<std::pair<std::shared_ptr<const core::lineage>, std::size_t>> stages{{where.graph[job.dataset], job.partitions.size()}};
  while (!stages.empty()) {
    const auto [root, tasks] = stages.back();
    stages.pop_back();
    const auto pipeline = scheduler::walk_pipeline(root, uncut);
    if (pipeline.barrier && (tasks > where.settings.slots * where.settings.slots_of_each() ||
                             !scheduler::barrier_refusal(*root, static_cast<std::uint32_t>(tasks)).empty()))
      return false;
    for (const auto& edge : pipeline.wide)
      if (const auto& parent = edge.get().parent; seen.insert(parent.get()).second)
        stages.emplace_back(parent, parent->partitions);
  }
  return true;
}

// With a stream of its own, as broken lineage. Executors that are excluded could leave too few cores for ever.
void choose_barriers(scenario& made, random_stream random) {
  const auto& rules = made.settings.scheduler.exclusion;
  if (made.single_loss || rules.tasks_and_stages || rules.application || !random.chance(20))
    return;
  for (const auto& one : made.graph) {
    if (!random.chance(40))
      continue;
    one->barrier = true;
    if (std::ranges::all_of(made.jobs, [&](const auto& job) { return barriers_fit(job, made); }))
      made.barriers.push_back(one->id.value);
    else
      one->barrier = false;
  }
  // A slot that is given up is missed for ever, and somebody waits for the end.
  made.settings.scheduler.barrier = {milliseconds(500), 10, 0};
}

planned_fault make_fault(fault_kind kind, const scenario& where, duration time, random_stream& random) {
  planned_fault made;
  made.kind = kind;
  made.at = in(random, duration::zero(), time);
  made.slot = random.below(where.settings.slots);
  made.salt = random.next();
  switch (kind) {
  case fault_kind::pause:
  case fault_kind::cut:
  case fault_kind::one_way_cut:
  case fault_kind::driver_pause:
    // Short ones are only suspected, if anything; long ones are taken for dead.
    made.lasts =
        random.chance(60) ? in(random, milliseconds(5), where.settings.dead_after) : in(random, where.settings.dead_after, seconds(15));
    made.amount = random.below(2); // one_way_cut: which way
    break;
  case fault_kind::delay:
    made.lasts = in(random, milliseconds(100), seconds(5));
    made.amount = random.below(3000); // milliseconds
    break;
  case fault_kind::drop:
  case fault_kind::duplicate:
  case fault_kind::reorder:
    made.lasts = in(random, milliseconds(100), seconds(5));
    made.amount = 1 + random.below(random.chance(50) ? 30 : 90); // percent
    break;
  case fault_kind::corrupt_block:
    made.lasts = in(random, milliseconds(50), seconds(4));
    made.amount = 5 + random.below(60);
    break;
  case fault_kind::corrupt_stored:
  case fault_kind::delete_block:
  case fault_kind::allocation:
    made.amount = 1 + random.below(4); // how many
    break;
  case fault_kind::pressure:
    made.lasts = in(random, milliseconds(100), seconds(5));
    made.amount = 50 + random.below(51); // percent of the budget
    break;
  case fault_kind::slow:
    made.lasts = in(random, milliseconds(500), seconds(8));
    made.amount = 2 + random.below(9); // times
    break;
  case fault_kind::user_error:
  case fault_kind::poison: {
    const auto& one = *where.graph[random.below(where.graph.size())];
    made.dataset = one.id.value;
    made.partition = random.below(one.partitions);
    made.at = duration::zero();
    made.amount = random.chance(80) ? 1 + random.below(3) : 1000;
    break;
  }
  case fault_kind::disk:
    made.lasts = in(random, milliseconds(50), seconds(3));
    made.amount = 20 + random.below(81); // percent of the writes
    break;
  case fault_kind::start_failure:
    made.at = random.chance(50) ? duration::zero() : made.at;
    made.amount = 1 + random.below(5); // how many starts in a row
    break;
  case fault_kind::hung_start:
    made.amount = 1;
    break;
  case fault_kind::kill:
  case fault_kind::reset:
  case fault_kind::old_order:
  case fault_kind::old_report:
  case fault_kind::driver_restart:
  case fault_kind::broken_lineage:
  case fault_kind::count_:
    break;
  case fault_kind::departure:
    made.lasts = in(random, milliseconds(100), seconds(8));
    break;
  }
  return made;
}

void choose_faults(scenario& made, duration time, random_stream random) {
  if (made.single_loss) {
    made.faults.push_back(make_fault(fault_kind::kill, made, time, random));
    if (made.single_departure)
      made.faults.back().kind = fault_kind::departure;
    return;
  }
  if (random.once_in(20))
    return; // none at all
  const auto plenty = 1 + random.below(3);
  for (const auto& [kind, weight] : weights) {
    const auto rare = kind == fault_kind::driver_restart || kind == fault_kind::poison || kind == fault_kind::start_failure;
    const auto loses = kind == fault_kind::kill || kind == fault_kind::delete_block;
    if (!random.chance(made.shifting ? (loses ? 100 : 8) : rare ? 15 : 40))
      continue;
    for (auto left = random.below((made.shifting && loses ? 3 * weight : weight) * plenty + 1) + (random.chance(50) ? 1U : 0U); left > 0;
         --left) {
      made.faults.push_back(make_fault(kind, made, time, random));
      if (kind == fault_kind::driver_restart)
        break;
    }
  }
  random_stream of_its_own(made.seed, of_broken_lineage);
  if (!made.faults.empty() && made.shape.cached_percent > 0 && of_its_own.chance(20))
    made.faults.push_back(make_fault(fault_kind::broken_lineage, made, time, of_its_own));
  random_stream of_leaving(made.seed, of_departures);
  if (!made.faults.empty() && of_leaving.chance(30))
    for (auto left = 1 + of_leaving.below(4); left > 0; --left)
      made.faults.push_back(make_fault(fault_kind::departure, made, time, of_leaving));
  std::stable_sort(made.faults.begin(), made.faults.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
}

std::string seconds_text(duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6f s", std::chrono::duration<double>(time).count());
  return text;
}

} // namespace

std::string_view name_of(fault_kind kind) noexcept {
  constexpr std::array names{"kill",           "pause",      "cut",          "one-way cut",   "delay",          "reset",
                             "drop",           "duplicate",  "reorder",      "corrupt block", "corrupt stored", "delete block",
                             "allocation",     "pressure",   "slow",         "user error",    "poison",         "disk",
                             "start failure",  "hung start", "driver pause", "old order",     "old report",     "driver restart",
                             "broken lineage", "departure"};
  static_assert(names.size() == static_cast<std::size_t>(fault_kind::count_));
  return names[static_cast<std::size_t>(kind)];
}

std::string planned_fault::text() const {
  auto text = "at " + seconds_text(at) + "  " + std::string(name_of(kind));
  if (kind == fault_kind::user_error || kind == fault_kind::poison)
    text += "  in dataset " + std::to_string(dataset) + ", partition " + std::to_string(partition);
  else if (kind != fault_kind::driver_pause && kind != fault_kind::driver_restart && kind != fault_kind::disk &&
           kind != fault_kind::broken_lineage)
    text += "  slot " + std::to_string(slot);
  if (lasts > duration::zero())
    text += "  for " + seconds_text(lasts);
  if (amount > 0)
    text += "  amount " + std::to_string(amount);
  return text;
}

std::string planned_job::text(const std::vector<dataset_ptr>& graph) const {
  constexpr std::array names{"collect", "count", "save", "foreach"};
  auto text = "at " + seconds_text(at) + "  " + names[static_cast<std::size_t>(what)] + " of dataset " +
              std::to_string(graph[dataset]->id.value) + ", " + std::to_string(partitions.size()) + " of " +
              std::to_string(graph[dataset]->partitions) + " partitions";
  if (cancel_at)
    text += ", cancelled at " + seconds_text(*cancel_at);
  return text;
}

std::string scenario::text() const {
  const auto& s = settings;
  std::string text = "cluster: " + std::to_string(s.slots) + " executors of " + std::to_string(s.cores) + " cores, memory " +
                     (s.memory_bytes == 0 ? "unlimited" : std::to_string(s.memory_bytes)) + ", tasks of " + seconds_text(s.task_time) +
                     ", dead after " + seconds_text(s.dead_after) + "\n";
  text += "limits: task failures " + std::to_string(s.scheduler.task_failures_max) + ", stage attempts " +
          std::to_string(s.scheduler.stage_attempts_max) + ", locality wait " + seconds_text(s.scheduler.locality_wait) + ", speculation " +
          (s.scheduler.speculation.enabled ? "on" : "off") + ", lookahead " + std::to_string(s.scheduler.lookahead_tasks_max) + "\n";
  for (const auto& one : graph)
    text += "dataset " + describe(*one) + "\n";
  for (const auto& one : jobs)
    text += "job " + one.text(graph) + "\n";
  for (const auto& one : releases)
    text += "at " + seconds_text(one.at) + (one.shuffle ? "  release shuffle " : "  unpersist dataset ") + std::to_string(one.id) + "\n";
  for (const auto& one : faults)
    text += "fault " + one.text() + "\n";
  return text;
}

std::vector<dataset_ptr> graph_of(const scenario& what) {
  auto made = make_graph(what.shape, random_stream(what.seed, of_graph));
  for (const auto id : what.barriers)
    made[id - 1]->barrier = true;
  return made;
}

scenario make_scenario(std::uint64_t seed) {
  scenario made;
  made.seed = seed;
  made.settings = choose_settings(random_stream(seed, of_settings));
  random_stream random(seed, of_faults);
  made.single_loss = random.once_in(12);
  made.shape.datasets = 3 + random.below(14);
  made.shape.partitions_max = random.chance(30) ? 10 : 6;
  made.shape.cached_percent = random.chance(60) ? 30 : 0;
  made.shape.scatter_percent = random.chance(25) ? 12 : 0;
  made.shape.declares_scatter = random.chance(40);
  made.settings.fingerprints = !made.shape.declares_scatter || random.chance(35);
  if (made.single_loss) {
    made.shape.cached_percent = 0;
    made.shape.scatter_percent = 0;
    made.settings.memory_bytes = 0;
    made.settings.scheduler.speculation.enabled = false;
    made.settings.scheduler.stage_attempts_max = 4;
    made.settings.scheduler.task_failures_max = 4;
    made.single_departure = random_stream(seed, of_departures).chance(40);
    if (made.single_departure)
      made.settings.slots = std::max(made.settings.slots, 2U);
  }
  made.shifting = !made.single_loss && random.chance(20);
  if (made.shifting) {
    made.shape.scatter_percent = 30;
    made.shape.cached_percent = random.chance(50) ? 40 : 0;
    made.shape.datasets = 5 + random.below(5);
    made.shape.partitions_max = 8;
    made.settings.slots = 2 + made.settings.slots / 2;
    made.settings.task_time = std::max<duration>(made.settings.task_time, milliseconds(2));
    made.settings.scheduler.stage_attempts_max = 4;
  }
  made.graph = graph_of(made);
  std::uint64_t tasks = 4;
  for (const auto& one : made.graph)
    tasks += is_wide(one->how) ? one->partitions : 0;
  // Faults happen while there is something to disturb.
  const auto work = made.settings.task_time * tasks / (made.settings.slots * made.settings.slots_of_each());
  const auto time = std::clamp<duration>(work * 2, milliseconds(300), seconds(15)) +
                    (made.shifting ? duration::zero() : in(random, duration::zero(), milliseconds(random.chance(50) ? 500 : 6000)));
  choose_jobs(made, time, random_stream(seed, of_jobs));
  if (made.single_loss) {
    made.jobs.resize(1);
    made.jobs[0].cancel_at.reset();
    made.releases.clear();
  }
  choose_barriers(made, random_stream(seed, of_barriers));
  choose_faults(made, time, random);
  return made;
}

} // namespace salamander::sim
