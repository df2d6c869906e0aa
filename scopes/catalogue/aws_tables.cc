#include "scopes/catalogue/aws_tables.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

namespace countersign {
namespace {

constexpr std::string_view kMagic = "cs-aws/2";

// What a record takes at least: its numbers.
constexpr std::size_t kTemplateBytes = 4;
constexpr std::size_t kPartBytes = 3;
constexpr std::size_t kServiceBytes = 11;
constexpr std::size_t kMemberBytes = 4;
constexpr std::size_t kOperationBytes = 16;
constexpr std::size_t kSecretBytes = 4;

std::unexpected<Error> malformed(std::string what) {
  return fail(ErrorKind::malformed, "aws_catalogue.malformed", std::move(what));
}

// Numbers from a byte string. After the first wrong one all are 0 and `good` is false: loops end, and the caller asks
// once.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  bool good() const { return good_; }
  std::size_t left() const { return left_.size(); }
  void spoil() {
    good_ = false;
    left_ = {};
  }

  // LEB128, at most 32 bits.
  std::uint32_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      if (left_.empty()) break;
      auto byte = static_cast<unsigned char>(left_.front());
      left_.remove_prefix(1);
      value |= std::uint64_t{byte & 127U} << shift;
      if (byte < 128) {
        if (value <= std::numeric_limits<std::uint32_t>::max()) return static_cast<std::uint32_t>(value);
        break;
      }
    }
    spoil();
    return 0;
  }
  std::uint32_t below(std::size_t limit) {
    std::uint32_t value = number();
    if (value < limit) return value;
    spoil();
    return 0;
  }
  // How many of something follow, each of which takes so many bytes at least.
  std::uint32_t count(std::size_t least = 1) {
    std::uint32_t value = number();
    if (value <= left_.size() / least) return value;
    spoil();
    return 0;
  }
  std::string_view raw(std::size_t size) {
    if (size > left_.size()) {
      spoil();
      return {};
    }
    std::string_view out = left_.substr(0, size);
    left_.remove_prefix(size);
    return out;
  }

 private:
  std::string_view left_;
  bool good_ = true;
};

class Loader {
 public:
  Loader(std::string_view bytes, AwsTables& out) : in_(bytes), out_(out) {}

  Status load() {
    if (in_.raw(kMagic.size()) != kMagic) return malformed("not a table of AWS operations");
    read_texts();
    out_.sources = text();
    read_templates();
    read_services();
    if (!in_.good()) return malformed("the table of AWS operations breaks off or contradicts itself");
    if (in_.left() != 0) return malformed("something follows the table of AWS operations");
    return {};
  }

 private:
  // An array in the tables' memory, which is given back with all of it.
  template <class T>
  std::span<T> array(std::size_t size) {
    static_assert(std::is_trivially_destructible_v<T>);
    if (size == 0) return {};
    out_.bytes += size * sizeof(T);
    T* first = static_cast<T*>(out_.memory.allocate(size * sizeof(T), alignof(T)));
    std::uninitialized_value_construct_n(first, size);
    return {first, size};
  }

  void read_texts() {
    std::uint32_t size = in_.count();
    std::vector<std::uint32_t> ends;
    ends.reserve(size);
    out_.texts.reserve(in_.left() / 2);
    for (std::uint32_t i = 0; i < size && in_.good(); ++i) {
      out_.texts += in_.raw(in_.number());
      ends.push_back(static_cast<std::uint32_t>(out_.texts.size()));
    }
    out_.texts.shrink_to_fit();
    texts_.reserve(ends.size());
    std::size_t from = 0;
    for (std::uint32_t end : ends) {
      texts_.push_back(std::string_view(out_.texts).substr(from, end - from));
      from = end;
    }
  }

  std::string_view text() {
    std::uint32_t index = in_.below(texts_.size());
    return in_.good() ? texts_[index] : std::string_view();
  }

  std::span<const std::string_view> texts() {
    std::span<std::string_view> out = array<std::string_view>(in_.count());
    for (std::string_view& one : out) one = text();
    return out;
  }

  bool flag() { return in_.below(2) == 1; }

  void read_templates() {
    templates_ = array<AwsResourceTemplate>(in_.count(kTemplateBytes));
    for (AwsResourceTemplate& one : templates_) {
      one.type = text();
      one.arn = text();
      one.member = text();
      std::span<AwsArnPart> parts = array<AwsArnPart>(in_.count(kPartBytes));
      for (AwsArnPart& part : parts) {
        part.kind = static_cast<AwsArnPart::Kind>(in_.below(6));
        part.text = text();
        part.member = text();
        if ((part.kind == AwsArnPart::Kind::member) == part.member.empty()) in_.spoil();
      }
      one.parts = parts;
      if (one.member.empty() == one.parts.empty()) in_.spoil();
      if (!in_.good()) return;
    }
  }

  void read_services() {
    std::span<AwsService> services = array<AwsService>(in_.count(kServiceBytes));
    for (AwsService& one : services) {
      read_service(one);
      if (!in_.good()) return;
    }
    ordered(services, &AwsService::key);
    out_.services = services;
  }

  // What is searched by halves must be in order, each once.
  template <class T>
  void ordered(std::span<T> all, std::string_view T::* name) {
    auto wrong = [name](const T& a, const T& b) { return a.*name >= b.*name; };
    if (std::ranges::adjacent_find(all, wrong) != all.end()) in_.spoil();
  }

  void read_service(AwsService& one) {
    one.key = text();
    one.title = text();
    one.signing_name = text();
    one.endpoint_prefix = text();
    one.iam_prefix = text();
    one.target_prefix = text();
    one.versions = texts();
    if (one.versions.empty()) return in_.spoil();
    one.version = one.versions.back();
    one.protocols = AwsProtocols(static_cast<std::uint8_t>(in_.below(1U << kAwsProtocolCount)));
    one.global = flag();
    read_shapes();
    std::span<AwsOperation> operations = array<AwsOperation>(in_.count(kOperationBytes));
    for (AwsOperation& operation : operations) {
      operation.service = &one;
      read_operation(operation);
      if (!in_.good()) return;
    }
    ordered(operations, &AwsOperation::name);
    one.operations = operations;
    out_.operations += operations.size();
  }

  void read_shapes() {
    shapes_ = array<AwsShape>(in_.count());
    out_.shapes += shapes_.size();
    for (AwsShape& one : shapes_) {
      read_shape(one);
      if (!in_.good()) return;
    }
  }

  const AwsShape* shape() {
    std::uint32_t index = in_.below(shapes_.size());
    return in_.good() ? &shapes_[index] : nullptr;
  }

  void read_shape(AwsShape& one) {
    std::uint32_t word = in_.below(128);
    if ((word & 15U) >= kAwsTypeCount) return in_.spoil();
    one.type = static_cast<AwsType>(word & 15U);
    one.sensitive = (word >> 4U) & 1U;
    one.flattened = (word >> 5U) & 1U;
    one.one_of = (word >> 6U) & 1U;
    if (one.type == AwsType::structure) {
      std::span<AwsMember> members = array<AwsMember>(in_.count(kMemberBytes));
      for (AwsMember& member : members) read_member(member);
      ordered(members, &AwsMember::name);
      one.members = members;
      out_.members += members.size();
    } else if (one.type == AwsType::list) {
      one.element = shape();
      one.element_name = text();
    } else if (one.type == AwsType::map) {
      one.element = shape();
      one.element_name = text();
      one.key_name = text();
    }
  }

  void read_member(AwsMember& one) {
    one.name = text();
    std::string_view wire = text();
    one.wire_name = wire.empty() ? one.name : wire;
    one.shape = shape();
    std::uint32_t word = in_.below(128);
    if ((word & 7U) >= kAwsLocationCount) return in_.spoil();
    one.location = static_cast<AwsLocation>(word & 7U);
    one.required = (word >> 3U) & 1U;
    one.idempotency_token = (word >> 4U) & 1U;
    one.host_label = (word >> 5U) & 1U;
    one.xml_attribute = (word >> 6U) & 1U;
  }

  void read_operation(AwsOperation& one) {
    one.name = text();
    one.method = text();
    one.path = text();
    if (!one.path.starts_with('/')) return in_.spoil();
    one.segments = segments(one.path);
    std::span<AwsQueryLiteral> literals = array<AwsQueryLiteral>(in_.count(kPartBytes));
    for (AwsQueryLiteral& literal : literals) {
      literal.key = text();
      bool has_value = flag();
      std::string_view value = text();
      if (has_value) literal.value = value;
    }
    one.literals = literals;
    one.host_prefix = text();
    read_input(one);
    one.iam_actions = texts();
    if (one.iam_actions.empty()) return in_.spoil();
    one.level = static_cast<AwsLevel>(in_.below(kAwsLevelCount));
    read_effects(one);
    one.traits = AwsTraits(static_cast<std::uint16_t>(in_.below(1U << kAwsTraitCount)));
    one.why = texts();
    read_secrets(one);
    one.roles = texts();
    std::span<const AwsResourceTemplate*> resources = array<const AwsResourceTemplate*>(in_.count());
    for (const AwsResourceTemplate*& resource : resources) {
      std::uint32_t index = in_.below(templates_.size());
      if (in_.good()) resource = &templates_[index];
    }
    one.resources = resources;
  }

  void read_secrets(AwsOperation& one) {
    std::span<AwsSecret> secrets = array<AwsSecret>(in_.count(kSecretBytes));
    for (AwsSecret& secret : secrets) {
      secret.path = text();
      secret.blob = flag();
      secret.steps = texts();
      // A path begins with a member, and without one there would be nothing to look for.
      if (secret.steps.empty() || secret.steps.front().empty() || secret.steps.front().find_first_of("[{") == 0)
        return in_.spoil();
    }
    one.secrets = secrets;
  }

  void read_effects(AwsOperation& one) {
    one.effect = static_cast<Effect>(in_.below(kEffectCount));
    std::uint32_t bits = in_.below(1U << kEffectCount);
    for (std::size_t i = 0; i < kEffectCount; ++i)
      if ((bits >> i) & 1U) one.effects.add(static_cast<Effect>(i));
    if (!one.effects.contains(one.effect)) in_.spoil();
  }

  void read_input(AwsOperation& one) {
    std::uint32_t input = in_.below(shapes_.size() + 1);
    std::string_view payload = text();
    if (!in_.good()) return;
    if (input == 0) {
      if (!payload.empty()) in_.spoil();
      return;
    }
    one.input = &shapes_[input - 1];
    if (one.input->type != AwsType::structure) return in_.spoil();
    if (!payload.empty() && !(one.payload = one.input->find(payload))) return in_.spoil();
    std::vector<const AwsMember*> required;
    for (const AwsMember& member : one.input->members)
      if (member.required && (member.location == AwsLocation::query || member.location == AwsLocation::header))
        required.push_back(&member);
    std::span<const AwsMember*> kept = array<const AwsMember*>(required.size());
    std::ranges::copy(required, kept.begin());
    one.required = kept;
  }

  std::span<const AwsSegment> segments(std::string_view path) {
    path.remove_prefix(1);
    if (path.empty()) return {};
    auto size = static_cast<std::size_t>(std::ranges::count(path, '/')) + 1;
    std::span<AwsSegment> out = array<AwsSegment>(size);
    for (AwsSegment& one : out) {
      std::size_t end = std::min(path.find('/'), path.size());
      one = segment(path.substr(0, end));
      path.remove_prefix(std::min(end + 1, path.size()));
    }
    return out;
  }

  static AwsSegment segment(std::string_view text) {
    if (!text.starts_with('{') || !text.ends_with('}')) return {AwsSegment::Kind::literal, text};
    text = text.substr(1, text.size() - 2);
    if (!text.ends_with('+')) return {AwsSegment::Kind::label, text};
    return {AwsSegment::Kind::greedy, text.substr(0, text.size() - 1)};
  }

  Reader in_;
  AwsTables& out_;
  std::vector<std::string_view> texts_;
  std::span<AwsResourceTemplate> templates_;
  std::span<AwsShape> shapes_;  // the service's at hand
};

}  // namespace

Status read_aws_tables(std::string_view bytes, AwsTables& out) {
  if (bytes.size() > kMaxAwsTablesBytes) return malformed("larger than any table of AWS operations");
  return Loader(bytes, out).load();
}

Result<std::string> unpack_aws_tables(std::string_view packed) {
  constexpr int kGzipOnly = 31;
  z_stream zlib{};
  if (::inflateInit2(&zlib, kGzipOnly) != Z_OK)
    return fail(ErrorKind::internal, "aws_catalogue.malformed", "no memory to unpack the table of AWS operations");
  std::unique_ptr<z_stream, int (*)(z_stream*)> end(&zlib, &::inflateEnd);
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  zlib.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.size(), kMaxAwsTablesBytes));
  std::string out;
  int state = Z_OK;
  while (state == Z_OK) {
    std::size_t had = out.size();
    if (had > kMaxAwsTablesBytes)
      return fail(ErrorKind::too_large, "aws_catalogue.too_large", "larger than any table of AWS operations");
    constexpr std::size_t kStep = std::size_t{1} << 20U;
    out.resize(had + kStep);
    zlib.next_out = reinterpret_cast<Bytef*>(out.data() + had);
    zlib.avail_out = kStep;
    state = ::inflate(&zlib, Z_NO_FLUSH);
    out.resize(had + kStep - zlib.avail_out);
  }
  if (state != Z_STREAM_END || zlib.avail_in != 0) return malformed("not a packed table of AWS operations");
  return out;
}

}  // namespace countersign
