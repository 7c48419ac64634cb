// What a run keeps in files for another start of its driver.
//
//   kept_files   u8 repair, the file; with `repair` its magic, its lengths and its checksum are put right
//   kept_notes   what was added to accumulators, as it lies in such a file
#include "fuzz.hpp"

#include <salamander/actors/recovery/kept_blocks.hpp>
#include <salamander/storage/crc32c.hpp>

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace {

using namespace fuzz;
using namespace salamander::storage;
namespace actors = salamander::actors;

constexpr std::size_t fixed_bytes = 32;

void put64(byte_buffer& file, std::size_t at, std::uint64_t value) {
  for (std::size_t i = 0; i < 8; ++i)
    file[at + i] = static_cast<std::byte>(value >> (8 * i));
}

/// A beginning that is one, for a few blocks and short notes, if the file is long enough.
byte_buffer repaired(byte_buffer file) {
  constexpr std::size_t blocks = 2;
  constexpr std::size_t notes = 3;
  constexpr std::size_t checked = fixed_bytes + blocks * 12 + notes;
  if (file.size() < checked + 4)
    return file;
  std::memcpy(file.data(), "SALKEPT1", 8);
  put64(file, 8, blocks);
  put64(file, 16, notes);
  const auto sum = crc32c(std::span(file).first(checked));
  std::memcpy(file.data() + checked, &sum, 4);
  return file;
}

bool read_file(input_bytes input) {
  controls head(input);
  const bool repair = head.take<std::uint8_t>() % 2 != 0;
  byte_buffer content(head.rest().begin(), head.rest().end());
  if (repair)
    content = repaired(std::move(content));
  const auto path = scratch_directory() + "/kept";
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  try {
    const kept_reader file(path);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < file.blocks(); ++i)
      if (const auto block = file.block(i)) {
        expect(block->size() == file.bytes_of(i), "a block has the size that was announced");
        sum += block->size();
      }
    expect(sum + file.notes().size() <= content.size(), "a file holds no more than it has bytes");
    return true;
  } catch (const std::runtime_error& refused) {
    expect(std::string_view(refused.what()).find(path) != std::string_view::npos, "an error names the file");
    return false;
  }
}

byte_buffer good_file() {
  const auto path = scratch_directory() + "/kept-example";
  std::filesystem::remove(path);
  kept_writer file(path, 2, 3);
  file.add(bytes_of("one"));
  file.add_empty();
  file.commit(7, bytes_of("abc"));
  std::ifstream in(path, std::ios::binary);
  return bytes_of(std::string(std::istreambuf_iterator<char>(in), {}));
}

std::vector<seed> file_seeds() {
  const std::string good(text_of(good_file()));
  auto long_block = good;
  long_block[fixed_bytes + 5] = '\x40';
  auto many_blocks = good;
  many_blocks[12] = '\x7f';
  return {{"whole", after_controls(good, std::uint8_t{0}), true},
          {"empty", after_controls("", std::uint8_t{0}), false},
          {"cut", after_controls(good.substr(0, good.size() - 1), std::uint8_t{0}), false},
          {"long-block", after_controls(long_block, std::uint8_t{1}), false},
          {"many-blocks", after_controls(many_blocks, std::uint8_t{0}), false}};
}

bool read_notes(input_bytes input) {
  const byte_buffer notes(input.begin(), input.end());
  return accepts(
      [&] {
        const auto added = actors::read_notes(notes);
        expect(actors::read_notes(actors::notes_of(added)).size() == added.size(), "notes that were read are written and read the same");
      },
      {errc::corrupt_data});
}

std::vector<seed> note_seeds() {
  const auto value = std::make_shared<const byte_buffer>(bytes_of("12345678"));
  const auto good = actors::notes_of({{3, {nullptr, value}}, {70000, {nullptr, value}}});
  const std::string text(text_of(good));
  return {{"two", good, true},
          {"none", bytes_of(std::string(1, '\0')), true},
          {"cut", bytes_of(text.substr(0, text.size() - 1)), false},
          {"more", bytes_of(text + "x"), false},
          {"count-2-63", bytes_of(std::string(9, '\xff') + "\x01"), false}};
}

const registered files({"kept_files", &read_file, &file_seeds, {64U << 10, 16}});
const registered notes({"kept_notes", &read_notes, &note_seeds, {64U << 10, 64}});

} // namespace
