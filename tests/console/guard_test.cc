// DNS rebinding and cross-site requests.
#include "console/guard.h"

#include <gtest/gtest.h>

namespace countersign::console {
namespace {

Call call(const std::string& method, std::initializer_list<HeaderField> headers, Channel channel = Channel::tcp) {
  Call out;
  out.head.method = method;
  out.head.target = "/api/v1/requests";
  out.channel = channel;
  for (const HeaderField& field : headers) out.head.headers.add(field.name, field.value);
  return out;
}

std::string code(const Status& status) {
  return status ? "" : status.error().code;
}

const std::vector<std::string> kHosts = {"admin.internal", "countersign.example"};

TEST(GuardTest, OwnHostsComeFromTheConfiguration) {
  config::Config config;
  config.admin = {"Admin.Internal", 8701};
  config.public_url = "https://countersign.example:8443/";
  EXPECT_EQ(own_hosts(config), kHosts);
}

TEST(GuardTest, NamesThatAreOursPass) {
  for (const char* host : {"admin.internal:8701", "ADMIN.internal", "countersign.example:8443", "localhost:9",
                           "127.0.0.1:8701", "[::1]:8701", "10.0.0.7"}) {
    EXPECT_EQ(code(guard(call("GET", {{"Host", host}}), kHosts)), "") << host;
  }
}

TEST(GuardTest, OtherNamesDoNot) {
  for (const char* host : {"evil.example", "evil.example:8701", "admin.internal.evil.example", "localhost.evil.example",
                           "127.0.0.1.evil.example", "admin.internal@evil.example", "", "a b", "[::1"}) {
    EXPECT_EQ(code(guard(call("GET", {{"Host", host}}), kHosts)), "admin.host") << host;
  }
  EXPECT_EQ(code(guard(call("GET", {}), kHosts)), "admin.host");
}

TEST(GuardTest, OriginMustBeTheHostItself) {
  auto with_origin = [](const char* origin) {
    return guard(call("GET", {{"Host", "admin.internal:8701"}, {"Origin", origin}}), kHosts);
  };
  EXPECT_EQ(code(with_origin("http://admin.internal:8701")), "");
  for (const char* origin : {"null", "http://evil.example", "http://admin.internal:9999", "http://admin.internal", ""})
    EXPECT_EQ(code(with_origin(origin)), "admin.cross_site") << origin;
  Status fetched = guard(call("GET", {{"Host", "localhost"}, {"Sec-Fetch-Site", "cross-site"}}), kHosts);
  EXPECT_EQ(code(fetched), "admin.cross_site");
}

TEST(GuardTest, APostMustBeJsonAsNoFormCanSendIt) {
  auto with_type = [](const char* type, Channel channel) {
    return code(guard(call("POST", {{"Host", "localhost"}, {"Content-Type", type}}, channel), kHosts));
  };
  EXPECT_EQ(with_type("application/json", Channel::tcp), "");
  EXPECT_EQ(with_type("Application/JSON; charset=utf-8", Channel::tcp), "");
  for (const char* type :
       {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "application/jsonx"}) {
    EXPECT_EQ(with_type(type, Channel::tcp), "admin.content_type") << type;
    EXPECT_EQ(with_type(type, Channel::unix_socket), "admin.content_type") << type;
  }
  EXPECT_EQ(code(guard(call("POST", {{"Host", "localhost"}}), kHosts)), "admin.content_type");
}

TEST(GuardTest, TheSocketTakesAnyHost) {
  EXPECT_EQ(code(guard(call("GET", {{"Host", "whatever"}}, Channel::unix_socket), kHosts)), "");
}

TEST(UnescapeTest, IsStrict) {
  EXPECT_EQ(*unescape("a%20b+c", Plus::itself), "a b+c");
  EXPECT_EQ(*unescape("a%20b+c", Plus::blank), "a b c");
  EXPECT_EQ(*unescape("%2F", Plus::itself), "/");
  for (const char* bad : {"%", "%4", "%g0", "%0a", "%7f", "%c3", "a%"})
    EXPECT_FALSE(unescape(bad, Plus::itself)) << bad;
}

TEST(QueryTest, RefusesRepetitionAndFloods) {
  EXPECT_EQ(parse_query("a=1&b=2&c")->size(), 3U);
  EXPECT_FALSE(parse_query("a=1&a=1"));
  EXPECT_FALSE(parse_query("a=1&%61=2"));
  std::string many;
  for (int at = 0; at < 33; ++at) many += "p" + std::to_string(at) + "=1&";
  EXPECT_FALSE(parse_query(many));
}

}  // namespace
}  // namespace countersign::console
