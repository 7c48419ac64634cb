#include <salamander/actors/task_runner.hpp>

#include <salamander/actors/fault_injector.hpp>
#include <salamander/actors/memory_budget.hpp>
#include <salamander/rdd/error.hpp>

#include <cxxabi.h>

#include <cstdlib>
#include <new>
#include <typeinfo>

namespace salamander::actors {
namespace {

task_report::user_error failed(errc code, std::string text) {
  return {std::move(text), static_cast<std::uint8_t>(code)};
}

std::string place_of(const task_order& order) {
  return "stage " + std::to_string(order.stage) + ", partition " + std::to_string(order.partition);
}

std::string readable(const std::type_info* type) {
  if (!type)
    return "an exception of unknown type";
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type->name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? name.get() : type->name();
}

/// What the exception being handled says about the attempt. Call inside a catch block.
decltype(task_report::outcome) outcome_of_exception(const std::string& place) {
  try {
    throw;
  } catch (const core::task_cancelled&) {
    return task_report::cancelled{};
  } catch (const core::fetch_failure& failure) {
    return task_report::fetch_failed{failure.shuffle.value, failure.map_partition, failure.executor, failure.what()};
  } catch (const core::user_failure& failure) {
    return failed(errc::task_failed, failure.what());
  } catch (const error& failure) {
    return failed(failure.code(), failure.what());
  } catch (const testing::injected_bad_alloc& failure) {
    return failed(errc::out_of_memory, place + ": std::bad_alloc: " + failure.what());
  } catch (const std::bad_alloc& failure) {
    return failed(errc::out_of_memory, place + ": " + core::no_memory_text(failure));
  } catch (const std::exception& failure) {
    return failed(errc::task_failed, place + ": " + readable(&typeid(failure)) + ": " + failure.what());
  } catch (...) {
    return failed(errc::task_failed, place + ": an exception of type " + readable(abi::__cxa_current_exception_type()));
  }
}

std::string mebibytes(std::uint64_t bytes) {
  const auto tenths = (bytes * 10 + (1U << 19)) >> 20;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

/// What the process holds and may hold, for errors about memory.
std::string memory_facts(block_service& blocks, const executor_options& options) {
  const auto& memory = blocks.store().memory();
  auto text = "; the process holds " + mebibytes(resident_memory_bytes()) + ", ";
  if (options.memory_bytes == 0)
    return text + "and has no budget";
  const auto used = [&](storage::memory_use what) { return mebibytes(memory.used_bytes(what)); };
  return text + "its budget is " + mebibytes(memory.budget_bytes()) + ", of which tasks have " + used(storage::memory_use::execution) +
         ", shuffle and result blocks " + used(storage::memory_use::blocks) + ", cached partitions " + used(storage::memory_use::cache);
}

/// Turns the result into what can leave: the object itself in one process, else bytes, in the report or kept here.
decltype(task_report::outcome) deliver(block_service& blocks, const executor_options& options, const task_order& order,
                                       std::shared_ptr<const core::block_object> object, core::task_context& context,
                                       core::task_faults* faults) {
  task_report::success done;
  if (!object)
    return done;
  if (!blocks.has_peers()) {
    done.result_bytes = object->memory_bytes();
    done.result.object = std::move(object);
    return done;
  }
  auto bytes = std::make_shared<core::byte_buffer>();
  const auto typed = object->memory_bytes();
  const auto claimed = typed > options.direct_result_bytes_max ? 2 * typed : 0;
  if (!context.try_reserve(claimed))
    return failed(errc::out_of_memory, place_of(order) + ": " + context.shortage(claimed, "turning the result into bytes"));
  try {
    if (claimed != 0)
      bytes->reserve(typed);
    object->encode(*bytes);
  } catch (const core::task_cancelled&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& failure) {
    return failed(errc::not_serializable,
                  place_of(order) + ": the result could not be turned into bytes: " + readable(&typeid(failure)) + ": " + failure.what());
  } catch (...) {
    return failed(errc::not_serializable, place_of(order) + ": the result could not be turned into bytes: an exception of type " +
                                              readable(abi::__cxa_current_exception_type()));
  }
  done.result_bytes = bytes->size();
  if (bytes->size() <= options.direct_result_bytes_max) {
    done.result.bytes = std::move(bytes);
    return done;
  }
  object.reset();
  context.release(claimed); // from here on the block is accounted for by the store
  if (blocks.store().put(storage::block_id::result(order.task), to_stored(std::move(bytes))) == storage::put_outcome::refused)
    return failed(errc::out_of_memory, place_of(order) + ": a result of " + std::to_string(done.result_bytes) +
                                           " bytes does not fit the executor's memory budget; save it to files, use more partitions, or "
                                           "raise salamander.executor.memory");
  done.result_kept = true;
  if (const auto id = storage::block_id::result(order.task); faults && block_faults(*faults, nullptr).loses(id))
    blocks.store().drop(id);
  return done;
}

/// Calls what the functions have registered for that.
void tell_of_failure(core::task_context& context, task_report& report) {
  const core::task_scope scope(context);
  auto* const problem = std::get_if<task_report::user_error>(&report.outcome);
  const auto* fetch = std::get_if<task_report::fetch_failed>(&report.outcome);
  const auto more = context.fail(problem ? problem->text : fetch ? fetch->text : core::task_cancelled().what());
  if (problem)
    problem->text += more;
}

} // namespace

lazy_program::outcome lazy_program::get(const stage_order& order, block_service& blocks, const std::atomic<bool>& cancelled) {
  if (const auto* program = ready_.load(std::memory_order_acquire))
    return program;
  const std::lock_guard lock(mutex_);
  if (program_)
    return program_.get();
  if (failure_)
    return *failure_;
  auto plan = order.plan;
  try {
    if (!plan) {
      const auto id = storage::block_id::plan(order.stage, order.stage_attempt);
      auto found = blocks.find_here(id);
      if (!found && blocks.has_peers() && blocks.self() != driver_peer)
        found = blocks.fetch(driver_peer, id, &cancelled);
      plan = std::move(found.bytes);
    }
  } catch (const net::fetch_error& failure) {
    const auto gone = failure.problem == net::fetch_problem::unreachable || failure.problem == net::fetch_problem::corrupt;
    return failed(gone ? errc::executor_lost : errc::internal,
                  "the plan of stage " + std::to_string(order.stage) + " could not be fetched from the driver: " + failure.what());
  }
  if (!plan)
    return failed(errc::internal, "stage " + std::to_string(order.stage) + " came without a plan");
  try {
    program_ = core::stage_program::decode(*plan);
    ready_.store(program_.get(), std::memory_order_release);
    return program_.get();
  } catch (const error& failure) {
    failure_ = failed(failure.code(), failure.what());
  } catch (const std::exception& failure) {
    failure_ = failed(errc::corrupt_data, "the plan of stage " + std::to_string(order.stage) +
                                              " could not be read: " + readable(&typeid(failure)) + ": " + failure.what());
  } catch (...) {
    failure_ = failed(errc::corrupt_data, "the plan of stage " + std::to_string(order.stage) + " could not be read: an exception of type " +
                                              readable(abi::__cxa_current_exception_type()));
  }
  return *failure_;
}

void lazy_program::take_from(const lazy_program& other) {
  // Somebody who decodes it right now is not waited for; it is then decoded again.
  const std::unique_lock lock(other.mutex_, std::try_to_lock);
  if (!lock)
    return;
  program_ = other.program_;
  ready_.store(program_.get(), std::memory_order_release);
}

watched_task running_task::where(const core::task_position& position) const {
  const std::lock_guard lock(mutex_);
  if (task_ == 0)
    return {};
  const auto relaxed = std::memory_order_relaxed;
  return {task_, order_.stage, order_.partition, order_.attempt, position.dataset.load(relaxed), position.record.load(relaxed), started_};
}

std::string running_task::title_of(std::uint32_t dataset) const {
  const std::lock_guard lock(mutex_);
  const auto* program = stage_ ? stage_->program.peek() : nullptr;
  return program ? program->title_of({dataset}) : std::string();
}

void running_task::time_out(std::uint64_t task, const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (task_ != task)
    return;
  timed_out_ = text;
  cancelled_ = true;
  if (context_)
    context_->cancel();
}

task_report run_task(block_service& blocks, barrier_hall& barriers, const executor_options& options, const task_order& order,
                     stage_state& stage, running_task& running, core::task_position& position, core::task_faults* faults) {
  const auto start = std::chrono::steady_clock::now();
  task_report report;
  report.task = order.task;
  {
    task_environment around(blocks, stage.inputs, report);
    core::task_context context(around, position, order.stage, order.partition, order.attempt, order.task, order.careful ? 1 : 0);
    around.watch(context.cancelled);
    around.ordered_at(stage.ordered_at);
    around.inject(faults);
    around.meet_in(barriers);
    context.ordered = &stage.facts;
    running.begin(context);
    position.dataset.store(0, std::memory_order_relaxed);
    position.partition.store(order.partition, std::memory_order_relaxed);
    position.record.store(0, std::memory_order_relaxed);
    position.task.store(order.task, std::memory_order_release);
    try {
      context.poll();
      if (faults) {
        hold_up(faults->delay(), &context.cancelled);
        faults->start();
        context.faults = faults;
      }
      const auto program = stage.program.get(stage.order, blocks, context.cancelled);
      if (const auto* refused = std::get_if<task_report::user_error>(&program)) {
        report.outcome = *refused;
      } else {
        const core::task_scope scope(context);
        auto result = std::get<const core::stage_program*>(program)->run(order.partition, context);
        context.complete();
        auto added = to_values(context.added.close_all(), blocks.has_peers());
        around.keep_output(added);
        report.outcome = deliver(blocks, options, order, std::move(result), context, faults);
        if (std::holds_alternative<task_report::success>(report.outcome))
          report.contributed = std::move(added);
      }
    } catch (...) {
      report.outcome = outcome_of_exception(place_of(order));
    }
    if (!std::holds_alternative<task_report::success>(report.outcome))
      tell_of_failure(context, report);
    report.records_read = context.records_read;
    report.bytes_read = context.bytes_read;
    position.task.store(0, std::memory_order_release);
    if (auto text = running.end(); text && !std::holds_alternative<task_report::success>(report.outcome))
      report.outcome = failed(errc::task_timeout, *std::move(text));
    if (auto* problem = std::get_if<task_report::user_error>(&report.outcome);
        problem && problem->code == static_cast<std::uint8_t>(errc::out_of_memory))
      problem->text += memory_facts(blocks, options);
  }
  report.run_time = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
  return report;
}

} // namespace salamander::actors
