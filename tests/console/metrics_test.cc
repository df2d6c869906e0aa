#include "core/metrics.h"

#include <gtest/gtest.h>

#include <thread>

namespace countersign {
namespace {

TEST(MetricsTest, CountersKeepTheirPlaceAndAddUpOverThreads) {
  Metrics metrics;
  Counter& counter = metrics.counter("countersign_requests_total", "Requests.", {{"decision", "allow"}});
  std::vector<std::thread> threads;
  for (int at = 0; at < 24; ++at) {
    threads.emplace_back([&] {
      for (int count = 0; count < 10'000; ++count) counter.add();
      metrics.counter("countersign_requests_total", "", {{"decision", "allow"}}).add(5);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 24U * 10'005U);
  EXPECT_EQ(&counter, &metrics.counter("countersign_requests_total", "", {{"decision", "allow"}}));
}

TEST(MetricsTest, TheTextIsSortedAndEscaped) {
  Metrics metrics;
  metrics.counter("b_total", "Second.").add(2);
  metrics.counter("a_total", "First\nline \\ two.", {{"what", "a\"b\\c\nd"}}).add(1);
  metrics.gauge("level", "Now.", {}, [] { return 1.5; });
  EXPECT_EQ(metrics.render(),
            "# HELP a_total First\\nline \\\\ two.\n# TYPE a_total counter\na_total{what=\"a\\\"b\\\\c\\nd\"} 1\n"
            "# HELP b_total Second.\n# TYPE b_total counter\nb_total 2\n"
            "# HELP level Now.\n# TYPE level gauge\nlevel 1.5\n");
}

TEST(MetricsTest, LabelsFromOutsideCannotFillTheMemory) {
  Metrics metrics;
  for (int at = 0; at < 3000; ++at) metrics.counter("x_total", "X.", {{"name", std::to_string(at)}}).add();
  EXPECT_EQ(metrics.counter("x_total", "X.", {{"name", "yet another"}}).value(), 2000U);
  std::string text = metrics.render();
  EXPECT_EQ(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')), 2 + Metrics::kSeriesPerName + 1);
}

TEST(MetricsTest, AGaugeCanBeReplaced) {
  Metrics metrics;
  metrics.gauge("up", "Up.", {{"upstream", "a"}}, [] { return 0; });
  metrics.gauge("up", "Up.", {{"upstream", "a"}}, [] { return 1; });
  EXPECT_NE(metrics.render().find("up{upstream=\"a\"} 1\n"), std::string::npos);
}

}  // namespace
}  // namespace countersign
