#include <salamander/rdd/error.hpp>
#include <salamander/rdd/fault_words.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace salamander::core {
namespace {

using testing::fault_kind;
using word = fault_word;

constexpr std::string_view blanks = " \t\r\n";
constexpr const char* key = "salamander.faults.plan";

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

[[noreturn]] void bad(const std::string& text) {
  throw_error(errc::bad_config_value, text);
}

std::string_view next_token(std::string_view& rest) {
  const auto first = rest.find_first_not_of(blanks);
  if (first == std::string_view::npos) {
    rest = {};
    return {};
  }
  rest.remove_prefix(first);
  const auto token = rest.substr(0, rest.find_first_of(blanks));
  rest.remove_prefix(token.size());
  return token;
}

/// C++ names and words of a plan are the same but for this.
std::string with_hyphens(std::string_view text) {
  std::string out(text);
  std::ranges::replace(out, '_', '-');
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

std::uint32_t number_of(std::string_view name, std::string_view text, std::uint32_t least) {
  std::uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || value < least)
    bad(quoted(text) + " for " + std::string(name) + " is not a whole number of at least " + std::to_string(least));
  return value;
}

double real_of(std::string_view name, std::string_view text, double above, double most) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc{} || end != text.data() + text.size() || !(value > above) || !(value <= most))
    bad(quoted(text) + " for " + std::string(name) + " is not a number above " + std::to_string(static_cast<int>(above)) + " and up to " +
        std::to_string(static_cast<int>(most)));
  return value;
}

/// The place of a name among those that are known.
template <class Enum>
Enum choice_of(std::string_view name, std::string_view text, std::initializer_list<Enum> known) {
  std::string all;
  for (const auto one : known) {
    if (lower(text) == lower(text_of(one)))
      return one;
    all += (all.empty() ? "" : ", ") + std::string(text_of(one));
  }
  bad(quoted(text) + " for " + std::string(name) + " is none of: " + all);
}

const fault_grammar& grammar_named(std::string_view verb, std::string_view object) {
  std::string known;
  const auto wanted = lower(verb) + ' ' + lower(object);
  for (const auto& one : fault_grammars()) {
    if (wanted == one.name)
      return one;
    known += (known.empty() ? "" : ", ") + std::string(one.name);
  }
  bad("there is no fault " + quoted(object.empty() ? verb : wanted) + "; known faults are: " + known);
}

void set_object(fault_spec& spec, const fault_grammar& grammar, std::string_view name, std::string_view value) {
  using testing::blocks;
  using testing::direction;
  using testing::disk_error;
  switch (grammar.object) {
  case fault_object::executor:
    if (lower(value) != "any")
      spec.executor = number_of(name, value, 0);
    return;
  case fault_object::block:
    spec.block = choice_of(name, value, {blocks::any, blocks::shuffle, blocks::cached, blocks::result});
    return;
  case fault_object::write:
    spec.error = choice_of(name, value, {disk_error::enospc, disk_error::eio});
    return;
  case fault_object::message:
    spec.way = choice_of(name, value, {direction::both, direction::to_executor, direction::from_executor});
    return;
  case fault_object::task:
  case fault_object::allocation:
    bad(quoted(name) + " takes no value in " + quoted(grammar.name) + "; write " + quoted(grammar.name));
  }
}

/// The word of that name. Errors: there is none, or it does not apply.
word word_named(const fault_grammar& grammar, std::string_view name) {
  const auto wanted = lower(with_hyphens(name));
  for (std::size_t i = 0; i < static_cast<std::size_t>(word::count_); ++i) {
    const auto one = static_cast<word>(i);
    if (wanted != word_text(one))
      continue;
    if ((grammar.words & bit(one)) == 0)
      bad(quoted(name) + " does not apply; " + std::string(grammar.name) + " takes: " + list_words(grammar.words));
    return one;
  }
  bad(quoted(name) + " is not a word of fault plans; " + std::string(grammar.name) + " takes: " + list_words(grammar.words));
}

/// Things are numbered from 0, occasions counted from 1.
std::uint32_t least_of(word which) noexcept {
  return which == word::executor || which == word::stage || which == word::partition || which == word::at_stage ? 0 : 1;
}

void set_word(fault_spec& spec, const fault_grammar& grammar, std::string_view name, std::string_view value) {
  const auto which = word_named(grammar, name);
  if (value.empty())
    bad(quoted(name) + " needs a value: " + std::string(word_text(which)) + "=...");
  if (has_word(spec, which))
    bad(quoted(name) + " is given twice");
  if (const auto number = number_member_of(which)) {
    spec.*number = which == word::times && lower(value) == "any" ? 0 : number_of(name, value, least_of(which));
    return;
  }
  switch (which) {
  case word::probability:
    spec.probability = real_of(name, value, 0, 1);
    return;
  case word::factor:
    spec.factor = real_of(name, value, 1, 1000);
    return;
  case word::direction:
    spec.way = choice_of(name, value, {testing::direction::both, testing::direction::to_executor, testing::direction::from_executor});
    return;
  default: // duration and delay
    spec.time = parse_time(key, value);
    if (spec.time->count() == 0)
      bad(quoted(value) + " for " + std::string(name) + " is no time");
  }
}

std::string number_text(double value) {
  char digits[40];
  return {digits, std::to_chars(digits, digits + sizeof digits, value).ptr};
}

std::string time_text(std::chrono::milliseconds time) {
  return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + "s" : std::to_string(time.count()) + "ms";
}

std::string object_text(const fault_spec& spec) {
  switch (grammar_of(spec.kind).object) {
  case fault_object::executor:
    return spec.executor ? "=" + std::to_string(*spec.executor) : "";
  case fault_object::block:
    return spec.block == testing::blocks::any ? "" : "=" + std::string(text_of(spec.block));
  case fault_object::write:
    return "=" + std::string(text_of(spec.error));
  case fault_object::message:
    return spec.way == testing::direction::both ? "" : "=" + std::string(text_of(spec.way));
  case fault_object::task:
  case fault_object::allocation:
    break;
  }
  return {};
}

std::string value_text(const fault_spec& spec, word which) {
  if (which == word::times && spec.times == 0U)
    return "any";
  if (const auto number = number_member_of(which))
    return std::to_string((spec.*number).value_or(0));
  switch (which) {
  case word::probability:
    return number_text(spec.probability.value_or(0));
  case word::factor:
    return number_text(spec.factor.value_or(1));
  case word::direction:
    return std::string(text_of(spec.way));
  default: // duration and delay
    return time_text(spec.time.value_or(std::chrono::milliseconds(0)));
  }
}

} // namespace

std::string text_of(const fault_spec& spec) {
  const auto& grammar = grammar_of(spec.kind);
  auto text = std::string(grammar.name) + object_text(spec);
  for (std::size_t i = 0; i < static_cast<std::size_t>(word::count_); ++i) {
    const auto which = static_cast<word>(i);
    const bool said = which == word::executor && grammar.object == fault_object::executor;
    if (!said && has_word(spec, which))
      text += ' ' + std::string(word_text(which)) + '=' + value_text(spec, which);
  }
  return text;
}

fault_spec parse_fault(std::string_view piece) {
  auto rest = piece;
  const auto split = [](std::string_view token) {
    const auto equals = token.find('=');
    return std::pair{token.substr(0, equals), equals == std::string_view::npos ? std::string_view{} : token.substr(equals + 1)};
  };
  const auto verb = next_token(rest);
  const auto [object, which] = split(next_token(rest));
  const auto& grammar = grammar_named(verb, object);
  fault_spec spec;
  spec.kind = grammar.kind;
  if (!which.empty())
    set_object(spec, grammar, object, which);
  for (auto token = next_token(rest); !token.empty(); token = next_token(rest)) {
    const auto [name, value] = split(token);
    set_word(spec, grammar, name, value);
  }
  if (const auto misfit = misfit_of(spec); !misfit.empty())
    bad(misfit);
  return spec;
}

} // namespace salamander::core
