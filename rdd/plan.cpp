#include <salamander/rdd/plan.hpp>

#include <unordered_map>

namespace salamander::core {
namespace {

void write_token(byte_writer& out, code_token token) {
  out.varint(token.module);
  out.varint(token.offset);
}

code_token read_token(byte_reader& in) {
  code_token token;
  const auto module = in.varint();
  if (module > 0xffff)
    byte_reader::corrupt("a plan names a module beyond any table");
  token.module = static_cast<std::uint16_t>(module);
  token.offset = in.varint();
  return token;
}

void write_modules(byte_writer& out) {
  const auto& modules = code_modules();
  out.varint(modules.size());
  for (const auto& module : modules) {
    out.text(module.build_id);
    out.text(module.path);
  }
}

void check_modules(byte_reader& in) {
  std::vector<code_module> theirs(in.count(2));
  for (auto& module : theirs) {
    module.build_id = in.text();
    module.path = in.text();
  }
  if (theirs != code_modules())
    throw_error(errc::build_mismatch, "the plan was made by another build: " + describe_build_mismatch(theirs));
}

using node_indices = std::unordered_map<const lineage*, std::size_t>;

/// `last` and its narrow ancestors, parents before children, without recursion. With `only`, of `last`'s own dependencies just
/// that one is followed, wide or not.
std::vector<const node*> narrow_closure(const node& last, std::optional<std::size_t> only) {
  std::vector<const node*> order;
  std::unordered_map<const lineage*, bool> done;
  std::vector<std::pair<const node*, std::size_t>> path{{&last, 0}};
  done.emplace(&last, false);
  while (!path.empty()) {
    auto& [at, next] = path.back();
    if (next == at->dependencies.size()) {
      order.push_back(at);
      done[at] = true;
      path.pop_back();
      continue;
    }
    const auto index = next++;
    const auto& edge = at->dependencies[index];
    const bool follow = at == &last && only ? index == *only : !edge.wide();
    const auto* parent = static_cast<const node*>(edge.parent.get());
    if (follow && done.emplace(parent, false).second)
      path.emplace_back(parent, 0);
  }
  return order;
}

void write_dependency(byte_writer& out, const dependency& edge, const node_indices& known) {
  const auto parent = known.find(edge.parent.get());
  out.varint(static_cast<std::uint64_t>(edge.how));
  out.varint(parent == known.end() ? 0 : parent->second + 1);
  switch (edge.how) {
  case dependency::kind::one_to_one:
    break;
  case dependency::kind::shifted:
    out.varint(edge.shift.first);
    out.varint(edge.shift.count);
    break;
  case dependency::kind::grouped:
    write_value(out, edge.groups);
    break;
  case dependency::kind::wide:
    out.varint(edge.shuffle.value);
    break;
  }
}

dependency read_dependency(byte_reader& in, const std::vector<std::shared_ptr<node>>& known) {
  dependency edge;
  const auto how = in.varint();
  if (how > static_cast<std::uint64_t>(dependency::kind::wide))
    byte_reader::corrupt("a plan has an unknown kind of dependency");
  edge.how = static_cast<dependency::kind>(how);
  const auto parent = in.varint();
  if (parent > known.size())
    byte_reader::corrupt("a plan's node depends on one that does not precede it");
  // No parent: it lies in another stage, and this one never reads it.
  if (parent != 0)
    edge.parent = known[parent - 1];
  switch (edge.how) {
  case dependency::kind::one_to_one:
    break;
  case dependency::kind::shifted:
    edge.shift.first = static_cast<std::uint32_t>(in.varint());
    edge.shift.count = static_cast<std::uint32_t>(in.varint());
    break;
  case dependency::kind::grouped:
    edge.groups = read_value<std::vector<std::vector<std::uint32_t>>>(in);
    break;
  case dependency::kind::wide:
    edge.shuffle.value = static_cast<std::uint32_t>(in.varint());
    break;
  }
  return edge;
}

void write_node(byte_writer& out, const node& one, const node_indices& known) {
  out.varint(one.id.value);
  write_token(out, one.token());
  out.text(one.operation);
  out.text(one.site.file);
  out.varint(one.site.line);
  out.varint(one.partitions);
  write_value(out, one.partitioning);
  const auto cache = one.cache_token();
  out.varint(cache ? 1 : 0);
  if (cache)
    write_token(out, *cache);
  out.varint(one.dependencies.size());
  for (const auto& edge : one.dependencies)
    write_dependency(out, edge, known);
  byte_buffer parameters;
  byte_writer writer(parameters);
  one.encode(writer);
  out.varint(parameters.size());
  out.raw(parameters.data(), parameters.size());
}

std::shared_ptr<node> read_node(byte_reader& in, const std::vector<std::shared_ptr<node>>& known) {
  node_header header;
  header.id.value = static_cast<std::uint32_t>(in.varint());
  const auto token = read_token(in);
  header.operation = in.text();
  header.site.file = in.text();
  header.site.line = static_cast<std::uint32_t>(in.varint());
  header.partitions = static_cast<std::uint32_t>(in.varint());
  header.partitioning = read_value<std::optional<salamander::partitioner>>(in);
  std::optional<code_token> cache;
  if (in.varint() != 0)
    cache = read_token(in);
  header.dependencies.resize(in.count(2));
  for (auto& edge : header.dependencies)
    edge = read_dependency(in, known);
  const auto size = in.count();
  byte_reader parameters(std::span(in.raw(size), size));
  const auto factory = reinterpret_cast<node_factory>(code_at(token, code_kind::node));
  auto made = factory(std::move(header), parameters);
  if (cache)
    made->set_cache_reader(code_at(*cache, code_kind::cache));
  return made;
}

void write_nodes(byte_writer& out, const std::vector<const node*>& nodes) {
  node_indices known;
  out.varint(nodes.size());
  for (const auto* one : nodes) {
    write_node(out, *one, known);
    known.emplace(one, known.size());
  }
}

} // namespace

byte_buffer encode_result_plan(const node& final, const action& act) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_modules(out);
  write_nodes(out, narrow_closure(final, std::nullopt));
  out.varint(0);
  write_token(out, act.token());
  act.encode(out);
  return bytes;
}

byte_buffer encode_map_plan(const node& child, std::size_t which) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_modules(out);
  write_nodes(out, narrow_closure(child, which));
  out.varint(1);
  out.varint(which);
  return bytes;
}

std::shared_ptr<const stage_program> stage_program::decode(const byte_buffer& bytes) {
  byte_reader in(bytes);
  check_modules(in);
  auto program = std::make_shared<stage_program>();
  const auto count = in.count(2);
  program->nodes_.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    program->nodes_.push_back(read_node(in, program->nodes_));
  if (program->nodes_.empty())
    byte_reader::corrupt("a plan has no datasets");
  if (in.varint() == 0) {
    program->action_ = reinterpret_cast<action_factory>(code_at(read_token(in), code_kind::action))(in);
  } else {
    program->dependency_ = in.varint();
    if (program->dependency_ >= program->nodes_.back()->dependencies.size())
      byte_reader::corrupt("a plan's map side has no such dependency");
  }
  return program;
}

std::shared_ptr<const block_object> stage_program::run(std::uint32_t partition, task_context& context) const {
  const auto& last = *nodes_.back();
  if (action_)
    return action_->run(last, partition, context);
  last.write_map_output(dependency_, partition, context);
  return nullptr;
}

std::string stage_program::title_of(rdd_id dataset) const {
  for (const auto& one : nodes_)
    if (one->id == dataset)
      return one->title();
  return {};
}

} // namespace salamander::core
