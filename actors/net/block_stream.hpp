// One connection of a block_fetcher: what it still wants from a peer and how far the current answer has come.
#pragma once

#include <salamander/actors/net/block_client.hpp>
#include <salamander/actors/net/block_frames.hpp>

#include <optional>
#include <variant>

namespace salamander::actors::net {

/// Turns a peer's bytes into answers. No sockets, no clocks: bytes go in, events come out.
class answer_reader {
public:
  struct block_begins {
    std::uint32_t index;
    std::uint64_t length;
  };
  struct block_ends {
    bool intact;
  };
  struct no_records {
    std::uint32_t index;
  };
  struct not_found {
    std::uint32_t index;
  };
  struct malformed {
    const char* why;
  };
  struct more_needed {};
  using event = std::variant<more_needed, block_begins, block_ends, no_records, not_found, failed_frame, malformed>;

  /// Where the next bytes go; never empty. Call `filled` with how many there were, then `next` until it wants more.
  std::span<std::byte> room();
  void filled(std::size_t bytes);

  /// After block_begins nothing more is read of the block until the caller goes on with `next`.
  event next();

  /// Injected faults: a bit of the block that just began will change before its checksum is looked at.
  void spoil(std::uint32_t noise) noexcept {
    spoiled_by_ = noise;
  }

  /// The block that just ended. Requires: block_ends came last.
  byte_buffer take_block() noexcept {
    return std::move(block_);
  }
  /// No answer is half read.
  bool between_answers() const noexcept {
    return begin_ == end_ && !in_block_;
  }

private:
  std::span<const std::byte> buffered() const noexcept {
    return std::span(buffer_).subspan(begin_, end_ - begin_);
  }
  event read_block();
  event read_answer(frame_type type, std::span<const std::byte> payload);
  void expect_chunk(std::uint32_t length);

  std::vector<std::byte> buffer_ = std::vector<std::byte>(64U << 10);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool in_block_ = false;
  found_frame found_;
  byte_buffer block_;
  std::size_t received_ = 0;  ///< of the block
  std::size_t chunk_end_ = 0; ///< position in the block up to which the current chunk goes
  std::size_t checked_ = 0;   ///< what `checksum_` is of: taken as the bytes arrive, while they are near the processor
  std::uint32_t checksum_ = 0;
  std::optional<std::uint32_t> spoiled_by_;
};

} // namespace salamander::actors::net
