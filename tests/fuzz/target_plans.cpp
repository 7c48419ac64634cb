// Plans of stages as executors read them: u8 mode, a plan in which code is named by number.
//
// Where code lies differs from build to build, so that files name it symbolically: the byte 0xf5 and the number of a function that
// this program registered stand for its token, and the byte 0xf4 and a number of bytes stand for how long those next bytes are once their
// tokens are put in. Mode 0: this program's own module table goes in front; 1: the file has all of it.
#include "fuzz.hpp"
#include "sample_plans.hpp"

#include <algorithm>

namespace {

using namespace fuzz;
using namespace salamander::core;

constexpr auto code_mark = std::byte{0xf5};
constexpr auto length_mark = std::byte{0xf4};

byte_buffer token_bytes(code_token token) {
  byte_buffer bytes;
  byte_writer out(bytes);
  out.varint(token.module);
  out.varint(token.offset);
  return bytes;
}

byte_buffer token_numbered(std::byte number) {
  const auto& code = sample_code();
  return token_bytes(code[static_cast<std::size_t>(number) % code.size()]);
}

/// How many bytes these become.
std::size_t length_with_tokens(input_bytes plan) {
  std::size_t length = 0;
  for (std::size_t i = 0; i < plan.size(); ++i)
    length += plan[i] == code_mark && i + 1 < plan.size() ? token_numbered(plan[++i]).size() : 1;
  return length;
}

byte_buffer own_modules() {
  byte_buffer bytes;
  byte_writer out(bytes);
  out.varint(code_modules().size());
  for (const auto& module : code_modules()) {
    out.text(module.build_id);
    out.text(module.path);
  }
  return bytes;
}

byte_buffer with_tokens(byte_buffer front, input_bytes plan) {
  const auto append = [&front](const byte_buffer& bytes) { front.insert(front.end(), bytes.begin(), bytes.end()); };
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (plan[i] == code_mark && i + 1 < plan.size()) {
      append(token_numbered(plan[++i]));
    } else if (plan[i] == length_mark && i + 1 < plan.size()) {
      const auto counted = static_cast<std::size_t>(plan[++i]);
      const auto rest = plan.subspan(i + 1);
      append(length_and(length_with_tokens(rest.first(std::min(counted, rest.size()))), ""));
    } else {
      front.push_back(plan[i]);
    }
  }
  return front;
}

bool decode(input_bytes input) {
  controls head(input);
  const auto mode = head.take<std::uint8_t>();
  const auto plan = with_tokens(mode == 0 ? own_modules() : byte_buffer(), head.rest());
  nodes_made() = 0;
  errc refusal = errc::count_;
  const bool accepted = accepts(
      [&] {
        try {
          const auto program = stage_program::decode(plan);
          static_cast<void>(program->title_of(rdd_id{2}));
        } catch (const salamander::error& refused) {
          refusal = refused.code();
          throw;
        }
      },
      {errc::corrupt_data, errc::code_refused, errc::build_mismatch});
  if (refusal == errc::build_mismatch)
    expect(nodes_made() == 0, "nothing of another build's plan is called");
  return accepted;
}

/// A plan as a file has it.
byte_buffer symbolic(const byte_buffer& plan) {
  const auto front = own_modules();
  expect(plan.size() > front.size() && std::equal(front.begin(), front.end(), plan.begin()), "a plan begins with the module table");
  byte_buffer out;
  for (auto at = plan.begin() + static_cast<std::ptrdiff_t>(front.size()); at != plan.end();) {
    bool found = false;
    for (std::size_t i = 0; i < sample_code().size() && !found; ++i) {
      const auto token = token_bytes(sample_code()[i]);
      found = static_cast<std::size_t>(plan.end() - at) >= token.size() && std::equal(token.begin(), token.end(), at);
      if (found) {
        if (begins_parameters(i)) {
          const auto length = static_cast<std::size_t>(out.back()) - token.size() + 2;
          out.back() = length_mark;
          out.push_back(static_cast<std::byte>(length));
        }
        out.push_back(code_mark);
        out.push_back(static_cast<std::byte>(i));
        at += static_cast<std::ptrdiff_t>(token.size());
      }
    }
    if (!found)
      out.push_back(*at++);
  }
  return out;
}

seed variant_of(const std::string& name, std::string plan, bool valid) {
  return {name, after_controls(plan, std::uint8_t{0}), valid};
}

std::vector<seed> seeds() {
  std::vector<seed> all;
  std::string shortest;
  std::string crossed;
  for (const auto& sample : sample_plans()) {
    const auto plan = std::string(text_of(symbolic(sample.plan)));
    if (shortest.empty() || plan.size() < shortest.size())
      shortest = plan;
    if (sample.name == "crossed")
      crossed = plan;
    all.push_back(variant_of(sample.name, plan, true));
  }
  const auto mark = shortest.find(static_cast<char>(code_mark));
  auto unknown = shortest;
  unknown.replace(mark, 2, std::string("\x00\xff\x7f", 3));
  all.push_back(variant_of("unknown-offset", unknown, false));
  unknown.replace(mark, 3, std::string("\xff\xff\x03\x10", 4));
  all.push_back(variant_of("unknown-module", unknown, false));
  crossed.replace(crossed.rfind("\x03\x02"), 2, std::string(2, '\0'));
  all.push_back(variant_of("crossed-by-nothing", crossed, false));
  all.push_back(variant_of("nodes-2-60", std::string(text_of(length_and(1ULL << 60, std::string(40, '\x01')))), false));
  all.push_back(variant_of("trailing", shortest + "more", false));
  all.push_back({"modules-2-60", after_controls(text_of(length_and(1ULL << 60, std::string(40, '\x01'))), std::uint8_t{1}), false});
  all.push_back({"modules-all", after_controls(text_of(length_and(2000, std::string(4000, '\x00'))), std::uint8_t{1}), false});
  return all;
}

// A node is an object of a few hundred bytes, and takes ten of its plan.
const registered plans({"plans", &decode, &seeds, {64U << 10, 128}});

} // namespace
