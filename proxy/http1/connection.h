// Private to proxy/http1: one connection of a Server.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <memory>
#include <string>

#include "proxy/http1/reader.h"
#include "proxy/http1/server.h"

namespace countersign::http1 {

// What the connections of a server share. Constant while it runs.
struct ServerContext {
  ServerOptions options;
  Handler* handler;
  Observer* observer;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(const ServerContext* context, net::Worker* worker, net::TransportPtr transport, net::Admission admission);

  // Serves until the connection ends. Lets no exception out.
  [[nodiscard]] Task<void> run();

  // No further request: closes at once when idle, otherwise after the response under way.
  void drain();
  // Cancels what the handler waits for in or_client_gone, and closes.
  void abort();

  [[nodiscard]] boost::asio::cancellation_signal& cancel_signal() { return cancel_; }

 private:
  friend class Exchange;
  enum class Going { on, end };
  enum class Activity { idle, serving };
  enum class Watch { off, on, fired };

  [[nodiscard]] Task<Going> serve_one();
  [[nodiscard]] Task<Result<std::size_t>> read_head();
  [[nodiscard]] Task<void> call_handler(Exchange* exchange);
  [[nodiscard]] Task<void> refuse(Error error);
  [[nodiscard]] Task<Status> send_problem(Error error, int status);
  // Ends our direction and reads on for a while: closing with unread bytes would make the kernel discard our answer.
  [[nodiscard]] Task<void> linger();
  [[nodiscard]] Task<Going> after_response();
  [[nodiscard]] Status check_server_name(std::string_view host) const;
  void arm(TimeMs from_now) { transport_->arm_deadline(std::chrono::milliseconds(from_now)); }
  void on_gone();

  const ServerContext* context_;
  net::Worker* worker_;
  net::TransportPtr transport_;
  net::Admission admission_;
  Reader reader_;
  BodyReader body_;
  boost::asio::cancellation_signal cancel_;
  std::string out_;  // head and small body of the response under way
  Activity activity_ = Activity::idle;
  Watch watch_ = Watch::off;
  Persistence keep_ = Persistence::close;         // what the client asked for
  Persistence persistence_ = Persistence::close;  // what the response says
  bool await_continue_ = false;                   // the client waits for 100 Continue
  bool http10_ = false;
  bool draining_ = false;
  bool first_ = true;
};

}  // namespace countersign::http1
