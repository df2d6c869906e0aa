#include "console/html.h"

#include "core/markup.h"

namespace countersign::console {
namespace {

Answer page(std::string_view title, std::string_view content) {
  std::string html = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>";
  html.append(escape_markup(title)).append("</title></head>\n<body>\n").append(content).append("</body></html>\n");
  return text_answer(std::move(html), "text/html; charset=utf-8");
}

}  // namespace

Answer index_page() {
  return page("Countersign", R"(<h1>Countersign</h1>
<p>This is the admin listener. People use it with the <code>countersign</code> command:</p>
<pre>countersign requests --state held
countersign request show ID
countersign approve ID --reason TEXT
countersign audit query</pre>
<p>Programs use the API, with a personal token as <code>Authorization: Bearer csb1_…</code>:</p>
<ul>
<li><code>/api/v1/requests</code>: requests held for approval, and votes on them</li>
<li><code>/api/v1/audit</code>: the audit log, record by record, with proofs</li>
<li><code>/api/v1/policies</code>, <code>/api/v1/tokens</code>, <code>/api/v1/upstreams</code></li>
<li><code>/log/checkpoint</code>, <code>/log/tile/…</code>: the log as C2SP tlog-tiles</li>
<li><code>/healthz</code>, <code>/readyz</code>, <code>/metrics</code></li>
</ul>
)");
}

Answer request_page(std::string_view id) {
  std::string shown = escape_markup(id);
  std::string content = "<h1>Request <code>" + shown + "</code></h1>\n";
  content +=
      "<p>An agent says that this request waits for a decision. What it would do is shown only to people with a ";
  content += "personal token:</p>\n<pre>countersign request show " + shown + "</pre>\n";
  content += "<p>Read it there, all of it, and then decide:</p>\n<pre>countersign approve " + shown;
  content += " --reason TEXT\ncountersign deny " + shown + " --reason TEXT</pre>\n";
  return page("Request " + std::string(id), content);
}

}  // namespace countersign::console
