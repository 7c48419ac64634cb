#include <salamander/rdd/fault_words.hpp>

#include <array>

namespace salamander::core {
namespace {

using testing::fault_kind;
using word = fault_word;

constexpr std::uint32_t set_of(std::initializer_list<word> words) {
  std::uint32_t all = 0;
  for (const auto one : words)
    all |= bit(one);
  return all;
}

constexpr auto of_executor = set_of({word::executor, word::stage, word::at_stage, word::after_tasks, word::probability, word::times});
constexpr auto of_task = set_of({word::executor, word::stage, word::partition, word::nth, word::probability, word::times});
constexpr auto of_block = of_task | bit(word::read);
constexpr auto of_message = set_of({word::executor, word::nth, word::probability, word::times});
constexpr auto triggers = set_of({word::at_stage, word::after_tasks, word::nth, word::probability});

constexpr std::array grammars{
    fault_grammar{fault_kind::kill_executor, "kill executor", fault_object::executor, of_executor, 0, true, true},
    fault_grammar{fault_kind::stop_executor, "stop executor", fault_object::executor, of_executor | bit(word::duration),
                  bit(word::duration), true, true},
    fault_grammar{fault_kind::slow_executor, "slow executor", fault_object::executor, of_executor | set_of({word::factor, word::duration}),
                  set_of({word::factor, word::duration}), true, true},
    fault_grammar{fault_kind::cut_executor, "cut executor", fault_object::executor, of_executor | set_of({word::duration, word::direction}),
                  bit(word::duration), true, true},
    fault_grammar{fault_kind::lose_block, "lose block", fault_object::block, of_block, 0, false, false},
    fault_grammar{fault_kind::corrupt_block, "corrupt block", fault_object::block, of_block | bit(word::tries), 0, false, true},
    fault_grammar{fault_kind::delay_block, "delay block", fault_object::block, of_block | bit(word::delay), bit(word::delay), false, false},
    fault_grammar{fault_kind::throw_task, "throw task", fault_object::task, of_task | bit(word::batch), 0, false, false},
    fault_grammar{fault_kind::delay_task, "delay task", fault_object::task, of_task | bit(word::delay), bit(word::delay), false, false},
    fault_grammar{fault_kind::fail_allocation, "fail allocation", fault_object::allocation, of_task | bit(word::batch), 0, false, false},
    fault_grammar{fault_kind::fail_write, "fail write", fault_object::write, of_task | bit(word::chunk), 0, false, false},
    fault_grammar{fault_kind::drop_message, "drop message", fault_object::message, of_message, 0, true, true},
    fault_grammar{fault_kind::repeat_message, "repeat message", fault_object::message, of_message, 0, true, true},
    fault_grammar{fault_kind::delay_message, "delay message", fault_object::message, of_message | bit(word::delay), bit(word::delay), true,
                  true},
};
static_assert(grammars.size() == static_cast<std::size_t>(fault_kind::count_), "every kind of fault needs its words");

constexpr std::array<std::string_view, static_cast<std::size_t>(word::count_)> word_texts{
    "executor", "stage", "partition", "at-stage", "after-tasks", "nth", "probability", "times",
    "batch",    "read",  "chunk",     "tries",    "factor",      "for", "by",          "direction"};

/// Of the words in their order; null: the word's value is no whole number.
constexpr std::array<number_member, static_cast<std::size_t>(word::count_)> number_members{&fault_spec::executor,
                                                                                           &fault_spec::stage,
                                                                                           &fault_spec::partition,
                                                                                           &fault_spec::at_stage,
                                                                                           &fault_spec::after_tasks,
                                                                                           &fault_spec::nth,
                                                                                           nullptr,
                                                                                           &fault_spec::times,
                                                                                           &fault_spec::batch,
                                                                                           &fault_spec::read,
                                                                                           &fault_spec::chunk,
                                                                                           &fault_spec::tries};

constexpr std::array<std::string_view, 4> block_texts{"any", "shuffle", "cached", "result"};
constexpr std::array<std::string_view, 3> direction_texts{"both", "to-executor", "from-executor"};
constexpr std::array<std::string_view, 2> disk_texts{"ENOSPC", "EIO"};

std::uint32_t words_of(const fault_spec& spec) noexcept {
  std::uint32_t all = 0;
  for (std::size_t i = 0; i < word_texts.size(); ++i)
    if (has_word(spec, static_cast<word>(i)))
      all |= 1U << i;
  return all;
}

int count_bits(std::uint32_t set) noexcept {
  return __builtin_popcount(set);
}

} // namespace

std::span<const fault_grammar> fault_grammars() noexcept {
  return grammars;
}

const fault_grammar& grammar_of(fault_kind kind) noexcept {
  return grammars[static_cast<std::size_t>(kind)];
}

std::string_view word_text(fault_word which) noexcept {
  return word_texts[static_cast<std::size_t>(which)];
}

std::string list_words(std::uint32_t words) {
  std::string all;
  for (std::size_t i = 0; i < word_texts.size(); ++i)
    if ((words >> i & 1U) != 0)
      all += (all.empty() ? "" : ", ") + std::string(word_texts[i]);
  return all;
}

number_member number_member_of(fault_word which) noexcept {
  return number_members[static_cast<std::size_t>(which)];
}

bool has_word(const fault_spec& spec, fault_word which) noexcept {
  if (const auto number = number_member_of(which))
    return (spec.*number).has_value();
  const auto& grammar = grammar_of(spec.kind);
  switch (which) {
  case word::probability:
    return spec.probability.has_value();
  case word::factor:
    return spec.factor.has_value();
  case word::duration:
  case word::delay:
    return spec.time.has_value() && (which == word::delay) == ((grammar.words & bit(word::delay)) != 0);
  case word::direction:
    return spec.way != testing::direction::both && grammar.object != fault_object::message;
  default:
    return false;
  }
}

std::string misfit_of(const fault_spec& spec) {
  const auto& grammar = grammar_of(spec.kind);
  const auto name = std::string(grammar.name);
  const auto given = words_of(spec);
  if (const auto strange = given & ~grammar.words; strange != 0)
    return list_words(strange) + " does not apply to " + name + ", which takes " + list_words(grammar.words);
  if (const auto missing = grammar.required & ~given; missing != 0)
    return name + " needs " + list_words(missing);
  const auto when = given & triggers;
  if (count_bits(when) > 1)
    return list_words(when) + " exclude each other: a fault has one trigger";
  if (when == 0 && grammar.needs_trigger)
    return name + " needs one of " + list_words(grammar.words & triggers);
  if (spec.at_stage && spec.stage)
    return "at-stage and stage exclude each other: the one says when, the other whose tasks count";
  return {};
}

std::string_view text_of(testing::blocks which) noexcept {
  return block_texts[static_cast<std::size_t>(which)];
}

std::string_view text_of(testing::direction which) noexcept {
  return direction_texts[static_cast<std::size_t>(which)];
}

std::string_view text_of(testing::disk_error which) noexcept {
  return disk_texts[static_cast<std::size_t>(which)];
}

} // namespace salamander::core
