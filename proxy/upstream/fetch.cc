#include "proxy/upstream/fetch.h"

#include "proxy/upstream/client.h"

namespace countersign::upstream {
namespace {

// Everything one fetch needs while the loop runs.
struct Job {
  Client* client;
  std::shared_ptr<const Origin> origin;
  RequestHead head;
  http1::Spool body;
  std::size_t limit;
  net::Worker* worker;
  Result<Fetched> result = fail(ErrorKind::internal, "upstream.not_sent", "the request did not run");
};

Task<Result<Fetched>> exchange(Job* job) {
  Request request{std::move(job->head), &job->body, std::nullopt};
  Result<std::unique_ptr<Response>> response = co_await job->client->send(job->origin, std::move(request));
  if (!response) co_return fail(response.error());
  Response* answer = response->get();
  Result<std::string> body = co_await answer->read_all(job->limit);
  if (!body) co_return fail(body.error());
  co_return Fetched{answer->take_head(), std::move(*body)};
}

Task<void> run(Job* job) {
  job->result = co_await exchange(job);
  job->worker->stop();
}

}  // namespace

Result<Fetched> fetch(std::string_view address, RequestHead head, std::string_view body, const FetchOptions& options) {
  net::ignore_broken_pipes();
  Result<Origin> origin = parse_origin(address, options.tls);
  if (!origin) return fail(origin.error());
  ClientOptions client_options;
  client_options.connect = options.connect;
  client_options.first_byte = options.answer;
  client_options.gap = options.answer;
  net::Worker worker(0);
  Client client(worker, client_options);
  Job job{&client,
          std::make_shared<const Origin>(std::move(*origin)),
          std::move(head),
          http1::Spool::of(body),
          options.body_bytes,
          &worker};
  worker.spawn([&job] { return run(&job); },
               [&job](std::exception_ptr) {
                 job.result = fail(ErrorKind::internal, "upstream.broken", "the request could not be handled");
                 job.worker->stop();
               });
  worker.run();
  return std::move(job.result);
}

}  // namespace countersign::upstream
