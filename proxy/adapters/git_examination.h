// Looks into a push before anything is decided: its pack goes into quarantine, and from the objects comes how each ref
// moves, which commits and files come with it, and whether there are secrets among them.
//
// The work blocks, and now and then wants an object that only the upstream has; so it advances in steps between which
// the caller fetches what is wanted (examine_push below does both).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "proxy/adapters/doors.h"
#include "proxy/adapters/git/objects/facts.h"
#include "proxy/adapters/git/objects/push_secrets.h"
#include "proxy/adapters/git/objects/quarantine.h"
#include "proxy/adapters/git/push_request.h"
#include "proxy/adapters/git_upstream.h"
#include "proxy/adapters/git_workshop.h"

namespace countersign::adapters {

// What is known of a push.
struct PushFindings {
  git::PushFacts facts;  // an entry a command
  git::SecretReport secrets;
  // The objects, apart from everything else, until the findings go. Null for a push that only removes.
  std::shared_ptr<git::Quarantine> quarantine;
  std::string default_branch;  // what HEAD stands for upstream; empty: not known
  std::string unsettled;       // why something stayed unknown: the upstream's or git's complaint; empty: nothing did
};

// One push, looked into once.
struct PushQuestion {
  GitWorkshop* workshop = nullptr;
  GitUpstream* upstream = nullptr;
  std::string repository;  // names the cache: upstream and path
  const git::PushRequest* push = nullptr;
  BodySource* body = nullptr;
};

// Errors: those of a pack that git itself would refuse (git.bad_pack, git.pack_too_large, git.bad_object,
// git.missing_bases), and of the machine (git.store_unwritable, git.tool_*). What only the upstream could tell, and
// does not, stays unknown.
Task<Result<PushFindings>> examine_push(Doors* doors, const PushQuestion* question);

// The fetches of `needs`, made one after another and added to the cache; more answers than were asked for never come.
Task<Result<std::vector<git::Answer>>> fetch_needs(Doors* doors, GitWorkshop* workshop, GitUpstream* upstream,
                                                   std::shared_ptr<git::Cache> cache, const git::Needs* needs);

}  // namespace countersign::adapters
