// The entry point that libFuzzer calls: FUZZ_TARGET names the one target of this program.
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::target& one = []() -> const fuzz::target& {
    for (const auto& candidate : fuzz::targets())
      if (std::string_view(candidate.name) == FUZZ_TARGET)
        return candidate;
    fuzz::fail("there is no target " FUZZ_TARGET);
  }();
  fuzz::run(one, std::as_bytes(std::span(data, size)));
  return 0;
}
