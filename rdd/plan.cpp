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

/// Programs have a few modules; a plan that names more is of another build for sure, but its text shall not be made of them all.
constexpr std::size_t modules_max = 4096;

void check_modules(byte_reader& in) {
  const auto count = in.count(2);
  if (count > modules_max)
    byte_reader::corrupt("a plan names more modules than programs have");
  std::vector<code_module> theirs(count);
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
  case dependency::kind::crossed:
    out.varint(edge.cross.divisor);
    out.varint(edge.cross.modulus);
    break;
  case dependency::kind::wide:
    out.varint(edge.shuffle.value);
    break;
  }
}

/// A node as it is in the plan, before anything is called: its code is known, and its parents are numbers.
struct planned_node {
  node_header header;
  std::vector<std::size_t> parents; ///< of each dependency: 1 + its place in the plan; 0: it lies in another stage
  byte_reader parameters;
  node_factory make = nullptr;
  code_address cache = nullptr;
};

dependency read_dependency(byte_reader& in, std::size_t known, std::size_t& parent) {
  dependency edge;
  const auto how = in.varint();
  if (how > static_cast<std::uint64_t>(dependency::kind::crossed))
    byte_reader::corrupt("a plan has an unknown kind of dependency");
  edge.how = static_cast<dependency::kind>(how);
  parent = in.varint();
  if (parent > known)
    byte_reader::corrupt("a plan's node depends on one that does not precede it");
  switch (edge.how) {
  case dependency::kind::one_to_one:
    break;
  case dependency::kind::shifted:
    edge.shift.first = in.varint32();
    edge.shift.count = in.varint32();
    break;
  case dependency::kind::grouped:
    edge.groups = read_value<std::vector<std::vector<std::uint32_t>>>(in);
    break;
  case dependency::kind::crossed:
    edge.cross.divisor = in.varint32();
    edge.cross.modulus = in.varint32();
    if (edge.cross.divisor == 0 || edge.cross.modulus == 0)
      byte_reader::corrupt("a plan has a crossed dependency without partitions");
    break;
  case dependency::kind::wide:
    edge.shuffle.value = in.varint32();
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

std::optional<salamander::partitioner> read_partitioning(byte_reader& in) {
  const auto how = read_value<std::optional<salamander::partitioner>>(in);
  if (how && how->how > salamander::partitioner::kind::custom)
    byte_reader::corrupt("a plan has an unknown kind of partitioner");
  return how;
}

/// Eleven numbers and lengths of a byte each.
constexpr std::size_t least_node_bytes = 11;

planned_node read_node(byte_reader& in, std::size_t known) {
  planned_node one;
  auto& header = one.header;
  header.id.value = in.varint32();
  const auto token = read_token(in);
  header.operation = in.text();
  header.site.file = in.text();
  header.site.line = in.varint32();
  header.partitions = in.varint32();
  header.partitioning = read_partitioning(in);
  std::optional<code_token> cache;
  if (in.flag())
    cache = read_token(in);
  const auto count = in.count(2);
  for (std::size_t i = 0; i < count; ++i)
    header.dependencies.push_back(read_dependency(in, known, one.parents.emplace_back()));
  const auto size = in.count();
  one.parameters = byte_reader(std::span(in.raw(size), size));
  one.make = reinterpret_cast<node_factory>(code_at(token, code_kind::node));
  if (cache)
    one.cache = code_at(*cache, code_kind::cache);
  return one;
}

std::shared_ptr<node> construct(planned_node&& one, const std::vector<std::shared_ptr<node>>& known) {
  for (std::size_t i = 0; i < one.parents.size(); ++i)
    if (one.parents[i] != 0)
      one.header.dependencies[i].parent = known[one.parents[i] - 1];
  auto made = one.make(std::move(one.header), one.parameters);
  if (one.parameters.left() != 0)
    byte_reader::corrupt("a plan's node has more parameters than its operation");
  if (one.cache)
    made->set_cache_reader(one.cache);
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

void write_result_side(byte_writer& out, const node& final, const action& act) {
  write_nodes(out, narrow_closure(final, std::nullopt));
  out.varint(0);
  write_token(out, act.token());
  act.encode(out);
}

void write_map_side(byte_writer& out, const node& child, std::size_t which) {
  write_nodes(out, narrow_closure(child, which));
  out.varint(1);
  out.varint(which);
}

} // namespace

byte_buffer encode_result_plan(const node& final, const action& act) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_modules(out);
  write_result_side(out, final, act);
  return bytes;
}

byte_buffer encode_map_plan(const node& child, std::size_t which) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_modules(out);
  write_map_side(out, child, which);
  return bytes;
}

byte_buffer encode_result_side(const node& final, const action& act) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_result_side(out, final, act);
  return bytes;
}

byte_buffer encode_map_side(const node& child, std::size_t which) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_map_side(out, child, which);
  return bytes;
}

byte_buffer encode_dataset(const node& last) {
  byte_buffer bytes;
  byte_writer out(bytes);
  write_nodes(out, narrow_closure(last, std::nullopt));
  return bytes;
}

std::shared_ptr<const stage_program> stage_program::decode(const byte_buffer& bytes) {
  byte_reader in(bytes);
  check_modules(in);
  auto program = std::make_shared<stage_program>();
  const auto count = in.count(least_node_bytes);
  std::vector<planned_node> planned;
  for (std::size_t i = 0; i < count; ++i)
    planned.push_back(read_node(in, i));
  if (planned.empty())
    byte_reader::corrupt("a plan has no datasets");
  action_factory act = nullptr;
  if (!in.flag()) {
    act = reinterpret_cast<action_factory>(code_at(read_token(in), code_kind::action));
  } else {
    program->dependency_ = in.varint();
    if (program->dependency_ >= planned.back().header.dependencies.size())
      byte_reader::corrupt("a plan's map side has no such dependency");
  }
  program->nodes_.reserve(count);
  for (auto& one : planned)
    program->nodes_.push_back(construct(std::move(one), program->nodes_));
  if (act)
    program->action_ = act(in);
  if (in.left() != 0)
    byte_reader::corrupt("a plan is longer than what it says");
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
  if (dataset == action_dataset && action_)
    return action_->title();
  for (const auto& one : nodes_)
    if (one->id == dataset)
      return one->title();
  return {};
}

} // namespace salamander::core
