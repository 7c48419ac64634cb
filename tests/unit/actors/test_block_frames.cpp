#include "transfer_fixture.hpp"

namespace {

using namespace transfer_test;

TEST_CASE("frames come back as they were written") {
  byte_buffer out;
  const std::vector ids{block_id::shuffle(1, 2, 3), block_id::plan(4, 5), block_id::result(1ULL << 40)};
  append_request(out, ids);
  const auto info = read_header(std::span(out).first(frame_header_bytes));
  REQUIRE(info);
  CHECK(info->type == frame_type::request);
  CHECK(info->length == out.size() - frame_header_bytes);
  CHECK(read_request(std::span(out).subspan(frame_header_bytes)) == ids);
  out.clear();
  append_failed(out, 7, failed_reason::out_of_memory, std::string(5000, 'x'));
  const auto failed = read_failed(std::span(out).subspan(frame_header_bytes));
  REQUIRE(failed);
  CHECK(failed->index == 7);
  CHECK(failed->reason == failed_reason::out_of_memory);
  CHECK(failed->text.size() == failed_text_max);
}

TEST_CASE("a flipped bit anywhere in a frame is seen") {
  byte_buffer out;
  append_found(out, {1, 1000, 99});
  const auto accepted = [&] {
    const auto header = std::span(out).first(frame_header_bytes);
    return read_header(header).has_value() && is_intact(header, std::span(out).subspan(frame_header_bytes));
  };
  CHECK(accepted());
  for (std::size_t bit = 0; bit < out.size() * 8; ++bit) {
    const auto mask = static_cast<std::byte>(1U << (bit % 8));
    out[bit / 8] ^= mask;
    CHECK_FALSE(accepted());
    out[bit / 8] ^= mask;
  }
}

} // namespace
