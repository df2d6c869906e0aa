// A git repository with commits signed by SSH keys, made by stock git and ssh-keygen.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace countersign::policies::test {

class SignedRepository {
 public:
  // Makes `folder` with a repository on branch main, and a file of allowed signers without anybody.
  explicit SignedRepository(const std::filesystem::path& folder);

  // A key for somebody; `listed`: in the file of allowed signers too.
  enum class Listed { yes, no };
  void add_person(const std::string& name, Listed listed = Listed::yes);

  // Runs git in the repository as `person` (signs with their key; empty: unsigned). Fails the test when git fails.
  std::string git(const std::vector<std::string>& arguments, const std::string& person = "");

  void write(const std::string& name, std::string_view text);
  // Everything as it lies there; the commit's id.
  std::string commit(const std::string& person, const std::string& message);
  // A branch of `author` with one commit that writes a file, merged by `merger` without fast-forward.
  std::string edit(const std::string& author, const std::string& merger, const std::string& name,
                   std::string_view text);

  [[nodiscard]] std::filesystem::path path() const { return folder_ / "repository"; }
  [[nodiscard]] std::filesystem::path allowed_signers() const { return folder_ / "allowed_signers"; }

 private:
  std::filesystem::path folder_;
  int branches_ = 0;
};

}  // namespace countersign::policies::test
