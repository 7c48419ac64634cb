#include <salamander/rdd/node.hpp>

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <typeinfo>

namespace salamander::core {

node::node(node_header&& header) {
  id = header.id;
  operation = std::move(header.operation);
  site = std::move(header.site);
  partitions = header.partitions;
  dependencies = std::move(header.dependencies);
  partitioning = header.partitioning;
  assigner = std::move(header.assigner);
}

node::~node() {
  if (on_release)
    on_release(*this);
}

void node::write_map_output(std::size_t, std::uint32_t, task_context&) const {
  throw_error(errc::internal, operation + " has no wide dependency");
}

std::optional<code_token> node::cache_token() const {
  const auto reader = cache_reader();
  if (!reader)
    return std::nullopt;
  return token_of_code(reader, code_kind::cache);
}

void node::set_cache_reader(code_address reader) {
  cache_reader_.store(reader, std::memory_order_release);
  cached.store(reader != nullptr, std::memory_order_release);
}

namespace {

std::string type_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  return status == 0 ? name.get() : type.name();
}

std::string place(const lineage& dataset, const task_context& context, std::uint64_t record) {
  return dataset.title() + ", partition " + std::to_string(context.partition_index) + ", record " + std::to_string(record) + ": ";
}

} // namespace

std::string no_memory_text(const std::bad_alloc& failure) {
  return std::string("the process could get no more memory (") + failure.what() +
         "); use more partitions, keep less in one record or group, or give the executor more memory";
}

void rethrow_described(const lineage& dataset, const task_context& context, std::uint64_t record) {
  try {
    throw;
  } catch (const task_cancelled&) {
    throw;
  } catch (const fetch_failure&) {
    throw;
  } catch (const user_failure&) {
    throw;
  } catch (const placed_error&) {
    throw;
  } catch (const error& failure) {
    throw placed_error(failure.code(), place(dataset, context, record) + failure.what());
  } catch (const std::bad_alloc& failure) {
    throw placed_error(errc::out_of_memory, place(dataset, context, record) + no_memory_text(failure));
  } catch (const std::exception& failure) {
    throw user_failure(place(dataset, context, record) + type_name(typeid(failure)) + ": " + failure.what());
  } catch (...) {
    const auto* type = abi::__cxa_current_exception_type();
    throw user_failure(place(dataset, context, record) + "an exception of type " + (type ? type_name(*type) : "unknown"));
  }
}

void rethrow_on_driver(const char* operation, const source_location& where, const char* doing) {
  const auto text = [&](const std::string& what) {
    return std::string(operation) + " at " + call_site::from(where).text() + ", " + doing + " on the driver: " + what;
  };
  try {
    throw;
  } catch (const placed_error&) {
    throw;
  } catch (const error& failure) {
    throw placed_error(failure.code(), text(failure.what()));
  } catch (const std::bad_alloc& failure) {
    throw placed_error(errc::out_of_memory, text(no_memory_text(failure)));
  } catch (const std::exception& failure) {
    throw placed_error(errc::task_failed, text(type_name(typeid(failure)) + ": " + failure.what()));
  } catch (...) {
    const auto* type = abi::__cxa_current_exception_type();
    throw placed_error(errc::task_failed, text("an exception of type " + (type ? type_name(*type) : "unknown")));
  }
}

} // namespace salamander::core
