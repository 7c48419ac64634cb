#include "runtime_fixture.hpp"

#include <future>
#include <thread>

namespace {

using namespace runtime_test;

void wait_until(const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!holds()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::yield();
  }
}

TEST_CASE("each task of a stage yields one report with its typed result") {
  running_executor executor(local_options());
  const auto reports = executor.run(result_plan([](std::uint32_t p, core::task_context& context) {
                                      CHECK(core::current_task() == &context);
                                      context.records_read = 10;
                                      context.bytes_read = 100;
                                      return text("partition " + std::to_string(p));
                                    }),
                                    50);
  REQUIRE(reports.size() == 50);
  for (std::uint32_t p = 0; p < 50; ++p) {
    CHECK(reports[p].task == p + 1);
    const auto& done = std::get<task_report::success>(reports[p].outcome);
    CHECK(done.result.object);
    CHECK(text_in(done.result) == "partition " + std::to_string(p));
    CHECK(reports[p].records_read == 10);
    CHECK(reports[p].bytes_read == 100);
  }
  CHECK(executor.runtime.finished_tasks() == 50);
  CHECK(executor.runtime.running_tasks() == 0);
}

TEST_CASE("every kind of exception becomes the report it stands for") {
  running_executor executor(local_options(1));
  const auto failing = [&](auto thrown) {
    return executor.run(
        result_plan([thrown](std::uint32_t, core::task_context&) -> std::shared_ptr<const core::block_object> { throw thrown; }), 1);
  };
  const auto code_of = [](const std::vector<task_report>& reports) {
    return static_cast<errc>(only<task_report::user_error>(reports).code);
  };

  only<task_report::cancelled>(failing(core::task_cancelled()));
  const auto user = failing(core::user_failure("map at a.cpp:3: bad"));
  CHECK(code_of(user) == errc::task_failed);
  CHECK(only<task_report::user_error>(user).text == "map at a.cpp:3: bad");
  CHECK(code_of(failing(error(errc::input_not_found, "no such file"))) == errc::input_not_found);
  const auto memory = failing(std::bad_alloc());
  CHECK(code_of(memory) == errc::out_of_memory);
  CHECK(only<task_report::user_error>(memory).text.find("more partitions") != std::string::npos);
  const auto other = failing(std::out_of_range("index 7"));
  CHECK(code_of(other) == errc::task_failed);
  CHECK(only<task_report::user_error>(other).text == "stage 5, partition 0: std::out_of_range: index 7");
  CHECK(only<task_report::user_error>(failing(42)).text == "stage 6, partition 0: an exception of type int");
  const auto lost = failing(core::fetch_failure({9}, 4, 7, "gone"));
  const auto& fetch = only<task_report::fetch_failed>(lost);
  CHECK(fetch.shuffle == 9);
  CHECK(fetch.map_partition == 4);
  CHECK(fetch.executor == 7);
  CHECK(fetch.text == "gone");
}

TEST_CASE("a plan that cannot be read fails all tasks of its stage with the code that says why") {
  running_executor executor(local_options());
  for (const auto& report : executor.run(result_plan_of(0xbad), 4)) {
    CHECK(static_cast<errc>(std::get<task_report::user_error>(report.outcome).code) == errc::code_refused);
    CHECK(std::get<task_report::user_error>(report.outcome).text == "this action is not for here");
  }
  const auto garbage = std::make_shared<const core::byte_buffer>(core::byte_buffer(7, std::byte{0xff}));
  CHECK(static_cast<errc>(only<task_report::user_error>(executor.run(garbage, 1)).code) == errc::corrupt_data);
  CHECK(static_cast<errc>(only<task_report::user_error>(executor.run(nullptr, 1)).code) == errc::internal);
}

TEST_CASE("a task of a stage that was not announced is an error, not silence") {
  running_executor executor(local_options());
  executor.runtime.launch({{1, 77, 0, 0, 0, false}});
  CHECK(only<task_report::user_error>(executor.reports(1)).text.find("stage 77") != std::string::npos);
}

TEST_CASE("a plan kept by put_plan serves stages that come without one") {
  running_executor executor(local_options());
  executor.runtime.put_plan(1, 0, result_plan([](std::uint32_t, core::task_context&) { return text("from the store"); }));
  const auto reports = executor.run(nullptr, 1);
  CHECK(text_in(only<task_report::success>(reports).result) == "from the store");
}

TEST_CASE("the wake-up comes once for reports that pile up") {
  running_executor executor(local_options(1));
  executor.runtime.add_stage({1, 0, result_plan([](std::uint32_t, core::task_context&) { return text(""); }), {}, {}});
  executor.stage = 1;
  executor.launch(100);
  wait_until([&] { return executor.runtime.finished_tasks() == 100 && executor.runtime.running_tasks() == 0; });
  CHECK(executor.reports(100).size() == 100);
  CHECK(executor.calls == 1);
}

TEST_CASE("cancelling ends running tasks and those that wait, and nothing else") {
  running_executor executor(local_options(1));
  std::promise<void> began;
  executor.runtime.add_stage({1,
                              0,
                              result_plan([&](std::uint32_t p, core::task_context& context) {
                                if (p != 0)
                                  return text("ran");
                                began.set_value();
                                for (;;)
                                  context.poll();
                              }),
                              {},
                              {}});
  executor.stage = 1;
  executor.launch(3);
  began.get_future().wait();
  CHECK(executor.runtime.running_tasks() == 1);
  executor.runtime.cancel({1, 2, 99});
  const auto reports = executor.reports(3);
  CHECK(std::holds_alternative<task_report::cancelled>(reports[0].outcome));
  CHECK(std::holds_alternative<task_report::cancelled>(reports[1].outcome));
  CHECK(std::holds_alternative<task_report::success>(reports[2].outcome));
}

TEST_CASE("stop cancels everything and reports each task") {
  running_executor executor(local_options(2));
  std::atomic<int> began = 0;
  executor.runtime.add_stage({1,
                              0,
                              result_plan([&](std::uint32_t, core::task_context& context) -> std::shared_ptr<const core::block_object> {
                                ++began;
                                for (;;)
                                  context.poll();
                              }),
                              {},
                              {}});
  executor.stage = 1;
  executor.launch(5);
  wait_until([&] { return began == 2; });
  CHECK(executor.runtime.stop(std::chrono::seconds(20)));
  CHECK(executor.reports(5).size() == 5);
  executor.launch(1);
  only<task_report::cancelled>(executor.reports(1));
}

TEST_CASE("stop gives up on a task that does not listen") {
  std::promise<void> release;
  std::promise<void> began;
  running_executor executor(local_options(1));
  executor.runtime.add_stage({1,
                              0,
                              result_plan([&](std::uint32_t, core::task_context&) {
                                began.set_value();
                                release.get_future().wait();
                                return text("");
                              }),
                              {},
                              {}});
  executor.stage = 1;
  executor.launch(1);
  began.get_future().wait();
  CHECK_FALSE(executor.runtime.stop(std::chrono::milliseconds(1)));
  release.set_value();
  CHECK(executor.runtime.stop(std::chrono::seconds(20)));
}

TEST_CASE("the position names task and partition while the task runs, and no task afterwards") {
  core::task_position positions[1];
  auto options = local_options(1);
  options.positions = positions;
  running_executor executor(options);
  executor.run(result_plan([&](std::uint32_t p, core::task_context& context) {
                 CHECK(&context.position == &positions[0]);
                 CHECK(positions[0].task.load() == p + 1);
                 CHECK(positions[0].partition.load() == p);
                 return text("");
               }),
               3);
  CHECK(positions[0].task.load() == 0);
}

TEST_CASE("a careful task runs with batches of one record") {
  running_executor executor(local_options(1));
  executor.stage = 1;
  executor.runtime.add_stage(
      {1,
       0,
       result_plan([](std::uint32_t, core::task_context& context) { return text(std::to_string(context.batch_size<int>())); }),
       {},
       {}});
  executor.runtime.launch({{1, 1, 0, 0, 3, true}});
  CHECK(text_in(only<task_report::success>(executor.reports(1)).result) == "1");
  executor.runtime.launch({{2, 1, 0, 0, 0, false}});
  CHECK(text_in(only<task_report::success>(executor.reports(1)).result) == std::to_string(core::batch_capacity<int>));
}

TEST_CASE("a shuffle in one process moves the typed objects themselves, in map order, and the later attempt counts") {
  running_executor executor(local_options(2));
  std::vector<const core::block_object*> made(4);
  const auto map = [&](const std::string& tag) {
    return map_plan([&made, tag](std::uint32_t p, core::task_context& context) {
      std::vector<std::shared_ptr<const core::block_object>> blocks{text(tag + std::to_string(p)), nullptr};
      if (tag == "b")
        made[p] = blocks[0].get();
      context.services.commit_map_output({5}, p, context.task_attempt, std::move(blocks));
      return nullptr;
    });
  };
  const auto reports = executor.run(map("a"), 4);
  for (const auto& report : reports) {
    CHECK_FALSE(std::get<task_report::success>(report.outcome).result);
    CHECK(report.shuffle_bytes == 2);
  }
  executor.run(map("b"), 4);
  const auto read = result_plan([&](std::uint32_t reduce, core::task_context& context) {
    auto input = context.services.open_shuffle({5}, reduce, context.cancelled);
    std::string all;
    for (std::size_t p = 0;; ++p) {
      const auto block = input->next();
      if (!block)
        break;
      CHECK(block.object.get() == made[p]);
      all += text_in(block) + " ";
    }
    return text(all);
  });
  const auto results = executor.run(read, 2, {{5, {0, 0, 0, 0}}});
  CHECK(text_in(std::get<task_report::success>(results[0].outcome).result) == "b0 b1 b2 b3 ");
  CHECK(text_in(std::get<task_report::success>(results[1].outcome).result) == "");

  SUBCASE("a map output that is gone or was never placed is a fetch failure that names it") {
    const auto unplaced = executor.run(read, 1, {{5, {0, core::fetch_failure::no_executor, 0, 0}}});
    CHECK(only<task_report::fetch_failed>(unplaced).map_partition == 1);
    CHECK(only<task_report::fetch_failed>(unplaced).executor == core::fetch_failure::no_executor);
    executor.runtime.drop_shuffle(5);
    const auto gone = executor.run(read, 1, {{5, {0, 0, 0, 0}}});
    CHECK(only<task_report::fetch_failed>(gone).shuffle == 5);
    CHECK(only<task_report::fetch_failed>(gone).map_partition == 0);
    CHECK(only<task_report::fetch_failed>(gone).executor == 0);
  }
}

TEST_CASE("cached blocks are found again, reported once, and evictions told") {
  auto options = local_options(1);
  options.memory_bytes = 1000;
  running_executor executor(options);
  const auto cache = [&](std::uint32_t dataset, std::size_t size) {
    return executor.run(result_plan([=](std::uint32_t p, core::task_context& context) {
                          return text(context.services.store_cached({dataset}, p, text(std::string(size, 'x'))) ? "kept" : "refused");
                        }),
                        1);
  };
  const auto first = cache(1, 600);
  CHECK(text_in(only<task_report::success>(first).result) == "kept");
  CHECK(first[0].cached == std::vector<std::pair<std::uint32_t, std::uint32_t>>{{1, 0}});
  CHECK(executor.runtime.cached_bytes() == 600);
  CHECK(cache(1, 600)[0].cached.empty());
  CHECK(executor.runtime.take_evictions().empty());
  CHECK(text_in(only<task_report::success>(cache(2, 1001)).result) == "refused");
  cache(2, 500);
  CHECK(executor.runtime.take_evictions() == std::vector<std::pair<std::uint32_t, std::uint32_t>>{{1, 0}});
  CHECK(executor.runtime.cached_bytes() == 500);
  const auto found = executor.run(result_plan([](std::uint32_t, core::task_context& context) {
                                    return text(std::to_string(!!context.services.find_cached({1}, 0)) +
                                                std::to_string(!!context.services.find_cached({2}, 0)));
                                  }),
                                  1);
  CHECK(text_in(only<task_report::success>(found).result) == "01");
  executor.runtime.drop_cached(2);
  CHECK(executor.runtime.cached_bytes() == 0);
}

TEST_CASE("memory that a task reserved is free after it, however it ends, and too much is an error with advice") {
  auto options = local_options(1);
  options.memory_bytes = 1000;
  running_executor executor(options);
  const auto hungry = result_plan([](std::uint32_t, core::task_context& context) -> std::shared_ptr<const core::block_object> {
    context.reserve(900, "the table of a test");
    throw std::runtime_error("after reserving");
  });
  for (int i = 0; i < 3; ++i)
    CHECK(only<task_report::user_error>(executor.run(hungry, 1)).text.find("after reserving") != std::string::npos);
  const auto greedy = executor.run(result_plan([](std::uint32_t, core::task_context& context) {
                                     context.reserve(1001, "the table of a test");
                                     return text("");
                                   }),
                                   1);
  CHECK(static_cast<errc>(only<task_report::user_error>(greedy).code) == errc::out_of_memory);
  CHECK(only<task_report::user_error>(greedy).text.find("use more partitions") != std::string::npos);
  const auto map = executor.run(map_plan([](std::uint32_t p, core::task_context& context) {
                                  context.services.commit_map_output({5}, p, 1, {text(std::string(1001, 'x'))});
                                  return nullptr;
                                }),
                                1);
  CHECK(static_cast<errc>(only<task_report::user_error>(map).code) == errc::out_of_memory);
}

TEST_CASE("data of the driver is read as the object that was put there") {
  running_executor executor(local_options(1));
  const auto data = text("data");
  executor.runtime.put_source(3, 0, data);
  const auto plan = result_plan([](std::uint32_t, core::task_context& context) { return context.services.fetch_source({3}, 0).object; });
  CHECK(only<task_report::success>(executor.run(plan, 1)).result.object == data);
  executor.runtime.drop_source(3);
  CHECK(static_cast<errc>(only<task_report::user_error>(executor.run(plan, 1)).code) == errc::internal);
}

TEST_CASE("forgetting a stage leaves its running tasks alone") {
  running_executor executor(local_options(1));
  std::promise<void> began;
  std::promise<void> forgotten;
  executor.runtime.add_stage({1,
                              0,
                              result_plan([&](std::uint32_t, core::task_context&) {
                                began.set_value();
                                forgotten.get_future().wait();
                                return text("done");
                              }),
                              {},
                              {}});
  executor.stage = 1;
  executor.launch(1);
  began.get_future().wait();
  executor.runtime.forget_stage(1);
  forgotten.set_value();
  CHECK(text_in(only<task_report::success>(executor.reports(1)).result) == "done");
  executor.launch(1);
  only<task_report::user_error>(executor.reports(1));
}

} // namespace
