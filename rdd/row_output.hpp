// Structs as rows of CSV and JSON lines.
#pragma once

#include <salamander/rdd/functions.hpp>
#include <salamander/rdd/row_fields.hpp>

#include <utility>

namespace salamander::core {

/// Appends a text as a field: quoted where that is needed, or if it is empty, because nothing at all is an empty optional.
void append_csv_text(std::string& out, std::string_view text, const csv_options& options);
/// Appends a JSON string. Errors: errc::not_serializable for what is no UTF-8.
void append_json_text(std::string& out, std::string_view text);
/// Errors: errc::not_serializable for numbers that JSON cannot say: infinities and what is no number.
void append_json_number(std::string& out, double value);

template <class M>
void append_csv_field(std::string& out, const M& value, const csv_options& options) {
  if constexpr (is_optional_member<M>) {
    if (value)
      append_csv_field(out, *value, options);
  } else if constexpr (std::is_convertible_v<const M&, std::string_view>) {
    append_csv_text(out, value, options);
  } else {
    static_assert(std::is_arithmetic_v<M> || std::is_enum_v<M>,
                  "salamander: a member of a CSV row is a number, a bool, an enum, a text, or a std::optional of those");
    append_text(out, value);
  }
}

template <class M>
void append_json(std::string& out, const M& value);

/// Calls append_one(element) for each, with commas between them.
template <class C, class F>
void append_listed(std::string& out, const C& values, F&& append_one) {
  bool first = true;
  for (const auto& one : values) {
    if (!std::exchange(first, false))
      out += ',';
    append_one(one);
  }
}

template <row_record T>
void append_json_row(std::string& out, const T& row, const std::vector<std::string>& names) {
  out += names.empty() ? '[' : '{';
  std::size_t at = 0;
  for_each_member(row, [&](const auto& member) {
    if (at != 0)
      out += ',';
    if (!names.empty()) {
      append_json_text(out, names[at]);
      out += ':';
    }
    append_json(out, member);
    ++at;
  });
  out += names.empty() ? ']' : '}';
}

template <class M>
void append_json(std::string& out, const M& value) {
  if constexpr (is_optional_member<M>) {
    if (value)
      append_json(out, *value);
    else
      out += "null";
  } else if constexpr (std::is_convertible_v<const M&, std::string_view>) {
    append_json_text(out, value);
  } else if constexpr (std::is_floating_point_v<M>) {
    append_json_number(out, static_cast<double>(value));
  } else if constexpr (std::is_same_v<M, char>) {
    append_text(out, static_cast<int>(value)); // a number, as it is read
  } else if constexpr (std::is_arithmetic_v<M> || std::is_enum_v<M>) {
    append_text(out, value);
  } else if constexpr (container_record<M> && requires { typename M::mapped_type; }) {
    out += '{';
    append_listed(out, value, [&](const auto& one) {
      append_json_text(out, one.first);
      out += ':';
      append_json(out, one.second);
    });
    out += '}';
  } else if constexpr (container_record<M>) {
    out += '[';
    append_listed(out, value, [&](const typename M::value_type& one) { append_json(out, one); });
    out += ']';
  } else if constexpr (row_record<M>) {
    append_json_row(out, value, names_of_members<M>());
  } else {
    static_assert(!sizeof(M), "salamander: a member of a JSON row is a number, a bool, an enum, a text, a container, a struct, or a "
                              "std::optional of those");
  }
}

/// The rows of a partition, a line each, by Line::append; and Line::header first.
template <class T, class Line, class Options>
struct write_rows_function : composed<write_rows_function<T, Line, Options>, carried<output_order>, carried<Options>> {
  using leaves_files = void;
  written_part operator()(partition_reader<T>& in) const {
    auto& context = in.context();
    const auto& options = carried_value(std::get<1>(this->parts));
    auto file = described(in.place(), context, 0, [&] { return carried_value(std::get<0>(this->parts)).start(context); });
    std::string line;
    Line::header(line, options);
    file->write(line, 0);
    in.each([&](const T& record) {
      line.clear();
      Line::append(line, record, options);
      file->write_line(line);
    });
    return described(in.place(), context, file->records(), [&] { return file->close(); });
  }
};

struct csv_line {
  static void header(std::string& out, const csv_options& options) {
    if (!options.header)
      return;
    for (std::size_t i = 0; i < options.columns.size(); ++i) {
      if (i != 0)
        out += options.delimiter;
      append_csv_text(out, options.columns[i], options);
    }
    out += '\n';
  }
  template <class T>
  static void append(std::string& out, const T& row, const csv_options& options) {
    std::size_t at = 0;
    for_each_member(row, [&](const auto& member) {
      if (at++ != 0)
        out += options.delimiter;
      append_csv_field(out, member, options);
    });
  }
};

struct json_line {
  static void header(std::string&, const json_options&) {}
  template <class T>
  static void append(std::string& out, const T& row, const json_options& options) {
    append_json_row(out, row, options.columns);
  }
};

template <class T>
using write_csv_function = write_rows_function<T, csv_line, csv_options>;
template <class T>
using write_json_function = write_rows_function<T, json_line, json_options>;

} // namespace salamander::core
