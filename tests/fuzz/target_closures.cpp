// Functions with what they captured: u8 which type of function, its bytes.
#include "fuzz.hpp"
#include "record_types.hpp"

#include <salamander/rdd/closure.hpp>

#include <array>

namespace {

using namespace fuzz;
using namespace salamander::core;

struct labelled {
  std::string label;
  std::vector<std::uint64_t> limits;
  MSGPACK_DEFINE(label, limits)
  bool operator()(std::uint64_t x) const {
    return limits.empty() || x < limits.front();
  }
};

const auto nothing_captured = [](int x) { return x + 1; };
const auto numbers_captured = [a = std::uint64_t{3}, b = 0.5](int x) { return static_cast<double>(a) * b * x; };
const auto takes_three = [](const std::string& a, const std::vector<std::string>& b, double c, int x) {
  return static_cast<double>(a.size() + b.size()) + c + x;
};
const auto bound = salamander::bind_front(takes_three, "text", std::vector<std::string>{"a", "b"}, 0.5);

template <class F, class G>
struct both : composed<both<F, G>, F, G> {};

using pair_of_functions = both<std::remove_const_t<decltype(bound)>, std::remove_const_t<decltype(numbers_captured)>>;
using carried_person = carried<std::vector<person>>;

template <class F>
byte_buffer written(const F& f) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_closure(out, f);
  return bytes;
}

template <class F>
bool decode(input_bytes input) {
  byte_buffer first;
  const bool read = accepts(
      [&] {
        byte_reader in(input);
        first = written(read_closure<F>(in));
      },
      {errc::corrupt_data});
  if (!read)
    return false;
  byte_reader in(first);
  expect(written(read_closure<F>(in)) == first && in.left() == 0, "a function that was read is written and read the same");
  return true;
}

using decoder = bool (*)(input_bytes);
constexpr auto decoders = std::to_array<decoder>(
    {&decode<std::remove_const_t<decltype(nothing_captured)>>, &decode<std::remove_const_t<decltype(numbers_captured)>>,
     &decode<std::remove_const_t<decltype(bound)>>, &decode<labelled>, &decode<pair_of_functions>, &decode<carried_person>});

bool run_one(input_bytes input) {
  controls head(input);
  const auto which = head.take<std::uint8_t>();
  return which < decoders.size() && decoders[which](head.rest());
}

std::vector<seed> seeds() {
  const auto at = [](const byte_buffer& bytes, std::uint8_t which) { return after_controls(text_of(bytes), which); };
  const std::vector<person> people{{"ann", {"a"}, "dr", {1, 2}}, {"bob", {}, std::nullopt, {}}};
  return {{"nothing", at(written(nothing_captured), 0), true},
          {"numbers", at(written(numbers_captured), 1), true},
          {"bound", at(written(bound), 2), true},
          {"labelled", at(written(labelled{"l", {1, 2, 3}}), 3), true},
          {"composed", at(written(pair_of_functions{{std::tuple(bound, numbers_captured)}}), 4), true},
          {"carried", at(written(carry(people)), 5), true},
          {"numbers-cut", at(bytes_of("0123456"), 1), false},
          {"text-2-63", at(length_and(1ULL << 63, "text"), 2), false},
          {"labelled-2-32", at(length_and(6, {"\xdd\xff\xff\xff\xff\x00", 6}), 3), false}};
}

const registered closures({"closures", &run_one, &seeds, {512U << 10, 256}});

} // namespace
