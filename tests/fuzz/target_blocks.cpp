// Block transfer: requests as the server reads them, and answers as the fetcher reads them, in pieces of any size.
//
//   block_requests   u8 repair, bytes of a connection
//   block_answers    u8 repair, u64 seed of the sizes of pieces, bytes of a connection
//   block_payloads   u8 which reader, payload
//
// With `repair` checksums of frame headers are put right first, which no mutation would find.
#include "fuzz.hpp"

#include <salamander/actors/net/block_stream.hpp>
#include <salamander/storage/crc32c.hpp>

#include <algorithm>

namespace {

using namespace fuzz;
using namespace salamander::actors::net;
using salamander::storage::block_id;
using salamander::storage::block_kind;

byte_buffer repaired(input_bytes input, bool wanted) {
  byte_buffer all(input.begin(), input.end());
  if (!wanted)
    return all;
  for (std::size_t at = 0; all.size() - at >= frame_header_bytes;) {
    const auto frame = std::span(all).subspan(at);
    const auto info = read_header(frame.first(frame_header_bytes));
    if (!info || info->length > frame.size() - frame_header_bytes)
      break;
    const auto checked = info->type == frame_type::chunk ? std::size_t{0} : std::size_t{info->length};
    const auto sum = salamander::storage::crc32c(frame.subspan(frame_header_bytes, checked), salamander::storage::crc32c(frame.first(8)));
    std::memcpy(frame.data() + 8, &sum, sizeof sum);
    at += frame_header_bytes + info->length;
  }
  return all;
}

// -- requests -------------------------------------------------------------------

/// What block_server's connection does with the bytes of one reader.
bool serve(input_bytes input) {
  controls head(input);
  const auto repair = head.take<std::uint8_t>() % 2 != 0;
  const auto stream = repaired(head.rest(), repair);
  auto rest = input_bytes(stream);
  bool any = false;
  while (rest.size() >= frame_header_bytes) {
    const auto header = rest.first(frame_header_bytes);
    const auto info = read_header(header);
    if (!info || info->type != frame_type::request || rest.size() - frame_header_bytes < info->length)
      return false;
    const auto payload = rest.subspan(frame_header_bytes, info->length);
    const auto ids = is_intact(header, payload) ? read_request(payload) : std::nullopt;
    if (!ids)
      return false;
    expect(ids->size() <= request_ids_max, "a request has more ids than it may");
    for (const auto& id : *ids)
      expect(!id.text().empty(), "a block id has no text");
    byte_buffer again;
    append_request(again, *ids);
    expect(std::ranges::equal(again, rest.first(again.size())), "a request is written as it was read");
    rest = rest.subspan(again.size());
    any = true;
  }
  return any && rest.empty();
}

std::vector<block_id> some_ids(std::size_t count) {
  std::vector<block_id> ids;
  for (std::size_t i = 0; i < count; ++i)
    ids.push_back({static_cast<block_kind>(i % 3), static_cast<std::uint32_t>(i), 7, static_cast<std::uint32_t>(i * i)});
  return ids;
}

std::string text(const byte_buffer& bytes) {
  return std::string(text_of(bytes));
}

std::vector<seed> request_seeds() {
  byte_buffer one;
  append_request(one, some_ids(1));
  byte_buffer two = one;
  append_request(two, some_ids(40));
  byte_buffer most;
  append_request(most, some_ids(request_ids_max));
  auto unknown = one;
  unknown[frame_header_bytes] = std::byte{0xee};
  auto long_length = text(one);
  long_length.replace(4, 4, "\xff\xff\xff\x7f");
  return {{"one", after_controls(text(one), std::uint8_t{0}), true},
          {"two", after_controls(text(two), std::uint8_t{0}), true},
          {"most", after_controls(text(most), std::uint8_t{0}), true},
          {"unknown-kind", after_controls(text(unknown), std::uint8_t{1}), false},
          {"length", after_controls(long_length, std::uint8_t{1}), false}};
}

// -- answers --------------------------------------------------------------------

/// Writes down the events that a reader gives while it is fed `stream` in pieces of the sizes that `next_size` says.
template <class NextSize>
std::string events_of(input_bytes stream, bool& accepted, NextSize next_size) {
  answer_reader reader;
  std::string seen;
  const auto note = [&seen](const char* what, std::uint64_t number) { seen += what + std::to_string(number) + ' '; };
  for (;;) {
    const auto event = reader.next();
    if (std::holds_alternative<answer_reader::more_needed>(event)) {
      if (stream.empty())
        break;
      const auto room = reader.room();
      expect(!room.empty(), "there is room for more bytes");
      const auto size = std::min({room.size(), stream.size(), next_size()});
      std::memcpy(room.data(), stream.data(), size);
      reader.filled(size);
      stream = stream.subspan(size);
    } else if (const auto* begins = std::get_if<answer_reader::block_begins>(&event)) {
      expect(begins->length <= block_bytes_max, "a block is longer than blocks may be");
      note("begins", begins->index);
    } else if (const auto* ends = std::get_if<answer_reader::block_ends>(&event)) {
      note(ends->intact ? "intact" : "damaged", reader.take_block().size());
    } else if (const auto* empty = std::get_if<answer_reader::no_records>(&event)) {
      note("empty", empty->index);
    } else if (const auto* missing = std::get_if<answer_reader::not_found>(&event)) {
      note("missing", missing->index);
    } else if (const auto* failed = std::get_if<failed_frame>(&event)) {
      expect(failed->text.size() <= failed_text_max, "a text is longer than texts may be");
      note("failed", failed->index);
    } else {
      accepted = false;
      return seen + std::get<answer_reader::malformed>(event).why;
    }
  }
  accepted = reader.between_answers();
  return seen;
}

bool fetch(input_bytes input) {
  controls head(input);
  const auto repair = head.take<std::uint8_t>() % 2 != 0;
  auto state = head.take<std::uint64_t>();
  const auto stream = repaired(head.rest(), repair);
  bool whole = false;
  bool pieces = false;
  const auto at_once = events_of(stream, whole, [] { return std::size_t{1} << 30; });
  const auto bit_by_bit = events_of(stream, pieces, [&state] {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return std::size_t{1} << (state >> 60); // 1 byte to 32 KiB
  });
  expect(at_once == bit_by_bit && whole == pieces, "answers do not depend on how they arrive");
  return whole;
}

byte_buffer answer_with(const byte_buffer& block, std::size_t chunk_bytes) {
  byte_buffer all;
  append_found(all, {3, block.size(), salamander::storage::crc32c(block)});
  for (std::size_t at = 0; at < block.size(); at += chunk_bytes) {
    const auto size = std::min(chunk_bytes, block.size() - at);
    const auto header = make_chunk_header(static_cast<std::uint32_t>(size));
    all.insert(all.end(), header.begin(), header.end());
    all.insert(all.end(), block.begin() + static_cast<std::ptrdiff_t>(at), block.begin() + static_cast<std::ptrdiff_t>(at + size));
  }
  return all;
}

std::vector<seed> answer_seeds() {
  auto mixed = answer_with(bytes_of("a block of one chunk"), 64);
  append_index(mixed, frame_type::empty, 1);
  append_index(mixed, frame_type::not_found, 2);
  append_failed(mixed, 3, failed_reason::out_of_memory, "no memory");
  const auto chunks = answer_with(bytes_of(std::string(3000, 'x')), 700);
  byte_buffer terabyte;
  append_found(terabyte, {0, block_bytes_max, 0});
  const auto header = make_chunk_header(chunk_bytes_max);
  terabyte.insert(terabyte.end(), header.begin(), header.end());
  auto longer = answer_with(bytes_of("twelve bytes"), 64);
  longer[frame_header_bytes + 4] = std::byte{3}; // of 12
  const auto at = [](const byte_buffer& stream, std::uint8_t repair) { return after_controls(text(stream), repair, std::uint64_t{1}); };
  return {{"mixed", at(mixed, 0), true},
          {"chunks", at(chunks, 0), true},
          {"nothing", at(answer_with({}, 1), 0), true},
          {"terabyte", at(terabyte, 0), false},
          {"chunks-exceed", at(longer, 1), false}};
}

// -- payloads -------------------------------------------------------------------

bool read_payload(input_bytes input) {
  controls head(input);
  byte_buffer again;
  switch (head.take<std::uint8_t>() % 4) {
  case 0:
    if (const auto ids = read_request(head.rest()))
      append_request(again, *ids);
    break;
  case 1:
    if (const auto frame = read_found(head.rest()))
      append_found(again, *frame);
    break;
  case 2:
    if (const auto index = read_index(head.rest()))
      append_index(again, frame_type::empty, *index);
    break;
  default:
    if (const auto frame = read_failed(head.rest()))
      append_failed(again, frame->index, frame->reason, frame->text);
  }
  if (again.empty())
    return false;
  const auto payload = input_bytes(again).subspan(frame_header_bytes);
  // Payloads longer than their frame may be are cut by writers; readers never see them.
  expect(std::ranges::equal(payload, head.rest().first(std::min(payload.size(), head.rest().size()))),
         "a payload is written as it was read");
  return true;
}

std::vector<seed> payload_seeds() {
  const auto payload = [](const byte_buffer& frame, std::uint8_t which) {
    return after_controls(text(frame).substr(frame_header_bytes), which);
  };
  byte_buffer request;
  append_request(request, some_ids(3));
  byte_buffer found;
  append_found(found, {1, 1000, 5});
  byte_buffer index;
  append_index(index, frame_type::not_found, 9);
  byte_buffer failed;
  append_failed(failed, 1, failed_reason::internal, "why");
  byte_buffer long_block;
  append_found(long_block, {1, block_bytes_max + 1, 5});
  return {{"request", payload(request, 0), true},
          {"found", payload(found, 1), true},
          {"index", payload(index, 2), true},
          {"failed", payload(failed, 3), true},
          {"found-too-long", payload(long_block, 1), false}};
}

// One chunk may be announced before it comes; a block's room grows fourfold, old and new at once.
const registered requests({"block_requests", &serve, &request_seeds, {64U << 10, 8}});
const registered answers({"block_answers", &fetch, &answer_seeds, {chunk_bytes_max + (256U << 10), 16}});
const registered payloads({"block_payloads", &read_payload, &payload_seeds, {4096, 8}});

} // namespace
