// Datasets of structs from files of rows.
#pragma once

#include <salamander/rdd/json_reader.hpp>
#include <salamander/rdd/memory_claim.hpp>
#include <salamander/rdd/node.hpp>
#include <salamander/rdd/row_fields.hpp>

namespace salamander::core {

template <class T>
struct row_of {
  using type = T;
};
template <class T>
struct row_of<parsed<T>> {
  using type = T;
};
/// T, also of parsed<T>.
template <class T>
using row_of_t = typename row_of<T>::type;

/// Rows of CSV as structs. A format: `options_type`, and rows that are read one after the other, each with a reason if it is malformed.
template <class Row>
class csv_format {
public:
  using options_type = csv_options;

  csv_format(const file_split& split, const options_type& options, text_reader_options reading)
      : reader_(split, options, members_of<Row>, std::move(reading)) {}

  /// False at the end.
  bool next(Row& to, std::string& reason) {
    const auto got = reader_.next();
    if (got == csv_reader::outcome::malformed)
      reason = reader_.reason();
    else if (got == csv_reader::outcome::row)
      read_members(to, reason);
    return got != csv_reader::outcome::end;
  }
  malformed_row told(std::string reason) {
    return reader_.row(std::move(reason));
  }
  std::uint64_t bytes_read() const noexcept {
    return reader_.bytes_read();
  }

private:
  void read_members(Row& to, std::string& reason) {
    const auto fields = reader_.fields();
    std::size_t at = 0;
    for_each_member(to, [&](auto& member) {
      if (reason.empty()) {
        read_field(fields[at], member, reason);
        if (!reason.empty())
          reason.insert(0, reader_.place_of(at) + " ");
      }
      ++at;
    });
  }

  csv_reader reader_;
};

/// Rows of JSON lines as structs.
template <class Row>
class json_format {
public:
  using options_type = json_options;

  json_format(const file_split& split, const options_type& options, text_reader_options reading)
      : reader_(split, std::move(reading)), options_(options) {}

  bool next(Row& to, std::string& reason) {
    const auto got = reader_.next();
    if (got == json_reader::outcome::malformed)
      reason = reader_.reason();
    else if (got == json_reader::outcome::row)
      read_json_row(reader_.value(), options_.columns, to, reason);
    return got != json_reader::outcome::end;
  }
  malformed_row told(std::string reason) {
    return reader_.row(std::move(reason));
  }
  std::uint64_t bytes_read() const noexcept {
    return reader_.bytes_read();
  }

private:
  json_reader reader_;
  const options_type& options_;
};

/// T: a struct, or parsed<struct>.
template <class T, class Format>
class rows_node final : public typed_node<T> {
  using row = row_of_t<T>;
  using options_type = typename Format::options_type;

  class rows_stream final : public stream<T> {
  public:
    rows_stream(const rows_node& dataset, const file_split& split, task_context& context)
        : dataset_(dataset), context_(context), claim_(context, dataset, "a row of a file"), limit_(context.batch_size<T>()),
          records_(batch_capacity<T>) {
      described(dataset_, context_, 0, [&] {
        text_reader_options reading;
        reading.on_growth = [this](std::size_t bytes) { claim_.add(bytes); };
        rows_.emplace(split, dataset_.options_, std::move(reading));
      });
    }

    bool next(batch<T>& out) override {
      records_.clear();
      do {
        context_.poll();
        enter(context_, dataset_, done_);
        described(dataset_, context_, done_, [&] { fill(); });
        context_.bytes_read += rows_->bytes_read() - counted_;
        counted_ = rows_->bytes_read();
      } while (records_.size() == 0 && !at_end_);
      out = records_.view();
      done_ += out.size;
      context_.records_read += out.size;
      return out.size != 0;
    }

  private:
    /// At most `limit_` rows, the malformed ones among them that are left out.
    void fill() {
      for (std::size_t i = 0; i < limit_ && !at_end_; ++i) {
        row one{};
        reason_.clear();
        if (!rows_->next(one, reason_))
          at_end_ = true;
        else if (reason_.empty())
          records_.emplace(std::move(one));
        else
          refuse();
      }
    }
    void refuse() {
      if constexpr (!std::is_same_v<T, row>)
        records_.emplace(rows_->told(reason_));
      else if (dataset_.options_.on_malformed != malformed::drop)
        throw_malformed(rows_->told(reason_));
    }

    const rows_node& dataset_;
    task_context& context_;
    memory_claim claim_;
    std::size_t limit_;
    std::optional<Format> rows_;
    record_buffer<T> records_;
    std::string reason_;
    std::uint64_t done_ = 0;
    std::uint64_t counted_ = 0;
    bool at_end_ = false;
  };

public:
  rows_node(node_header&& header, std::vector<file_split> splits, options_type options)
      : typed_node<T>(std::move(header)), splits_(std::move(splits)), options_(std::move(options)) {}
  rows_node(node_header&& header, byte_reader& in)
      : typed_node<T>(std::move(header)), splits_(read_value<std::vector<file_split>>(in)), options_(read_value<options_type>(in)) {}

  code_token token() const override {
    return node_token<rows_node>();
  }
  void encode(byte_writer& out) const override {
    write_value(out, splits_);
    write_value(out, options_);
  }
  std::unique_ptr<stream<T>> open(std::uint32_t p, task_context& context) const override {
    return std::make_unique<rows_stream>(*this, splits_.at(p), context);
  }

private:
  std::vector<file_split> splits_;
  options_type options_;
};

} // namespace salamander::core
