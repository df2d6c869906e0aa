#include "proxy/adapters/git/objects/ci_files.h"

#include <cctype>
#include <cstdint>
#include <string>

namespace countersign::adapters::git {
namespace {

enum class Match : std::uint8_t {
  path,    // the whole path
  below,   // anything below this folder of the root
  name,    // a file of this name in any folder
  ending,  // any path that ends so
};

struct Rule {
  Match match;
  std::string_view text;
  std::string_view system;
};

// From each system's own documentation of where it looks. Lower case.
constexpr Rule kRules[] = {
    {Match::below, ".github/workflows/", "github-actions"},
    {Match::below, ".github/actions/", "github-actions"},
    {Match::name, "action.yml", "github-actions"},
    {Match::name, "action.yaml", "github-actions"},
    {Match::path, ".github/dependabot.yml", "dependabot"},
    {Match::path, ".github/dependabot.yaml", "dependabot"},
    {Match::below, ".forgejo/workflows/", "forgejo-actions"},
    {Match::below, ".gitea/workflows/", "gitea-actions"},
    {Match::path, ".gitlab-ci.yml", "gitlab-ci"},
    {Match::ending, ".gitlab-ci.yml", "gitlab-ci"},
    {Match::below, ".gitlab/ci/", "gitlab-ci"},
    {Match::name, "jenkinsfile", "jenkins"},
    {Match::ending, ".jenkinsfile", "jenkins"},
    {Match::below, ".jenkins/", "jenkins"},
    {Match::below, ".circleci/", "circleci"},
    {Match::name, "azure-pipelines.yml", "azure-pipelines"},
    {Match::name, "azure-pipelines.yaml", "azure-pipelines"},
    {Match::below, ".azure-pipelines/", "azure-pipelines"},
    {Match::below, ".azuredevops/", "azure-pipelines"},
    {Match::below, ".buildkite/", "buildkite"},
    {Match::path, "buildkite.yml", "buildkite"},
    {Match::path, "bitbucket-pipelines.yml", "bitbucket-pipelines"},
    {Match::path, ".travis.yml", "travis"},
    {Match::path, ".drone.yml", "drone"},
    {Match::path, ".drone.star", "drone"},
    {Match::path, ".drone.jsonnet", "drone"},
    {Match::below, ".woodpecker/", "woodpecker"},
    {Match::path, ".woodpecker.yml", "woodpecker"},
    {Match::path, ".woodpecker.yaml", "woodpecker"},
    {Match::below, ".tekton/", "tekton"},
    {Match::below, ".semaphore/", "semaphore"},
    {Match::below, ".teamcity/", "teamcity"},
    {Match::path, ".cirrus.yml", "cirrus"},
    {Match::path, ".cirrus.star", "cirrus"},
    {Match::path, "appveyor.yml", "appveyor"},
    {Match::path, ".appveyor.yml", "appveyor"},
    {Match::name, "cloudbuild.yaml", "google-cloud-build"},
    {Match::name, "cloudbuild.yml", "google-cloud-build"},
    {Match::name, "cloudbuild.json", "google-cloud-build"},
    {Match::name, "buildspec.yml", "aws-codebuild"},
    {Match::name, "buildspec.yaml", "aws-codebuild"},
    {Match::path, "wercker.yml", "wercker"},
    {Match::path, ".scrutinizer.yml", "scrutinizer"},
    {Match::path, "codefresh.yml", "codefresh"},
    {Match::below, ".codefresh/", "codefresh"},
    {Match::below, ".harness/", "harness"},
    {Match::path, ".builds.yml", "sourcehut"},
    {Match::below, ".builds/", "sourcehut"},
    {Match::path, ".prow.yaml", "prow"},
    {Match::below, ".prow/", "prow"},
    {Match::path, ".pre-commit-config.yaml", "pre-commit"},
    {Match::below, ".husky/", "husky"},
    {Match::path, "renovate.json", "renovate"},
    {Match::path, ".github/renovate.json", "renovate"},
};

}  // namespace

std::string_view ci_system_of(std::string_view path) {
  std::string lower(path);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  std::string_view name = std::string_view(lower).substr(lower.rfind('/') + 1);
  for (const Rule& rule : kRules) {
    bool matches = false;
    switch (rule.match) {
      case Match::path:
        matches = lower == rule.text || rule.text.starts_with(lower + "/");
        break;
      case Match::below:
        // A change whose path is a folder of a rule is a link in its place; what it points to is read as CI files.
        matches = lower.starts_with(rule.text) || rule.text.starts_with(lower + "/");
        break;
      case Match::name:
        matches = name == rule.text;
        break;
      case Match::ending:
        matches = lower.ends_with(rule.text);
        break;
    }
    if (matches) return rule.system;
  }
  return {};
}

}  // namespace countersign::adapters::git
