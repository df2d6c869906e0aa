#include "tests/policies/signed_repository.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>

namespace countersign::policies::test {
namespace {

std::string shell_word(std::string_view text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string run(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::string out;
  std::array<char, 4096> chunk{};
  for (std::size_t got = 0; (got = ::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) out.append(chunk.data(), got);
  int status = ::pclose(pipe);
  EXPECT_EQ(status, 0) << command << "\n" << out;
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace

SignedRepository::SignedRepository(const std::filesystem::path& folder) : folder_(folder) {
  std::filesystem::create_directories(folder_);
  std::ofstream(allowed_signers()) << "";
  run("git init -q -b main " + shell_word(path().string()));
}

void SignedRepository::add_person(const std::string& name, Listed listed) {
  std::string key = (folder_ / name).string();
  run("ssh-keygen -q -t ed25519 -N '' -C " + shell_word(name) + " -f " + shell_word(key));
  if (listed == Listed::no) return;
  std::ifstream text(key + ".pub");
  std::string line;
  std::getline(text, line);
  std::ofstream(allowed_signers(), std::ios::app) << name << "@example.com namespaces=\"git\" " << line << "\n";
}

std::string SignedRepository::git(const std::vector<std::string>& arguments, const std::string& person) {
  std::string name = person.empty() ? "nobody" : person;
  std::string command = "env -i PATH=\"$PATH\" HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null";
  for (const char* who : {"AUTHOR", "COMMITTER"}) {
    command += " GIT_" + std::string(who) + "_NAME=" + name + " GIT_" + who + "_EMAIL=" + name + "@example.com";
  }
  command += " git -C " + shell_word(path().string());
  if (!person.empty()) {
    command +=
        " -c gpg.format=ssh -c commit.gpgSign=true -c user.signingKey=" + shell_word((folder_ / person).string());
  }
  for (const std::string& argument : arguments) command += " " + shell_word(argument);
  return run(command);
}

void SignedRepository::write(const std::string& name, std::string_view text) {
  std::filesystem::create_directories((path() / name).parent_path());
  std::ofstream(path() / name, std::ios::binary) << text;
}

std::string SignedRepository::commit(const std::string& person, const std::string& message) {
  git({"add", "-A"}, person);
  git({"commit", "-q", "--allow-empty", "-m", message}, person);
  return git({"rev-parse", "HEAD"});
}

std::string SignedRepository::edit(const std::string& author, const std::string& merger, const std::string& name,
                                   std::string_view text) {
  std::string branch = "edit-" + std::to_string(++branches_);
  git({"checkout", "-q", "-b", branch, "main"});
  write(name, text);
  commit(author, "edit " + name);
  git({"checkout", "-q", "main"});
  git({"merge", "-q", "--no-ff", "-m", "merge " + branch, branch}, merger);
  return git({"rev-parse", "HEAD"});
}

}  // namespace countersign::policies::test
