// classify: what a request to AWS would do, from the catalogue in the program.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "cli/classification.h"
#include "cli/commands/commands.h"
#include "cli/render.h"
#include "cli/report.h"
#include "cli/text.h"

namespace countersign::cli {
namespace {

constexpr std::size_t kMostBytes = 256U << 20;
constexpr std::size_t kMostNamed = 3;

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

// Of a file, or of standard input for "-"; CloudTrail's are compressed, and zlib reads what is not as it is.
Result<std::string> contents_of(const std::string& path) {
  const std::unique_ptr<gzFile_s, CloseGz> file(gzopen(path == "-" ? "/dev/stdin" : path.c_str(), "rb"));
  if (!file) return fail(ErrorKind::invalid, "classify.file", "cannot read " + one_line(path));
  std::string out;
  std::array<char, 65536> buffer{};
  int got = 0;
  while ((got = gzread(file.get(), buffer.data(), buffer.size())) > 0) {
    out.append(buffer.data(), static_cast<std::size_t>(got));
    if (out.size() > kMostBytes)
      return fail(ErrorKind::too_large, "classify.too_large", one_line(path) + " is longer than 256 MiB");
  }
  int wrong = Z_OK;
  gzerror(file.get(), &wrong);
  if (got < 0 || wrong != Z_OK)
    return fail(ErrorKind::malformed, "classify.file", one_line(path) + " cannot be read whole");
  return out;
}

Style style_of(Effect effect) {
  if (effect == Effect::destroy || effect == Effect::administer) return Style::red;
  return effect == Effect::read ? Style::green : Style::yellow;
}

std::string resources_of(const Classified& one) {
  std::string out;
  for (std::size_t i = 0; i < std::min(one.call.accesses.size(), kMostNamed); ++i)
    out += (i > 0 ? ", " : "") + one.call.accesses[i].arn;
  if (one.call.accesses.size() > kMostNamed)
    out += " and " + std::to_string(one.call.accesses.size() - kMostNamed) + " more";
  return out;
}

std::string flags_of(const Classified& one) {
  std::string out;
  for (const std::string& each : one.call.flags) out += (out.empty() ? "" : " ") + each;
  return out;
}

std::string table_of(const std::vector<Classified>& all) {
  Terminal terminal = Terminal::standard_output();
  bool timed = std::ranges::any_of(all, [](const Classified& each) { return !each.time.empty(); });
  std::vector<Table::Column> columns = {
      {"OPERATION", 16}, {"EFFECT", 10}, {"FLAGS", 8}, {"RESOURCES", 16}, {"IAM ACTION", 12}};
  if (timed) columns.insert(columns.begin(), {"TIME", 20});
  Table table(columns);
  std::array<std::size_t, kEffectCount> counts{};
  std::size_t refused = 0;
  for (const Classified& one : all) {
    std::vector<std::string> cells;
    if (timed) cells.push_back(one_line(one.time));
    if (one.refused()) {
      ++refused;
      cells.insert(cells.end(),
                   {one_line(one.what), "refused", one_line(one.error.code), one_line(one.error.message), ""});
    } else {
      ++counts[static_cast<std::size_t>(one.call.effect)];
      cells.insert(cells.end(), {one_line(one.call.action.substr(4)), std::string(effect_name(one.call.effect)),
                                 flags_of(one), one_line(resources_of(one)), one_line(one.call.iam_action)});
    }
    table.add(std::move(cells), one.refused() ? Style::red : style_of(one.call.effect), timed ? 2 : 1);
  }
  std::string out = table.render(terminal);
  std::string summary;
  for (std::size_t i = 0; i < kEffectCount; ++i) {
    if (counts[i] == 0) continue;
    summary += (summary.empty() ? "" : ", ") + std::to_string(counts[i]) + " " +
               std::string(effect_name(static_cast<Effect>(i)));
  }
  if (refused > 0) summary += (summary.empty() ? "" : ", ") + std::to_string(refused) + " refused";
  return out + "\n" + std::to_string(all.size()) + (all.size() == 1 ? " request: " : " requests: ") +
         (summary.empty() ? "nothing for AWS" : summary) + "\n";
}

// Why one operation is what it is, and what of its answer is secret.
std::string explanation_of(const Classified& one) {
  std::string out;
  for (std::string_view each : one.call.operation->why) out += (out.empty() ? "because: " : "; ") + one_line(each);
  if (!out.empty()) out += "\n";
  std::string secrets;
  for (const AwsSecret& each : one.call.operation->secrets)
    secrets += (secrets.empty() ? "secret in the answer: " : ", ") + one_line(each.path);
  return secrets.empty() ? out : out + secrets + "\n";
}

}  // namespace

int run_classify(const ClassifyOptions& options) {
  int given =
      !options.operation.empty() + !options.request.empty() + !options.har.empty() + !options.cloudtrail.empty();
  if (given != 1) {
    return report_usage("give an operation, --request, --har or --cloudtrail", "countersign classify s3:DeleteBucket");
  }
  Result<std::vector<Classified>> all;
  if (!options.operation.empty()) {
    all = classify_name(options.operation);
  } else {
    const std::string& path = !options.request.empty() ? options.request
                              : !options.har.empty()   ? options.har
                                                       : options.cloudtrail;
    Result<std::string> text = contents_of(path);
    if (!text) return report(text.error());
    all = !options.request.empty() ? classify_http(*text)
          : !options.har.empty()   ? classify_har(*text)
                                   : classify_cloudtrail(*text);
  }
  if (!all) return report(all.error());
  bool refused = std::ranges::any_of(*all, [](const Classified& each) { return each.refused(); });
  if (options.output == Output::json) {
    Json list = Json::array();
    for (const Classified& each : *all) list.push_back(classified_json(each));
    return finish(render_json_list(list), refused ? kNo : kDone);
  }
  std::string text = table_of(*all);
  if (!options.operation.empty()) text += explanation_of(all->front());
  return finish(text, refused ? kNo : kDone);
}

}  // namespace countersign::cli
