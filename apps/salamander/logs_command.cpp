#include "asking.hpp"

#include <salamander/rdd/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <optional>
#include <thread>

namespace salamander::tool {
namespace {

constexpr std::chrono::milliseconds follow_pause{500};
constexpr auto no_executor = scheduler::cluster::no_limit;

struct options {
  asked_cluster where;
  std::string id;
  std::uint32_t executor = no_executor;
  bool standard_error = false;
  bool follow = false;
  std::uint32_t bytes = 64U << 10;
};

class log_reader {
public:
  explicit log_reader(const options& asked) : line_(line_to(asked.where)) {
    what_.id = asked.id;
    what_.executor = asked.executor;
    what_.stream = asked.standard_error ? "stderr" : "stdout";
    what_.offset = -static_cast<std::int64_t>(asked.bytes);
  }

  /// Prints what is there now, of one process.
  void print() {
    find_driver();
    what_.executor = print_some().process;
    print_rest();
  }

  /// Prints what comes, until nobody writes any more.
  void follow() {
    find_driver();
    for (bool over = false;;) {
      const auto last = print_rest_if_any();
      if (!last && !process_)
        begin_with(before_all); // of attempts that begin and end between two looks nothing is left out
      if (last && last->process != *process_) {
        for (auto attempt = *process_; attempt < last->process; ++attempt)
          finish(attempt);
        begin_with(last->process);
        continue;
      }
      if (over)
        return;
      over = last && !last->runs && !may_begin_again();
      if (!over) // else what came before that was known is printed
        std::this_thread::sleep_for(follow_pause);
    }
  }

private:
  static constexpr std::uint32_t before_all = 0; ///< attempts are counted from 1

  void begin_with(std::uint32_t process) {
    process_ = process;
    what_.offset = 0;
  }

  /// The answer, printed; or not, if it is of another process than the one that is being read.
  actors::log_read print_some() {
    auto part = line_->read(what_);
    if (process_.value_or(part.process) != part.process)
      return part;
    process_ = part.process;
    std::fwrite(part.text.data(), 1, part.text.size(), stdout);
    std::fflush(stdout);
    what_.offset = static_cast<std::int64_t>(part.offset + part.text.size());
    return part;
  }

  /// Prints from where it was to the end of what is there now. Returns the last answer, or the first one that is of another attempt.
  actors::log_read print_rest() {
    for (;;) {
      auto part = print_some();
      if (part.process != *process_ || part.text.empty() || part.offset + part.text.size() >= part.end)
        return part;
    }
  }

  /// An application's driver has a log for each of its attempts.
  void find_driver() {
    if (what_.executor != no_executor)
      return;
    const auto known = line_->status(what_.id);
    if (known.drivers.empty() && !known.applications.empty() && !known.applications.front().submitted_as.empty())
      what_.id = known.applications.front().submitted_as;
  }

  bool may_begin_again() {
    return what_.executor == no_executor &&
           std::ranges::any_of(line_->status(what_.id).drivers, [](const auto& one) { return !is_over(one.state); });
  }

  /// Nothing: a driver has no log yet, or its worker is out of reach.
  std::optional<actors::log_read> print_rest_if_any() {
    try {
      return print_rest();
    } catch (const error& failure) {
      if (failure.code() != errc::input_not_found || !may_begin_again())
        throw;
      return std::nullopt;
    }
  }

  /// What is left of an attempt that is over, or all of one that began and ended since the last look.
  void finish(std::uint32_t attempt) {
    if (attempt == before_all)
      return;
    if (attempt != *process_)
      begin_with(attempt);
    what_.executor = attempt;
    try {
      print_rest();
    } catch (const error& failure) {
      if (failure.code() != errc::input_not_found)
        throw;
      fmt::print(stderr, "salamander: the log of attempt {} cannot be read {}: {}\n", attempt,
                 what_.offset == 0 ? "any more" : "to its end", failure.what());
    }
    what_.executor = no_executor;
  }

  const std::unique_ptr<actors::submitter> line_;
  actors::read_log what_;
  std::optional<std::uint32_t> process_; ///< whose log is being read
};

int run(const options& asked) {
  if (asked.id.starts_with("driver-") && asked.executor != no_executor)
    throw CLI::ValidationError("executor", "executors are numbered in their application: name that (app-...), or only the driver");
  log_reader reader(asked);
  if (asked.follow)
    reader.follow();
  else
    reader.print();
  return exit_done;
}

} // namespace

void add_logs(CLI::App& tool, int& exit_code) {
  const auto asked = std::make_shared<options>();
  auto* const command = tool.add_subcommand("logs", "Print what an executor or driver on a cluster has written");
  add_cluster_options(*command, asked->where);
  command->add_option("id", asked->id, "of a driver (driver-...) or an application (app-...)")->required();
  command
      ->add_option("executor", asked->executor,
                   "number of an executor of the application; without: its driver, if that runs on the cluster")
      ->check(whole_number(0, no_executor - 1));
  command->add_flag("--stderr", asked->standard_error, "its standard error instead of its standard output");
  command->add_flag("-f,--follow", asked->follow, "go on as more is written, until the executor or driver is over");
  command->add_option("--bytes", asked->bytes, "how much of the end")
      ->check(whole_number(1, std::numeric_limits<std::uint32_t>::max()))
      ->capture_default_str();
  command->callback([asked, &exit_code] { exit_code = run(*asked); });
}

} // namespace salamander::tool
