#include "record.hpp"

#include "random.hpp"

#include <salamander/storage/crc32c.hpp>

#include <cstring>

namespace salamander::sim {
namespace {

constexpr std::size_t record_bytes = 12;

template <class T>
void store(std::byte* to, T value) noexcept {
  std::memcpy(to, &value, sizeof value);
}
template <class T>
T load(const std::byte* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

std::uint64_t hash_of(std::span<const std::byte> bytes) noexcept {
  std::uint64_t hash = bytes.size();
  for (const auto byte : bytes)
    hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3ULL;
  return mix(hash);
}

} // namespace

std::uint64_t fingerprint_of(const records& of) noexcept {
  std::uint64_t sum = of.size();
  for (const auto& one : of)
    sum += mix((static_cast<std::uint64_t>(one.key) << 40) ^ static_cast<std::uint64_t>(one.value));
  return sum | 1;
}

void encode(const records& from, byte_buffer& out) {
  const auto begin = out.size();
  const auto body = sizeof(std::uint32_t) + from.size() * record_bytes;
  out.resize(begin + body + sizeof(std::uint64_t));
  auto* to = out.data() + begin;
  store(to, static_cast<std::uint32_t>(from.size()));
  to += sizeof(std::uint32_t);
  for (const auto& one : from) {
    store(to, one.key);
    store(to + 4, one.value);
    to += record_bytes;
  }
  store(to, hash_of(std::span(out).subspan(begin, body)));
}

std::optional<records> decode(std::span<const std::byte> bytes) {
  constexpr auto fixed = sizeof(std::uint32_t) + sizeof(std::uint64_t);
  if (bytes.size() < fixed)
    return std::nullopt;
  const auto count = load<std::uint32_t>(bytes.data());
  const auto body = bytes.first(bytes.size() - sizeof(std::uint64_t));
  if (body.size() != sizeof(std::uint32_t) + std::uint64_t{count} * record_bytes ||
      load<std::uint64_t>(bytes.data() + body.size()) != hash_of(body))
    return std::nullopt;
  records made(count);
  const auto* from = bytes.data() + sizeof(std::uint32_t);
  for (auto& one : made) {
    one = {load<std::uint32_t>(from), load<std::int64_t>(from + 4)};
    from += record_bytes;
  }
  return made;
}

void encode_object(const void* object, byte_buffer& out) {
  encode(*static_cast<const records*>(object), out);
}

storage::stored_block typed_block(records of) {
  const auto size = memory_bytes_of(of);
  return {std::make_shared<const records>(std::move(of)), &encode_object, size, {}};
}

std::optional<records> records_of(const storage::stored_block& block) {
  if (block.encode)
    return *static_cast<const records*>(block.object.get());
  return decode(*static_cast<const byte_buffer*>(block.object.get()));
}

storage::stored_block encoded_block(const records& of) {
  auto bytes = std::make_shared<byte_buffer>();
  encode(of, *bytes);
  const auto size = bytes->size();
  const auto checksum = storage::crc32c(*bytes);
  return {std::move(bytes), nullptr, size, checksum};
}

} // namespace salamander::sim
