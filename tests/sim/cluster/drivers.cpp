#include "parties.hpp"

#include <utility>

namespace salamander::sim::cluster {
namespace {

constexpr duration dead_after = 5s;
/// Who was not heard for so long may be taken for gone.
constexpr duration silence_counts = 2500ms;
constexpr std::uint32_t executor_protocol = 1;
constexpr std::uint64_t executor_memory = 100;

sc::stored_file program_of(const std::string& token) {
  auto hash = token;
  hash.resize(64, 'a');
  return {"program", hash, 1000};
}

} // namespace

driver_party::driver_party(world& in, std::string token, host_id host, process_id whose, std::uint32_t cores_max, std::string submitted_as)
    : in_(in), token_(std::move(token)), host_(host), process_(whose), seeker_(in, host, whose) {
  description_.name = "counting";
  description_.user = "ada";
  description_.cores_max = cores_max;
  description_.executor_cores = 1;
  description_.executor_memory_bytes = executor_memory;
  description_.submitted_as = std::move(submitted_as);
  description_.program = {program_of(token_)};
  description_.launch = token_;
}

void driver_party::start() {
  sc::roster::limits limits;
  limits.protocol = executor_protocol;
  machine_.emplace(limits, token_, in_.now());
  heard_at_ = in_.now();
  seeker_.seek({}, [this](const wire& line) { use(line); });
  watch();
}

void driver_party::use(const wire& line) {
  line_ = line;
  line->lost = [this, line] {
    if (line_ != line)
      return;
    line_.reset();
    feed(sc::roster::master_lost{});
  };
  line->not_leading = [this, line](const std::string& leader) {
    if (line_ != line)
      return;
    in_.hang_up(line_);
    line_.reset();
    hint_ = leader;
    feed(sc::roster::master_lost{});
  };
  line->grants = [this](const sc::application_grants& what) { feed(sc::roster::granted{what}); };
  feed(sc::roster::master_found{});
}

/// What the links' own clocks do: an executor that is silent for too long is given up.
void driver_party::watch() {
  in_.queue.after(250ms, process_, [this] {
    std::vector<std::uint32_t> silent;
    for (const auto& [number, one] : links_)
      if (in_.now() - one.last_beat >= dead_after)
        silent.push_back(number);
    for (const auto number : silent) {
      links_.erase(number);
      feed(sc::roster::link_lost{{number}, "silent for 5.0 s", false});
    }
    feed(sc::roster::tick{});
    watch();
  });
}

void driver_party::beat(std::uint32_t executor, const link& from) {
  if (const auto at = links_.find(executor); at != links_.end() && at->second.incarnation == from.incarnation) {
    at->second.last_beat = in_.now();
    return from.answer(true);
  }
  callers_[executor] = from;
  callers_[executor].last_beat = in_.now();
  feed(sc::roster::executor_registered{{executor}, from.incarnation, from.process, executor_protocol, 1, {}});
}

void driver_party::executor_died(std::uint32_t executor, std::uint64_t incarnation) {
  const auto at = links_.find(executor);
  if (at == links_.end() || at->second.incarnation != incarnation)
    return;
  links_.erase(at);
  feed(sc::roster::link_lost{{executor}, "its connection ended", true});
}

bool driver_party::has(std::uint32_t executor, std::uint64_t incarnation) const {
  const auto at = links_.find(executor);
  return at != links_.end() && at->second.incarnation == incarnation;
}

void driver_party::feed(const sc::roster::event& what) {
  for (const auto& one : machine_->handle(what, in_.now()))
    perform(one);
}

void driver_party::perform(const sc::roster::action& what) {
  if (const auto* report = std::get_if<sc::roster::send_report>(&what)) {
    if (!line_)
      return;
    auto message = report->what;
    if (report->introduce)
      message.described = {description_};
    in_.say(line_, [this, line = line_, message, process = process_](master_party& at) {
      if (at.leads() && !in_.queue.ended(process) && message.sequence > heard_) {
        heard_ = message.sequence;
        heard_at_ = in_.now();
      }
      std::vector<sc::stored_file> missing;
      if (!message.described.empty() && !in_.disk.files.contains(description_.program.front().sha256))
        missing = description_.program;
      at.hear(line, sc::master::application_heard{line->number, message, missing});
    });
  } else if (std::holds_alternative<sc::roster::seek_master>(what)) {
    if (line_)
      in_.hang_up(line_);
    line_.reset();
    seeker_.seek(std::exchange(hint_, {}), [this](const wire& line) { use(line); });
  } else if (const auto* files = std::get_if<sc::roster::send_files>(&what)) {
    if (line_)
      in_.say(line_, [this, line = line_, hash = files->missing.front().sha256](master_party& at) {
        if (!at.leads())
          return;
        in_.disk.files.insert(hash);
        at.hear(line, sc::master::file_arrived{hash});
      });
  } else if (const auto* who = std::get_if<sc::roster::admit>(&what)) {
    const auto number = who->executor.value;
    if (!admitted_.insert(number).second)
      throw broken("executor admitted twice", "executor " + std::to_string(number) + " of " + token_);
    const auto caller = callers_.at(number);
    callers_.erase(number);
    links_[number] = caller;
    links_[number].last_beat = in_.now();
    in_.count("executors admitted");
    caller.answer(true);
  } else if (const auto* again = std::get_if<sc::roster::welcome_again>(&what)) {
    callers_.erase(again->executor.value);
  } else if (const auto* refused = std::get_if<sc::roster::refuse>(&what)) {
    const auto at = callers_.find(refused->executor.value);
    if (at == callers_.end())
      return;
    const auto answer = at->second.answer;
    callers_.erase(at);
    in_.count("executors refused");
    answer(false);
  } else if (const auto* dead = std::get_if<sc::roster::bury>(&what)) {
    links_.erase(dead->executor.value);
    in_.count("executors buried");
  } else if (const auto* leaves = std::get_if<sc::roster::ask_to_leave>(&what)) {
    if (const auto at = links_.find(leaves->executor.value); at != links_.end())
      at->second.leave();
  } else if (const auto* end = std::get_if<sc::roster::given_up>(&what)) {
    over_ = true;
    in_.note(token_ + " is given up: " + end->text);
    in_.count("applications given up");
  }
}

bool driver_party::heard() const {
  return running() && in_.now() - heard_at_ < silence_counts;
}

void driver_party::finish() {
  if (finished_)
    return;
  finished_ = true;
  feed(sc::roster::stop{});
  if (line_)
    in_.say(line_, [line = line_, token = token_](master_party& at) {
      at.hear(line, sc::master::application_left{line->number, {token, true, {}}});
    });
}

void driver_party::end_process() {
  if (!running())
    return;
  in_.note(token_ + " ends");
  in_.queue.end(process_);
  in_.connections_of_process_end(process_);
}

// -- submitters ---------------------------------------------------------------

submitter_party::submitter_party(world& in, host_id host, std::uint32_t number)
    : in_(in), host_(host), number_(number), process_(in.queue.start()), seeker_(in, host, process_) {}

void submitter_party::start() {
  seek({});
}

void submitter_party::ask_to_kill() {
  if (driver_.empty() || kill_asked_)
    return;
  kill_asked_ = true;
  in_.note("asks to end " + driver_);
  ask();
}

void submitter_party::seek(const std::string& hint) {
  if (line_)
    in_.hang_up(line_);
  line_.reset();
  seeker_.seek(hint, [this](const wire& line) {
    line_ = line;
    line->lost = [this, line] {
      if (line_ == line)
        seek({});
    };
    line->not_leading = [this, line](const std::string& leader) {
      if (line_ == line)
        seek(leader);
    };
    line->answered = [this](const sc::master::action& what) {
      if (const auto* made = std::get_if<sc::master::answer_driver>(&what)) {
        if (!made->refused.empty())
          throw broken("submission refused", made->refused);
        if (made->driver.empty() || !driver_.empty())
          return;
        driver_ = made->driver;
        in_.note("submitted " + driver_);
        in_.count("drivers accepted");
      } else if (kill_asked_) {
        kill_done_ = true;
        in_.count("requests to kill answered");
      }
    };
    ask();
  });
}

/// Again and again until it is answered: whoever was asked may be cut off.
void submitter_party::ask() {
  if (!line_ || (!driver_.empty() && (!kill_asked_ || kill_done_)))
    return;
  in_.say(line_, [this, line = line_](master_party& at) {
    if (kill_asked_)
      return at.hear(line, sc::master::kill_asked{line->number, 2, driver_, "enough"});
    sc::driver_description what;
    what.name = "batch";
    what.user = "ada";
    what.cores = 1;
    what.memory_bytes = executor_memory;
    what.supervise = in_.what.submissions[number_].supervise;
    const auto token = "00000000000000" + std::to_string(100 + number_);
    what.program = {program_of(token)};
    what.launch = std::to_string(number_);
    at.hear(line, sc::master::driver_asked{line->number, 1, token, std::move(what), {}});
  });
  in_.queue.after(2500ms, process_, [this, line = line_] {
    if (line_ == line && (driver_.empty() || (kill_asked_ && !kill_done_)))
      seek({});
  });
}

} // namespace salamander::sim::cluster
