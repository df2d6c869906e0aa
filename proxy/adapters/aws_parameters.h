// The parameters of an AWS request under the names of its model, from whatever the protocol put where. Pure functions,
// any thread.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/http_head.h"
#include "proxy/adapters/aws_value.h"
#include "scopes/catalogue/aws_model.h"

namespace countersign::adapters {

// Where the values of one request stand.
struct AwsSources {
  const AwsOperation* operation = nullptr;
  AwsProtocol protocol = AwsProtocol::query;
  std::vector<std::pair<std::string_view, std::string>> labels;  // of the path, decoded
  const std::pmr::vector<AwsPair>* query = nullptr;              // rest protocols only
  const HeaderList* headers = nullptr;
  AwsNode* body = nullptr;  // what the body or the form was read as; nullptr: there is none, or it is no parameters
};

// Fills tree.root(). Values get the model's types: "true" in a form becomes a boolean. Words for what could not be
// matched with the model go to `flags`: unknown_parameters. Errors: aws.malformed (a structure where a text belongs),
// aws.contradictory (a value given twice, or under a name that differs from the model's in case only).
Status map_aws_parameters(const AwsSources& from, AwsTree& tree, std::set<std::string, std::less<>>& flags);

// A query key that belongs to a presigned URL's signature.
[[nodiscard]] bool is_signature_key(std::string_view key);

}  // namespace countersign::adapters
