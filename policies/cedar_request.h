// One access of an operation as a Cedar request. A part of policies/decide.cc and policies/listing.cc.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "policies/cedar/evaluator.h"
#include "policies/decide.h"

namespace countersign::policies {

// The parts that are the same for all accesses of one operation.
class RequestMaker {
 public:
  enum class Input : std::uint8_t { known, unknown };

  // Everything named must outlive the maker. `wanted`: rules whose approval is supposed, by someone not known yet.
  RequestMaker(const Snapshot& snapshot, const Subject& subject, const Operation& operation,
               std::span<const ApprovalFact> approvals, std::span<const std::string> supposed, TimeMs now, Input input);

  // Why the operation cannot be asked about at all: names that the schema of policies does not have, parameters that
  // cannot be read.
  [[nodiscard]] const std::optional<std::string>& problem() const { return problem_; }
  // Parameters of the access asked about last that do not have their declared type, a clause each: unknown to the
  // policies.
  [[nodiscard]] std::span<const std::string> misfits() const {
    return shows_input_ ? std::span<const std::string>(input_->misfits) : std::span<const std::string>();
  }

  struct Made {
    cedar::Request request;
    cedar::EntityOverlay entities;
  };
  // `labels`: of the resource.
  [[nodiscard]] Made make(const Access& access, const Labels& labels);
  // The same when which resource it is is not known yet.
  [[nodiscard]] Made make_any(const Access& access);

 private:
  [[nodiscard]] cedar::Entity principal() const;
  [[nodiscard]] cedar::Entity approval() const;
  // An access's action, and what the schema knows of it; nullptr when it has no such action.
  struct Kind {
    cedar::EntityUid uid;
    const PolicySchema::Action* schema = nullptr;
    [[nodiscard]] const cedar::EntityUid* group() const { return schema && schema->group ? &*schema->group : nullptr; }
  };
  [[nodiscard]] Kind kind_of(const std::string& action) const;
  [[nodiscard]] cedar::Entity action(const Kind& kind, Effect effect) const;
  [[nodiscard]] cedar::Value context(const Access& access, const Kind& kind);
  [[nodiscard]] const cedar::Value& input(const Access& access, const Kind& kind);
  [[nodiscard]] cedar::Value session(const Access& access) const;
  void add(cedar::EntityOverlay& entities, cedar::Entity entity);

  const Snapshot& snapshot_;
  const Subject& subject_;
  const Operation& operation_;
  std::span<const ApprovalFact> approvals_;
  std::span<const std::string> supposed_;
  TimeMs now_;
  Input input_mode_;
  cedar::EntityUid principal_uid_;
  Kind kind_;  // of the operation
  cedar::EntityUid upstream_uid_;
  // Parameters as they were read last: mostly all accesses have the same.
  struct ReadInput {
    std::string_view text;
    const cedar::Type* type = nullptr;
    cedar::Value value;
    std::vector<std::string> misfits;
  };
  std::optional<ReadInput> input_;
  bool shows_input_ = false;  // whether the request made last has it
  std::optional<std::string> problem_;
};

}  // namespace countersign::policies
