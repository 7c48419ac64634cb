#include <salamander/rdd/csv_reader.hpp>

#include <salamander/rdd/error.hpp>

#include <csv.h>

#include <algorithm>

namespace salamander::core {
namespace {

constexpr std::size_t told_bytes_max = 4096;

/// The parser with its callbacks: a row at a time.
class row_parser {
public:
  explicit row_parser(const csv_options& options) {
    if (::csv_init(&parser_, CSV_STRICT | CSV_EMPTY_IS_NULL) != 0)
      throw_error(errc::out_of_memory, "no memory to read CSV");
    ::csv_set_delim(&parser_, static_cast<unsigned char>(options.delimiter));
    ::csv_set_quote(&parser_, static_cast<unsigned char>(options.quote));
    ::csv_set_space_func(&parser_, [](unsigned char) { return 0; }); // blanks belong to the fields
  }
  row_parser(const row_parser&) = delete;
  row_parser& operator=(const row_parser&) = delete;
  ~row_parser() {
    ::csv_free(&parser_);
  }

  void begin() noexcept {
    characters_.clear();
    ends_.clear();
    done_ = false;
  }
  /// False when the bytes cannot be part of a row.
  bool feed(std::string_view bytes) {
    return ::csv_parse(&parser_, bytes.data(), bytes.size(), &on_field, &on_row, this) == bytes.size();
  }
  /// The row is complete.
  bool done() const noexcept {
    return done_;
  }
  /// Forgets a row that has begun.
  void reset() noexcept {
    ::csv_fini(&parser_, nullptr, nullptr, nullptr);
  }
  std::size_t size() const noexcept {
    return ends_.size();
  }
  std::size_t bytes() const noexcept {
    return characters_.size() + parser_.entry_pos;
  }
  csv_field field(std::size_t i) const noexcept {
    const auto begin = i == 0 ? 0 : ends_[i - 1].end;
    return {std::string_view(characters_).substr(begin, ends_[i].end - begin), ends_[i].null};
  }

private:
  struct end_of_field {
    std::size_t end;
    bool null;
  };
  static void on_field(void* text, std::size_t size, void* self) {
    auto& to = *static_cast<row_parser*>(self);
    if (text != nullptr)
      to.characters_.append(static_cast<const char*>(text), size);
    to.ends_.push_back({to.characters_.size(), text == nullptr});
  }
  static void on_row(int, void* self) {
    static_cast<row_parser*>(self)->done_ = true;
  }

  csv_parser parser_{};
  std::string characters_;
  std::vector<end_of_field> ends_;
  bool done_ = false;
};

/// Where the column of each member is. Errors: errc::malformed_row.
std::vector<std::size_t> columns_in(const row_parser& header, const std::vector<std::string>& names, const std::string& path) {
  std::vector<std::size_t> found;
  for (const auto& name : names) {
    std::size_t at = 0;
    while (at < header.size() && header.field(at).text != name)
      ++at;
    if (at < header.size()) {
      for (auto other = at + 1; other < header.size(); ++other)
        if (header.field(other).text == name)
          throw_error(errc::malformed_row, path + ":1: there are two columns '" + name + "', " + std::to_string(at + 1) + " and " +
                                               std::to_string(other + 1) + "; read by position, or rename one");
      found.push_back(at);
      continue;
    }
    std::string all;
    for (std::size_t i = 0; i < header.size(); ++i)
      all += (i == 0 ? "" : ", ") + std::string(header.field(i).text);
    throw_error(errc::malformed_row, path + ":1: there is no column '" + name + "'; there are: " + all.substr(0, told_bytes_max));
  }
  return found;
}

} // namespace

struct csv_reader::state {
  state(const file_split& split, const csv_options& how, std::size_t members, text_reader_options reading)
      : options(how), lines(split, std::move(reading)), parser(how), row_fields(members) {}

  /// Feeds a line of a row that has begun. False when nothing can become of it; `reason` says why then.
  bool feed_line(std::string_view line) {
    if (parser.feed(line) && parser.feed("\n"))
      return true;
    reason = "a quote stands where none may be: quote the whole field, and double the quotes in it";
    return false;
  }

  /// The rest of a row whose first line left a field open.
  bool feed_rest(std::string_view first) {
    text.assign(first.substr(0, told_bytes_max));
    if (!options.multiline) {
      reason = "a quoted field does not end on its line; set multiline if fields may hold line ends";
      return false;
    }
    for (std::string_view line; !parser.done();) {
      if (!lines.next(line)) {
        reason = "a quoted field does not end";
        return false;
      }
      if (text.size() < told_bytes_max)
        text += "\n" + std::string(line.substr(0, told_bytes_max - text.size()));
      if (!feed_line(line))
        return false;
      if (parser.bytes() > row_bytes_max) {
        reason = "the row has more than " + std::to_string(row_bytes_max) + " bytes; does a quote not end?";
        return false;
      }
    }
    return true;
  }

  /// The next row into the parser.
  outcome read() {
    std::string_view line;
    do {
      if (!lines.next(line))
        return outcome::end;
    } while (line.empty());
    return read_from(line);
  }
  outcome read_from(std::string_view line) {
    first_line = lines.count();
    text.clear();
    last = line;
    parser.begin();
    if (!feed_line(line) || (!parser.done() && !feed_rest(line))) {
      parser.reset();
      return outcome::malformed;
    }
    return outcome::row;
  }

  /// The first line, whatever it is: each partition has to find the same.
  void read_header() {
    std::string_view line;
    if (!lines.next(line))
      return; // an empty file
    if (!line.empty() && read_from(line) == outcome::malformed)
      throw_error(errc::malformed_row, lines.path() + ":1: the header cannot be read: " + reason);
    adopt_header(parser);
  }
  void adopt_header(const row_parser& header) {
    if (options.columns.empty())
      return;
    columns = columns_in(header, options.columns, lines.path());
    row_fields = header.size();
  }

  csv_options options;
  row_lines lines;
  row_parser parser;
  std::size_t row_fields;           ///< that a row has to have
  std::vector<std::size_t> columns; ///< of each member; empty: in order
  std::vector<csv_field> fields;
  std::string reason;
  std::string_view last;        ///< the last row, if it is a line
  std::string text;             ///< else
  std::uint64_t first_line = 0; ///< of the last row, in the split
};

csv_reader::csv_reader(const file_split& split, const csv_options& options, std::size_t members, text_reader_options reading)
    : state_(std::make_unique<state>(split, options, members, std::move(reading))) {
  if (!options.header)
    return;
  if (split.offset == 0) {
    state_->read_header();
  } else if (!options.columns.empty()) {
    state first({split.path, 0, 1, compression::none}, options, members, {});
    first.read_header();
    state_->columns = std::move(first.columns);
    state_->row_fields = first.row_fields;
  }
}

csv_reader::~csv_reader() = default;

csv_reader::outcome csv_reader::next() {
  auto& at = *state_;
  const auto got = at.read();
  if (got != outcome::row)
    return got;
  const auto& parser = at.parser;
  if (parser.size() != at.row_fields) {
    at.reason = "there are " + std::to_string(parser.size()) + " fields instead of " + std::to_string(at.row_fields);
    return outcome::malformed;
  }
  const auto members = at.columns.empty() ? at.row_fields : at.columns.size();
  at.fields.resize(members);
  for (std::size_t i = 0; i < members; ++i)
    at.fields[i] = parser.field(at.columns.empty() ? i : at.columns[i]);
  return outcome::row;
}

std::span<const csv_field> csv_reader::fields() const noexcept {
  return state_->fields;
}

std::string csv_reader::place_of(std::size_t i) const {
  const auto& at = *state_;
  auto place = "column " + std::to_string((at.columns.empty() ? i : at.columns[i]) + 1);
  if (i < at.options.columns.size())
    place += " ('" + at.options.columns[i] + "')";
  return place;
}

const std::string& csv_reader::reason() const noexcept {
  return state_->reason;
}

malformed_row csv_reader::row(std::string reason) {
  auto& at = *state_;
  const auto text = at.text.empty() ? at.last.substr(0, told_bytes_max) : std::string_view(at.text);
  return {at.lines.path(), at.lines.number_of(at.first_line), std::string(text), std::move(reason)};
}

std::uint64_t csv_reader::bytes_read() const noexcept {
  return state_->lines.bytes_read();
}

void check_csv_header(const input_file& file, const csv_options& options, std::size_t members) {
  csv_reader({file.path, 0, std::min<std::uint64_t>(file.size, 1), compression_of(file.path)}, options, members, {});
}

} // namespace salamander::core
