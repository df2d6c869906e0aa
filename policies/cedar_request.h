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
  // Parameters that do not have their declared type, a clause each: unknown to the policies.
  [[nodiscard]] const std::vector<std::string>& misfits() const { return misfits_; }

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
  [[nodiscard]] cedar::Entity action(Effect effect) const;
  [[nodiscard]] cedar::Value context(Effect effect);
  void add(cedar::EntityOverlay& entities, cedar::Entity entity);

  const Snapshot& snapshot_;
  const Subject& subject_;
  const Operation& operation_;
  std::span<const ApprovalFact> approvals_;
  std::span<const std::string> supposed_;
  TimeMs now_;
  Input input_mode_;
  cedar::EntityUid principal_uid_;
  cedar::EntityUid action_uid_;
  cedar::EntityUid upstream_uid_;
  const PolicySchema::Action* kind_ = nullptr;
  std::optional<cedar::Value> input_;
  std::vector<std::string> misfits_;
  std::optional<std::string> problem_;
};

}  // namespace countersign::policies
