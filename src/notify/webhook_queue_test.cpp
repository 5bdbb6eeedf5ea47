// The queue of webhooks over a real store and real sockets: what is taken, what is tried again, what is given
// up, and that an endpoint which is away is left alone.
#include "notify/webhook_queue.h"

#include "net/server.h"
#include "notify/signature.h"
#include "support/eventually.h"
#include "support/store/temp_store.h"

#include <gtest/gtest.h>

#include <mutex>
#include <thread>

namespace voxanne::notify {
namespace {
using namespace test;

class Queue : public testing::Test {
 protected:
  Queue() {
    server_ =
        std::make_unique<net::Server>(net::Server::Options{}, std::vector{web_.executor()},
                                      [this](net::Request& request) -> async::Task<net::Response> {
                                        const std::lock_guard lock{mutex_};
                                        received_.push_back(std::string{request.headers.get("webhook-id")});
                                        auto answer = net::Response::json(status_, "{}");
                                        if (!retry_after_.empty())
                                          answer.headers.add("Retry-After", retry_after_);
                                        co_return answer;
                                      });
    server_->start().value();
  }
  ~Queue() override {
    stop();
    server_->stop(0ms);
  }

  void start(std::vector<std::string> allowed = {"127.0.0.0/8", "::1"}) {
    targets_.emplace(net::parse_networks(allowed).value());
    WebhookQueue::Options options;
    options.give_up_after = give_up_after_;
    options.between_attempts = {milliseconds{10}, milliseconds{50}};
    async::run_on(loop_.executor(), begin(options));
  }
  void stop() {
    if (runner_) async::run_on(loop_.executor(), runner_->stop());
    runner_.reset();
    queue_.reset();
  }
  async::Task<> begin(WebhookQueue::Options options) {
    queue_.emplace(loop_.executor(), *store, clock_, seal_, *targets_, options);
    auto how = webhook_runner_options();
    how.poll = milliseconds{20};
    how.backoff = {milliseconds{100}, milliseconds{200}};
    runner_.emplace(loop_.executor(), clock_, *queue_, how);
    runner_->start();
    co_return;
  }

  WebhookId add(const std::string& host = "127.0.0.1") {
    store::Webhook webhook;
    webhook.org = harbour;
    webhook.id = WebhookId::make();
    webhook.url = "http://" + host + ":" + std::to_string(server_->port()) + "/";
    webhook.events = "call.ended";
    webhook.secret = seal_.close(make_webhook_secret().reveal());
    webhook.created_at = webhook.updated_at = clock_.utc();
    EXPECT_TRUE(store.write([&](store::Batch& batch) { store::insert_webhook(batch, webhook); }));
    return webhook.id;
  }
  void announce(UtcTime at, std::string_view type = "call.ended") {
    EXPECT_TRUE(store.write([&](store::Batch& batch) {
      store::announce(batch, {.org = harbour, .type = type, .data = "{}", .at = at});
    }));
  }
  void turn(const WebhookId& id, bool on) {
    auto webhook = store.run(store::find_webhook(*store, harbour, id)).value().value();
    const UtcTime as_of = webhook.updated_at;
    webhook.enabled = on;
    webhook.updated_at = std::max(clock_.utc(), as_of + 1ms);
    EXPECT_TRUE(store.write([&](store::Batch& batch) { store::update_webhook(batch, webhook, as_of); }));
  }
  std::int64_t waiting() { return store.run(store::count_queued_deliveries(*store)).value(); }
  void answer_with(int status) {
    const std::lock_guard lock{mutex_};
    status_ = status;
  }
  std::vector<std::string> received() {
    const std::lock_guard lock{mutex_};
    return received_;
  }
  std::vector<store::Delivery> deliveries(const WebhookId& id) {
    std::vector<store::Delivery> out;
    EXPECT_TRUE(
        store.run(store::page_of_deliveries(*store, harbour, id, {.limit = 100}, [&](const store::Row& row) {
          out.push_back(store::delivery_from(row));
        })));
    return out;
  }
  int count(const WebhookId& id, store::DeliveryStatus status) {
    int n = 0;
    for (const auto& delivery : deliveries(id)) n += delivery.status == status;
    return n;
  }

  TempStore store;
  async::SystemClock clock_;
  Seal seal_{Secret{"a root secret of the test"}, "webhooks"};
  std::optional<Targets> targets_;
  async::LoopThread web_{"receiver"}, loop_{"house"};
  std::unique_ptr<net::Server> server_;
  std::optional<WebhookQueue> queue_;
  std::optional<jobs::Runner<store::Webhook>> runner_;
  std::mutex mutex_;
  int status_ = 200;
  std::string retry_after_;
  std::vector<std::string> received_;
  milliseconds give_up_after_ = store::give_up_after;
};

TEST_F(Queue, what_is_asked_for_is_delivered_once_and_nothing_else) {
  const auto id = add();
  announce(clock_.utc());
  announce(clock_.utc(), "message.taken");
  start();
  ASSERT_TRUE(eventually([&] { return count(id, store::DeliveryStatus::delivered) == 1; }));
  EXPECT_EQ(deliveries(id).size(), 1u);
  EXPECT_EQ(deliveries(id).front().last_status, 200);
  EXPECT_EQ(received(), std::vector{deliveries(id).front().event.str()});
  const auto webhook = store.run(store::find_webhook(*store, harbour, id)).value().value();
  EXPECT_TRUE(eventually(
      [&] { return !store.run(store::find_webhook(*store, harbour, id)).value().value().due_at; }));
  EXPECT_EQ(webhook.failures, 0);
}

TEST_F(Queue, an_endpoint_that_is_away_is_tried_by_one_and_gets_all_when_it_is_back) {
  const auto id = add();
  answer_with(503);
  for (int i = 0; i < 20; ++i) announce(clock_.utc());
  start();
  ASSERT_TRUE(eventually([&] { return received().size() >= 5; }));
  // Three to see that it is away, then one a pause: not each of the twenty.
  int tried = 0;
  for (const auto& delivery : deliveries(id)) tried += delivery.attempts > 0;
  EXPECT_LT(tried, 20);
  EXPECT_EQ(count(id, store::DeliveryStatus::queued), 20);
  answer_with(204);
  EXPECT_TRUE(eventually([&] { return count(id, store::DeliveryStatus::delivered) == 20; }));
}

TEST_F(Queue, what_was_not_taken_in_its_time_is_a_dead_letter_and_can_be_replayed) {
  const auto id = add();
  answer_with(500);
  announce(clock_.utc());
  give_up_after_ = 1ms;
  start();
  ASSERT_TRUE(eventually([&] { return count(id, store::DeliveryStatus::dead) == 1; }));
  const auto dead = deliveries(id).front();
  EXPECT_EQ(dead.last_error, "http_500");
  EXPECT_EQ(dead.last_status, 500);
  answer_with(200);
  EXPECT_TRUE(store.write(
      [&](store::Batch& batch) { store::replay_delivery(batch, harbour, id, dead.event, clock_.utc()); }));
  EXPECT_TRUE(eventually([&] { return count(id, store::DeliveryStatus::delivered) == 1; }));
  EXPECT_EQ(received().back(), dead.event.str());
}

TEST_F(Queue, what_waited_longer_than_that_untried_is_tried_all_the_same) {
  const auto id = add();
  answer_with(500);
  for (int i = 0; i < 5; ++i) announce(clock_.utc() - store::give_up_after - 1h);
  start();
  ASSERT_TRUE(eventually([&] { return received().size() >= 2; }));
  answer_with(200);
  EXPECT_TRUE(eventually([&] { return count(id, store::DeliveryStatus::delivered) == 5; }));
  EXPECT_EQ(count(id, store::DeliveryStatus::dead), 0);
}

TEST_F(Queue, but_not_for_ever) {
  const auto id = add();
  answer_with(500);
  announce(clock_.utc());
  for (int i = 0; i < 5; ++i) announce(clock_.utc() - store::untried_for_most - 1h);
  start();
  ASSERT_TRUE(eventually([&] { return count(id, store::DeliveryStatus::dead) >= 4; }));
  EXPECT_GE(count(id, store::DeliveryStatus::queued), 1);
}

TEST_F(Queue, what_waits_for_one_that_is_off_is_no_backlog_and_dies_in_its_time) {
  const auto off = add(), on = add();
  turn(on, false);
  EXPECT_TRUE(store.write([&](store::Batch& batch) {
    for (int i = 0; i < 1'100; ++i)  // more than are buried at a time
      store::announce(batch, {.org = harbour,
                              .type = "call.ended",
                              .data = "{}",
                              .at = clock_.utc() - store::untried_for_most - 1h});
  }));
  announce(clock_.utc());
  EXPECT_EQ(waiting(), 1'101);
  turn(off, false);
  turn(on, true);
  EXPECT_EQ(waiting(), 0);
  start();
  const auto overdue = [&] {
    return store.run(store::any_overdue_delivery(*store, clock_.utc() - 2min)).value();
  };
  EXPECT_TRUE(eventually([&] { return !overdue(); }));
  EXPECT_EQ(deliveries(off).front().status, store::DeliveryStatus::queued) << "the newest has its time yet";
  EXPECT_EQ(count(off, store::DeliveryStatus::dead), 99) << "of a page of 100";
  EXPECT_TRUE(received().empty());
}

TEST_F(Queue, turned_on_again_what_is_past_its_time_is_not_sent) {
  const auto id = add();
  announce(clock_.utc() - store::untried_for_most - 1s);
  announce(clock_.utc());
  turn(id, false);
  turn(id, true);
  start();
  ASSERT_TRUE(eventually([&] { return count(id, store::DeliveryStatus::delivered) == 1; }));
  EXPECT_TRUE(eventually([&] { return count(id, store::DeliveryStatus::dead) == 1; }));
  EXPECT_EQ(received(), std::vector{deliveries(id).front().event.str()});
}

TEST_F(Queue, what_the_endpoint_asks_to_wait_is_waited_as_a_date_too) {
  const auto id = add();
  {
    const std::lock_guard lock{mutex_};
    status_ = 503;
    retry_after_ = "Fri, 31 Dec 9999 23:59:59 GMT";
  }
  announce(clock_.utc());
  start();
  ASSERT_TRUE(eventually([&] { return deliveries(id).front().attempts == 1; }));
  EXPECT_GT(deliveries(id).front().next_attempt_at, clock_.utc() + 23h);
}

TEST_F(Queue, a_name_is_judged_by_the_address_it_leads_to) {
  const auto by_name = add("localhost"), by_number = add();
  announce(clock_.utc());
  start({});
  for (const auto& id : {by_name, by_number}) {
    ASSERT_TRUE(eventually([&] { return !deliveries(id).front().last_error.empty(); }));
    EXPECT_EQ(deliveries(id).front().last_error, "target_refused");
  }
  EXPECT_TRUE(received().empty());
}

TEST_F(Queue, a_lease_that_a_dead_process_held_ends_at_the_next_start) {
  const auto id = add();
  announce(clock_.utc());
  auto held = store.run(store::find_webhook(*store, harbour, id)).value().value();
  EXPECT_TRUE(
      store.write([&](store::Batch& batch) { store::claim_webhook(batch, held, clock_.utc() + 1h); }));
  EXPECT_TRUE(store.run(store::due_webhooks(*store, clock_.utc(), 10)).value().empty());
  EXPECT_TRUE(store.write([&](store::Batch& batch) { store::release_webhooks(batch, clock_.utc()); }));
  start();
  EXPECT_TRUE(eventually([&] { return count(id, store::DeliveryStatus::delivered) == 1; }));
}

}  // namespace
}  // namespace voxanne::notify
