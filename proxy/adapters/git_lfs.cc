#include "proxy/adapters/git_lfs.h"

#include <algorithm>
#include <array>
#include <set>

#include "core/json_reader.h"
#include "core/json_writer.h"
#include "proxy/adapters/git/object_id.h"

namespace countersign::adapters {
namespace {

std::unexpected<Error> bad(std::string message) {
  return fail(ErrorKind::malformed, "git.bad_lfs", std::move(message));
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Status check_fields(const HeaderList& headers) {
  if (headers.get("Content-Encoding")) return bad("a compressed LFS request is not read");
  std::string_view type = headers.get("Content-Type").value_or("");
  type = trim(type.substr(0, type.find(';')));
  if (!equal_ignoring_case(type, kLfsMediaType) && !equal_ignoring_case(type, "application/json"))
    return bad("an LFS request is " + std::string(kLfsMediaType));
  return {};
}

Result<LfsObject> read_object(JsonValue value) {
  std::optional<std::string_view> oid = value.member("oid").string();
  std::optional<std::int64_t> size = value.member("size").integer();
  if (!oid || !git::is_object_id(*oid, git::ObjectFormat::sha256))
    return bad("an LFS object is named by 64 lower-case hexadecimal digits");
  if (!size || *size < 0 || *size > kMaxLfsSize) return bad("an LFS object has a size in bytes, at most 2^50");
  return LfsObject{std::string(*oid), *size};
}

Result<std::vector<LfsObject>> read_objects(JsonValue list) {
  if (!list.is_array()) return bad("an LFS batch has a list of objects");
  if (list.size() > kMaxLfsObjects)
    return fail(ErrorKind::too_large, "git.too_large",
                "an LFS batch has at most " + std::to_string(kMaxLfsObjects) + " objects");
  std::vector<LfsObject> out;
  std::set<std::string, std::less<>> names;
  for (JsonValue each = list.first(); each; each = each.next()) {
    Result<LfsObject> object = read_object(each);
    if (!object) return fail(object.error());
    // With two sizes for one name, which one counts is anybody's guess.
    if (!names.insert(object->oid).second) return bad("an LFS batch names an object twice");
    out.push_back(std::move(*object));
  }
  return out;
}

// Missing, null and "" mean that no ref is named.
Result<std::string> read_ref(JsonValue ref) {
  if (!ref || ref.kind() == JsonKind::null) return std::string();
  std::optional<std::string_view> name = ref.member("name").string();
  if (!name) return bad("an LFS request's ref has a name");
  return std::string(*name);
}

// For changes. (A download from a detached HEAD names that, or a commit.)
Status check_ref(const std::string& ref) {
  if (ref.empty() || git::is_ref_name(ref)) return {};
  return bad("an LFS change names a ref in full, refs/heads/…, or none");
}

Result<LfsRequest> read_batch(JsonValue root, std::string ref) {
  std::optional<std::string_view> operation = root.member("operation").string();
  const bool upload = operation == "upload";
  if (!upload && operation != "download") return bad("an LFS batch is for download or for upload");
  // git-lfs has no other, and what is uploaded is checked against it.
  if (JsonValue hash = root.member("hash_algo"); hash && hash.string() != "sha256")
    return bad("LFS objects are named by their SHA-256");
  Result<std::vector<LfsObject>> objects = read_objects(root.member("objects"));
  if (!objects) return fail(objects.error());
  LfsRequest out{upload ? "git:lfs_upload" : "git:fetch", upload ? Effect::write : Effect::read};
  out.summary = upload ? "upload " + lfs_amount(*objects) + " to" : "download " + lfs_amount(*objects) + " from";
  if (upload) out.input = lfs_input(ref, *objects);
  out.ref = std::move(ref);
  out.objects = std::move(*objects);
  return out;
}

// After an upload; some stores make the file visible only now, so it is judged as the upload is.
Result<LfsRequest> read_verify(JsonValue root) {
  Result<LfsObject> object = read_object(root);
  if (!object) return fail(object.error());
  LfsRequest out{"git:lfs_upload", Effect::write};
  out.objects.push_back(std::move(*object));
  out.summary = "complete the upload of " + lfs_amount(out.objects) + " to";
  out.input = lfs_input("", out.objects);
  return out;
}

Result<LfsRequest> read_lock(JsonValue root, std::string ref) {
  std::optional<std::string_view> path = root.member("path").string();
  if (!path || path->empty()) return bad("a lock names a path");
  LfsRequest out{"git:lfs_lock", Effect::write, ref};
  out.summary = "lock " + std::string(*path) + " of";
  out.input = lfs_input(ref, {});
  return out;
}

Result<LfsRequest> read_unlock(JsonValue root, std::string ref) {
  JsonValue force = root.member("force");
  if (force && force.kind() != JsonKind::boolean && force.kind() != JsonKind::null)
    return bad("`force` is true or false");
  const bool forced = force && force.boolean().value_or(false);
  LfsRequest out{forced ? "git:lfs_force_unlock" : "git:lfs_unlock", forced ? Effect::destroy : Effect::write, ref};
  out.summary = forced ? "break somebody's lock on a file of" : "unlock a file of";
  out.input = lfs_input(ref, {});
  return out;
}

Result<LfsRequest> read_for(GitService service, JsonValue root, std::string ref) {
  switch (service) {
    case GitService::lfs_batch:
      return read_batch(root, std::move(ref));
    case GitService::lfs_verify:
    case GitService::lfs_verify_object:
      return read_verify(root);
    case GitService::lfs_verify_locks:
      return LfsRequest{"git:fetch", Effect::read, std::move(ref), "list the LFS locks of"};
    case GitService::lfs_lock:
      return read_lock(root, std::move(ref));
    case GitService::lfs_unlock:
      return read_unlock(root, std::move(ref));
    default:
      return bad("not an LFS request");
  }
}

std::int64_t bytes_of(const std::vector<LfsObject>& objects) {
  std::int64_t bytes = 0;  // at most kMaxLfsObjects times kMaxLfsSize
  for (const LfsObject& each : objects) bytes += each.size;
  return bytes;
}

}  // namespace

std::string lfs_input(std::string_view ref, const std::vector<LfsObject>& objects) {
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("bytes", bytes_of(objects))
      .member("objects", static_cast<std::int64_t>(objects.size()))
      .member_if("ref", ref)
      .end_object();
  return out;
}

std::string lfs_amount(const std::vector<LfsObject>& objects) {
  constexpr std::array<std::string_view, 6> kUnits = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  std::int64_t amount = bytes_of(objects);
  std::size_t unit = 0;
  while (amount >= 10'000 && unit + 1 < kUnits.size()) {
    amount /= 1000;
    ++unit;
  }
  return std::to_string(objects.size()) + (objects.size() == 1 ? " LFS file (" : " LFS files (") +
         std::to_string(amount) + " " + std::string(kUnits.at(unit)) + ")";
}

std::string lfs_message(std::string_view message) {
  std::string out;
  JsonWriter(out).begin_object().member("message", message).end_object();
  return out;
}

Result<LfsRequest> read_lfs(GitService service, const HeaderList& headers, std::string_view body) {
  if (service == GitService::lfs_locks) {
    if (!body.empty()) return bad("a listing of locks has no body");
    return LfsRequest{"git:fetch", Effect::read, "", "list the LFS locks of"};
  }
  Status fields = check_fields(headers);
  if (!fields) return fail(fields.error());
  Result<JsonDocument> document = JsonDocument::parse(body, {.bytes = kMaxLfsBody, .depth = 8, .values = 10'000});
  if (!document) return fail(document.error());
  JsonValue root = document->root();
  if (!root.is_object()) return bad("an LFS request is a JSON object");
  Result<std::string> ref = read_ref(root.member("ref"));
  if (!ref) return fail(ref.error());
  Result<LfsRequest> request = read_for(service, root, std::move(*ref));
  if (request && is_change(request->effect)) {
    Status named = check_ref(request->ref);
    if (!named) return fail(named.error());
  }
  return request;
}

}  // namespace countersign::adapters
