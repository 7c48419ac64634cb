// The vocabulary of fault plans as one table: the parser, the printer and the checks all read it.
#pragma once

#include <salamander/rdd/faults.hpp>

#include <span>

namespace salamander::core {

enum class fault_word : std::uint8_t {
  executor,
  stage,
  partition,
  at_stage,
  after_tasks,
  nth,
  probability,
  times,
  batch,
  read,
  chunk,
  tries,
  factor,
  duration, ///< "for"
  delay,    ///< "by"
  direction,
  count_
};

constexpr std::uint32_t bit(fault_word word) noexcept {
  return 1U << static_cast<unsigned>(word);
}

/// What follows the verb: "executor=1", "block=shuffle", "write=EIO", ...
enum class fault_object : std::uint8_t { executor, block, task, allocation, write, message };

struct fault_grammar {
  testing::fault_kind kind;
  std::string_view name; ///< verb and object
  fault_object object;
  std::uint32_t words;    ///< allowed ones
  std::uint32_t required; ///< of those
  bool needs_trigger;     ///< one of at-stage, after-tasks, nth, probability has to be there
  bool needs_processes;   ///< cannot happen to a local master
};

const fault_grammar& grammar_of(testing::fault_kind kind) noexcept;
std::span<const fault_grammar> fault_grammars() noexcept;
std::string_view word_text(fault_word word) noexcept;
/// The words of a set as "executor, stage, times".
std::string list_words(std::uint32_t words);

using number_member = std::optional<std::uint32_t> fault_spec::*;
/// Where a fault keeps the number that a word stands for; null for words with other values.
number_member number_member_of(fault_word which) noexcept;

/// Whether a fault has this word set.
bool has_word(const fault_spec& spec, fault_word word) noexcept;

/// Why the parts of a fault do not fit together; empty when they do.
std::string misfit_of(const fault_spec& spec);

/// "shuffle", "to-executor", "ENOSPC"
std::string_view text_of(testing::blocks which) noexcept;
std::string_view text_of(testing::direction which) noexcept;
std::string_view text_of(testing::disk_error which) noexcept;

std::string text_of(const fault_spec& spec);
/// Reads one piece of a plan. Errors: errc::bad_config_value; the text does not name the piece.
fault_spec parse_fault(std::string_view piece);

} // namespace salamander::core
