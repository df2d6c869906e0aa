// A set of policies, ready to decide: parsed from named texts, lowered, grouped by the actions they are about.
//
// What decides are static policies and the links of templates; templates themselves stand apart. Ids of policies read
// from text are positional ("policy0", "policy1", …, static policies and templates counted together), as the official
// library gives them. A set is filled by one thread; once filled it is not changed, and any number of threads may
// evaluate it.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/result.h"
#include "policies/cedar/ast.h"
#include "policies/cedar/interner.h"
#include "policies/cedar/parser.h"
#include "policies/cedar/program.h"
#include "policies/cedar/source.h"

namespace cedar {

using ast::Effect;
using countersign::Result;
using countersign::Status;

class PolicyIndex;

// A policy's number in its set.
enum class PolicyRef : std::uint32_t {};
constexpr std::size_t position(PolicyRef ref) {
  return static_cast<std::size_t>(ref);
}

// The heads of a policy, ready to compare.
struct ScopeTest {
  ast::ScopeKind kind = ast::ScopeKind::any;
  Text type;                        // is, is_in
  std::vector<EntityUid> entities;  // equal, in, is_in: one; in_list: any number
};

// `when { … }` or `unless { … }`.
struct Condition {
  ast::ClauseKind kind = ast::ClauseKind::when;
  NodeId root = 0;
  Span span;
};

// What fills the slots of a template.
struct SlotValues {
  std::optional<EntityUid> principal;
  std::optional<EntityUid> resource;
};

// A policy with slots in its head.
class Template {
 public:
  Template(std::string id, std::shared_ptr<const Source> source, ast::Policy syntax,
           std::shared_ptr<const std::vector<Condition>> conditions);

  const std::string& id() const { return id_; }
  Effect effect() const { return syntax_.effect; }
  std::optional<std::string_view> annotation(std::string_view key) const;
  std::span<const ast::Annotation> annotations() const { return syntax_.annotations; }

  const Source& source() const { return *source_; }
  const std::shared_ptr<const Source>& shared_source() const { return source_; }
  Span span() const { return syntax_.span; }
  Position position() const { return source_->locate(syntax_.span); }
  const ast::Policy& syntax() const { return syntax_; }
  const std::shared_ptr<const std::vector<Condition>>& conditions() const { return conditions_; }

 private:
  std::string id_;
  std::shared_ptr<const Source> source_;
  ast::Policy syntax_;
  std::shared_ptr<const std::vector<Condition>> conditions_;
};

// Which template a policy was made from, and with what.
struct Link {
  std::string template_id;
  SlotValues values;
};

// A policy that decides: a static one, or a template with its slots filled. A link has its template's annotations,
// source and spans; its syntax holds entities where the template's holds slots.
class Policy {
 public:
  // Made by PolicySet: `conditions` lie in the set's program.
  Policy(std::string id, std::shared_ptr<const Source> source, ast::Policy syntax,
         std::shared_ptr<const std::vector<Condition>> conditions, Interner& interner, std::optional<Link> link = {});

  const std::string& id() const { return id_; }  // "policy7"
  const std::optional<Link>& link() const { return link_; }
  Effect effect() const { return syntax_.effect; }
  // The value of `@key("…")`; nullopt when the policy has no such annotation.
  std::optional<std::string_view> annotation(std::string_view key) const;
  std::span<const ast::Annotation> annotations() const { return syntax_.annotations; }

  const Source& source() const { return *source_; }
  const std::shared_ptr<const Source>& shared_source() const { return source_; }
  Span span() const { return syntax_.span; }
  Position position() const { return source_->locate(syntax_.span); }
  std::string_view text() const { return source_->text().substr(span().offset, span().length); }
  const ast::Policy& syntax() const { return syntax_; }

  const ScopeTest& principal() const { return principal_; }
  const ScopeTest& action() const { return action_; }
  const ScopeTest& resource() const { return resource_; }
  // What must hold besides, in this order; of the set's program, and shared by the links of one template.
  std::span<const Condition> conditions() const { return *conditions_; }

 private:
  std::string id_;
  std::shared_ptr<const Source> source_;
  ast::Policy syntax_;
  std::optional<Link> link_;
  ScopeTest principal_;
  ScopeTest action_;
  ScopeTest resource_;
  std::shared_ptr<const std::vector<Condition>> conditions_;
};

// A diagnostic and the text it is about.
struct SourceDiagnostic {
  std::shared_ptr<const Source> source;
  Diagnostic diagnostic;
  std::string to_text() const { return render(diagnostic, *source); }
};

class PolicySet {
 public:
  struct NamedText {
    std::string name;  // for messages: a file name
    std::string text;
  };

  PolicySet();                      // empty: denies everything
  PolicySet(PolicySet&&) noexcept;  // what was moved from may only be assigned to or destroyed
  PolicySet& operator=(PolicySet&&) noexcept;
  ~PolicySet();

  // All policies of all texts, or everything wrong with any of them. `limits` are for each text.
  static std::expected<PolicySet, std::vector<SourceDiagnostic>> parse(std::vector<NamedText> texts,
                                                                       const Limits& limits = {});
  static std::expected<PolicySet, std::vector<SourceDiagnostic>> parse(std::string_view text,
                                                                       const Limits& limits = {});

  // Adds one static policy or template under an id of its own. Errors: cedar.policy_set.duplicate_id.
  Status add(std::string id, std::shared_ptr<const Source> source, ast::Policy syntax);

  // Adds the policy that `template_id` becomes with its slots filled. Every slot of the template must be given, no
  // other. Errors: cedar.link.unknown_template (a static policy is none), cedar.policy_set.duplicate_id,
  // cedar.link.missing_slot, cedar.link.superfluous_slot.
  Result<PolicyRef> link(std::string_view template_id, std::string id, SlotValues values);

  // Of templates and policies alike; ids are unique over both.
  const Template* find_template(std::string_view id) const;
  std::optional<PolicyRef> find(std::string_view id) const;

  std::span<const Template> templates() const { return templates_; }

  std::size_t size() const { return policies_.size(); }  // static policies and links
  const Policy& operator[](PolicyRef ref) const { return policies_[cedar::position(ref)]; }
  std::span<const Policy> all() const { return policies_; }

  // The conditions of all policies.
  const Program& program() const { return parts_->program; }

  // What authorize() asks. Made by the first who asks after the set was changed: ask once before the first request
  // waits for it. Any thread.
  const PolicyIndex& index() const;

  // Policies about every action.
  std::span<const PolicyRef> for_any_action() const { return any_action_; }
  // Policies whose head is `action == uid`.
  std::span<const PolicyRef> for_action(const EntityUid& uid) const { return find(equal_action_, uid); }
  // Policies whose head is `action in uid` or `action in [… uid …]`.
  std::span<const PolicyRef> for_action_group(const EntityUid& uid) const { return find(in_action_, uid); }

 private:
  using Index = std::unordered_map<EntityUid, std::vector<PolicyRef>>;

  struct Place {
    enum class Kind : std::uint8_t { policy, policy_template } kind;
    std::uint32_t number;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  static std::span<const PolicyRef> find(const Index& index, const EntityUid& uid) {
    auto found = index.find(uid);
    return found == index.end() ? std::span<const PolicyRef>() : found->second;
  }
  struct Indexed {
    std::once_flag made;
    std::shared_ptr<const PolicyIndex> index;
  };
  struct Parts {
    Program program;
    Interner interner;
    std::unique_ptr<Indexed> indexed = std::make_unique<Indexed>();
  };

  std::shared_ptr<const std::vector<Condition>> lower_conditions(const ast::Policy& syntax);
  Result<PolicyRef> add(Policy policy);
  void note_action(PolicyRef ref);

  std::unique_ptr<Parts> parts_;  // stay where they are when the set is moved
  std::vector<Policy> policies_;
  std::vector<Template> templates_;
  std::unordered_map<std::string, Place, TextHash, std::equal_to<>> ids_;
  std::vector<PolicyRef> any_action_;
  Index equal_action_;
  Index in_action_;
};

}  // namespace cedar
