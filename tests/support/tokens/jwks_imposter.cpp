#include "support/tokens/jwks_imposter.h"

#include "async/clock.h"

namespace voxanne::test {

JwksImposter::JwksImposter(std::string document)
    : document_(std::move(document)),
      server_({}, {loop_.executor()}, [this](net::Request&) { return answer(); }) {
  server_.start().value();
}

JwksImposter::~JwksImposter() { server_.stop(milliseconds{0}); }

void JwksImposter::publish(std::string document, std::string cache_control) {
  const std::lock_guard lock{mutex_};
  document_ = std::move(document);
  cache_control_ = std::move(cache_control);
}

void JwksImposter::fail(Fault fault) {
  const std::lock_guard lock{mutex_};
  fault_ = fault;
}

async::Task<net::Response> JwksImposter::answer() {
  ++asked_;
  Fault fault;
  net::Response response;
  {
    const std::lock_guard lock{mutex_};
    fault = fault_;
    response = net::Response::json(200, document_);
    if (!cache_control_.empty()) response.headers.set("Cache-Control", cache_control_);
  }
  switch (fault) {
    case Fault::none:
      break;
    case Fault::broken_connection: {
      // A promised body that ends too soon.
      net::Source source;
      source.length = 100;
      source.next = []() -> async::Task<Result<std::string>> { co_return internal("broken", "on purpose"); };
      response.body = std::move(source);
      break;
    }
    case Fault::server_error:
      response = net::Response::text(500, "on purpose");
      break;
    case Fault::redirect:
      response = net::Response::text(302, "");
      response.headers.set("Location", "http://127.0.0.1:1/elsewhere");
      break;
    case Fault::hangs: {
      async::SystemClock clock;
      co_await clock.sleep_for(seconds{60});
      break;
    }
  }
  co_return response;
}

}  // namespace voxanne::test
