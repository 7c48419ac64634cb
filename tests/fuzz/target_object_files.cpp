// Object files, read in splits of any size.
//
//   object_files   u16 where the file is cut in two, the file
#include "fuzz.hpp"

#include <salamander/rdd/object_file.hpp>

#include <filesystem>
#include <fstream>

namespace {

using namespace fuzz;
using namespace salamander::core;
using salamander::compression;

/// Blocks may unpack to much: more is not looked at.
constexpr std::uint64_t block_bytes_max = 1U << 20;

/// The records of a split, each with its length in front.
std::string records_of(const object_split& split) {
  object_reader reader(split, schema_of<std::string>());
  std::string all;
  while (reader.next_bytes() != 0) {
    if (reader.next_bytes() > block_bytes_max)
      salamander::core::throw_error(errc::out_of_memory, "a large block");
    const auto [bytes, count] = reader.next();
    byte_reader in(bytes);
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto record = codec_detail::read_element<std::string>(in);
      all += std::to_string(record.size()) + " " + record;
    }
  }
  return all;
}

bool read_objects(input_bytes input) {
  controls head(input);
  const std::uint64_t wanted = head.take<std::uint16_t>();
  const memory_file file(head.rest());
  const auto size = head.rest().size();
  std::string whole;
  if (!accepts(
          [&] {
            whole = records_of({file.path(), size, 0, size});
          },
          {errc::corrupt_data, errc::wrong_type, errc::out_of_memory, errc::io_error}))
    return false;
  const auto cut = std::min<std::uint64_t>(wanted, size);
  expect(records_of({file.path(), size, 0, cut}) + records_of({file.path(), size, cut, size - cut}) == whole,
         "every block is in exactly one split");
  return true;
}

std::string object_file(const std::vector<std::string>& records, compression packing,
                        const record_schema& schema = schema_of<std::string>()) {
  const auto directory = scratch_directory() + "/objects";
  std::filesystem::create_directories(directory);
  object_writer writer(std::make_unique<part_writer>(directory, 0, 1), packing, schema);
  byte_writer out(writer.buffer());
  for (const auto& record : records) {
    codec_detail::write_element(out, record);
    writer.record_done();
  }
  const auto path = directory + "/" + writer.close().staged;
  std::ifstream in(path, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(in)), {});
  std::filesystem::remove(path);
  return content;
}

std::vector<seed> object_seeds() {
  const auto at = [](const std::string& file, std::uint16_t cut = 100) { return after_controls(file, cut); };
  const auto plain = object_file({"one", "", "three"}, compression::none);
  const auto packed = object_file({std::string(500, 'x'), "y"}, compression::zstd);
  auto flipped = plain;
  flipped[plain.size() / 2] = static_cast<char>(flipped[plain.size() / 2] ^ 1);
  auto longer = plain;
  longer[longer.size() - 16] = 100; // the number of blocks
  return {{"plain", at(plain), true},
          {"packed", at(packed), true},
          {"nothing", at(object_file({}, compression::none)), true},
          {"flipped", at(flipped), false},
          {"blocks", at(longer), false},
          {"cut", at(packed.substr(0, packed.size() - 1)), false},
          {"another-type", at(object_file({}, compression::none, {"long", "int64"})), false},
          {"empty", at(""), false}};
}

const registered object_files{{"object_files", &read_objects, &object_seeds, {3U << 20, 64}}};

} // namespace
