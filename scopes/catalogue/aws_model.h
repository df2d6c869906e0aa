// What is known of every operation of AWS: how its request looks on the wire, what it does, and what it touches.
//
// Written by scripts/build-catalogue from AWS's own service models and from the published table of IAM actions
// (SOURCES.json names both). Nothing here decides: it is what recognition of requests and classification stand on. All
// views point into the catalogue they came from and live as long as it does; constant data, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "scopes/effect.h"

namespace countersign {

struct AwsService;
struct AwsShape;

// The forms in which a service accepts requests.
enum class AwsProtocol : std::uint8_t {
  query,      // form: Action=, Version=; members by dotted names; also in the query string
  ec2,        // as query, with EC2's own names of members and of list elements
  json,       // POST /, X-Amz-Target: <target_prefix>.<operation>
  rest_json,  // method and path template
  rest_xml,   // method and path template
  rpc_cbor,   // POST [prefix]/service/<target_prefix>/operation/<operation>, smithy-protocol: rpc-v2-cbor
};
inline constexpr std::size_t kAwsProtocolCount = 6;

class AwsProtocols {
 public:
  constexpr AwsProtocols() = default;
  constexpr explicit AwsProtocols(std::uint8_t bits) : bits_(bits) {}
  [[nodiscard]] constexpr bool contains(AwsProtocol one) const { return (bits_ >> static_cast<unsigned>(one)) & 1U; }
  [[nodiscard]] constexpr bool rest() const {
    return contains(AwsProtocol::rest_json) || contains(AwsProtocol::rest_xml);
  }
  [[nodiscard]] constexpr std::uint8_t bits() const { return bits_; }

 private:
  std::uint8_t bits_ = 0;
};

enum class AwsType : std::uint8_t {
  structure,
  list,
  map,
  string,
  integer,
  floating,
  boolean,
  timestamp,
  blob,
  document,  // any JSON value
};
inline constexpr std::size_t kAwsTypeCount = 10;

// Where a member sits in the request. Operations of the protocols query, ec2, json and rpc_cbor have everything in the
// body, whatever a rest template of the same service says.
enum class AwsLocation : std::uint8_t {
  body,     // a member of the body's outermost object (or element, or form); or the body itself: AwsOperation::payload
  path,     // a label of the path template
  query,    // a key of the query string; a map here stands for every other key
  header,   // the header of this name
  headers,  // every header whose name begins with wire_name; a map
};
inline constexpr std::size_t kAwsLocationCount = 5;

struct AwsMember {
  std::string_view name;  // the model's: "Bucket"
  // Name at `location`: label, query key, header (lower case), JSON key, XML element, form name. For the ec2 protocol
  // EC2's own ("InstanceId" for InstanceIds). A label has the text of its segment.
  std::string_view wire_name;
  const AwsShape* shape = nullptr;  // never nullptr
  AwsLocation location = AwsLocation::body;
  bool required = false;
  bool idempotency_token = false;  // clients fill it with a fresh random word when nobody gave one
  bool host_label = false;         // also stands in AwsOperation::host_prefix
  bool xml_attribute = false;
};

// The model of an input or of something in it. Shapes may contain themselves: walk with a bound on depth.
struct AwsShape {
  AwsType type = AwsType::structure;
  bool sensitive = false;  // never shown or recorded in clear
  // Of a list or map in XML and in forms: its elements stand at the place of the list, without a wrapper. In forms an
  // element of a list is `<list>.<element_name>.<n>`; of a flattened one `<list>.<n>`, or, where it has an element
  // name,
  // `<element_name>.<n>` in the place of the list's own name; of any ec2 list `<list>.<n>`. An entry of a map is
  // `<map>.entry.<n>.<key_name>`, of a flattened one `<map>.<n>.<key_name>`.
  bool flattened = false;
  bool one_of = false;  // a structure with exactly one of its members
  // Structure: its members by name, in ascending order.
  std::span<const AwsMember> members = {};
  // List: the element; map: the value. Else nullptr.
  const AwsShape* element = nullptr;
  std::string_view element_name =
      {};                          // list: XML element or form name ("member" by default); map: the value's ("value")
  std::string_view key_name = {};  // map: "key" by default

  // nullptr when the structure has no such member.
  [[nodiscard]] const AwsMember* find(std::string_view name) const;
};

struct AwsSegment {
  enum class Kind : std::uint8_t {
    literal,
    label,   // one segment, not empty
    greedy,  // "{Key+}": this and every further segment, up to the segments that follow in the template
  };
  Kind kind = Kind::literal;
  std::string_view text;  // literal text, or the label's name
};

// A query key that the template itself demands: `?lifecycle` (no value), `?list-type=2`.
struct AwsQueryLiteral {
  std::string_view key;
  std::optional<std::string_view> value;
};

// A piece of an ARN.
struct AwsArnPart {
  enum class Kind : std::uint8_t {
    literal,
    partition,
    region,
    account,
    member,   // the value of the input member at `member`
    unknown,  // nothing in the request says; "*"
  };
  Kind kind = Kind::literal;
  std::string_view text;  // the literal, or the placeholder's name in the published template: "BucketName"
  // Path of member names into the input: "Bucket", "Delete.Objects[].Key", "InstanceIds[]"; "[]" stands for each
  // element of a list.
  std::string_view member = {};
};

// A resource that an operation names in its request. A value that itself begins with `arn:` is the whole ARN, whatever
// the parts around it say; one that begins with `http` is a queue's address, whose last segment is its name. A resource
// one of whose member values is missing in the request is not named by it.
struct AwsResourceTemplate {
  std::string_view type;    // IAM's resource type: "bucket"
  std::string_view arn;     // the published template: "arn:${Partition}:s3:::${BucketName}"
  std::string_view member;  // path of the member that holds the whole ARN; else empty, and `parts` make it up
  std::span<const AwsArnPart> parts = {};
};

// How IAM's table classes the action.
enum class AwsLevel : std::uint8_t { read, list, write, tagging, permissions, unmapped };
inline constexpr std::size_t kAwsLevelCount = 6;

// Facts beside the effect, which is one word only.
enum class AwsTrait : std::uint8_t {
  opaque,     // runs code or commands, or carries out operations that only its parameters name: any effect is possible
  mints,      // creates or reveals credentials
  escalates,  // may give its caller more rights than it has
  exposes,    // may open a resource to others
  permissions,  // changes who may do what
  destroys,     // by its verb
  disrupts,     // by its verb: takes something out of service, reversibly
  tagging,
  readonly,    // the service model says so
  idempotent,  // the service model says so
  streaming,   // the body is a stream of bytes, not parameters
  unsigned_,   // accepts requests that carry no signature
};
inline constexpr std::size_t kAwsTraitCount = 12;

class AwsTraits {
 public:
  constexpr AwsTraits() = default;
  constexpr explicit AwsTraits(std::uint16_t bits) : bits_(bits) {}
  [[nodiscard]] constexpr bool contains(AwsTrait one) const { return (bits_ >> static_cast<unsigned>(one)) & 1U; }
  [[nodiscard]] constexpr std::uint16_t bits() const { return bits_; }

 private:
  std::uint16_t bits_ = 0;
};

// A member of the response that holds a secret.
struct AwsSecret {
  // In the model's names: "Credentials.SecretAccessKey", "Parameters[].Value", "Tokens{}" for each value of a map.
  std::string_view path;
  bool blob = false;  // bytes: base64 in JSON and XML
  // The same on the wire: the names that a member may have there, one of "|" between them; "[]" for each element of a
  // list; "{}" and the names that the value of a map's entry may have in XML.
  std::span<const std::string_view> steps = {};
};

struct AwsOperation {
  const AwsService* service = nullptr;  // never nullptr
  std::string_view name;                // "DeleteBucket"

  // The wire. Meaningful for the rest protocols; every other protocol posts to its service's root.
  std::string_view method;                         // "DELETE"
  std::string_view path;                           // "/{Bucket}/{Key+}", without the query
  std::span<const AwsSegment> segments = {};       // of `path`; one that ends in "/" has an empty literal as its last
  std::span<const AwsQueryLiteral> literals = {};  // of the template
  std::span<const AwsMember* const> required =
      {};                              // members in the query or in headers without which it is not this one
  std::string_view host_prefix = {};   // before the endpoint's host: "{AccountId}.", "data-"; may be empty
  const AwsShape* input = nullptr;     // a structure, or nullptr when it takes nothing
  const AwsMember* payload = nullptr;  // the member that is the whole body; nullptr: body members make one up

  // What it is to IAM. Never empty: an operation without an entry in IAM's table has the name it would have there.
  std::span<const std::string_view> iam_actions = {};  // "s3:DeleteBucket"; the one that tells it apart stands first
  AwsLevel level = AwsLevel::unmapped;

  // What it does, unless its parameters say otherwise. The same for all operations of one name and IAM prefix.
  Effect effect = Effect::destroy;
  // Every effect that its parameters may give it, `effect` among them: read for a statement that only selects, destroy
  // for a change that takes a protection away, read for a dry run. Whoever cannot read the parameters takes the
  // greatest.
  EffectSet effects;
  AwsTraits traits;
  std::span<const std::string_view> why =
      {};  // what led to the effect, for explanations: "IAM level Write", "verb Delete"

  std::span<const AwsSecret> secrets = {};
  // Members of the request that name a role the service will act as (IAM's PassRole), as paths.
  std::span<const std::string_view> roles = {};
  // Empty: no request names a resource, the operation concerns the whole account.
  std::span<const AwsResourceTemplate* const> resources = {};

  [[nodiscard]] std::string_view iam_action() const { return iam_actions.front(); }
  [[nodiscard]] bool opaque() const { return traits.contains(AwsTrait::opaque); }
};

struct AwsService {
  std::string_view key;                             // of the service model: "s3control"
  std::string_view title;                           // "Amazon Simple Storage Service"
  std::string_view signing_name;                    // in the scope of signatures: "s3"
  std::string_view endpoint_prefix;                 // of host names: "s3-control"
  std::string_view iam_prefix;                      // of IAM actions, and of action names in policies: "s3"
  std::string_view target_prefix;                   // protocols json and rpc_cbor: "DynamoDB_20120810"; may be empty
  std::string_view version;                         // protocols query and ec2: the newest "2016-11-15"
  std::span<const std::string_view> versions = {};  // every published version, ascending; the last one is `version`
  AwsProtocols protocols;
  bool global = false;                            // one endpoint for all regions: iam, route53, cloudfront
  std::span<const AwsOperation> operations = {};  // by name, ascending

  // nullptr when the service has no such operation. Names are exact: AWS's are case-sensitive.
  [[nodiscard]] const AwsOperation* find(std::string_view operation) const;
};

}  // namespace countersign
