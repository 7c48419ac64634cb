// Plans made of plain functions of a test, and executor runtimes that run them.
#pragma once

#include "../../support/scratch.hpp"

#include <salamander/actors/executor_runtime.hpp>
#include <salamander/rdd/codec.hpp>
#include <salamander/rdd/error.hpp>

#include <doctest/doctest.h>

#include <condition_variable>
#include <cstdlib>
#include <mutex>

namespace runtime_test {

using namespace salamander;
using namespace salamander::actors;
using test_support::scratch;

/// A block of characters; encoding it may be made to fail.
class text_block final : public core::block_object {
public:
  explicit text_block(std::string text) : text_(std::move(text)) {}
  std::size_t memory_bytes() const noexcept override {
    return text_.size();
  }
  std::size_t record_count() const noexcept override {
    return 1;
  }
  void encode(core::byte_buffer& out) const override {
    if (text_ == "unpackable")
      throw std::runtime_error("this record does not pack");
    core::byte_writer(out).raw(text_.data(), text_.size());
  }
  const std::string& text() const noexcept {
    return text_;
  }

private:
  std::string text_;
};

inline std::shared_ptr<const core::block_object> text(std::string value) {
  return std::make_shared<const text_block>(std::move(value));
}

/// What is in a block, typed or encoded.
inline std::string text_in(const core::block& block) {
  if (block.object)
    return static_cast<const text_block&>(*block.object).text();
  REQUIRE(block.bytes);
  return {reinterpret_cast<const char*>(block.bytes->data()), block.bytes->size()};
}

using body = std::function<std::shared_ptr<const core::block_object>(std::uint32_t, core::task_context&)>;

/// Functions of the running test; plans name them by index.
inline std::vector<body>& bodies() {
  static std::vector<body> all;
  return all;
}

class body_node final : public core::typed_node<int> {
public:
  explicit body_node(core::node_header&& header) : typed_node(std::move(header)) {}
  body_node(core::node_header&& header, core::byte_reader& in) : typed_node(std::move(header)), which_(in.varint()) {}
  core::code_token token() const override {
    return core::node_token<body_node>();
  }
  void encode(core::byte_writer& out) const override {
    out.varint(which_);
  }
  std::unique_ptr<core::stream<int>> open(std::uint32_t, core::task_context&) const override {
    return nullptr;
  }
  void write_map_output(std::size_t, std::uint32_t partition, core::task_context& context) const override {
    bodies().at(which_)(partition, context);
  }
  std::uint64_t which_ = 0;
};

class body_action final : public core::action {
public:
  explicit body_action(std::uint64_t which) : which_(which) {}
  explicit body_action(core::byte_reader& in) : which_(in.varint()) {
    if (which_ == 0xbad)
      core::throw_error(errc::code_refused, "this action is not for here");
  }
  core::code_token token() const override {
    return core::action_token<body_action>();
  }
  void encode(core::byte_writer& out) const override {
    out.varint(which_);
  }
  std::shared_ptr<const core::block_object> run(const core::node&, std::uint32_t partition, core::task_context& context) const override {
    return bodies().at(which_)(partition, context);
  }

private:
  std::uint64_t which_;
};

inline core::node_header header(std::uint32_t id) {
  core::node_header made;
  made.id.value = id;
  made.operation = "test";
  made.site = {"test.cpp", 1};
  made.partitions = 1000;
  return made;
}

/// The plan of a result stage that calls `bodies()[which]`.
inline std::shared_ptr<const core::byte_buffer> result_plan_of(std::uint64_t which) {
  return std::make_shared<const core::byte_buffer>(core::encode_result_plan(body_node(header(1)), body_action(which)));
}

inline std::shared_ptr<const core::byte_buffer> result_plan(body what) {
  bodies().push_back(std::move(what));
  return result_plan_of(bodies().size() - 1);
}

/// The plan of a map stage that calls `what`, which commits its own output.
inline std::shared_ptr<const core::byte_buffer> map_plan(body what) {
  bodies().push_back(std::move(what));
  body_node child(header(2));
  child.which_ = bodies().size() - 1;
  core::dependency edge;
  edge.parent = std::make_shared<body_node>(header(1));
  edge.how = core::dependency::kind::wide;
  child.dependencies.push_back(std::move(edge));
  return std::make_shared<const core::byte_buffer>(core::encode_map_plan(child, 0));
}

/// A runtime whose reports can be waited for.
class running_executor {
public:
  explicit running_executor(executor_options options)
      : runtime(std::move(options), [this] {
          const std::lock_guard lock(mutex_);
          ++calls;
          waiting_ = true;
          changed_.notify_all();
        }) {}

  /// Blocks until `count` reports came; ordered by task.
  std::vector<task_report> reports(std::size_t count) {
    std::vector<task_report> all;
    while (all.size() < count) {
      {
        std::unique_lock lock(mutex_);
        REQUIRE(changed_.wait_for(lock, std::chrono::seconds(20), [this] { return waiting_; }));
        waiting_ = false;
      }
      for (auto& one : runtime.take_reports())
        all.push_back(std::move(one));
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.task < b.task; });
    return all;
  }

  /// Runs partitions 0 .. count-1 of a new stage, as the next tasks; the first is 1.
  std::vector<task_report> run(std::shared_ptr<const core::byte_buffer> plan, std::uint32_t count,
                               std::vector<shuffle_source> shuffles = {}, std::vector<cached_source> cached = {}) {
    ++stage;
    runtime.add_stage({stage, 0, std::move(plan), std::move(shuffles), std::move(cached)});
    launch(count);
    return reports(count);
  }

  /// Sends tasks of the last stage added.
  void launch(std::uint32_t count) {
    std::vector<task_order> tasks;
    for (std::uint32_t p = 0; p < count; ++p)
      tasks.push_back({++last_task, stage, 0, p, 0, false});
    runtime.launch(std::move(tasks));
  }

  int calls = 0; ///< of the wake-up

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool waiting_ = false;

public:
  std::uint32_t stage = 0;
  std::uint64_t last_task = 0;
  executor_runtime runtime; ///< last: it calls back until it ends
};

inline executor_options local_options(std::uint32_t cores = 2) {
  executor_options options;
  options.cores = cores;
  return options;
}

inline executor_options peer_options(const scratch& sockets, std::uint32_t executor, std::uint32_t cores = 2) {
  auto options = local_options(cores);
  options.executor = executor;
  options.socket_directory = sockets.path();
  options.fetch_retry_wait = std::chrono::milliseconds(1);
  return options;
}

template <class Outcome>
const Outcome& only(const std::vector<task_report>& reports) {
  REQUIRE(reports.size() == 1);
  INFO("outcome " << reports[0].outcome.index());
  REQUIRE(std::holds_alternative<Outcome>(reports[0].outcome));
  return std::get<Outcome>(reports[0].outcome);
}

} // namespace runtime_test
