// Which requests change the tags that labels are read from, and which make new things. Pure functions, any thread.
//
// Whoever may tag could tell the gateway that production is a sandbox, and then destroy it. So a request that touches a
// label's key on a thing that is there changes who may do what: it administers, and says so to policies.
#pragma once

#include <string_view>

#include "core/config.h"
#include "proxy/adapters/aws_wire.h"

namespace countersign::adapters {

// Raises every change of a request that may give, change or take away a label's tag to `administer`. Sets the flag
// `relabels` where tags are all that it writes, and else `relabels_too`. Where it cannot be seen which tags are meant,
// labels are. Tags that are given to a thing while it is made, and those of S3's objects, are no labels.
void judge_relabelling(const config::AwsTags& config, AwsCall& call);

// Whether the request gives or takes tags of what is there.
[[nodiscard]] bool is_about_tags(const AwsCall& call);
// Whether what was read of its things before is not to be believed afterwards: these, and what makes things.
[[nodiscard]] bool may_change_tags(const AwsCall& call);

// Whether the request makes something that was not there, and touches nothing else: `arn` is the new thing's, or the
// whole service's where a new thing has no name yet. Of the latter only what has been reviewed, and names nothing.
[[nodiscard]] bool makes_new(const AwsCall& call, std::string_view arn);

}  // namespace countersign::adapters
