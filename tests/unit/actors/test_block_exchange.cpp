#include "transfer_fixture.hpp"

namespace {

using namespace transfer_test;

TEST_CASE("a shuffle between executors gives each reducer its blocks in map order") {
  scratch sockets;
  running_executor one(peer_options(sockets, 1));
  running_executor two(peer_options(sockets, 2));
  const auto map = map_plan([](std::uint32_t p, core::task_context& context) {
    context.services.commit_map_output({5}, p, context.task_attempt, {text("<" + std::to_string(p) + ">"), nullptr});
    return nullptr;
  });
  one.run(map, 5);
  two.run(map, 5);
  const auto read = result_plan([](std::uint32_t reduce, core::task_context& context) {
    auto input = context.services.open_shuffle({5}, reduce, context.cancelled);
    std::string all;
    while (const auto block = input->next())
      all += (block.object ? "here" : "there") + text_in(block);
    return text(all);
  });
  const auto results = one.run(read, 2, {{5, {1, 2, 2, 1, 2}}});
  const auto& first = std::get<task_report::success>(results[0].outcome);
  CHECK(first.result.bytes);
  CHECK(text_in(first.result) == "here<0>there<1>there<2>here<3>there<4>");
  CHECK(text_in(std::get<task_report::success>(results[1].outcome).result).empty());

  const auto missing = one.run(read, 1, {{5, {1, 2, 2, 1, 2, 2}}});
  CHECK(only<task_report::fetch_failed>(missing).shuffle == 5);
  CHECK(only<task_report::fetch_failed>(missing).map_partition == 5);
  CHECK(only<task_report::fetch_failed>(missing).executor == 2);
  const auto dead = one.run(read, 1, {{5, {1, 1, 9}}});
  CHECK(only<task_report::fetch_failed>(dead).map_partition == 2);
  CHECK(only<task_report::fetch_failed>(dead).executor == 9);
}

TEST_CASE("records whose packing throws are an error of the user's code, wherever they are packed") {
  scratch sockets;
  running_executor one(peer_options(sockets, 1));
  running_executor two(peer_options(sockets, 2));
  one.run(map_plan([](std::uint32_t p, core::task_context& context) {
            context.services.commit_map_output({5}, p, 1, {text("unpackable")});
            return nullptr;
          }),
          1);
  const auto read = two.run(result_plan([](std::uint32_t, core::task_context& context) {
                              context.services.open_shuffle({5}, 0, context.cancelled)->next();
                              return text("");
                            }),
                            1, {{5, {1}}});
  CHECK(static_cast<errc>(only<task_report::user_error>(read).code) == errc::not_serializable);
  CHECK(only<task_report::user_error>(read).text.find("this record does not pack") != std::string::npos);
  const auto result = two.run(result_plan([](std::uint32_t, core::task_context&) { return text("unpackable"); }), 1);
  CHECK(static_cast<errc>(only<task_report::user_error>(result).code) == errc::not_serializable);
  CHECK(only<task_report::user_error>(result).text.find("this record does not pack") != std::string::npos);
}

TEST_CASE("plans and data come from the driver, cached blocks from who holds them, large results go back as blocks") {
  scratch sockets;
  auto driver_options = peer_options(sockets, driver_peer, 0);
  running_executor driver(driver_options);
  running_executor one(peer_options(sockets, 1));
  running_executor two(peer_options(sockets, 2));
  driver.runtime.put_source(3, 0, text("of the driver"));
  driver.runtime.put_plan(1, 0, result_plan([](std::uint32_t p, core::task_context& context) {
                            const auto data = text_in(context.services.fetch_source({3}, 0));
                            CHECK(context.services.store_cached({4}, p, text("cached " + std::to_string(p))));
                            return text(data + std::string(p * 1000000UL, '!'));
                          }));
  const auto results = one.run(nullptr, 2);
  CHECK(text_in(std::get<task_report::success>(results[0].outcome).result) == "of the driver");
  const auto& large = std::get<task_report::success>(results[1].outcome);
  CHECK(large.result_kept);
  CHECK_FALSE(large.result);
  CHECK(large.result_bytes == 1000013);
  CHECK(text_in(driver.runtime.fetch_result(1, results[1].task)).size() == 1000013);
  one.runtime.drop_result(results[1].task);
  CHECK_THROWS_AS(driver.runtime.fetch_result(1, results[1].task), core::fetch_failure);

  const auto cached = two.run(result_plan([](std::uint32_t p, core::task_context& context) {
                                const auto found = context.services.find_cached({4}, p);
                                return text(found ? text_in(found) : "none");
                              }),
                              3, {}, {{4, 0, 1}, {4, 1, 1}, {4, 2, 1}});
  CHECK(text_in(std::get<task_report::success>(cached[0].outcome).result) == "cached 0");
  CHECK(text_in(std::get<task_report::success>(cached[1].outcome).result) == "cached 1");
  CHECK(text_in(std::get<task_report::success>(cached[2].outcome).result) == "none");
}

TEST_CASE("without the driver its plans and data are lost, and the error says so") {
  scratch sockets;
  running_executor one(peer_options(sockets, 1));
  CHECK(static_cast<errc>(only<task_report::user_error>(one.run(nullptr, 1)).code) == errc::executor_lost);
  const auto data = one.run(result_plan([](std::uint32_t, core::task_context& context) {
                              context.services.fetch_source({3}, 0);
                              return text("");
                            }),
                            1);
  CHECK(static_cast<errc>(only<task_report::user_error>(data).code) == errc::executor_lost);
}

TEST_CASE("a task that waits for a silent peer can be cancelled") {
  scratch sockets;
  auto options = peer_options(sockets, 1, 1);
  options.fetch_silence_max = std::chrono::hours(1);
  running_executor one(options);
  const scripted_peer silent(socket_path(sockets.path(), 2), [&](int reader, int, const std::function<bool()>& stopped) {
    if (wait_readable(reader, stopped))
      one.runtime.cancel({1});
    while (!stopped() && wait_readable(reader, stopped)) {
      std::byte request[100];
      if (::recv(reader, request, sizeof(request), 0) <= 0)
        return;
    }
  });
  const auto reports = one.run(result_plan([](std::uint32_t, core::task_context& context) {
                                 context.services.open_shuffle({5}, 0, context.cancelled)->next();
                                 return text("");
                               }),
                               1, {{5, {2}}});
  only<task_report::cancelled>(reports);
}

} // namespace
