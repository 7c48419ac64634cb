// Control messages, by the codec alone and in the framework's envelope.
//
//   control_messages   u16 which message, its bytes
//   caf_envelope       u16 which message, what the framework reads a message from: length, bytes
//
// The message is told by the hash of its wire_name, so that files stay what they are when messages are added.
#include "fuzz.hpp"

#include <salamander/actors/messages.hpp>

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>

#include <algorithm>
#include <array>

namespace {

using namespace fuzz;
using namespace salamander;
using namespace salamander::actors;

template <class Message>
bool decode_one(input_bytes input) {
  Message first;
  if (!accepts([&] { decode_message(text_of(input), first); }, {errc::corrupt_data}))
    return false;
  const auto bytes = encode_message(first);
  Message second;
  decode_message(bytes, second);
  expect(encode_message(second) == bytes, "a message that was read is written and read the same");
  return true;
}

struct framework {
  struct types : caf::actor_system_config {
    types() {
      add_message_types<caf::id_block::salamander>();
      set("scheduler.policy", caf::atom("testing")); // no threads
    }
  };
  types settings;
  caf::actor_system system{settings};
};

/// Never destroyed: at the end of a process the framework's own statics go first.
caf::actor_system& the_system() {
  static auto* const instance = std::make_unique<framework>().release();
  return instance->system;
}

template <class Message>
bool decode_enveloped(input_bytes input) {
  const auto text = text_of(input);
  caf::binary_deserializer source(the_system(), text.data(), text.size());
  Message message;
  bool read = false;
  accepts([&] { read = !source(message); }, {});
  if (!read)
    return false;
  caf::binary_serializer::container_type bytes;
  caf::binary_serializer sink(the_system(), bytes);
  expect(!sink(message), "a message that was read can be written");
  caf::binary_deserializer again(the_system(), bytes);
  Message second;
  expect(!again(second) && encode_message(second) == encode_message(message), "a message that was read is written and read the same");
  return true;
}

struct message_kind {
  const char* name;
  std::uint16_t hash;
  bool (*decode)(input_bytes);
  bool (*decode_enveloped)(input_bytes);
};

constexpr std::uint16_t hash_of(std::string_view name) {
  std::uint32_t h = 2166136261U;
  for (const char c : name)
    h = (h ^ static_cast<unsigned char>(c)) * 16777619U;
  return static_cast<std::uint16_t>(h ^ (h >> 16));
}

/// All messages of the type-id block: one that is added there is a target without another word.
template <std::size_t... I>
constexpr auto kinds_of(std::index_sequence<I...>) {
  constexpr auto first = caf::id_block::salamander_first_type_id;
  return std::array{message_kind{caf::type_by_id<first + I>::type::wire_name, hash_of(caf::type_by_id<first + I>::type::wire_name),
                                 &decode_one<typename caf::type_by_id<first + I>::type>,
                                 &decode_enveloped<typename caf::type_by_id<first + I>::type>}...};
}

constexpr auto kinds =
    kinds_of(std::make_index_sequence<caf::id_block::salamander_last_type_id - caf::id_block::salamander_first_type_id + 1>{});

const message_kind* kind_at(std::uint16_t hash) {
  const auto found = std::ranges::find(kinds, hash, &message_kind::hash);
  return found == kinds.end() ? nullptr : &*found;
}

bool decode(input_bytes input) {
  controls head(input);
  const auto* kind = kind_at(head.take<std::uint16_t>());
  return kind && kind->decode(head.rest());
}

bool decode_envelope(input_bytes input) {
  the_system(); // made by the first input, an empty one, and not charged to others
  controls head(input);
  const auto* kind = kind_at(head.take<std::uint16_t>());
  return kind && kind->decode_enveloped(head.rest());
}

// -- seeds ----------------------------------------------------------------------

std::shared_ptr<const byte_buffer> shared(std::string_view text) {
  return std::make_shared<const byte_buffer>(bytes_of(text));
}

task_report report_with(decltype(task_report::outcome) outcome) {
  task_report report;
  report.task = 0x123456789aULL;
  report.outcome = std::move(outcome);
  report.run_time = std::chrono::microseconds(77);
  report.cached = {{1, 2}, {3, 4}};
  return report;
}

template <class Message>
Message made(void (*fill)(Message&)) {
  Message message;
  fill(message);
  return message;
}

stage_order full_order() {
  return {3, 1, shared("a plan"), {{7, {0, 1, core::fetch_failure::no_executor, 300}}, {8, {}}}, {{1, 2, 3}}, {}, {}, {{"host", 4}}};
}

std::vector<task_report> full_reports() {
  return {report_with(task_report::success{{nullptr, shared("result")}, false, 6}), report_with(task_report::success{{}, true, 1 << 20}),
          report_with(task_report::user_error{"it threw", 13}),
          report_with(task_report::fetch_failed{1, 2, core::fetch_failure::no_executor, "gone"}), report_with(task_report::cancelled{})};
}

/// Calls f(name, message) for a full example of each kind of message that has lists or texts, and for a few that have none.
template <class F>
void for_each_example(F&& f) {
  f("run_stage", made<run_stage>([](run_stage& m) { m.order = full_order(); }));
  f("run_stage-without-plan", made<run_stage>([](run_stage& m) { m.order.stage = 9; }));
  f("run_tasks", made<run_tasks>([](run_tasks& m) { m.tasks = {{1, 2, 3, 4, 5, true}, {6, 7, 8, 9, 10, false}}; }));
  f("cancel_attempts", made<cancel_attempts>([](cancel_attempts& m) { m.tasks = {1, 2, 1ULL << 60}; }));
  f("drop_dataset", made<drop_dataset>([](drop_dataset& m) { m.dataset = 5; }));
  f("drop_broadcast", made<drop_broadcast>([](drop_broadcast& m) { m.destroyed = "destroyed at a.cpp:1"; }));
  f("meet_peers", made<meet_peers>([](meet_peers& m) { m.peers = {{9, "10.0.0.1", 4711}}; }));
  f("barrier_passed", made<barrier_passed>([](barrier_passed& m) { m.answer = {{1, 2}, 3, {"a", "", "b"}, "it failed"}; }));
  f("barrier_reached", made<barrier_reached>([](barrier_reached& m) { m.arrival = {1, 2, true, "a text"}; }));
  f("take_blocks", made<take_blocks>([](take_blocks& m) { m.blocks = {{1, true, 2, 3, 4}, {5, false, 6, 7, 0}}; }));
  f("blocks_taken", made<blocks_taken>([](blocks_taken& m) { m.outcomes = {{1, 0}, {2, 3}}; }));
  f("leave", made<leave>([](leave& m) { m.reason = "the end"; }));
  f("register_executor", made<register_executor>([](register_executor& m) { m.modules = {{"abc", "/bin/x"}, {"", "y"}}; }));
  f("heartbeat", made<heartbeat>([](heartbeat& m) { m.sequence = 77; }));
  f("tasks_reported-empty", tasks_reported());
  f("tasks_reported", made<tasks_reported>([](tasks_reported& m) {
      m.reports = full_reports();
      m.evicted = {{9, 10}};
      m.contributed = {{3, 4, 5, {{6, {nullptr, shared("a sum")}}}}};
    }));
  f("numbered_order", made<numbered_order>([](numbered_order& m) {
      m.what.number = 8;
      m.what.message = std::make_shared<const any_order>(made<run_stage>([](run_stage& inner) { inner.order = full_order(); }));
    }));
  f("numbered_report", made<numbered_report>([](numbered_report& m) {
      m.what.number = 9;
      m.what.message =
          std::make_shared<const any_report>(made<tasks_reported>([](tasks_reported& inner) { inner.reports = full_reports(); }));
    }));
}

std::vector<seed> message_seeds() {
  std::vector<seed> all;
  for_each_example([&all]<class Message>(const char* name, const Message& message) {
    all.push_back({name, after_controls(encode_message(message), hash_of(Message::wire_name)), true});
  });
  const auto gigabytes = [](std::uint64_t length) { return std::string(text_of(length_and(length, std::string(30, '\x7f')))); };
  all.push_back({"tasks-2-64", after_controls(gigabytes(~std::uint64_t{0}), hash_of(run_tasks::wire_name)), false});
  all.push_back({"tasks-2-59", after_controls(gigabytes(1ULL << 59), hash_of(run_tasks::wire_name)), false});
  all.push_back({"text-2-32", after_controls(gigabytes(1ULL << 32), hash_of(leave::wire_name)), false});
  all.push_back(
      {"plan-2-64", after_controls(std::string("\x01\x01", 2) + gigabytes(~std::uint64_t{0}), hash_of(run_stage::wire_name)), false});
  all.push_back({"shuffles", after_controls(std::string("\x01\x01\x00", 3) + gigabytes(1ULL << 40), hash_of(run_stage::wire_name)), false});
  // Two flags that are neither true nor false.
  auto flags = encode_message(made<run_tasks>([](run_tasks& m) { m.tasks = {{9, 9, 9, 9, 9, true}, {9, 9, 9, 9, 9, true}}; }));
  std::replace(flags.begin() + 1, flags.end(), '\x01', '\x77');
  all.push_back({"flag", after_controls(flags, hash_of(run_tasks::wire_name)), false});
  return all;
}

std::vector<seed> envelope_seeds() {
  std::vector<seed> all;
  for_each_example([&all]<class Message>(const char* name, Message message) {
    caf::binary_serializer::container_type bytes;
    caf::binary_serializer sink(the_system(), bytes);
    static_cast<void>(sink(message));
    all.push_back({name, after_controls({bytes.data(), bytes.size()}, hash_of(Message::wire_name)), true});
  });
  all.push_back({"length", after_controls("\xff\xff\xff\xff\x0f", hash_of(leave::wire_name)), false});
  return all;
}

const registered messages({"control_messages", &decode, &message_seeds, {16U << 10, 48}});
const registered envelope({"caf_envelope", &decode_envelope, &envelope_seeds, {16U << 10, 48}});

} // namespace
