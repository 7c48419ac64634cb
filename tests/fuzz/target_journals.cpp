// A master's journal.
//
//   journals   u8 repair, the file; with `repair` its magic and the checksum of its first record are put right
#include "fuzz.hpp"

#include <salamander/storage/crc32c.hpp>
#include <salamander/storage/journal.hpp>

#include <filesystem>
#include <fstream>

namespace {

using namespace fuzz;
using namespace salamander::storage;
namespace fs = std::filesystem;

constexpr std::size_t magic_bytes = 8;
constexpr std::size_t head_bytes = 8;

fs::path directory() {
  const fs::path made = scratch_directory() + "/journals";
  fs::create_directories(made);
  return made;
}

/// With a first record that is as long as it says, if there are bytes for one.
byte_buffer repaired(byte_buffer file) {
  if (file.size() < magic_bytes + head_bytes)
    return file;
  std::memcpy(file.data(), "SALJRNL1", magic_bytes);
  auto* const head = file.data() + magic_bytes;
  const auto rest = file.size() - magic_bytes - head_bytes;
  const auto length = static_cast<std::uint32_t>(std::min<std::size_t>(rest, std::to_integer<std::size_t>(head[0])));
  std::memcpy(head, &length, 4);
  const std::span<const std::byte> all(file);
  const auto sum = crc32c(all.subspan(magic_bytes + head_bytes, length), crc32c(all.subspan(magic_bytes, 4)));
  std::memcpy(head + 4, &sum, 4);
  return file;
}

bool read_one(input_bytes input) {
  controls head(input);
  const bool repair = head.take<std::uint8_t>() % 2 != 0;
  byte_buffer content(head.rest().begin(), head.rest().end());
  if (repair)
    content = repaired(std::move(content));
  std::ofstream(directory() / "journal-00000000000000000007", std::ios::binary)
      .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  const auto found = read_newest_journal(directory());
  std::size_t bytes = 0;
  for (const auto& one : found.records)
    bytes += one.size();
  expect(bytes <= content.size(), "records are no longer than the file");
  expect(found.records.empty() || found.term == 7, "records come from the file that there is");
  return found.notices.empty();
}

std::vector<seed> seeds() {
  { const journal made(directory(), 7, {"first", "", std::string(300, 'x')}); }
  std::ifstream in(directory() / "journal-00000000000000000007", std::ios::binary);
  const std::string good(std::istreambuf_iterator<char>(in), {});
  auto changed = good;
  changed[20] = '\x01';
  return {{"whole", after_controls(good, std::uint8_t{0}), true},
          {"one", after_controls(good.substr(0, 21), std::uint8_t{1}), true},
          {"cut", after_controls(good.substr(0, good.size() - 5), std::uint8_t{0}), false},
          {"changed", after_controls(changed, std::uint8_t{0}), false},
          {"length-2-32", after_controls(good.substr(0, 8) + std::string(8, '\xff'), std::uint8_t{0}), false}};
}

const registered journals({"journals", &read_one, &seeds, {64U << 10, 16}});

} // namespace
