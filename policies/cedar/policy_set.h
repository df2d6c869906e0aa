// A set of policies, ready to decide: parsed from named texts, lowered, grouped by the actions they are about.
//
// Policies are numbered in the order they are read; their Cedar ids are positional ("policy0", "policy1", …), as the
// official library gives them. Immutable once made: any number of threads may evaluate one set.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policies/cedar/ast.h"
#include "policies/cedar/parser.h"
#include "policies/cedar/program.h"
#include "policies/cedar/source.h"

namespace cedar {

using ast::Effect;

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

class Policy {
 public:
  Policy(std::string id, std::shared_ptr<const Source> source, ast::Policy syntax);

  const std::string& id() const { return id_; }  // "policy7"
  Effect effect() const { return syntax_.effect; }
  // The value of `@key("…")`; nullopt when the policy has no such annotation.
  std::optional<std::string_view> annotation(std::string_view key) const;
  std::span<const ast::Annotation> annotations() const { return syntax_.annotations; }

  const Source& source() const { return *source_; }
  Span span() const { return syntax_.span; }
  Position position() const { return source_->locate(syntax_.span); }
  std::string_view text() const { return source_->text().substr(span().offset, span().length); }
  const ast::Policy& syntax() const { return syntax_; }

  const ScopeTest& principal() const { return principal_; }
  const ScopeTest& action() const { return action_; }
  const ScopeTest& resource() const { return resource_; }
  std::span<const Condition> conditions() const { return conditions_; }
  const Program& program() const { return program_; }

 private:
  std::string id_;
  std::shared_ptr<const Source> source_;
  ast::Policy syntax_;
  ScopeTest principal_;
  ScopeTest action_;
  ScopeTest resource_;
  Program program_;
  std::vector<Condition> conditions_;
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

  PolicySet() = default;  // empty: denies everything

  // All policies of all texts, or everything wrong with any of them. `limits` are for each text.
  static std::expected<PolicySet, std::vector<SourceDiagnostic>> parse(std::vector<NamedText> texts,
                                                                       const Limits& limits = {});
  static std::expected<PolicySet, std::vector<SourceDiagnostic>> parse(std::string_view text,
                                                                       const Limits& limits = {});

  std::size_t size() const { return policies_.size(); }
  const Policy& operator[](PolicyRef ref) const { return policies_[cedar::position(ref)]; }
  std::span<const Policy> all() const { return policies_; }

  // Policies about every action.
  std::span<const PolicyRef> for_any_action() const { return any_action_; }
  // Policies whose head is `action == uid`.
  std::span<const PolicyRef> for_action(const EntityUid& uid) const { return find(equal_action_, uid); }
  // Policies whose head is `action in uid` or `action in [… uid …]`.
  std::span<const PolicyRef> for_action_group(const EntityUid& uid) const { return find(in_action_, uid); }

 private:
  using Index = std::unordered_map<EntityUid, std::vector<PolicyRef>>;

  static std::span<const PolicyRef> find(const Index& index, const EntityUid& uid) {
    auto found = index.find(uid);
    return found == index.end() ? std::span<const PolicyRef>() : found->second;
  }
  void index(PolicyRef ref);

  std::vector<Policy> policies_;
  std::vector<PolicyRef> any_action_;
  Index equal_action_;
  Index in_action_;
};

}  // namespace cedar
