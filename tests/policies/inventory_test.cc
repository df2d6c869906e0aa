#include "policies/inventory.h"

#include <gtest/gtest.h>

namespace countersign::policies {
namespace {

config::Upstream upstream(const std::string& name, std::optional<std::string> environment,
                          std::optional<std::int64_t> tier) {
  config::Upstream out;
  out.name = name;
  out.labels.environment = std::move(environment);
  out.labels.tier = tier;
  return out;
}

struct Read {
  Inventory inventory;
  std::string problems;
};

Read read(std::string_view text, const std::vector<config::Upstream>& upstreams) {
  Problems problems;
  std::optional<yaml::Node> root = yaml::parse("e", text, problems);
  EXPECT_TRUE(root.has_value()) << format_problems(problems);
  yaml::Map map("e", *root, "entities.yaml", problems);
  Inventory inventory = Inventory::read("e", map, upstreams, problems);
  map.finish();
  return {std::move(inventory), format_problems(problems)};
}

std::string at(const Inventory& inventory, std::string_view upstream, std::string_view name) {
  Labels labels = inventory.classify(upstream, name);
  return labels.environment + "/" + std::to_string(labels.tier);
}

TEST(InventoryTest, TheMostSpecificPatternWins) {
  auto [inventory, problems] = read(R"(
inventory:
  - { match: "files/**", tier: 4 }
  - { match: "files/staging/**", environment: staging, tier: 3, owner: platform, data: synthetic }
  - { match: "files/staging/*/keys", environment: production }
  - { match: "files/staging/**", environment: test }
  - { match: "files/logs/*.txt", environment: logs }
  - { match: "*/shared/**", environment: shared }
)",
                                    {upstream("files", "dev", 9), upstream("web", std::nullopt, std::nullopt)});
  EXPECT_EQ(problems, "");
  EXPECT_EQ(at(inventory, "files", "other"), "dev/4");
  EXPECT_EQ(at(inventory, "files", "staging/a/b"), "test/9") << "of equals the later wins";
  EXPECT_EQ(at(inventory, "files", "staging/a/keys"), "test/9") << "equal text before the star, and earlier";
  EXPECT_EQ(at(inventory, "files", "logs/a.txt"), "logs/9");
  EXPECT_EQ(at(inventory, "files", "logs/a/b.txt"), "dev/4") << "one star stays within its segment";
  EXPECT_EQ(at(inventory, "web", "shared/x"), "shared/1");
  EXPECT_EQ(at(inventory, "web", "x"), "production/1") << "what nobody labelled is production, tier 1";
  EXPECT_EQ(at(inventory, "unknown", "x"), "production/1");
  EXPECT_EQ(inventory.classify("files", "staging/a").free.count("data"), 0U);
}

class Traps : public testing::Test {
 protected:
  Inventory inventory_ = read(R"(
inventory:
  - { match: "files/production/**", environment: production, tier: 0 }
  - { match: "files/deep/vault/**", environment: production, tier: 1 }
  - { match: "files/scratch/**", environment: dev, tier: 5 }
)",
                              {upstream("files", "staging", 3), upstream("plain", "dev", 5)})
                             .inventory;
};

TEST_F(Traps, ClearNamesAreTakenAsTheyAre) {
  EXPECT_EQ(at(inventory_, "files", "a"), "staging/3");
  EXPECT_EQ(at(inventory_, "files", "scratch/a"), "dev/5");
  EXPECT_EQ(at(inventory_, "files", "production/a"), "production/0");
  EXPECT_EQ(at(inventory_, "files", "production"), "production/0");
  EXPECT_EQ(at(inventory_, "files", "production/"), "production/0");
  EXPECT_EQ(at(inventory_, "files", "productions"), "staging/3");
  EXPECT_EQ(at(inventory_, "files", "deep/other"), "staging/3");
  EXPECT_EQ(at(inventory_, "files", "x/production/a"), "staging/3");
}

TEST_F(Traps, NamesThatCouldBeOthersAreAsStrictAsTheStrictest) {
  std::string many;
  for (int i = 0; i < 200; ++i) many += "a/";
  many += "a";
  for (std::string_view name : {"scratch/../production/a", "scratch/./a", "./scratch/a", "..", ".", "scratch//a",
                                "/scratch/a", "scratch/a//", "scratch\\..\\production", "scratch/%2e%2e/production",
                                "scratch/a%00", "scratch/\x01", "scratch/a\n", many.c_str()}) {
    EXPECT_EQ(at(inventory_, "files", name), "production/0") << name;
  }
  EXPECT_EQ(at(inventory_, "files", std::string_view("scratch/a\0b", 11)), "production/0");
}

TEST_F(Traps, CaseDoesNotHide) {
  EXPECT_EQ(at(inventory_, "files", "PRODUCTION/a"), "production/0");
  EXPECT_EQ(at(inventory_, "files", "Production"), "production/0");
  EXPECT_EQ(at(inventory_, "files", "Scratch/a"), "production/3") << "neither surely scratch nor surely staging";
}

TEST_F(Traps, WhatStandsAboveIsAsStrictAsWhatItHolds) {
  EXPECT_EQ(at(inventory_, "files", ""), "production/0");
  EXPECT_EQ(at(inventory_, "files", "/"), "production/0");
  EXPECT_EQ(at(inventory_, "files", "deep"), "production/1");
  EXPECT_EQ(at(inventory_, "files", "DEEP"), "production/1");
  EXPECT_EQ(at(inventory_, "files", "deep/vault"), "production/1");
}

TEST_F(Traps, WithoutPatternsTheUpstreamSpeaks) {
  EXPECT_EQ(at(inventory_, "plain", "../x"), "dev/5");
  EXPECT_FALSE(inventory_.has_rules_for("plain"));
  EXPECT_TRUE(inventory_.has_rules_for("files"));
}

TEST(InventoryTest, NoNameIsEverLessDangerousThanItsSegmentsSay) {
  Inventory inventory = read(
                            "inventory: [{match: 'f/a/**', environment: production, tier: 1}, {match: 'f/b/**', "
                            "environment: dev, tier: 9}]",
                            {upstream("f", "dev", 9)})
                            .inventory;
  // Every string over a small alphabet that a careless reader could take for something under "a" is production.
  auto careless = [](std::string_view name) {
    if (name.find_first_of("%\\") != std::string_view::npos || name.starts_with("/")) return true;
    if (name.find("//") != std::string_view::npos) return true;
    std::string_view first = name.substr(0, name.find('/'));
    if (first == "a" || first == "A") return true;
    while (true) {
      std::string_view segment = name.substr(0, name.find('/'));
      if (segment == "..") return true;
      if (segment.size() == name.size()) return false;
      name.remove_prefix(segment.size() + 1);
    }
  };
  const std::string alphabet = "ab./A%\\";
  std::vector<std::string> names = {""};
  int checked = 0;
  for (std::size_t length = 0; length < 5; ++length) {
    std::vector<std::string> longer;
    for (const std::string& name : names) {
      for (char c : alphabet) longer.push_back(name + c);
    }
    for (const std::string& name : longer) {
      if (!careless(name)) continue;
      ++checked;
      ASSERT_EQ(at(inventory, "f", name), "production/1") << name;
    }
    names = std::move(longer);
  }
  EXPECT_GT(checked, 10'000);
}

// Every candidate on a line: "environment/tier owner name=value …".
std::string all(const Inventory& inventory, std::string_view upstream, std::string_view name) {
  LabelCandidates candidates = inventory.classify_all(upstream, name);
  std::vector<Labels> sets = {candidates.first};
  sets.insert(sets.end(), candidates.others.begin(), candidates.others.end());
  std::string out;
  for (const Labels& labels : sets) {
    out += labels.environment + "/" + std::to_string(labels.tier) + " " + labels.owner;
    for (const auto& [key, value] : labels.free) out += " " + key + "=" + value;
    out += "\n";
  }
  return out;
}

class Candidates : public testing::Test {
 protected:
  Inventory inventory_ = read(R"(
inventory:
  - { match: "web/data/**", environment: staging, tier: 3, owner: platform, kind: bulk }
  - { match: "web/data/secret/**", environment: staging, tier: 2, owner: legal, pii: "yes" }
  - { match: "web/data/secret/old/**", environment: staging, tier: 4, owner: legal, pii: "yes" }
  - { match: "web/keys/**", environment: production, tier: 0 }
)",
                              {upstream("web", "staging", 3), upstream("plain", "dev", 5)})
                             .inventory;
};

TEST_F(Candidates, AClearNameHasOne) {
  EXPECT_EQ(all(inventory_, "web", "x"), "staging/3 \n");
  EXPECT_EQ(all(inventory_, "web", "data/x"), "staging/3 platform kind=bulk\n");
  EXPECT_EQ(all(inventory_, "web", "data/secret/x"), "staging/2 legal pii=yes\n");
  EXPECT_EQ(all(inventory_, "plain", "../x"), "dev/5 \n");
}

TEST_F(Candidates, WhatStandsAboveHasAlsoThoseOfWhatItHolds) {
  EXPECT_EQ(all(inventory_, "web", "data/"), "staging/2 platform kind=bulk\nstaging/2 legal pii=yes\n");
  EXPECT_EQ(all(inventory_, "web", "data"), all(inventory_, "web", "data/"));
  EXPECT_EQ(all(inventory_, "web", "data/secret"), "staging/2 legal pii=yes\n") << "equal sets are one";
  EXPECT_EQ(all(inventory_, "web", ""), "production/0 \nproduction/0 legal pii=yes\nproduction/0 platform kind=bulk\n");
}

TEST_F(Candidates, SpellingHidesNone) {
  EXPECT_EQ(all(inventory_, "web", "DATA/secret/x"),
            "staging/2 \nstaging/2 legal pii=yes\nstaging/2 platform kind=bulk\n");
  EXPECT_EQ(all(inventory_, "web", "data/SECRET/x"), "staging/2 platform kind=bulk\nstaging/2 legal pii=yes\n");
  for (std::string_view name : {"data/x/../secret/y", "data//secret", "data%2fsecret", "data\\secret"}) {
    EXPECT_EQ(all(inventory_, "web", name), all(inventory_, "web", "")) << name;
  }
}

TEST_F(Candidates, TheFirstIsWhatIsShown) {
  for (std::string_view name : {"", "data", "DATA", "data/secret/x", "keys", "a%b"}) {
    Labels shown = inventory_.classify("web", name);
    Labels first = inventory_.classify_all("web", name).first;
    EXPECT_EQ(shown.environment, first.environment) << name;
    EXPECT_EQ(shown.tier, first.tier) << name;
    EXPECT_EQ(shown.owner, first.owner) << name;
    EXPECT_EQ(shown.free, first.free) << name;
  }
}

// --- tags ---

Access tagged(const std::string& name, std::optional<config::LabelSet> tags) {
  Access out;
  out.resource.name = name;
  out.tags = std::move(tags);
  return out;
}

config::LabelSet tags(std::optional<std::string> environment, std::optional<std::int64_t> tier = std::nullopt,
                      std::optional<std::string> owner = std::nullopt) {
  config::LabelSet out;
  out.environment = std::move(environment);
  out.tier = tier;
  out.owner = std::move(owner);
  return out;
}

class Tagged : public testing::Test {
 protected:
  std::string of(std::string_view upstream, const std::string& name, std::optional<config::LabelSet> tags) const {
    Labels labels = inventory_.classify(upstream, tagged(name, std::move(tags)));
    return labels.environment + "/" + std::to_string(labels.tier) + "/" + labels.owner;
  }
  Inventory inventory_ = read(R"(
inventory:
  - { match: "aws/pinned/**", environment: production, tier: 0 }
  - { match: "aws/loose/**", environment: sandbox, tier: 5 }
  - { match: "aws/owned/**", owner: platform }
)",
                              {upstream("aws", "staging", 3), upstream("core", "staging", 0), upstream("bare", {}, {})})
                             .inventory;
};

TEST_F(Tagged, TagsOutrankTheUpstream) {
  EXPECT_EQ(of("aws", "i-1", std::nullopt), "staging/3/") << "nobody asked";
  EXPECT_EQ(of("aws", "i-1", tags("dev", 4, "ann")), "dev/4/ann");
  EXPECT_EQ(of("aws", "i-1", tags("production", 0)), "production/0/");
  EXPECT_EQ(of("bare", "i-1", tags("dev", 4)), "dev/4/");
}

TEST_F(Tagged, WhatTagsDoNotSayIsWhatWouldHurtMost) {
  EXPECT_EQ(of("aws", "i-1", config::LabelSet{}), "production/1/") << "asked in vain";
  EXPECT_EQ(of("aws", "i-1", tags("dev")), "dev/1/");
  EXPECT_EQ(of("aws", "i-1", tags(std::nullopt, 4)), "production/4/");
  EXPECT_EQ(of("core", "i-1", config::LabelSet{}), "production/0/") << "the upstream's tier is lower";
}

TEST_F(Tagged, PatternsOutrankTags) {
  EXPECT_EQ(of("aws", "pinned/x", tags("dev", 4)), "production/0/");
  EXPECT_EQ(of("aws", "loose/x", tags("production", 0)), "sandbox/5/");
  EXPECT_EQ(of("aws", "loose/x", config::LabelSet{}), "sandbox/5/");
  EXPECT_EQ(of("aws", "owned/x", tags("dev", 4, "ann")), "dev/4/platform") << "of what the pattern says";
  EXPECT_EQ(of("aws", "owned/x", config::LabelSet{}), "production/1/platform");
}

TEST_F(Tagged, TagsMakeNoNameHarmlessThatCouldMeanAnother) {
  EXPECT_EQ(of("aws", "x/../pinned/y", tags("dev", 4)), "production/0/");
  EXPECT_EQ(of("aws", "PINNED/y", tags("dev", 4)), "production/0/");
  EXPECT_EQ(of("aws", "", tags("dev", 4)), "production/0/") << "what stands above";
}

TEST(InventoryTest, ManyEqualSetsAreOneAndManyDifferentAreAllKept) {
  std::string text = "inventory:\n";
  for (int i = 0; i < 500; ++i) {
    std::string number = std::to_string(i);
    text += "  - { match: 'f/a/" + number + "/**', owner: same }\n  - { match: 'f/b/" + number + "/**', n: '" + number +
            "' }\n";
  }
  Inventory inventory = read(text, {upstream("f", "dev", 9)}).inventory;
  EXPECT_EQ(inventory.classify_all("f", "a").others.size(), 1U);
  EXPECT_EQ(inventory.classify_all("f", "b").others.size(), 500U);
  EXPECT_EQ(inventory.classify_all("f", "..").others.size(), 501U);
}

TEST(InventoryTest, BadPatternsAreReportedAllAtOnce) {
  EXPECT_EQ(read(R"(inventory:
  - { match: files, environment: x }
  - { match: "files//a", environment: x }
  - { match: "files/../a", environment: x }
  - { match: "files/a**", environment: x }
  - { match: "files/a%20", environment: x }
  - { environment: x }
  - { match: "flies/a", environment: x }
  - { match: "files/a", enviroment: x, tier: top }
  - { match: "files/b" }
)",
                 {upstream("files", "dev", 1)})
                .problems,
            "e:2: `match` must be an upstream's name, a slash, and a pattern: files/staging/**\n"
            "e:3: `match` has an empty segment\n"
            "e:4: `match` has a dot segment\n"
            "e:5: `match` has `**` beside other characters\n"
            "e:6: `match` has a backslash or percent sign\n"
            "e:7: an inventory entry needs `match`\n"
            "e:8: warning: there is no upstream `flies`; did you mean `files`?\n"
            "e:9: `tier` must be a whole number from 0 to 1000, not `top`\n"
            "e:9: warning: `enviroment` is a free label; did you mean `environment`?\n"
            "e:10: warning: this inventory entry gives no labels\n");
}

TEST(InventoryTest, HostilePatternsAndNamesEndSoon) {
  std::string pattern = "f";
  for (int i = 0; i < 60; ++i) pattern += "/**/a*a*a*b";
  std::string name;
  for (int i = 0; i < 120; ++i) name += (i ? "/" : "") + std::string(200, 'a');
  Inventory inventory =
      read("inventory: [{match: '" + pattern + "', environment: production}]", {upstream("f", "dev", 9)}).inventory;
  EXPECT_EQ(at(inventory, "f", name), "dev/9");
}

}  // namespace
}  // namespace countersign::policies
