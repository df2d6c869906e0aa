// What the parameters of an AWS request make of it. An operation's name often says less than its parameters: a
// lifecycle rule deletes objects, an update to zero stops a service, a batch of writes holds deletions.
//
// Effects only rise here. EC2's DryRun is no exception: a dry run keeps the effect of the real one and gets the flag
// `dry_run`, so that a policy that lets dry runs pass has to say so. The one exception are DynamoDB's PartiQL
// operations, which are what their statement is. docs/aws.md lists the flags. Pure, any thread.
#pragma once

#include "proxy/adapters/aws_value.h"
#include "proxy/adapters/aws_wire.h"

namespace countersign::adapters {

// Completes flags, accesses (whose effects are the catalogue's until now) and the IAM action.
void judge_aws_parameters(const AwsWire& wire, const AwsNode& parameters, AwsCall& call);

// AwsCall::parameters and ::left_out. Members that do not fit are left out, the longest first, with the flag
// parameters_cut.
void write_aws_parameters(const AwsNode& parameters, AwsCall& call);

}  // namespace countersign::adapters
