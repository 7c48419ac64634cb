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
    if ((byte & 0x80) == 0) {
      if (byte == 0 && shift != 0)
        corrupt("a number is longer than it has to be");
      return value;
    }
  }
  corrupt("a number is longer than 64 bits");
}

std::uint32_t byte_reader::varint32() {
  const auto value = varint();
  if (value > 0xffffffffU)
    corrupt("a number is longer than 32 bits");
  return static_cast<std::uint32_t>(value);
}

bool byte_reader::flag() {
  const auto value = std::to_integer<unsigned>(*raw(1));
  if (value > 1)
    corrupt("a flag is neither 0 nor 1");
  return value != 0;
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

namespace {

constexpr std::size_t msgpack_depth_max = 32;

/// Looks at the headers before anything is allocated for them. Each element takes a byte, so that all arrays and maps together have no
/// more than the value has bytes; checked one by one, nested ones would each count the same bytes.
struct header_check : msgpack::null_visitor {
  explicit header_check(std::size_t bytes) : elements_left(bytes) {}

  std::size_t elements_left;
  std::size_t depth = 0;

  bool start_array(std::uint32_t elements) {
    return enter(elements);
  }
  bool start_map(std::uint32_t pairs) {
    return enter(std::uint64_t{pairs} * 2);
  }
  bool end_array() {
    --depth;
    return true;
  }
  bool end_map() {
    --depth;
    return true;
  }

private:
  bool enter(std::uint64_t elements) {
    if (elements > elements_left || depth == msgpack_depth_max)
      return false;
    elements_left -= elements;
    ++depth;
    return true;
  }
};

} // namespace

void codec_detail::unpack_msgpack(std::string_view bytes, void* target, void (*convert)(void*, const msgpack::object&)) {
  const auto most = bytes.size();
  header_check check(most);
  std::size_t end = 0;
  if (!msgpack::parse(bytes.data(), bytes.size(), end, check) || end != bytes.size())
    throw_error(errc::corrupt_data, "a MessagePack value is damaged: it is no single value of its length, or nested too deep");
  try {
    const auto parsed = msgpack::unpack(bytes.data(), bytes.size(), nullptr, nullptr,
                                        msgpack::unpack_limit(most, most, most, most, most, msgpack_depth_max));
    convert(target, parsed.get());
  } catch (const msgpack::unpack_error& failure) {
    throw_error(errc::corrupt_data, std::string("a MessagePack value is damaged: ") + failure.what());
  } catch (const msgpack::type_error&) {
    throw_error(errc::corrupt_data, "a MessagePack value does not have the members its type declares");
  }
}

} // namespace salamander::core
