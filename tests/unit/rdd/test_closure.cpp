#include <salamander/rdd/closure.hpp>

#include <salamander/rdd/error.hpp>

#include <doctest/doctest.h>
#include <msgpack.hpp>

#include <memory>
#include <random>

namespace {

using namespace salamander;
using namespace salamander::core;

int a_global = 1;

struct scaled {
  int factor = 1;
  int operator()(int x) const {
    return x * factor;
  }
  MSGPACK_DEFINE(factor)
};

template <class F, class G>
struct in_turn : composed<in_turn<F, G>, F, G> {
  int operator()(int x) const {
    return this->template part<1>()(this->template part<0>()(x));
  }
};

std::string refusal(const void* words, std::size_t size) {
  try {
    refuse_pointers(words, size, "map", source_location::current("/home/me/program.cpp", 12));
  } catch (const error& failure) {
    CHECK(failure.code() == errc::closure_refused);
    return failure.what();
  }
  return {};
}

template <class F>
std::string refusal_of(const F& f) {
  try {
    check_closure(f, "map", source_location::current());
  } catch (const error& failure) {
    CHECK(failure.code() == errc::closure_refused);
    return failure.what();
  }
  return {};
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

template <class F>
F travelled(const F& f) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_closure(out, f);
  byte_reader in(bytes);
  auto made = read_closure<F>(in);
  CHECK(in.left() == 0);
  return made;
}

class holder {
public:
  auto closure() const {
    return [this](int x) { return x + value_; };
  }

private:
  int value_ = 3;
};

} // namespace

TEST_CASE("a pointer in a closure is refused with its kind, the operation and the place") {
  const auto on_heap = std::make_unique<int>(1);
  int on_stack = 1;
  const struct {
    const void* pointer;
    const char* kind;
  } cases[] = {{on_heap.get(), "allocated memory"},
               {&on_stack, "the stack"},
               {&a_global, "the program image"},
               {"a literal", "the program image"},
               {reinterpret_cast<const void*>(&contains), "the program image"}};
  for (const auto& one : cases) {
    const void* words[] = {nullptr, one.pointer};
    const auto text = refusal(words, sizeof words);
    CHECK(contains(text, one.kind));
    CHECK(contains(text, "map at program.cpp:12"));
    CHECK(contains(text, "at byte 8"));
    CHECK(contains(text, "bind_front"));
  }
}

TEST_CASE("this, views and pointers are found where they are captured") {
  const auto object = std::make_unique<holder>();
  CHECK(contains(refusal_of(object->closure()), "`this`"));
  const std::string_view view = "literal";
  CHECK(refusal_of([view](int x) { return x + static_cast<int>(view.size()); }) != "");
  const int* const pointer = &a_global;
  int number = 4;
  CHECK(refusal_of([number, pointer](int x) { return x + number + *pointer; }) != "");
  CHECK(refusal_of(in_turn<scaled, decltype(object->closure())>{{std::tuple(scaled{2}, object->closure())}}) != "");
  CHECK(refusal_of(salamander::bind_front(object->closure())) != "");
}

TEST_CASE("numbers in a closure are not taken for pointers") {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> reals(-1e6, 1e6);
  for (int i = 0; i < 2000; ++i) {
    const double real = reals(random);
    const auto small = static_cast<std::int64_t>(random() % 100000000);
    const auto negative = -small - 1;
    const std::uint64_t large = random() | (std::uint64_t{1} << 63);
    const float floats[2] = {static_cast<float>(real), 1.0F};
    REQUIRE(refusal_of([real, small, negative, large](int x) {
              return static_cast<double>(x) + real + static_cast<double>(small + negative) + static_cast<double>(large);
            }) == "");
    REQUIRE(refusal(floats, sizeof floats) == "");
  }
  const std::uint64_t edges[] = {0, 1, 4095, ~std::uint64_t{0}, std::uint64_t{1} << 63, std::uint64_t{1} << 47};
  CHECK(refusal(edges, sizeof edges) == "");
  const int few = 7;
  CHECK(refusal(&few, sizeof few) == "");
}

TEST_CASE("closures of every rule do the same after a journey") {
  int offset = 5;
  double scale = 0.5;
  CHECK(travelled([](int x) { return x + 1; })(1) == 2);
  CHECK(travelled([offset, scale](int x) { return scale * (x + offset); })(1) == 3.0);
  CHECK(travelled(scaled{7})(6) == 42);
  const auto bound = salamander::bind_front(
      [](const std::string& prefix, const std::vector<int>& numbers, int x) { return prefix + std::to_string(numbers.at(1) + x); },
      std::string("n="), std::vector<int>{1, 40});
  CHECK(travelled(bound)(2) == "n=42");
  const auto twice = [offset](int x) { return x + offset; };
  CHECK(travelled(in_turn<scaled, decltype(twice)>{{std::tuple(scaled{3}, twice)}})(2) == 11);
  CHECK(carried_value(travelled(carry(std::string("kept")))) == "kept");
  CHECK(refusal_of(bound) == "");
}

TEST_CASE("a closure cut short is refused") {
  int offset = 5;
  const auto f = [offset](int x) { return x + offset; };
  byte_buffer bytes;
  byte_writer out(bytes);
  write_closure(out, f);
  byte_reader in(std::span(bytes.data(), bytes.size() - 1));
  CHECK_THROWS_AS(read_closure<decltype(f)>(in), error);
}
