// aws.recognise: what naming a request to AWS costs, from the bytes to operation, resources, parameters and effect.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "proxy/adapters/aws_recognise.h"

namespace countersign::adapters {
namespace {

struct Request {
  std::string service, method, path, query, body;
  HeaderList headers;
};

void run(benchmark::State& state, const Request& request) {
  AwsWire wire{.method = request.method,
               .path = request.path,
               .query = request.query,
               .headers = &request.headers,
               .body = request.body,
               .signing_service = request.service,
               .region = "eu-central-1",
               .host = "gateway.example",
               .account = "123456789012"};
  const AwsCatalogue& catalogue = AwsCatalogue::embedded();
  for (auto _ : state) {
    Result<AwsCall> call = recognise(catalogue, wire);
    if (!call) std::abort();
    benchmark::DoNotOptimize(call->accesses.data());
  }
}

void query(benchmark::State& state) {
  Request request{"ec2", "POST", "/", "", "Action=TerminateInstances&Version=2016-11-15&InstanceId.1=i-0a1b2c3d4e5f",
                  {}};
  request.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  run(state, request);
}
BENCHMARK(query)->Name("aws.recognise/ec2_query");

void json(benchmark::State& state) {
  Request request{
      "dynamodb", "POST", "/", "", R"({"TableName":"orders","Key":{"id":{"S":"4711"}},"ConsistentRead":true})", {}};
  request.headers.add("Content-Type", "application/x-amz-json-1.0");
  request.headers.add("X-Amz-Target", "DynamoDB_20120810.GetItem");
  run(state, request);
}
BENCHMARK(json)->Name("aws.recognise/dynamodb_json");

void s3(benchmark::State& state) {
  Request request{"s3", "GET", "/orders/2026/11/21/part-0001.parquet", "x-id=GetObject", "", {}};
  request.headers.add("Range", "bytes=0-1023");
  run(state, request);
}
BENCHMARK(s3)->Name("aws.recognise/s3_rest");

void rest_json(benchmark::State& state) {
  Request request{
      "lambda", "PUT", "/2015-03-31/functions/orders/configuration", "", R"({"Timeout":30,"MemorySize":256})", {}};
  request.headers.add("Content-Type", "application/json");
  run(state, request);
}
BENCHMARK(rest_json)->Name("aws.recognise/lambda_rest_json");

}  // namespace
}  // namespace countersign::adapters

BENCHMARK_MAIN();
