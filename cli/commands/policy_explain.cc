// policy explain: why a request is allowed, held or denied, without a server unless what was recorded is asked about.
#include "cli/client.h"
#include "cli/commands/commands.h"
#include "cli/policy_sources.h"
#include "cli/render.h"
#include "cli/render_explain.h"
#include "cli/report.h"
#include "policies/plain.h"

namespace countersign::cli {
namespace {

policies::Show show_of(const PolicyExplainOptions& options) {
  return options.all ? policies::Show::all : policies::Show::matching;
}

int explain_cedar(const PolicyExplainOptions& options) {
  policies::PlainTexts texts{options.principal, options.action, options.resource, {}, {}};
  std::optional<cedar::Schema> schema;
  if (!options.schema.empty()) {
    auto text = read_argument(options.schema);
    if (!text) return report(text.error()), kUsage;
    auto parsed = policies::parse_plain_schema(options.schema, std::move(*text));
    if (!parsed) return report(parsed.error());
    schema = std::move(*parsed);
  }
  for (auto [path, into] :
       {std::pair(&options.entities, &texts.entities), std::pair(&options.context, &texts.context)}) {
    if (path->empty()) continue;
    auto text = read_argument(*path);
    if (!text) return report(text.error()), kUsage;
    *into = std::move(*text);
  }
  auto policy_text = read_argument(options.cedar);
  if (!policy_text) return report(policy_text.error()), kUsage;
  auto set = policies::parse_plain_policies({{options.cedar, std::move(*policy_text)}});
  if (!set) return report(set.error());
  auto question = policies::read_plain(texts, schema ? &*schema : nullptr);
  if (!question) return report(question.error());
  policies::PlainExplanation explanation =
      policies::explain_plain(*set, question->request, cedar::EntityOverlay(question->entities));
  return finish(options.output == Output::json
                    ? render_json(policies::to_json(explanation, show_of(options)))
                    : render_explanation(explanation, show_of(options), Terminal::standard_output()));
}

// The question: a file, or what a server recorded.
Result<Json> fetch(const PolicyExplainOptions& options) {
  if (!options.request.empty()) return read_json_argument(options.request);
  auto client = Client::open(options.server);
  if (!client) return fail(client.error());
  return client->get(options.record.empty() ? "/api/v1/requests/" + escape(options.held)
                                            : "/api/v1/audit/" + escape(options.record));
}

}  // namespace

int run_policy_explain(const PolicyExplainOptions& options) {
  if (!options.cedar.empty()) return explain_cedar(options);
  bool asked = !options.request.empty() || !options.record.empty() || !options.held.empty();
  if (!asked) {
    return report_usage(
        "say what to explain",
        "--request FILE, --record SEQ, --held ID, or --cedar FILE with --principal, --action, --resource");
  }
  auto source = find_policies(options.policies, options.server.config);
  if (!source) return report(source.error());
  auto snapshot = load_policies(*source);
  if (snapshot == nullptr) return kUsage;
  auto json = fetch(options);
  if (!json) return options.request.empty() ? report(json.error()) : (report(json.error()), kUsage);
  auto question = policies::is_recorded(*json)
                      ? policies::read_recorded(*json)
                      : policies::read_question(*json, snapshot->directory(), SystemClock().now());
  if (!question) return report(question.error());
  policies::recall_labels(*question, *snapshot);
  if (auto answerable = policies::check_answerable(*question, *snapshot); !answerable)
    return report(answerable.error());

  policies::Explanation explanation = policies::explain(*snapshot, question->subject(), question->operation,
                                                        question->approvals, question->now, question->input);
  explanation.decision.policy_digest = snapshot->digest();
  return finish(options.output == Output::json
                    ? render_json(policies::to_json(explanation, *question, show_of(options)))
                    : render_explanation(explanation, *question, show_of(options), Terminal::standard_output()));
}

}  // namespace countersign::cli
