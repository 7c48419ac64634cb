// Records through a program: pipe.
#pragma once

#include <salamander/rdd/memory_claim.hpp>
#include <salamander/rdd/node.hpp>
#include <salamander/rdd/to_text.hpp>

#include <map>
#include <string>
#include <vector>

namespace salamander {

/// How pipe runs its program.
struct pipe_options {
  std::map<std::string, std::string> environment; ///< in addition to the executor's own
  bool separate_working_directory = false;        ///< an empty directory for each partition, removed afterwards
};

namespace core {

/// What a partition is sent through; a plan carries it.
struct pipe_order {
  std::vector<std::string> command;
  std::map<std::string, std::string> environment;
  bool separate_working_directory = false;
};

/// The words of a command line, separated by blanks; no quotes, no shell. Errors: errc::invalid_argument when there is none.
pipe_order checked_order(std::vector<std::string> command, const pipe_options& options, const source_location& where);
std::vector<std::string> words_of_command(const std::string& command);

/// A running program with lines to and from it, by one thread: it writes when the program reads and reads when it writes, so that
/// neither waits for the other for ever. The program and what it started are killed with the object.
class piped_process {
public:
  /// Errors: std::runtime_error with the program and the system's reason.
  explicit piped_process(const pipe_order& order);
  piped_process(const piped_process&) = delete;
  piped_process& operator=(const piped_process&) = delete;
  ~piped_process();

  /// True: feed() may be called, and the program gets the next lines from it.
  bool wants_input() const noexcept {
    return input_ >= 0 && unsent_.size() - sent_ < wanted_bytes;
  }
  std::string& feed() noexcept {
    return unsent_;
  }
  void end_input() noexcept;
  std::size_t held_bytes() const noexcept {
    return unsent_.capacity() + unfinished_.capacity();
  }

  /// Waits a moment for the program to read or write. Lines that it has completed are added to `lines`; false at their end, when it ended well.
  /// Errors: std::runtime_error with the exit status or signal and the command.
  bool exchange(std::vector<std::string>& lines);

private:
  static constexpr std::size_t wanted_bytes = 64U << 10;

  void write_some();
  bool read_some(std::vector<std::string>& lines);
  bool ended();
  void finish();

  const pipe_order& order_;
  std::string directory_;
  int process_ = 0;
  int input_ = -1;
  int output_ = -1;
  bool input_over_ = false;
  std::string unsent_;
  std::size_t sent_ = 0;
  std::string unfinished_; ///< the beginning of a line
};

/// Shape: n partitions of T -> n partitions of what the program prints for them, a line a record.
template <class T>
class pipe_node final : public typed_node<std::string> {
  class pipe_stream final : public stream<std::string> {
  public:
    pipe_stream(const pipe_node& dataset, std::unique_ptr<stream<T>> input, task_context& context)
        : dataset_(dataset), context_(context), claim_(context, dataset, "a line of the program"), input_(std::move(input)),
          process_(described(dataset, context, 0, [&] { return std::make_unique<piped_process>(dataset.order_); })) {}

    bool next(batch<std::string>& out) override {
      lines_.clear();
      while (lines_.empty() && process_) {
        context_.poll();
        if (process_->wants_input())
          feed();
        const bool more = described(dataset_, context_, records_, [&] { return process_->exchange(lines_); });
        if (more)
          claim_.hold(process_->held_bytes());
        else
          process_.reset();
      }
      out = {lines_.data(), lines_.size(), nullptr, true};
      return !lines_.empty();
    }

  private:
    void feed() {
      batch<T> in;
      if (!input_ || !input_->next(in)) {
        input_.reset();
        process_->end_input();
        return;
      }
      enter(context_, dataset_, records_);
      auto& text = process_->feed();
      in.for_each([&](const T& record) {
        if constexpr (std::is_convertible_v<const T&, std::string_view>)
          text += std::string_view(record);
        else
          append_text(text, record);
        text += '\n';
      });
      records_ += in.size;
    }

    const pipe_node& dataset_;
    task_context& context_;
    memory_claim claim_;
    std::unique_ptr<stream<T>> input_;
    std::unique_ptr<piped_process> process_;
    std::vector<std::string> lines_;
    std::uint64_t records_ = 0;
  };

public:
  pipe_node(node_header&& header, pipe_order order) : typed_node<std::string>(std::move(header)), order_(std::move(order)) {}
  pipe_node(node_header&& header, byte_reader& in) : typed_node<std::string>(std::move(header)), order_(read_value<pipe_order>(in)) {}

  code_token token() const override {
    return node_token<pipe_node>();
  }
  void encode(byte_writer& out) const override {
    write_value(out, order_);
  }
  std::unique_ptr<stream<std::string>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<pipe_stream>(*this, this->template parent<T>(0).read(p, context), context);
  }

private:
  pipe_order order_;
};

} // namespace core
} // namespace salamander
