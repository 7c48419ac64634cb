#include <salamander/actors/interfaces.hpp>

#include <doctest/doctest.h>

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>

namespace {

using namespace salamander;
using namespace salamander::actors;

struct types_config : caf::actor_system_config {
  types_config() {
    add_message_types<caf::id_block::salamander>();
  }
};

/// Through the framework's own serializer and back: the same fields.
template <class Message>
void check_round_trip(caf::actor_system& system, Message sent) {
  CAPTURE(Message::wire_name);
  caf::binary_serializer::container_type bytes;
  caf::binary_serializer sink(system, bytes);
  REQUIRE_FALSE(static_cast<bool>(sink(sent)));
  Message received;
  caf::binary_deserializer source(system, bytes);
  REQUIRE_FALSE(static_cast<bool>(source(received)));
  CHECK(encode_message(received) == encode_message(sent));

  // Bytes that are missing or changed are an error or another message, never a crash.
  const auto good = encode_message(sent);
  for (std::size_t size = 0; size < good.size(); ++size) {
    Message cut;
    CHECK_THROWS_AS(decode_message(std::string_view(good).substr(0, size), cut), error);
  }
  for (std::size_t i = 0; i < good.size(); ++i) {
    auto bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0xff);
    Message other;
    try {
      decode_message(bad, other);
    } catch (const error& refused) {
      CHECK(refused.code() == errc::corrupt_data);
    }
  }
}

std::shared_ptr<const core::byte_buffer> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return std::make_shared<const core::byte_buffer>(bytes.begin(), bytes.end());
}

task_report report_with(decltype(task_report::outcome) outcome) {
  task_report report;
  report.task = 0x123456789aULL;
  report.outcome = std::move(outcome);
  report.run_time = std::chrono::microseconds(77);
  report.cached = {{1, 2}, {3, 4}};
  report.records_read = 5;
  report.bytes_read = 6;
  report.shuffle_bytes = 7;
  report.output_fingerprint = 0xfedcba9876543210;
  report.contributed = {{8, {nullptr, bytes_of("a sum")}}, {9, {nullptr, bytes_of("")}}};
  return report;
}

} // namespace

TEST_CASE("every message that leaves a process comes back as it was") {
  types_config config;
  caf::actor_system system(config);
  stage_order order{3,
                    1,
                    bytes_of("a plan"),
                    {{7, {0, 1, core::fetch_failure::no_executor, 300}}, {8, {}}},
                    {{1, 2, 3}},
                    {{"key", "value"}},
                    {0, 300},
                    {{"host", 7}}};
  check_round_trip(system, run_stage{order});
  order.plan = nullptr;
  check_round_trip(system, run_stage{order});
  check_round_trip(system, run_tasks{{{1, 2, 3, 4, 5, true}, {6, 7, 8, 9, 10, false}}});
  check_round_trip(system, cancel_attempts{{1, 2, 1ULL << 60}});
  check_round_trip(system, actors::forget_stage{4});
  check_round_trip(system, drop_dataset{5, 6});
  check_round_trip(system, drop_shuffle{7});
  check_round_trip(system, drop_result{8});
  check_round_trip(system, drop_broadcast{8, 9, "destroyed at a.cpp:1"});
  check_round_trip(system, meet_peers{{{9, "10.0.0.1", 4711}}});
  check_round_trip(system, barrier_passed{{{1, 1ULL << 60}, 3, {"a", ""}, "an error"}});
  check_round_trip(system, barrier_reached{1, 2, {3, 4, true, "a text"}});
  check_round_trip(system, take_blocks{3, {{1ULL << 60, true, 4, 5, 6}, {7, false, 8, 9, 0}}});
  check_round_trip(system, blocks_taken{1, 2, {{1ULL << 60, 3}, {4, 0}}});
  check_round_trip(system, leave{"the end"});
  check_round_trip(system, welcome{9});
  check_round_trip(system, refused{"no"});
  check_round_trip(system, heartbeat_seen{9, 10, {11, 12, 13, 14}});
  check_round_trip(system, register_executor{1, 2, 3, 4, 5, {{"abc", "/bin/x"}, {"", "y"}}, {1, "::1", 9}});
  check_round_trip(system, heartbeat{1, 2, 3, 4, 5, 6, {7, 8, 9, 10}});
  check_round_trip(system, messages_seen{1, {2, 3, 4, 5}});
  check_round_trip(system, tasks_reported{1, 2, {}, {}});
  check_round_trip(
      system, tasks_reported{1,
                             2,
                             {report_with(task_report::success{{nullptr, bytes_of("result")}, false, 6}),
                              report_with(task_report::success{{}, true, 1 << 20}), report_with(task_report::user_error{"it threw", 13}),
                              report_with(task_report::fetch_failed{1, 2, core::fetch_failure::no_executor, "gone"}),
                              report_with(task_report::cancelled{})},
                             {{9, 10}}});
  check_round_trip(system, dataset_dropped{1, 2, 3});
}

TEST_CASE("every kind of numbered order and report comes back as it was") {
  types_config config;
  caf::actor_system system(config);
  const auto ordered = [&](any_order what) {
    check_round_trip(system, numbered_order{{1, 2, {3, 4, 5, 6}, std::make_shared<const any_order>(std::move(what))}});
  };
  ordered(run_stage{{3, 1, bytes_of("a plan"), {{7, {0, 1}}}, {}}});
  ordered(run_tasks{{{1, 2, 3, 4, 5, true}}});
  ordered(cancel_attempts{{1, 2}});
  ordered(actors::forget_stage{4});
  ordered(drop_dataset{5, 6});
  ordered(drop_shuffle{7});
  ordered(drop_result{8});
  ordered(drop_broadcast{8, 9, "destroyed at a.cpp:1"});
  ordered(meet_peers{{{9, "10.0.0.1", 4711}}});
  ordered(barrier_passed{{{1, 2}, 3, {"a", ""}, ""}});
  ordered(take_blocks{3, {{4, true, 5, 6, 7}}});
  const auto reported = [&](any_report what) {
    check_round_trip(system, numbered_report{{1, 2, {3, 4, 5, 6}, std::make_shared<const any_report>(std::move(what))}});
  };
  reported(tasks_reported{1, 2, {report_with(task_report::cancelled{})}, {{9, 10}}});
  reported(tasks_reported{1, 2, {}, {}, {}, {{3, 4, 5, {{6, {nullptr, bytes_of("a sum")}}}}}});
  reported(dataset_dropped{1, 2, 3});
  reported(barrier_reached{1, 2, {3, 4, false, ""}});
  reported(blocks_taken{1, 2, {{3, 1}}});
}

TEST_CASE("a numbered message of an unknown kind is refused") {
  auto bytes = encode_message(numbered_order{{1, 2, {}, std::make_shared<const any_order>(drop_broadcast{8, 9, "x"})}});
  auto& kind = bytes[bytes.size() - 1 - encode_message(drop_broadcast{8, 9, "x"}).size()];
  REQUIRE(static_cast<std::size_t>(kind) == any_order(drop_broadcast{}).index());
  kind = static_cast<char>(std::variant_size_v<any_order>);
  numbered_order read;
  CHECK_THROWS_AS(decode_message(bytes, read), error);
}

TEST_CASE("the announced size of a message is never less than its encoded size") {
  stage_order order{3, 1, bytes_of(std::string(1000, 'x')), {}, std::vector<cached_source>(100)};
  order.shuffles.push_back({1, std::vector<std::uint32_t>(5000, 100000)});
  order.shuffles.push_back({2, std::vector<std::uint32_t>(5000, core::fetch_failure::no_executor)});
  CHECK(run_stage{order}.wire_bytes() >= encode_message(run_stage{order}).size());
  const run_tasks tasks{std::vector<task_order>(1000)};
  CHECK(tasks.wire_bytes() >= encode_message(tasks).size());
  const tasks_reported reports{
      1, 2, std::vector<task_report>(100, report_with(task_report::user_error{std::string(300, 'e'), 1})), {{1, 2}}};
  CHECK(reports.wire_bytes() >= encode_message(reports).size());
  const numbered_order numbered{{~0ULL, ~0ULL, {~0ULL, ~0ULL, ~0ULL, ~0ULL}, std::make_shared<const any_order>(drop_dataset{~0U, ~0ULL})}};
  CHECK(numbered.wire_bytes() >= encode_message(numbered).size());
  const cancel_attempts cancel{std::vector<std::uint64_t>(1000, 1ULL << 63)};
  CHECK(cancel.wire_bytes() >= encode_message(cancel).size());
  const barrier_passed passed{{std::vector<std::uint64_t>(100, ~0ULL), ~0U, std::vector<std::string>(100, std::string(300, 'x')), "e"}};
  CHECK(passed.wire_bytes() >= encode_message(passed).size());
  const barrier_reached reached{~0U, ~0ULL, {~0ULL, ~0U, true, std::string(300, 'x')}};
  CHECK(reached.wire_bytes() >= encode_message(reached).size());
  const take_blocks blocks{~0U, std::vector<moving_block>(1000, {~0ULL, true, ~0U, ~0U, ~0ULL})};
  CHECK(blocks.wire_bytes() >= encode_message(blocks).size());
  const blocks_taken taken{~0U, ~0ULL, std::vector<std::pair<std::uint64_t, std::uint8_t>>(1000, {~0ULL, 255})};
  CHECK(taken.wire_bytes() >= encode_message(taken).size());
  order.gang.assign(1000, {"localhost", ~0U});
  CHECK(run_stage{order}.wire_bytes() >= encode_message(run_stage{order}).size());
}

TEST_CASE("the longest lists that are sent in one message fit the limit of control messages") {
  CHECK(run_tasks{std::vector<task_order>(run_tasks::tasks_max)}.wire_bytes() <= control_message_bytes_max);
  CHECK(take_blocks{0, std::vector<moving_block>(take_blocks::blocks_max)}.wire_bytes() <= control_message_bytes_max);
  CHECK(cancel_attempts{std::vector<std::uint64_t>(cancel_attempts::tasks_max)}.wire_bytes() <= control_message_bytes_max);
  // Of a barrier stage whose places just fit one.
  stage_order order;
  while (run_stage{order}.wire_bytes() <= control_message_bytes_max)
    order.gang.resize(order.gang.size() + 1000, {"localhost", 1});
  std::vector<std::string> texts(order.gang.size(), std::string(barrier_task::gathered_bytes_max / order.gang.size(), 'x'));
  CHECK(barrier_passed{{std::vector<std::uint64_t>(core::local_threads_max), 1, std::move(texts), ""}}.wire_bytes() <=
        control_message_bytes_max);
}
