#include <salamander/rdd/codec.hpp>

#include <salamander/rdd/error.hpp>

#include <msgpack.hpp>

namespace salamander::core {

void byte_writer::raw(const void* data, std::size_t size) {
  if (size == 0)
    return;
  const auto* bytes = static_cast<const std::byte*>(data);
  out_.insert(out_.end(), bytes, bytes + size);
}

void byte_writer::varint(std::uint64_t value) {
  while (value >= 0x80) {
    out_.push_back(static_cast<std::byte>(value | 0x80));
    value >>= 7;
  }
  out_.push_back(static_cast<std::byte>(value));
}

std::uint64_t byte_reader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<std::uint64_t>(*raw(1));
    if (shift == 63 && byte > 1)
      break;
    value |= (byte & 0x7f) << shift;
    if ((byte & 0x80) == 0)
      return value;
  }
  corrupt("a number is longer than 64 bits");
}

std::size_t byte_reader::count(std::size_t least) {
  const auto value = varint();
  if (value > left() / (least == 0 ? 1 : least))
    corrupt("a length exceeds the bytes that follow");
  return static_cast<std::size_t>(value);
}

void byte_reader::corrupt(const char* what) {
  throw_error(errc::corrupt_data, std::string("encoded records are damaged: ") + what);
}

void codec_detail::unpack_msgpack(std::string_view bytes, void* target, void (*convert)(void*, const msgpack::object&)) {
  constexpr std::size_t depth_max = 32;
  const auto most = bytes.size();
  try {
    const auto parsed =
        msgpack::unpack(bytes.data(), bytes.size(), nullptr, nullptr, msgpack::unpack_limit(most, most, most, most, most, depth_max));
    convert(target, parsed.get());
  } catch (const msgpack::unpack_error& failure) {
    throw_error(errc::corrupt_data, std::string("a MessagePack value is damaged: ") + failure.what());
  } catch (const msgpack::type_error&) {
    throw_error(errc::corrupt_data, "a MessagePack value does not have the members its type declares");
  }
}

} // namespace salamander::core
