// Rows of CSV and JSON lines, read in splits of any size.
//
//   csv_rows    u8 options, u16 where the file is cut in two, the file
//   json_rows   the same; the options mean nothing
#include "fuzz.hpp"

#include <salamander/rdd/row_nodes.hpp>
#include <salamander/rdd/to_text.hpp>

#include <map>

namespace {

using namespace fuzz;
using namespace salamander::core;
using salamander::compression;
using salamander::csv_options;
using salamander::json_options;

struct inner {
  std::string name;
  bool flag = false;
  static constexpr std::array column_names{"name", "flag"};
};
struct csv_row {
  std::string name;
  std::optional<double> number;
  std::int8_t small = 0;
};
struct json_row {
  std::string name;
  std::optional<double> number;
  std::vector<inner> inners;
  std::map<std::string, std::uint32_t> counts;
};

/// What a split says: rows as they are written as text, and lines and reasons of malformed ones.
template <class Row, class Format>
std::string rows_of(const file_split& split, const typename Format::options_type& options, bool& malformed) {
  Format rows(split, options, {});
  std::string all;
  std::uint64_t last = 0;
  for (;;) {
    Row row{};
    std::string reason;
    if (!rows.next(row, reason))
      return all;
    if (reason.empty()) {
      append_text(all, row.name);
      all += ' ';
      append_text(all, row.number);
    } else {
      malformed = true;
      const auto told = rows.told(reason);
      expect(told.line > last, "each row begins on a line of its own, which is known");
      last = told.line;
      expect(told.text.size() <= 4200, "no more of a malformed row is kept than is said");
      all += std::to_string(told.line) + ": " + told.reason;
    }
    all += '\n';
  }
}

template <class Row, class Format>
bool read_rows(input_bytes file_bytes, std::uint64_t wanted, bool cuttable, const typename Format::options_type& options) {
  const memory_file file(file_bytes);
  const auto size = file_bytes.size();
  bool malformed = false;
  std::string whole;
  if (!accepts([&] { whole = rows_of<Row, Format>({file.path(), 0, size, compression::none}, options, malformed); }, {errc::malformed_row}))
    return false;
  const auto cut = std::min<std::uint64_t>(wanted, size);
  if (cuttable && cut != 0 && cut != size) {
    const auto first = rows_of<Row, Format>({file.path(), 0, cut, compression::none}, options, malformed);
    const auto second = rows_of<Row, Format>({file.path(), cut, size - cut, compression::none}, options, malformed);
    expect(first + second == whole, "rows and their lines are the same in splits");
  }
  return !malformed;
}

bool read_csv(input_bytes input) {
  controls head(input);
  const auto flags = head.take<std::uint8_t>();
  const auto wanted = head.take<std::uint16_t>();
  csv_options options;
  options.header = (flags & 1) != 0;
  options.multiline = (flags & 2) != 0;
  if ((flags & 4) != 0)
    options.columns = {"a", "b", "c"};
  if ((flags & 8) != 0)
    options.delimiter = ';';
  return read_rows<csv_row, csv_format<csv_row>>(head.rest(), wanted, !options.multiline, options);
}

bool read_json(input_bytes input) {
  controls head(input);
  head.take<std::uint8_t>();
  const auto wanted = head.take<std::uint16_t>();
  const json_options options{.columns = {"a", "b", "c", "d"}};
  return read_rows<json_row, json_format<json_row>>(head.rest(), wanted, true, options);
}

std::vector<seed> csv_seeds() {
  const auto at = [](std::string_view file, std::uint8_t flags, std::uint16_t cut = 9) { return after_controls(file, flags, cut); };
  return {{"plain", at("a,1,2\r\n\"b,\"\"c\",,-3\n\nd,1e3, 4 ", 0), true},
          {"named",
           at("\xef\xbb\xbf"
              "c,x,b,a\n1,?,2,three\n",
              5, 20),
           true},
          {"multiline", at("\"a\nb\",1,2\n", 2), true},
          {"semicolons", at("a;1;2\rb;2;3\r", 8), true},
          {"empty", at("", 0), true},
          {"open-quote", at("\"a,1,2\nb,1,2\n", 0), false},
          {"open-quote-to-the-end", at("\"a,1,2\nb,1,2\n", 2), false},
          {"quote-within", at("a\"b,1,2\nb,1,2\n", 0), false},
          {"fields", at("a,1\nb,1,2,3\r\nc,1,128\n", 0), false},
          {"blank-header", at("\na,b,c\n1,2,3\n", 5, 6), false},
          {"no-such-column", at("a,b\n1,2\n", 5), false}};
}

std::vector<seed> json_seeds() {
  const auto at = [](std::string_view file, std::uint16_t cut = 9) { return after_controls(file, std::uint8_t{0}, cut); };
  return {{"objects",
           at("{\"a\":\"x\",\"c\":[[\"y\",true],{\"flag\":false,\"name\":\"\"}],\"d\":{\"k\":1},\"z\":null}\n \n[\"x\",2,[],{}]\r\n"),
           true},
          {"empty", at(""), true},
          {"cut", at("{\"a\":\"x\""), false},
          {"kinds", at("{\"a\":1}\n[]\n3\n{\"a\":\"x\",\"b\":\"y\"}\n{\"a\":\"x\",\"c\":[],\"d\":{\"k\":-1}}\n"), false},
          {"no-utf8", at("[\"\xff\",2,[],{}]\n"), false},
          {"deep", at(std::string(3000, '[')), false}};
}

const registered csv_rows{{"csv_rows", &read_csv, &csv_seeds, {4U << 20, 256}}};
const registered json_rows{{"json_rows", &read_json, &json_seeds, {4U << 20, 256}}};

} // namespace
